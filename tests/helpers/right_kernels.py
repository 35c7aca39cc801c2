"""Kernels that are right and differ from the solutions of chapter 12."""

CLIP = {
    "a loop over the whole grid": r"""
extern "C" __global__ void clip(const float* x, float* out, float ceiling, int count)
{
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x) {
        const float value = x[i] < 0 ? 0 : x[i];
        out[i] = value > ceiling ? ceiling : value;
    }
}
""",
    "the last block first": r"""
extern "C" __global__ void
clip(const float *x, float *__restrict__ out, const float ceiling, const int count)
{
    /* Blocks
       in the opposite order. */
    unsigned int i = (gridDim.x - 1 - blockIdx.x) * blockDim.x + threadIdx.x;
    if (i >= count) return;
    out[i] = min(max(x[i], 0.0f), ceiling);
}
""",
    "one thread does all": r"""
extern "C" __global__ void clip(const float* x, float* out, float ceiling, int count)
{
    if (blockIdx.x == 0 && threadIdx.x == 0)
        for (int i = 0; i < count; ++i) out[i] = fmaxf(0, fminf(ceiling, x[i]));
}
""",
    "doubles, and four numbers a thread": r"""
extern "C" {
__device__ double clipped(double x, double ceiling) { return fmin(fmax(x, 0.0), ceiling); }

__global__ void __launch_bounds__(1024) clip(
    const float* x, float* out, float ceiling, int count)
{
    const int first = 4 * (blockIdx.x * blockDim.x + threadIdx.x);
    for (int i = first; i < first + 4; i++)
        if (i < count) out[i] = (float)clipped(x[i], ceiling);
}
}
""",
}
SOFTMAX = {
    "one pass, by shuffles": r"""
#define ALL 0xffffffffu

extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
    __shared__ float peaks[32], totals[32];
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32, warps = blockDim.x / 32;
    const float* row = x + blockIdx.x * columns;
    float peak = -3.0e38f, total = 0;
    for (int j = threadIdx.x; j < columns; j += blockDim.x) {
        const float higher = fmaxf(peak, row[j]);
        total = total * expf(peak - higher) + expf(row[j] - higher);
        peak = higher;
    }
    for (int far = 16; far; far >>= 1) {
        const float other_peak = __shfl_xor_sync(ALL, peak, far);
        const float other_total = __shfl_xor_sync(ALL, total, far);
        const float higher = fmaxf(peak, other_peak);
        total = total * expf(peak - higher) + other_total * expf(other_peak - higher);
        peak = higher;
    }
    if (lane == 0) peaks[warp] = peak, totals[warp] = total;
    __syncthreads();
    float highest = peaks[0], sum = 0;
    for (int w = 1; w < warps; ++w) highest = fmaxf(highest, peaks[w]);
    for (int w = 0; w < warps; ++w) sum += totals[w] * expf(peaks[w] - highest);
    for (int j = threadIdx.x; j < columns; j += blockDim.x)
        out[blockIdx.x * columns + j] = expf(row[j] - highest) / sum;
}
""",
    "the first warp alone": r"""
extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
    if (threadIdx.x >= 32) return;
    x += blockIdx.x * columns;
    float peak = x[0], total = 0;
    for (int j = threadIdx.x; j < columns; j += 32) peak = fmaxf(peak, x[j]);
    for (int far = 16; far > 0; far /= 2)
        peak = fmaxf(peak, __shfl_xor_sync(0xffffffff, peak, far));
    for (int j = threadIdx.x; j < columns; j += 32) total += expf(x[j] - peak);
    for (int far = 16; far > 0; far /= 2) total += __shfl_down_sync(0xffffffff, total, far);
    total = __shfl_sync(0xffffffff, total, 0);
    for (int j = threadIdx.x; j < columns; j += 32)
        out[blockIdx.x * columns + j] = expf(x[j] - peak) / total;
}
""",
    "one thread in double, the others wait": r"""
extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
    extern __shared__ double both[];
    const float* row = &x[blockIdx.x * columns];
    if (threadIdx.x == 0) {
        both[0] = row[0];
        both[1] = 0;
        for (int j = 1; j < columns; j++) both[0] = row[j] > both[0] ? row[j] : both[0];
        for (int j = 0; j < columns; j++) both[1] += exp(row[j] - both[0]);
    }
    __syncthreads();
    for (int j = threadIdx.x; j < columns; j += blockDim.x)
        out[blockIdx.x * columns + j] = exp(row[j] - both[0]) / both[1];
}
""",
    "each thread a piece of the row": r"""
extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
    extern __shared__ float parts[];
    const int piece = (columns + blockDim.x - 1) / blockDim.x;
    const int first = min(columns, piece * (int)threadIdx.x), stop = min(columns, first + piece);
    const float* row = x + blockIdx.x * columns;
    float* result = out + blockIdx.x * columns;
    float peak = -3.4e38f;
    for (int j = first; j < stop; ++j) peak = max(peak, row[j]);
    parts[threadIdx.x] = peak;
    __syncthreads();
    for (int i = 0; i < blockDim.x; ++i) peak = max(peak, parts[i]);
    float total = 0;
    for (int j = first; j < stop; ++j) total += result[j] = expf(row[j] - peak);
    parts[blockDim.x + threadIdx.x] = total;
    __syncthreads();
    total = 0;
    for (int i = 0; i < blockDim.x; ++i) total += parts[blockDim.x + i];
    for (int j = first; j < stop; ++j) result[j] /= total;
}
""",
}
LOG_SUM = {
    "the largest first, then a sum": r"""
#define INFINITY __int_as_float(0x7f800000)

extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
    __shared__ float shared[1024];
    const int first = blockIdx.x * blockDim.x, have = min((int)blockDim.x, count - first);
    if (threadIdx.x < have) shared[threadIdx.x] = x[first + threadIdx.x];
    __syncthreads();
    if (threadIdx.x == 0) {
        float peak = -INFINITY, total = 0;
        for (int i = 0; i < have; ++i) peak = fmaxf(peak, shared[i]);
        if (peak > -INFINITY) {
            for (int i = 0; i < have; ++i) total += expf(shared[i] - peak);
            peak += logf(total);
        }
        out[blockIdx.x] = peak;
    }
}
""",
    "one thread, one number after the other, in double": r"""
extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
    if (threadIdx.x) return;
    double sum = x[blockIdx.x * blockDim.x];
    for (int i = blockIdx.x * blockDim.x + 1; i < count && i < (blockIdx.x + 1) * blockDim.x; ++i) {
        const double low = min(sum, (double)x[i]), high = max(sum, (double)x[i]);
        sum = low < -1e300 ? high : high + log1p(exp(low - high));
    }
    out[blockIdx.x] = sum;
}
""",
    "a tree in shared memory": r"""
__device__ float log_add(float a, float b)
{
    const float peak = fmaxf(fmaxf(a, b), -3.4e38f);
    return peak + logf(expf(a - peak) + expf(b - peak));
}

extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
    extern __shared__ float row[];
    const int i = threadIdx.x, first = blockIdx.x * blockDim.x;
    row[i] = first + i < count ? x[first + i] : __int_as_float(0xff800000);
    for (int far = 1; far < blockDim.x; far *= 2) {
        __syncthreads();
        if (i % (2 * far) == 0 && i + far < blockDim.x) row[i] = log_add(row[i], row[i + far]);
    }
    if (i == 0) out[blockIdx.x] = row[0];
}
""",
    "a lowest number in place of minus infinity": r"""
extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
    __shared__ float peaks[32], totals[32];
    const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x & 31;
    float peak = i < count ? fmaxf(x[i], -3.4e38f) : -3.4e38f;
    for (int far = 1; far < 32; far <<= 1)
        peak = fmaxf(peak, __shfl_xor_sync(0xffffffffu, peak, far));
    float total = i < count ? expf(x[i] - peak) : 0.0f;
    for (int far = 1; far < warpSize; far <<= 1) total += __shfl_xor_sync(0xffffffffu, total, far);
    if (lane == 31) peaks[threadIdx.x >> 5] = peak, totals[threadIdx.x >> 5] = total;
    __syncthreads();
    if (threadIdx.x) return;
    for (int w = 1; w < blockDim.x / 32; ++w) peak = fmaxf(peak, peaks[w]);
    float sum = 0;
    for (int w = 0; w < blockDim.x / 32; ++w) sum += totals[w] * expf(peaks[w] - peak);
    out[blockIdx.x] = logf(sum) + peak;
}
""",
}
_GRU = r"""
extern "C" __global__ void gru_frame(
    const float* a, const float* u, const float* before, const int* frames, float* after, int t,
    int N, int T, int H)
"""
GRU_FRAME = {
    "a loop over the whole grid, in double": _GRU
    + r"""
{
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < N * H; i += blockDim.x * gridDim.x) {
        const int n = i / H, p = (n * T + t) * 3 * H + i % H, q = n * 3 * H + i % H;
        const double z = 1 / (1 + exp(-(double)a[p] - u[q]));
        const double r = 1 / (1 + exp(-(double)a[p + H] - u[q + H]));
        const double c = tanh(a[p + 2 * H] + r * u[q + 2 * H]);
        after[i] = frames[n] <= t ? before[i] : before[i] + z * (c - before[i]);
    }
}
""",
    "a sigmoid by tanh": r"""
__device__ __forceinline__ float sigmoid(float x) { return 0.5f + 0.5f * tanhf(0.5f * x); }
"""
    + _GRU
    + r"""
{
    const int i = threadIdx.x + blockDim.x * blockIdx.x, n = i / H, j = i - n * H;
    if (n >= N) return;
    if (t >= frames[n]) {
        after[n * H + j] = before[n * H + j];
        return;
    }
    a += (n * T + t) * H * 3;
    u += n * H * 3;
    float z = sigmoid(a[j] + u[j]), r = sigmoid(a[H + j] + u[H + j]);
    float c = 2 * sigmoid(2 * (a[2 * H + j] + r * u[2 * H + j])) - 1;
    after[i] = before[i] * (1 - z) + c * z;
}
""",
    "a block's threads count backward": _GRU
    + r"""
{
    const int i = blockIdx.x * blockDim.x + blockDim.x - 1 - threadIdx.x;
    if (i < N * H) {
        const int n = i / H, j = i % H;
        float gate[2], h = before[i];
        const int real = t < frames[n];
        for (int g = 0; g < 2 && real; ++g)
            gate[g] =
                1.0f / (1.0f + expf(-a[((n * T + t) * 3 + g) * H + j] - u[(3 * n + g) * H + j]));
        if (real)
            h += gate[0] *
                (tanhf(a[((n * T + t) * 3 + 2) * H + j] + gate[1] * u[(3 * n + 2) * H + j]) - h);
        after[i] = h;
    }
}
""",
    "the first block alone": _GRU
    + r"""
{
    if (blockIdx.x > 0) return;
    for (int n = 0; n < N; ++n)
        for (int j = threadIdx.x; j < H; j += blockDim.x) {
            float h = before[n * H + j];
            if (t < frames[n]) {
                const float *x = a + (n * T + t) * 3 * H + j, *y = u + n * 3 * H + j;
                const float z = 1 / (1 + __expf(-x[0] - y[0])), r = 1 / (1 + __expf(-x[H] - y[H]));
                h = h - z * h + z * tanhf(x[2 * H] + y[2 * H] * r);
            }
            after[n * H + j] = h;
        }
}
""",
}
RIGHT = {"12.5": CLIP, "12.6": SOFTMAX, "12.7": LOG_SUM, "12.8": GRU_FRAME}
