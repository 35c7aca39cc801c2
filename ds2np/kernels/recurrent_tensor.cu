// A whole recurrence in one launch, as in recurrent_persistent.cu, on tensor cores: weights and states
// are split into two bf16 numbers, so that results keep about 16 bits (tensor_cores.cuh). For GPUs of
// compute capability 8.0 on. Arrays and units: recurrent_cell.cuh.
//
// In a block, a chunk of eight utterances is multiplied at a time:
//   product  Units are the rows of an mma, utterances its columns. Each warp has the weights of all
//            units of the block, for some tiles of 16 numbers of the inner dimension, in registers;
//            what they are multiplied by goes from the L2 cache straight into registers, since no
//            other warp of the block needs it. Each warp writes its share of the sums to `parts`.
//   finish   Warp w has utterance w of the chunk, lane l has unit l: it adds up the parts of all
//            warps, in their order, computes the unit, and publishes what the next frame multiplies:
//            forward the state, backward the gradient of U h_{k-1}. Results repeat bit for bit.
//
// Published numbers lie as the lanes of a warp hold them, so that it reads a tile at once:
//   exchange  (groups of all directions, 2, chunks of a group, INNER / 16, WARPS, 16)
// The two halves serve frames by turns: nobody writes to one before all have read it. The place of
// four numbers has their high parts, two by two, and then their low parts.
//
// Grid: directions * groups * BLOCKS blocks of 32 * WARPS threads. Shared memory, in floats:
//   forward   2 * Product<false>::PARTS + Product<false>::SPARE
//   backward  2 * Product<true>::PARTS + Product<true>::SPARE + utterances of a group * 32
#include "recurrent_cell.cuh"
#include "recurrent_group.cuh"
#include "tensor_cores.cuh"

#define WARPS 8  // as many as an mma has columns
#define THREADS (32 * WARPS)
#define REGISTERS 160  // of a thread's 255, for weights
#define WIDE (GATES * HIDDEN)
#define PADDED (BLOCKS * 32)  // the published numbers of a gate; 0 for units that do not exist

// The recurrent weights of a block, and their product with what has been published.
template <bool BACKWARD>
struct Product {
    static constexpr int OUT = BACKWARD ? 2 : 2 * GATES;  // tiles of 16 sums: two for a gate
    static constexpr int INNER = BACKWARD ? GATES * PADDED : PADDED;  // published for an utterance
    static constexpr int CHUNK = WARPS * INNER;
    static constexpr int ALL = INNER / 16;  // tiles of the inner dimension; each warp has so many:
    static constexpr int TILES = (ALL + WARPS - 1) / WARPS;
    static constexpr int DEPTH = TILES > 10 ? (TILES + 1) / 2 : TILES;  // on their way at a time
    // As many tiles of weights as fit are held in registers; the others wait in shared memory.
    static constexpr int FIT = REGISTERS / (OUT * 8), HELD = TILES < FIT ? TILES : FIT;
    static constexpr int SPARE = (TILES - HELD) * OUT * 2 * THREADS * 4;
    static constexpr int CHAINS = OUT > 2 ? 1 : 2;  // sums apart, so that an mma waits for no other
    static constexpr int PITCH = 16 * OUT + 4;  // of parts: other banks for each lane
    static constexpr int PARTS = WARPS * WARPS * PITCH;

    unsigned w[HELD][OUT][2][4];  // high and low
    uint4* spare;                 // (TILES - HELD, OUT, 2, THREADS)
    uint4 x[DEPTH];

    // An mma may count the inner numbers in any order: lane % 4 = t has 4t to 4t + 3, side by side.
    __device__ __forceinline__ Product(const float* U, int first_unit, float* shared)
        : spare((uint4*)shared)
    {
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
        for (int q = 0; q < TILES; ++q)
#pragma unroll
            for (int m = 0; m < OUT; ++m) {
                __syncwarp();  // or the compiler loads all at once, into more registers than there are
                unsigned part[2][4];
#pragma unroll
                for (int i = 0; i < 4; ++i) {
                    const int unit = first_unit + m % 2 * 16 + i % 2 * 8 + lane / 4;
                    const int inner = (q * WARPS + warp) * 16 + lane % 4 * 4 + i / 2 * 2;
                    const float first = weight(U, m / 2, unit, inner);
                    const float second = weight(U, m / 2, unit, inner + 1);
                    split(first, second, part[0][i], part[1][i]);
                }
#pragma unroll
                for (int low = 0; low < 2; ++low) {
                    const unsigned(&p)[4] = part[low];
                    if (q >= HELD) *spare_of(q, m, low) = {p[0], p[1], p[2], p[3]};
#pragma unroll
                    for (int i = 0; i < 4 && q < HELD; ++i) w[q][m][low][i] = p[i];
                }
            }
    }

    __device__ static float weight(const float* U, int gate, int unit, int inner)
    {
        if (unit >= HIDDEN || inner >= INNER || inner % PADDED >= HIDDEN) return 0.0f;
        if (!BACKWARD) return U[inner * WIDE + gate * HIDDEN + unit];
        const int before = PADDED == HIDDEN ? 0 : inner / PADDED * (PADDED - HIDDEN);
        return U[unit * WIDE + inner - before];
    }

    __device__ __forceinline__ uint4* spare_of(int q, int m, int low) const
    {
        return spare + (((q - HELD) * OUT + m) * 2 + low) * THREADS + threadIdx.x;
    }

    __device__ __forceinline__ void multiply_tile(
        float (&sum)[4], int q, int m, int low, unsigned b0, unsigned b1) const
    {
        if (q < HELD) return mma(sum, w[q][m][low], b0, b1);
        const uint4 a = *spare_of(q, m, low);
        const unsigned of_a[4] = {a.x, a.y, a.z, a.w};
        mma(sum, of_a, b0, b1);
    }

    // Tile q of this warp: `tiles` are those of a chunk, from this thread's part of the first.
    __device__ static uint4 load(const uint4* tiles, int q)
    {
        const bool real = (q + 1) * WARPS <= ALL || q * WARPS + threadIdx.x / 32 < ALL;
        return real ? __ldcg(tiles + q * THREADS) : uint4{};
    }

    __device__ __forceinline__ void begin(const uint4* tiles)
    {
#pragma unroll
        for (int q = 0; q < DEPTH; ++q) x[q] = load(tiles, q);
    }

    // parts[warp][utterance][sum]: the warp's share. Later tiles are on their way meanwhile, then
    // those of the next chunk.
    __device__ __forceinline__ void multiply(const uint4* tiles, bool last, float* parts)
    {
        float sum[OUT][CHAINS][4] = {};
#pragma unroll
        for (int q = 0; q < TILES; ++q) {
            const uint4 b = x[q % DEPTH];
#pragma unroll
            for (int m = 0; m < OUT; ++m) multiply_tile(sum[m][0], q, m, 0, b.x, b.y);
#pragma unroll
            for (int m = 0; m < OUT; ++m) multiply_tile(sum[m][CHAINS - 1], q, m, 0, b.z, b.w);
#pragma unroll
            for (int m = 0; m < OUT; ++m) multiply_tile(sum[m][CHAINS - 1], q, m, 1, b.x, b.y);
            if (q + DEPTH < TILES)
                x[q % DEPTH] = load(tiles, q + DEPTH);
            else if (!last)
                x[q % DEPTH] = load(tiles + CHUNK / 4, q % DEPTH);
        }
        const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
        for (int m = 0; m < OUT; ++m)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int utterance = lane % 4 * 2 + i % 2, unit = lane / 4 + i / 2 * 8;
                parts[(warp * WARPS + utterance) * PITCH + m * 16 + unit] =
                    CHAINS == 1 ? sum[m][0][i] : sum[m][0][i] + sum[m][CHAINS - 1][i];
            }
        __syncthreads();
    }

    __device__ static float add_parts(const float* parts, int gate)
    {
        float sum = 0;
#pragma unroll
        for (int warp = 0; warp < WARPS; ++warp)
            sum += parts[(warp * WARPS + threadIdx.x / 32) * PITCH + gate * 32 + threadIdx.x % 32];
        return sum;
    }

    // Write number `inner` of this warp's utterance to its place in a chunk; all lanes together.
    __device__ static void publish(unsigned* chunk, int inner, float x)
    {
        const bool odd = threadIdx.x % 2;
        const float other = __shfl_xor_sync(0xffffffffu, x, 1);
        unsigned high, low;
        split(odd ? other : x, odd ? x : other, high, low);
        const int place = inner % 16 / 4 * 4 + odd * 2 + inner % 4 / 2;
        chunk[(inner / 16 * WARPS + threadIdx.x / 32) * 16 + place] = odd ? low : high;
    }
};

extern "C" __global__ void __launch_bounds__(THREADS, 1) persistent_forward(
    const float* a,      // (N, T, directions or 1, GATES * H), in the order of time
    const float* U,      // (directions, H, GATES * H)
    const int* frames,   // (N,)
    float* h,            // (directions, T + 1, N, H): before the first frame, and after each
    float* kept,         // (directions, T, N, KEPT, H), of a GRU
    unsigned* counters,  // two zeros for each direction and group
    unsigned* exchange,  // of any content
    int utterances,      // of a group, a multiple of WARPS
    int from_zeros,      // whether the first state is 0, still to be written to h; or else it is there
    int clipped, int N, int T, int directions, int a_row, int a_direction)
{
    extern __shared__ float shared[];  // parts of two chunks by turns
    typedef Product<false> States;
    const Shape s = {N, T, HIDDEN, directions, a_row, a_direction};
    const Group group(s, frames, counters, utterances);
    const int warp = threadIdx.x / 32, j = group.unit + threadIdx.x % 32;
    U += (size_t)group.direction * HIDDEN * WIDE;
    States states(U, group.unit, shared + 2 * States::PARTS);
    const int half = utterances * States::INNER;
    exchange += (size_t)(blockIdx.x / BLOCKS * 2) * half;
    for (int first = group.first; first < group.end; first += WARPS) {
        const int n = first + warp;
        const bool mine = n < group.end && j < HIDDEN;
        float* state = h + at_state(s, group.direction, 0, n) * HIDDEN + j;
        if (mine && from_zeros) *state = 0;
        States::publish(exchange + (first - group.first) * States::INNER, j, mine ? *state : 0.0f);
    }
    group.arrive();
    for (int k = 0; k < T; ++k) {
        const uint4* tiles = (const uint4*)(exchange + k % 2 * half) + threadIdx.x;
        unsigned* to = exchange + (k + 1) % 2 * half;
        for (int first = group.first; first < group.end; first += WARPS) {
            const int n = first + warp, chunk = (first - group.first) * States::INNER;
            float* parts = shared + (first - group.first) / WARPS % 2 * States::PARTS;
            const bool mine = n < group.end && j < HIDDEN;
            const bool real = mine && k < frames[n];
            // What does not depend on other blocks is on its way while this one waits.
            float of_a[GATES] = {}, of_u[GATES] = {}, now = 0;
            if (mine) now = h[at_state(s, group.direction, k, n) * HIDDEN + j];
            if (real) {
                const int frame = frame_of(k, group.direction, frames[n]);
                const float* x =
                    a + ((size_t)n * T + frame) * a_row + group.direction * a_direction + j;
                for (int g = 0; g < GATES; ++g) of_a[g] = x[g * HIDDEN];
            }
            if (k < group.last) {
                if (first == group.first) {
                    group.wait(k + 1);
                    states.begin(tiles);
                }
                states.multiply(tiles + chunk / 4, first + WARPS >= group.end, parts);
            }
            if (real) {
                for (int g = 0; g < GATES; ++g) of_u[g] = States::add_parts(parts, g);
                float* keep = kept + at_frame(s, group.direction, k, n) * KEPT * HIDDEN + j;
                now = unit_forward(of_a, of_u, now, clipped, keep, HIDDEN);
            }  // an utterance that has ended keeps its state
            if (mine) h[at_state(s, group.direction, k + 1, n) * HIDDEN + j] = now;
            if (k + 1 < group.last) States::publish(to + chunk, j, now);
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
    unsigned* exchange,
    int utterances, int clipped, int N, int T, int directions, int a_row, int a_direction,
    int out_row, int out_direction)
{
    extern __shared__ float shared[];
    typedef Product<true> Gradients;
    float* direct = shared + 2 * Gradients::PARTS;  // (utterances, 32): of dh_k, without U dg_{k+1}
    const Shape s = {N, T, HIDDEN, directions, a_row, a_direction, out_row, out_direction};
    const Group group(s, frames, counters, utterances);
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32, j = group.unit + lane;
    U += (size_t)group.direction * HIDDEN * WIDE;
    Gradients gradients(U, group.unit, direct + utterances * 32);
    const int half = utterances * Gradients::INNER;
    exchange += (size_t)(blockIdx.x / BLOCKS * 2) * half;
    for (int i = threadIdx.x; i < utterances * 32; i += THREADS) direct[i] = 0;
    for (int k = T - 1; k >= 0; --k) {
        const uint4* tiles = (const uint4*)(exchange + (k + 1) % 2 * half) + threadIdx.x;
        unsigned* to = exchange + k % 2 * half;
        const bool hands_on = k > 0 && k < group.last;
        for (int first = group.first; first < group.end; first += WARPS) {
            const int n = first + warp, chunk = (first - group.first) * Gradients::INNER;
            float* parts = shared + (first - group.first) / WARPS % 2 * Gradients::PARTS;
            float* carry = direct + (n - group.first) * 32 + lane;
            const bool mine = n < group.end && j < HIDDEN;
            const bool real = mine && k < frames[n];
            const int frame = mine ? frame_of(k, group.direction, frames[n]) : 0;
            Loaded x;
            if (real) x = load_backward(s, dout, h, kept, group.direction, k, frame, n, j);
            float d = *carry, of_a[GATES] = {}, of_g[GATES] = {};
            if (k + 1 < group.last) {
                if (first == group.first) {
                    group.wait(group.last - 1 - k);
                    gradients.begin(tiles);
                }
                gradients.multiply(tiles + chunk / 4, first + WARPS >= group.end, parts);
                d += Gradients::add_parts(parts, 0);  // U dg_{k+1}
            }
            if (real)
                *carry = unit_backward(x.dout + d, x.kept, x.now, x.old, clipped, of_a, of_g);
            if (mine) store_backward(s, da, dg, group.direction, k, frame, n, j, of_a, of_g);
            for (int g = 0; g < GATES && hands_on; ++g)
                Gradients::publish(to + chunk, g * PADDED + j, of_g[g]);
        }
        if (hands_on) group.arrive();
    }
    group.leave();
}
