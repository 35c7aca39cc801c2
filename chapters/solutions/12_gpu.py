"""Solutions of the exercises of chapter 12, on the GPU."""

import numpy as np


def shuffle_rounds(values):
    """Add in each round the number of the lane that is `far` away: (6, 32)."""
    lanes = np.arange(32)
    rounds = [values]
    for far in (16, 8, 4, 2, 1):
        now = rounds[-1]
        rounds.append(now + now[lanes ^ far])
    return np.array(rounds)


def work_of(block, k, i, frames, label_counts):
    """Turn a block, a step and a thread into utterance, frame and state."""
    n = block // 2
    states = 2 * label_counts[n] + 1
    if k >= frames[n] or i >= states:
        return -1, -1, -1
    if block % 2 == 0:
        return n, k, i
    return n, frames[n] - 1 - k, states - 1 - i


def next_row(before, emissions, skip):
    """Read one row, write the other, with two closed places before the first state: (S + 2,)."""
    now = np.full(len(before), -np.inf)
    for i in range(len(emissions)):
        ways = np.logaddexp(before[i + 2], before[i + 1])
        if skip[i]:
            ways = np.logaddexp(ways, before[i])
        now[i + 2] = ways + emissions[i]
    return now


def end_times(times, group):
    """Begin each frame when the slowest of the group has ended the one before: (T, blocks)."""
    ends = np.empty(times.shape)
    begin = np.zeros(len(group))
    for k in range(len(times)):
        ends[k] = begin + times[k]
        for g in np.unique(group):
            begin[group == g] = ends[k, group == g].max()
    return ends


def clip_kernel():
    """One number a thread; those of the last block that have none do nothing."""
    return r"""
extern "C" __global__ void clip(const float* x, float* out, float ceiling, int count)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count) out[i] = fminf(fmaxf(x[i], 0.0f), ceiling);
}
"""


def softmax_kernel():
    """One row a block: the largest number, the sum, and then the row once more."""
    return r"""
// The largest number, or the sum, of all threads; in shared memory, halved again and again.
__device__ float over_block(float value, bool sum)
{
    __shared__ float shared[1024];
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int count = blockDim.x; count > 1; count = (count + 1) / 2) {
        const int other = threadIdx.x + (count + 1) / 2;
        if (other < count) {
            const float a = shared[threadIdx.x], b = shared[other];
            shared[threadIdx.x] = sum ? a + b : fmaxf(a, b);
        }
        __syncthreads();
    }
    const float result = shared[0];
    __syncthreads();  // before somebody writes there again
    return result;
}

extern "C" __global__ void softmax(const float* x, float* out, int columns)
{
    const float* row = x + (size_t)blockIdx.x * columns;
    float peak = -3.4e38f, total = 0.0f;
    for (int j = threadIdx.x; j < columns; j += blockDim.x) peak = fmaxf(peak, row[j]);
    peak = over_block(peak, false);
    for (int j = threadIdx.x; j < columns; j += blockDim.x) total += expf(row[j] - peak);
    total = over_block(total, true);
    for (int j = threadIdx.x; j < columns; j += blockDim.x)
        out[(size_t)blockIdx.x * columns + j] = expf(row[j] - peak) / total;
}
"""


def log_sum_kernel():
    """Shuffles within each warp, then within the first warp for the sums of all warps."""
    return r"""
#define NOTHING __int_as_float(0xff800000)  // minus infinity

__device__ float log_add(float a, float b)
{
    const float peak = fmaxf(a, b);
    return peak == NOTHING ? peak : peak + log1pf(expf(fminf(a, b) - peak));
}

__device__ float over_warp(float value)
{
    for (int far = 16; far > 0; far /= 2)
        value = log_add(value, __shfl_xor_sync(0xffffffffu, value, far));
    return value;
}

extern "C" __global__ void log_sum(const float* x, float* out, int count)
{
    __shared__ float partial[32];
    const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
    float value = over_warp(i < count ? x[i] : NOTHING);
    if (lane == 0) partial[threadIdx.x / 32] = value;
    __syncthreads();
    value = over_warp(lane < blockDim.x / 32 ? partial[lane] : NOTHING);
    if (threadIdx.x == 0) out[blockIdx.x] = value;
}
"""


def gru_frame_kernel():
    """One unit of one utterance a thread; padding carries the state through."""
    return r"""
__device__ float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

extern "C" __global__ void gru_frame(
    const float* a, const float* u, const float* before, const int* frames, float* after, int t,
    int N, int T, int H)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= N * H) return;
    const int n = i / H, j = i % H;
    float h = before[i];
    if (t < frames[n]) {
        const float* of_a = a + ((size_t)n * T + t) * 3 * H + j;
        const float* of_u = u + (size_t)n * 3 * H + j;
        const float z = sigmoid(of_a[0] + of_u[0]);
        const float r = sigmoid(of_a[H] + of_u[H]);
        const float c = tanhf(of_a[2 * H] + r * of_u[2 * H]);
        h = (1.0f - z) * h + z * c;
    }
    after[i] = h;
}
"""
