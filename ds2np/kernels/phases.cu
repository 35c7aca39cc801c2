// Turns an image around for a convolution by the Fourier transform, and back: x (A, B, T, F) has
// time and frequency last, the transform's products want channels last. A stride (st, sf) makes the
// phases x[r::st, s::sf] channels of their own; ds2np/layers/conv.py has both kernels in NumPy.
//
// A transposition reads along one axis and writes along another. Threads of a warp should touch
// neighbouring addresses both times, so a block carries a tile of 32 x 32 numbers through shared
// memory: it reads the tile row by row and writes it column by column.

#define TILE 32
#define PITCH (TILE + 1)  // a column of 32 numbers then lies in 32 different banks

// What a block does: one time, 32 frequencies, 32 rows (a, b).
struct Tile {
    int t, f, row;
};

__device__ Tile tile_of_block(int F, int rows)
{
    const int over_f = (F + TILE - 1) / TILE, over_rows = (rows + TILE - 1) / TILE;
    const int block = blockIdx.x;
    return {block / over_rows / over_f, block / over_rows % over_f * TILE, block % over_rows * TILE};
}

// Index of phases (QT, QF, A, st, sf, B) for time t = st q + r, frequency f = sf q' + s and row
// (a, b): neighbours in b stay neighbours.
__device__ size_t phase_index(int t, int f, int row, int QF, int A, int B, int st, int sf)
{
    const size_t of_a = ((size_t)(t / st) * QF + f / sf) * A + row / B;
    return ((of_a * st + t % st) * sf + f % sf) * B + row % B;
}

// One block for each time of the padded image and each tile; 32 floats by 33 of shared memory.
extern "C" __global__ void to_phases(
    const float* x,  // (A, B, T, F)
    float* phases,   // (QT, QF, A, st * sf * B)
    int A, int B, int T, int F, int QT, int QF, int st, int sf,
    int pt, int pf)  // zeros before the first time and frequency
{
    extern __shared__ float shared[];
    const int rows = A * B;
    const Tile tile = tile_of_block(QF * sf, rows);
    const int lane = threadIdx.x % TILE, line = threadIdx.x / TILE, lines = blockDim.x / TILE;
    const int t = tile.t - pt, f = tile.f + lane - pf;
    for (int i = line; i < TILE; i += lines) {
        const int row = tile.row + i;
        const bool real = row < rows && t >= 0 && t < T && f >= 0 && f < F;
        shared[i * PITCH + lane] = real ? x[((size_t)row * T + t) * F + f] : 0;
    }
    __syncthreads();
    const int row = tile.row + lane;
    for (int i = line; i < TILE; i += lines)
        if (row < rows && tile.f + i < QF * sf)
            phases[phase_index(tile.t, tile.f + i, row, QF, A, B, st, sf)] =
                shared[lane * PITCH + i];
}

// One block for each time of the image and each tile. What no window reached becomes 0.
extern "C" __global__ void from_phases(
    const float* phases,  // (QT, QF, A, st * sf * B)
    float* x,             // (A, B, T, F)
    int A, int B, int T, int F, int QT, int QF, int st, int sf, int pt, int pf)
{
    extern __shared__ float shared[];
    const int rows = A * B;
    const Tile tile = tile_of_block(F, rows);
    const int lane = threadIdx.x % TILE, line = threadIdx.x / TILE, lines = blockDim.x / TILE;
    const int t = tile.t + pt, row = tile.row + lane;
    for (int i = line; i < TILE; i += lines) {
        const int f = tile.f + i + pf;
        const bool reached = row < rows && t < QT * st && f < QF * sf;
        shared[i * PITCH + lane] =
            reached ? phases[phase_index(t, f, row, QF, A, B, st, sf)] : 0;
    }
    __syncthreads();
    const int f = tile.f + lane;
    for (int i = line; i < TILE; i += lines)
        if (tile.row + i < rows && f < F)
            x[((size_t)(tile.row + i) * T + tile.t) * F + f] = shared[lane * PITCH + i];
}
