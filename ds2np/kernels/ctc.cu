// The CTC recursion and its gradient; ds2np/ctc/lattice.py is their twin in NumPy and defines them.
//
// States: the transcript with a blank before, between and after its labels. Odd states are labels.
// Numbers are logarithms; what cannot be is minus infinity. Neither the ways into a state nor those
// out of it count the frame's own emission.

#define NONE __int_as_float(0xff800000)  // minus infinity, which NVRTC has no name for
#define SHIFT_EVERY 8                    // frames

__device__ __forceinline__ float log_add(float a, float b, float c)
{
    const float peak = fmaxf(a, fmaxf(b, c));
    if (peak == NONE) return NONE;  // minus infinity must not be taken from itself
    return peak + logf(expf(a - peak) + expf(b - peak) + expf(c - peak));
}

// Largest value, or sum, over all threads of the block; every thread gets it. All must call it.
__device__ float over_block(float value, bool sum, float* partial)
{
    for (int far = 16; far > 0; far /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, value, far);
        value = sum ? value + other : fmaxf(value, other);
    }
    if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = partial[0];
    for (int warp = 1; warp < blockDim.x / 32; ++warp)
        value = sum ? value + partial[warp] : fmaxf(value, partial[warp]);
    __syncthreads();  // before partial is written again
    return value;
}

// One block for each utterance and direction: even blocks go forward from the first frame, odd ones
// backward from the last. Seen from its own end, both are the same recursion.
//
// Shared memory: 2 * (S + 2) + S + 32 floats for S = 2 * L + 1.
extern "C" __global__ void ctc_ways(
    const float* log_probs,   // (N, T, V)
    const int* labels,        // (N, L)
    const int* frames,        // (N,)
    const int* label_counts,  // (N,)
    float* ways,              // (2, N, T, S): into each state, and out of it
    float* losses,            // (N,)
    int N, int T, int V, int L, int blank)
{
    extern __shared__ float shared[];
    const int n = blockIdx.x / 2;
    const bool back = blockIdx.x % 2;
    const int S = 2 * L + 1, states = 2 * label_counts[n] + 1, last = frames[n] - 1;
    const int* label = labels + (size_t)n * L;
    const float* frame = log_probs + (size_t)n * T * V;
    float* out = ways + ((size_t)back * N + n) * T * S;
    // Two rows take turns; two states before the first stay closed. Then the next frame's emissions,
    // which only the thread that fetched them reads.
    float* rows[2] = {shared, shared + S + 2};
    float* ahead = shared + 2 * (S + 2);
    float* partial = ahead + S;
    double offset = 0;  // what the shifts have taken away

    for (int i = threadIdx.x; i < S + 2; i += blockDim.x) rows[0][i] = rows[1][i] = NONE;
    for (int i = threadIdx.x; i < states && last >= 0; i += blockDim.x) {
        const int s = back ? states - 1 - i : i;
        ahead[i] = frame[(size_t)(back ? last : 0) * V + (s % 2 ? label[s / 2] : blank)];
    }
    __syncthreads();
    for (int k = 0; k <= last; ++k) {
        const int t = back ? last - k : k;
        const float* before = rows[k % 2] + 2;
        float* now = rows[(k + 1) % 2] + 2;
        float peak = NONE;
        for (int i = threadIdx.x; i < states; i += blockDim.x) {  // i counts from where we began
            const int s = back ? states - 1 - i : i;
            const int symbol = s % 2 ? label[s / 2] : blank;
            const float emission = ahead[i];
            if (k < last) ahead[i] = frame[(size_t)(back ? t - 1 : t + 1) * V + symbol];
            float way = i < 2 ? 0.0f : NONE;
            if (k > 0) {
                const bool skip = s % 2 && i >= 2 && label[s / 2] != label[s / 2 + (back ? 1 : -1)];
                way = log_add(before[i], before[i - 1], skip ? before[i - 2] : NONE);
            }
            out[(size_t)t * S + s] = way;
            now[i] = way + emission;
            peak = fmaxf(peak, now[i]);
        }
        if (k % SHIFT_EVERY == 0) {  // small numbers keep their digits
            peak = over_block(peak, false, partial);
            if (peak != NONE) {
                for (int i = threadIdx.x; i < states; i += blockDim.x) now[i] -= peak;
                offset += peak;
            }
        }
        __syncthreads();
    }
    if (!back && threadIdx.x == 0) {
        const float* end = rows[frames[n] % 2] + 2;
        float total = states == 1 ? 0.0f : NONE;
        if (last >= 0) total = log_add(end[states - 1], end[states - 2], NONE);
        losses[n] = (float)-(offset + total);
    }
}

// One block for each frame of each utterance: softmax minus the probability of each symbol, given
// the transcript. A thread adds up the states of its symbol in their order, so that the sum is the
// same every time; padding and what does not fit get 0.
//
// Shared memory: S + 32 floats.
extern "C" __global__ void ctc_gradient(
    const float* log_probs,
    const int* labels,
    const int* frames,
    const int* label_counts,
    const float* ways,
    const float* losses,
    float* gradient,  // (N, T, V)
    int N, int T, int V, int L, int blank)
{
    extern __shared__ float shared[];
    const int n = blockIdx.x / T, t = blockIdx.x % T;
    const int S = 2 * L + 1, states = 2 * label_counts[n] + 1;
    const int* label = labels + (size_t)n * L;
    const size_t here = ((size_t)n * T + t) * V, row = ((size_t)n * T + t) * S;
    const float* into = ways + row;
    const float* out_of = ways + (size_t)N * T * S + row;
    float* share = shared;
    float* partial = shared + S;
    // The same for all threads of a block: none waits for another at a barrier.
    if (t >= frames[n] || losses[n] == -NONE) {
        for (int c = threadIdx.x; c < V; c += blockDim.x) gradient[here + c] = 0.0f;
        return;
    }
    float peak = NONE;
    for (int s = threadIdx.x; s < states; s += blockDim.x) {
        const int symbol = s % 2 ? label[s / 2] : blank;
        share[s] = into[s] + out_of[s] + log_probs[here + symbol];
        peak = fmaxf(peak, share[s]);
    }
    peak = over_block(peak, false, partial);
    float sum = 0;
    for (int s = threadIdx.x; s < states; s += blockDim.x) {
        share[s] = expf(share[s] - peak);
        sum += share[s];
    }
    sum = over_block(sum, true, partial);
    for (int c = threadIdx.x; c < V; c += blockDim.x) {
        float target = 0;
        if (c == blank)
            for (int s = 0; s < states; s += 2) target += share[s];
        else
            for (int s = 1; s < states; s += 2)
                if (label[s / 2] == c) target += share[s];
        gradient[here + c] = expf(log_probs[here + c]) - target / sum;
    }
}
