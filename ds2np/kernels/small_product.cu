// out = x W for one to eight rows of x, and weights W of 16 bits: a frame of a few utterances.
//
// With so few rows, hardly anything is done with a weight, and the time is that of reading W. So W
// has half the bytes, each is read once for all rows, and a thread reads 16 bytes at a time, beside
// those of its neighbour.
//
// A block computes 64 columns, or a part of their sums: over a slice of the rows of W. Its threads are
// 8 across, each with 8 columns, and 32 down. Sums are added up first in a thread, then in a warp,
// in a block, and by the last block of the same columns: each in a fixed order, whoever comes first.

typedef unsigned short ushort;  // the bits of a float16

const int THREADS = 256;
const int WARPS = THREADS / 32;
const int PIECE = 8;                 // columns of a thread: 16 bytes
const int ACROSS = 8;                // threads side by side
const int COLUMNS = ACROSS * PIECE;  // of a block
const int DOWN = THREADS / ACROSS;   // rows of W at a time
const int AHEAD = 4;                 // as many times

// The float of a float16 that is finite, exactly.
__device__ float widened(unsigned half)
{
    half &= 0xffff;
#ifdef __CUDA_ARCH__
    float x;
    asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"((ushort)half));
    return x;
#else
    // Without the instruction: 5 bits of exponent count from -15 on, those of a float from -127.
    const float size = __int_as_float((half & 0x7fff) << 13) * 5.192296858534828e33f;  // 2^112
    return half & 0x8000 ? -size : size;
#endif
}

// Eight weights of a row from column j on, two in each number; 0 beyond its end.
__device__ uint4 load(const ushort* row, int j, int H)
{
    uint4 eight = {};
#if WHOLE_PIECES  // H is a multiple of 8, so that all rows begin at a multiple of 16 bytes
    if (j < H) eight = *(const uint4*)(row + j);
#else
    unsigned* const two = &eight.x;
    for (int c = 0; c < PIECE; ++c)
        if (j + c < H) two[c / 2] |= (unsigned)row[j + c] << c % 2 * 16;
#endif
    return eight;
}

extern "C" __global__ void __launch_bounds__(THREADS) small_product(
    const float* __restrict__ x,   // (matrices, rows, D), the matrices x_stride numbers apart
    const ushort* __restrict__ W,  // (matrices, D, H)
    float* __restrict__ out,       // (matrices, rows, H)
    float* __restrict__ sums,      // (matrices, tiles, parts, ROWS, COLUMNS), if there are parts
    unsigned* finished,            // (matrices, tiles): parts that are done; left as it is found, 0
    int rows, int D, int H, int parts, int slice, int x_stride)
{
    extern __shared__ float shared[];  // (slice, ROWS), then (WARPS, ROWS, COLUMNS)
    const int part = blockIdx.x % parts, place = blockIdx.x / parts;
    const int tiles = (H + COLUMNS - 1) / COLUMNS, matrix = place / tiles;
    const int first = part * slice, count = min(slice, D - first);
    const int across = threadIdx.x % ACROSS, down = threadIdx.x / ACROSS;

    // All threads need all rows of x: side by side, where a thread reads them at once. A slice is a
    // whole number of loops below; beyond the end of x there are zeros.
    for (int r = 0; r < ROWS; ++r)
        for (int d = threadIdx.x; d < slice; d += THREADS) {
            const bool there = r < rows && d < count;
            const size_t i = (size_t)matrix * x_stride + (size_t)r * D + first + d;
            shared[d * ROWS + r] = there ? x[i] : 0.0f;
        }
    __syncthreads();

    const int column = place % tiles * COLUMNS;
    float sum[ROWS][PIECE] = {};
    for (int d = down; d < slice; d += AHEAD * DOWN) {
        uint4 eight[AHEAD] = {};  // all loads first: the memory answers much later
#pragma unroll
        for (int k = 0; k < AHEAD; ++k)
            if (d + k * DOWN < count) {
                const size_t row = (size_t)matrix * D + first + d + k * DOWN;
                eight[k] = load(W + row * H, column + across * PIECE, H);
            }
#pragma unroll
        for (int k = 0; k < AHEAD; ++k) {
            const unsigned two[] = {eight[k].x, eight[k].y, eight[k].z, eight[k].w};
#pragma unroll
            for (int c = 0; c < PIECE; ++c) {
                const float w = widened(two[c / 2] >> c % 2 * 16);
#pragma unroll
                for (int r = 0; r < ROWS; ++r)
                    sum[r][c] += shared[(d + k * DOWN) * ROWS + r] * w;
            }
        }
    }
    __syncthreads();  // nobody reads x any more

#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int c = 0; c < PIECE; ++c) {
            for (int far = ACROSS; far < 32; far *= 2)
                sum[r][c] += __shfl_xor_sync(0xffffffffu, sum[r][c], far);
            if (threadIdx.x % 32 < ACROSS)
                shared[(threadIdx.x / 32 * ROWS + r) * COLUMNS + across * PIECE + c] = sum[r][c];
        }
    __syncthreads();

    float* const mine = sums + (size_t)place * parts * ROWS * COLUMNS;
    for (int i = threadIdx.x; i < ROWS * COLUMNS; i += THREADS) {
        float total = 0;
        for (int warp = 0; warp < WARPS; ++warp) total += shared[warp * ROWS * COLUMNS + i];
        const int r = i / COLUMNS, j = column + i % COLUMNS;
        if (parts > 1)
            mine[part * ROWS * COLUMNS + i] = total;
        else if (r < rows && j < H)
            out[((size_t)matrix * rows + r) * H + j] = total;
    }
    if (parts == 1) return;

    __threadfence();  // what this thread has written can be seen before the block counts as done
    __syncthreads();
    if (threadIdx.x == 0) shared[0] = atomicAdd(finished + place, 1u) == parts - 1;
    __syncthreads();
    if (shared[0] == 0) return;
    __threadfence();
    for (int i = threadIdx.x; i < rows * COLUMNS; i += THREADS) {
        float total = 0;
#pragma unroll 4
        for (int p = 0; p < parts; ++p) total += __ldcg(mine + p * ROWS * COLUMNS + i);
        const int r = i / COLUMNS, j = column + i % COLUMNS;
        if (j < H) out[((size_t)matrix * rows + r) * H + j] = total;
    }
    if (threadIdx.x == 0) finished[place] = 0;
}
