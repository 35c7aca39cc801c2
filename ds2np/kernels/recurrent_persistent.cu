// A whole recurrence in one launch, forward or backward. The recurrent weights stay in registers for
// all frames (Diamos et al. 2016, "Persistent RNNs"); only the state, or backward the gradient of
// U h_{k-1}, travels from block to block, through the L2 cache. Arrays and units: recurrent_cell.cuh.
//
// Each block has 32 units, with all their gates, and waits for the others of its group
// (recurrent_group.cuh). In a block, a chunk of WARPS utterances is multiplied at a time:
//   product  Thread (warp, lane) has the weights of four units, 4 * (lane % 8) to + 3, and of one
//            slice of the inner dimension, 4 * warp + lane / 8. So a number of the state, read from
//            shared memory, serves four units at least. Four lanes add up their slices by shuffles,
//            in a fixed order, and write one unit each to `parts`.
//   finish   Warp w has utterance w of the chunk, lane l has unit l: it adds up the parts of all
//            warps, in their order, and computes the unit. Results repeat bit for bit.
//
// Grid: directions * groups * BLOCKS blocks of 32 * WARPS threads. Shared memory, in floats:
//   forward  WARPS * STRIDE(HIDDEN) + WARPS * WARPS * GATES * 32
//   backward WARPS * STRIDE(GATES * HIDDEN) + WARPS * WARPS * 32 + utterances of a group * 32
#include "recurrent_cell.cuh"
#include "recurrent_group.cuh"

#define THREADS (32 * WARPS)
#define SLICES (4 * WARPS)
#define WIDE (GATES * HIDDEN)
// Numbers in a slice, a multiple of 4 to be read as float4; zeros fill the last slices.
#define SLICE(inner) (((inner) + 4 * SLICES - 1) / (4 * SLICES) * 4)
// Four lanes read four slices at once: an odd distance, in float4, keeps them in different banks.
#define DISTANCE(inner) (SLICE(inner) / 4 % 2 ? SLICE(inner) : SLICE(inner) + 4)
#define STRIDE(inner) (SLICES * DISTANCE(inner))

// Copy rows of INNER numbers, which other blocks have written, into slices in shared memory. What
// lies between and after them must be 0 already.
template <int INNER>
__device__ __forceinline__ void fetch(float* tile, const float* from, int rows)
{
    const int step = INNER % 4 ? 1 : 4;
    for (int i = step * threadIdx.x; i < rows * INNER; i += step * THREADS) {
        const int inner = i % INNER;
        float* to = tile + i / INNER * STRIDE(INNER) +
                    inner / SLICE(INNER) * DISTANCE(INNER) + inner % SLICE(INNER);
        if (step == 4)
            *(float4*)to = __ldcg((const float4*)(from + i));
        else
            *to = __ldcg(from + i);
    }
    __syncthreads();
}

// Fill a tile with zeros once.
template <int INNER>
__device__ __forceinline__ void clear(float* tile)
{
    for (int i = threadIdx.x; i < WARPS * STRIDE(INNER); i += THREADS) tile[i] = 0;
    __syncthreads();
}

// parts[warp][row][gate][unit]: the warp's share of the tile times the weights w[gate][unit][inner].
template <int OF_GATES, int INNER>
__device__ __forceinline__ void multiply(
    const float* tile, const float (&w)[OF_GATES][4][SLICE(INNER)], float* parts, int rows)
{
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const float* slice = tile + (4 * warp + lane / 8) * DISTANCE(INNER);
    const bool high = lane & 16, odd = lane & 8;
    for (int row = 0; row < rows; ++row) {
        float sum[OF_GATES][4] = {};
#pragma unroll
        for (int q = 0; q < SLICE(INNER); q += 4) {
            const float4 x = *(const float4*)(slice + row * STRIDE(INNER) + q);
#pragma unroll
            for (int g = 0; g < OF_GATES; ++g)
#pragma unroll
                for (int u = 0; u < 4; ++u) {
                    sum[g][u] += x.x * w[g][u][q];
                    sum[g][u] += x.y * w[g][u][q + 1];
                    sum[g][u] += x.z * w[g][u][q + 2];
                    sum[g][u] += x.w * w[g][u][q + 3];
                }
        }
#pragma unroll
        for (int g = 0; g < OF_GATES; ++g) {
            // Four lanes hold four slices of the same four units: each ends with the sum of one.
            const float* s = sum[g];
            const float a = __shfl_xor_sync(0xffffffffu, high ? s[0] : s[2], 16);
            const float b = __shfl_xor_sync(0xffffffffu, high ? s[1] : s[3], 16);
            const float even_unit = (high ? s[2] : s[0]) + a, odd_unit = (high ? s[3] : s[1]) + b;
            const float c = __shfl_xor_sync(0xffffffffu, odd ? even_unit : odd_unit, 8);
            const int unit = 4 * (lane % 8) + 2 * high + odd;
            parts[((warp * WARPS + row) * OF_GATES + g) * 32 + unit] =
                (odd ? odd_unit : even_unit) + c;
        }
    }
    __syncthreads();
}

template <int OF_GATES>
__device__ __forceinline__ float add_parts(const float* parts, int row, int gate)
{
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < WARPS; ++warp)
        sum += parts[((warp * WARPS + row) * OF_GATES + gate) * 32 + threadIdx.x % 32];
    return sum;
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) persistent_forward(
    const float* a,      // (N, T, directions or 1, GATES * H), in the order of time
    const float* U,      // (directions, H, GATES * H)
    const int* frames,   // (N,)
    float* h,            // (directions, T + 1, N, H): before the first frame, and after each
    float* kept,         // (directions, T, N, KEPT, H), of a GRU
    unsigned* counters,  // two zeros for each direction and group
    int utterances,      // of a group
    int from_zeros,      // whether the first state is 0, still to be written to h; or else it is there
    int clipped, int N, int T, int directions, int a_row, int a_direction)
{
    extern __shared__ float shared[];
    float* tile = shared;                             // (WARPS, slices of HIDDEN)
    float* parts = shared + WARPS * STRIDE(HIDDEN);  // (WARPS, WARPS, GATES, 32)
    const Shape s = {N, T, HIDDEN, directions, a_row, a_direction};
    const Group group(s, frames, counters, utterances);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, j = group.unit + lane;
    float w[GATES][4][SLICE(HIDDEN)];
    const int first_inner = (4 * warp + lane / 8) * SLICE(HIDDEN);
#pragma unroll
    for (int g = 0; g < GATES; ++g)
#pragma unroll
        for (int u = 0; u < 4; ++u)
#pragma unroll
            for (int q = 0; q < SLICE(HIDDEN); ++q) {
                const int inner = first_inner + q, unit = group.unit + 4 * (lane % 8) + u;
                const bool real = inner < HIDDEN && unit < HIDDEN;
                const size_t at = (size_t)group.direction * HIDDEN + inner;
                w[g][u][q] = real ? U[at * WIDE + g * HIDDEN + unit] : 0.0f;
            }
    clear<HIDDEN>(tile);
    for (int k = 0; k < T; ++k) {
        const bool zeros = k == 0 && from_zeros;
        const bool product = k < group.last && !zeros;
        for (int first = group.first; first < group.end; first += WARPS) {
            const int rows = min(WARPS, group.end - first), n = first + warp;
            const bool mine = warp < rows && j < HIDDEN;
            const bool real = mine && k < frames[n];
            // What does not depend on other blocks is on its way while this one waits.
            float of_a[GATES] = {}, of_u[GATES] = {}, old = 0;
            float* state = h + at_state(s, group.direction, k, n) * HIDDEN + j;
            if (mine && zeros) *state = 0;
            if (mine && !zeros) old = *state;
            if (real) {
                const int frame = frame_of(k, group.direction, frames[n]);
                const float* x =
                    a + ((size_t)n * T + frame) * a_row + group.direction * a_direction + j;
                for (int g = 0; g < GATES; ++g) of_a[g] = x[g * HIDDEN];
            }
            if (product) {
                if (first == group.first) group.wait(k);
                const size_t before = at_state(s, group.direction, k, first);
                fetch<HIDDEN>(tile, h + before * HIDDEN, rows);
                multiply<GATES, HIDDEN>(tile, w, parts, rows);
            }
            float now = old;  // an utterance that has ended keeps its state
            if (real) {
                for (int g = 0; g < GATES && product; ++g) of_u[g] = add_parts<GATES>(parts, warp, g);
                float* keep = kept + at_frame(s, group.direction, k, n) * KEPT * HIDDEN + j;
                now = unit_forward(of_a, of_u, old, clipped, keep, HIDDEN);
            }
            if (mine) h[at_state(s, group.direction, k + 1, n) * HIDDEN + j] = now;
            __syncthreads();  // before the next chunk is written to tile and parts
        }
        if (k + 1 < group.last) group.arrive();
    }
    group.leave();
}

extern "C" __global__ void __launch_bounds__(THREADS, 1) persistent_backward(
    const float* dout,  // (N, T, H or 2H), in the order of time
    const float* U,
    const int* frames,
    const float* h,
    const float* kept,
    float* da,  // (N, T, directions, GATES * H) or (directions, N, T, GATES * H)
    float* dg,  // (directions, T, N, GATES * H): the gradient of U h_{k-1}
    unsigned* counters,
    int utterances, int clipped, int N, int T, int directions, int a_row, int a_direction,
    int out_row, int out_direction)
{
    extern __shared__ float shared[];
    float* tile = shared;                           // (WARPS, slices of GATES * HIDDEN)
    float* parts = shared + WARPS * STRIDE(WIDE);  // (WARPS, WARPS, 32)
    float* carry = parts + WARPS * WARPS * 32;     // (utterances, 32): dh_{k-1} from frame k
    const Shape s = {N, T, HIDDEN, directions, a_row, a_direction, out_row, out_direction};
    const Group group(s, frames, counters, utterances);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, j = group.unit + lane;
    float w[1][4][SLICE(WIDE)];
    const int first_inner = (4 * warp + lane / 8) * SLICE(WIDE);
#pragma unroll
    for (int u = 0; u < 4; ++u)
#pragma unroll
        for (int q = 0; q < SLICE(WIDE); ++q) {
            const int inner = first_inner + q, unit = group.unit + 4 * (lane % 8) + u;
            const bool real = inner < WIDE && unit < HIDDEN;
            w[0][u][q] = real ? U[((size_t)group.direction * HIDDEN + unit) * WIDE + inner] : 0.0f;
        }
    for (int i = threadIdx.x; i < utterances * 32; i += THREADS) carry[i] = 0;
    clear<WIDE>(tile);
    Loaded ahead = {};  // of this thread's first utterance, for the next frame
    for (int k = T - 1; k >= 0; --k) {
        for (int n = group.first + warp; n < group.end && j < HIDDEN; n += WARPS) {
            const int frame = frame_of(k, group.direction, frames[n]);
            float* carried = carry + (n - group.first) * 32 + lane;
            float of_a[GATES] = {}, of_g[GATES] = {}, direct = 0;
            if (k < frames[n]) {
                const bool loaded = n == group.first + warp && k + 1 < group.last;
                const Loaded x =
                    loaded ? ahead : load_backward(s, dout, h, kept, group.direction, k, frame, n, j);
                const float d = x.dout + *carried;  // dh_k: from above, and from frame k + 1
                direct = unit_backward(d, x.kept, x.now, x.old, clipped, of_a, of_g);
            }
            store_backward(s, da, dg, group.direction, k, frame, n, j, of_a, of_g);
            *carried = direct;
        }
        if (k == 0 || k >= group.last) continue;  // nothing to hand on: the first frame, or padding
        group.arrive();
        // What does not depend on other blocks is on its way while this one waits.
        const int n = group.first + warp;
        if (n < group.end && j < HIDDEN && k - 1 < frames[n]) {
            const int frame = frame_of(k - 1, group.direction, frames[n]);
            ahead = load_backward(s, dout, h, kept, group.direction, k - 1, frame, n, j);
        }
        group.wait(group.last - k);
        for (int first = group.first; first < group.end; first += WARPS) {
            const int rows = min(WARPS, group.end - first);
            fetch<WIDE>(tile, dg + at_frame(s, group.direction, k, first) * WIDE, rows);
            multiply<1, WIDE>(tile, w, parts, rows);
            if (warp < rows)  // dh_{k-1} += U dg_k
                carry[(first - group.first + warp) * 32 + lane] += add_parts<1>(parts, warp, 0);
            __syncthreads();  // before the next chunk is written to tile and parts
        }
    }
    group.leave();
}
