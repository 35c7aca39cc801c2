// The CTC loss and its gradient; ds2np/ctc/recursion.py and loss.py have them in NumPy. Three kernels
// run one after another: the softmax's norms, the recursion, and the gradient.
//
// States: the transcript with a blank before, between and after its labels; odd states are labels.
// All numbers are logs, and log 0 is minus infinity. Neither alpha (the ways into a state) nor beta
// (the ways out of it) includes the emission of the frame itself.
//
// utterances, (N, 2 + L): how many frames are real, how many labels, and the labels.

#define NONE __int_as_float(0xff800000)  // minus infinity: NVRTC has no INFINITY
#define LOWEST -3.402823466e38f          // the lowest finite number
#define ROUND 8                          // frames, after which the numbers are shifted
#define AHEAD (ROUND / STATES)           // frames; a thread works on STATES states
#define UNIT 2147483648.0f               // a probability of 1, as a whole number

__device__ __forceinline__ float log_add(float a, float b, float c)
{
    const float peak = fmaxf(fmaxf(a, b), fmaxf(c, LOWEST));  // -inf - -inf would be nan
    return peak + __logf(__expf(a - peak) + __expf(b - peak) + __expf(c - peak));
}

// Largest value, or sum, over the 32 lanes of the warp, returned to each. All must call it.
__device__ __forceinline__ float over_warp(float value, bool sum)
{
    for (int far = 16; far > 0; far /= 2) {
        const float other = __shfl_xor_sync(0xffffffffu, value, far);
        value = sum ? value + other : fmaxf(value, other);
    }
    return value;
}

// Add e^x to a sum of such terms in one pass: the sum is kept divided by e^peak, where peak is the
// largest x so far. It begins with LOWEST and 0.
__device__ __forceinline__ void add_exp(float x, float& peak, float& sum)
{
    const float higher = fmaxf(peak, x);
    sum = sum * __expf(peak - higher) + __expf(x - higher);
    peak = higher;
}

// Add up the sums of all lanes, relative to the largest of their peaks.
__device__ __forceinline__ void add_lanes(float& peak, float& sum)
{
    const float highest = over_warp(peak, false);
    sum = over_warp(sum * __expf(peak - highest), true);
    peak = highest;
}

// One warp for each frame of each utterance: the two numbers that turn a logit into a log
// probability, logit - peak - log_sum. The second is nan if a logit is nan or inf, or all are -inf.
extern "C" __global__ void ctc_norms(
    const float* logits,    // (N, T, V)
    const int* utterances,  // (N, 2 + L)
    float* norms,           // (N, T, 2)
    int N, int T, int V, int L)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const int frame = blockIdx.x * (blockDim.x / 32) + warp, n = frame / T;
    if (n >= N || frame % T >= utterances[(size_t)n * (2 + L)]) return;  // nobody, or padding
    const float* logit = logits + (size_t)frame * V;
    float peak = LOWEST, sum = 0;
#pragma unroll 4
    for (int c = lane; c < V; c += 32) add_exp(logit[c], peak, sum);
    add_lanes(peak, sum);
    if (lane == 0) ((float2*)norms)[frame] = {peak, logf(sum)};
}

// One block for each utterance and direction: even blocks compute alpha from the first frame, odd
// ones beta from the last. Counted from the last state and frame, beta is the recursion of alpha.
//
// Shared memory: 2 * (S + 2) + 32 floats for S = 2 * L + 1.
extern "C" __global__ void __launch_bounds__(1024) ctc_ways(
    const float* logits,
    const int* utterances,
    const float* norms,
    float* ways,    // (2, N, T, S): log alpha, log beta
    int* firsts,    // (N, L): the place of the first label that equals this one
    float* losses,  // (N,)
    int N, int T, int V, int L, int blank)
{
    extern __shared__ float shared[];
    const int n = blockIdx.x / 2, lane = threadIdx.x % 32;
    const bool back = blockIdx.x % 2;
    const int* label = utterances + (size_t)n * (2 + L) + 2;
    const int S = 2 * L + 1, last = label[-2] - 1, states = 2 * label[-1] + 1;
    const int step = back ? -1 : 1;  // to the next frame, and to the next state
    // Two rows, used in turn, each with two states of log 0 before the first.
    float *rows = shared + 2, *partial = shared + 2 * (S + 2);
    int symbol[STATES];
    bool skip[STATES];
    float mine[STATES];  // what the thread itself has written to the last row
    double offset = 0;   // the sum of all shifts

    if (threadIdx.x < 2) rows[-1 - lane] = rows[S + 1 - lane] = NONE;
    if (threadIdx.x < 32) partial[lane] = NONE;
    for (int j = 0; j < STATES; ++j) {
        const int i = threadIdx.x + j * blockDim.x;  // counts states from this end
        const int s = back ? states - 1 - i : i;
        const bool is_label = i < states && s % 2;
        symbol[j] = is_label ? label[s / 2] : blank;
        skip[j] = is_label && i >= 2 && label[s / 2] != label[s / 2 - step];
        mine[j] = NONE;
        if (is_label && !back) {
            int first = 0;
            while (label[first] != symbol[j]) ++first;
            firsts[(size_t)n * L + s / 2] = first;
        }
    }

    const size_t begin = (size_t)n * T + (back ? last : 0);
    float* out = ways + ((size_t)back * N * T + begin) * S + (back ? states - 1 : 0);
    // What the coming frames need is on its way from memory, into registers.
    float logit[AHEAD][STATES];
    float2 norm[AHEAD];
    const float* coming = logits + begin * V;
    const float2* coming_norm = (const float2*)norms + begin;
    auto fetch = [&](int slot, bool more) {
        for (int j = 0; j < STATES; ++j) logit[slot][j] = coming[symbol[j]];
        norm[slot] = *coming_norm;
        coming += more ? step * V : 0;  // the last frame is fetched again and again
        coming_norm += more ? step : 0;
    };
    if (last >= 0)
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) fetch(k, k < last);

    for (int start = 0; start <= last; start += ROUND) {
#pragma unroll  // so that the compiler knows r, and with it the register
        for (int r = 0; r < ROUND; ++r) {
            const int k = start + r;
            if (k > last) break;
            const float* before = rows + r % 2 * (S + 2);
            float* now = rows + (r + 1) % 2 * (S + 2);
            float shift = 0;
            if (r == 1) {  // the largest number of each warp
                float peak = NONE;
                for (int j = 0; j < STATES; ++j) peak = fmaxf(peak, mine[j]);
                peak = over_warp(peak, false);
                if (lane == 0) partial[threadIdx.x / 32] = peak;
            }
            if (r == 2) {  // and of all warps, brought to about 0: float32 keeps the digits
                shift = over_warp(partial[lane], false);
                if (!(shift > LOWEST)) shift = 0;
                offset += shift;
            }
            float emission[STATES];
            for (int j = 0; j < STATES; ++j)
                emission[j] = logit[r % AHEAD][j] - norm[r % AHEAD].x - norm[r % AHEAD].y - shift;
            fetch(r % AHEAD, k + AHEAD < last);
            for (int j = 0; j < STATES; ++j) {
                const int i = threadIdx.x + j * blockDim.x;
                if (i >= states) break;
                float way = i < 2 ? 0.0f : NONE;
                // log-sum-exp of stay, step and, where allowed, skip
                if (k > 0) way = log_add(mine[j], before[i - 1], skip[j] ? before[i - 2] : NONE);
                out[step * i] = way;  // log alpha_t(s), or log beta_t(s)
                now[i] = mine[j] = way + emission[j];  // log (alpha y)_t(s), for the next frame
            }
            out += step * S;
            __syncthreads();
        }
    }
    if (!back && threadIdx.x == 0) {
        const float* end = rows + (last + 1) % 2 * (S + 2) + states;
        float total = states == 1 ? 0.0f : NONE;
        if (last >= 0) total = log_add(end[-1], end[-2], NONE);
        losses[n] = (float)-(offset + total);  // -log p
    }
}

// One warp for each frame of each utterance: y_t(c) minus the sum of the posterior gamma_t(s) over
// the states s with symbol c. Padding and utterances whose loss is inf or nan get 0.
//
// __restrict__ promises that no array overlaps another: then the compiler may read ahead.
//
// Shared memory: S + L floats for each warp.
extern "C" __global__ void ctc_gradient(
    const float* __restrict__ logits,
    const int* __restrict__ utterances,
    const float* __restrict__ norms,
    const float* __restrict__ ways,
    const int* __restrict__ firsts,
    const float* __restrict__ losses,
    float* __restrict__ gradient,  // (N, T, V)
    int N, int T, int V, int L, int blank)
{
    extern __shared__ float shared[];
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, S = 2 * L + 1;
    const int frame = blockIdx.x * (blockDim.x / 32) + warp, n = frame / T;
    if (n >= N) return;
    const int* label = utterances + (size_t)n * (2 + L) + 2;
    const int* first = firsts + (size_t)n * L;
    const int count = label[-1], states = 2 * count + 1;
    const float* logit = logits + (size_t)frame * V;
    float* out = gradient + (size_t)frame * V;
    // The same for all lanes of a warp: none is left waiting.
    if (frame % T >= label[-2] || !(losses[n] < -NONE)) {  // inf, or nan
        for (int c = lane; c < V; c += 32) out[c] = 0.0f;
        return;
    }
    const float* into = ways + (size_t)frame * S;
    const float* out_of = into + (size_t)N * T * S;
    const float2 norm = ((const float2*)norms)[frame];
    float* joint = shared + warp * (S + L);
    unsigned* targets = (unsigned*)(joint + S);

    float peak = LOWEST, sum = 0;
    for (int s = lane; s < states; s += 32) {
        const int symbol = s % 2 ? label[s / 2] : blank;
        joint[s] = into[s] + out_of[s] + (logit[symbol] - norm.x);  // log (alpha beta y)_t(s)
        add_exp(joint[s], peak, sum);
    }
    add_lanes(peak, sum);
    for (int i = lane; i < count; i += 32) targets[i] = 0;
    __syncwarp();
    // The sum of gamma over equal labels, in whole numbers: any order gives the same.
    const float scale = 1 / sum;
    float blanks = 0;
    for (int s = lane; s < states; s += 32) {
        const float gamma = __expf(joint[s] - peak) * scale;
        if (s % 2)
            atomicAdd(&targets[first[s / 2]], (unsigned)(gamma * UNIT + 0.5f));
        else
            blanks += gamma;
    }
    blanks = over_warp(blanks, true);
#pragma unroll 4
    for (int c = lane; c < V; c += 32) out[c] = __expf(logit[c] - norm.x - norm.y);  // y
    __syncwarp();
    // y - sum of gamma, where that is not 0
    for (int i = lane; i < count; i += 32)
        if (first[i] == i)
            out[label[i]] = __expf(logit[label[i]] - norm.x - norm.y) - targets[i] / UNIT;
    if (lane == 0) out[blank] = __expf(logit[blank] - norm.x - norm.y) - blanks;
}
