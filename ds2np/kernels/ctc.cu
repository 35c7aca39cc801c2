// The CTC recursion and its gradient; ds2np/ctc/recursion.py and loss.py have them in NumPy.
//
// States: the transcript with a blank before, between and after its labels; odd states are labels.
// All numbers are logs, and log 0 is minus infinity. Neither alpha (the ways into a state) nor beta
// (the ways out of it) includes the emission of the frame itself.

#define NONE __int_as_float(0xff800000)  // minus infinity: NVRTC has no INFINITY
#define SHIFT_EVERY 8                    // frames

__device__ __forceinline__ float log_add(float a, float b, float c)
{
    const float peak = fmaxf(a, fmaxf(b, c));
    if (peak == NONE) return a + b + c;  // -inf - -inf would be nan; a nan remains one
    return peak + logf(expf(a - peak) + expf(b - peak) + expf(c - peak));  // log(e^a + e^b + e^c)
}

// Largest value, or sum, over all threads of the block, returned to each. All must call it.
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
    __syncthreads();  // before the next call writes to partial
    return value;
}

// One block for each utterance and direction: even blocks compute alpha from the first frame, odd
// ones beta from the last. Counted from the last state and frame, beta is the recursion of alpha.
//
// Shared memory: 2 * (S + 2) + S + 32 floats for S = 2 * L + 1.
extern "C" __global__ void ctc_ways(
    const float* log_probs,   // (N, T, V)
    const int* labels,        // (N, L)
    const int* frames,        // (N,)
    const int* label_counts,  // (N,)
    float* ways,              // (2, N, T, S): log alpha, log beta
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
    // Two rows, used in turn, each with two states of log 0 before the first. Then the emissions of
    // the next frame, each read only by the thread that fetched it.
    float* rows[2] = {shared, shared + S + 2};
    float* ahead = shared + 2 * (S + 2);
    float* partial = ahead + S;
    double offset = 0;  // the sum of all shifts

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
        for (int i = threadIdx.x; i < states; i += blockDim.x) {  // i counts from this end
            const int s = back ? states - 1 - i : i;
            const int symbol = s % 2 ? label[s / 2] : blank;
            const float emission = ahead[i];
            if (k < last) ahead[i] = frame[(size_t)(back ? t - 1 : t + 1) * V + symbol];
            float way = i < 2 ? 0.0f : NONE;
            if (k > 0) {
                const bool skip = s % 2 && i >= 2 && label[s / 2] != label[s / 2 + (back ? 1 : -1)];
                // log-sum-exp of stay, step and, where allowed, skip
                way = log_add(before[i], before[i - 1], skip ? before[i - 2] : NONE);
            }
            out[(size_t)t * S + s] = way;  // log alpha_t(s), or log beta_t(s)
            now[i] = way + emission;  // log (alpha y)_t(s), from which the next frame continues
            peak = fmaxf(peak, now[i]);
        }
        if (k % SHIFT_EVERY == 0) {  // shift the maximum to 0: float32 keeps the digits
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
        losses[n] = (float)-(offset + total);  // -log p
    }
}

// One block for each frame of each utterance: y_t(c) minus the sum of the posterior gamma_t(s) over
// the states s with symbol c. One thread adds up the states of a symbol in a fixed order, so that
// results are reproducible. Padding and utterances whose loss is inf or nan get 0.
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
    // The same for all threads of a block: none is left waiting at a barrier.
    if (t >= frames[n] || !(losses[n] < -NONE)) {  // inf, or nan
        for (int c = threadIdx.x; c < V; c += blockDim.x) gradient[here + c] = 0.0f;
        return;
    }
    float peak = NONE;
    for (int s = threadIdx.x; s < states; s += blockDim.x) {
        const int symbol = s % 2 ? label[s / 2] : blank;
        share[s] = into[s] + out_of[s] + log_probs[here + symbol];  // log (alpha beta y)_t(s)
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
        gradient[here + c] = expf(log_probs[here + c]) - target / sum;  // y - sum of gamma
    }
}
