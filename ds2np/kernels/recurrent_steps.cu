// One frame of a recurrent layer after its matrix product, and the output of the layer: for layers
// whose recurrent weights do not fit on the chip (see recurrent_persistent.cu). Arrays and units:
// recurrent_cell.cuh.
//
// One thread for each direction, utterance and unit; any grid that covers them all.
#include "recurrent_cell.cuh"

extern "C" __global__ void forward_step(
    const float* a,     // (N, T, directions or 1, GATES * H), in the order of time
    const float* u,     // (directions, N, GATES * H): U h_{k-1}, unless zeros
    const int* frames,  // (N,)
    float* h,           // (directions, T + 1, N, H): before the first frame, and after each
    float* kept,        // (directions, T, N, KEPT, H), of a GRU
    int zeros,          // whether the state before frame k is 0, still to be written to h
    int k, int clipped, int N, int T, int H, int directions, int a_row, int a_direction)
{
    const Shape s = {N, T, H, directions, a_row, a_direction};
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= directions * N * H) return;
    const int j = i % H, n = i / H % N, direction = i / H / N;
    float* state = h + at_state(s, direction, k, n) * H + j;
    if (zeros) *state = 0;
    const float old = zeros ? 0.0f : *state;
    float now = old;  // an utterance that has ended keeps its state
    if (k < frames[n]) {
        const int frame = frame_of(k, direction, frames[n]);
        const float* x = a + ((size_t)n * T + frame) * a_row + direction * a_direction + j;
        const float* y = u + (size_t)(direction * N + n) * GATES * H + j;
        float of_a[GATES], of_u[GATES];
        for (int g = 0; g < GATES; ++g) of_a[g] = x[g * H], of_u[g] = zeros ? 0.0f : y[g * H];
        float* keep = kept + at_frame(s, direction, k, n) * KEPT * H + j;
        now = unit_forward(of_a, of_u, old, clipped, keep, H);
    }
    h[at_state(s, direction, k + 1, n) * H + j] = now;
}

extern "C" __global__ void backward_step(
    const float* dout,  // (N, T, H or 2H), in the order of time
    const float* h,
    const float* kept,
    const int* frames,
    float* da,     // (N, T, directions, GATES * H) or (directions, N, T, GATES * H)
    float* dg,     // (directions, T, N, GATES * H): the gradient of U h_{k-1}
    float* carry,  // (directions, N, H): dg U^T of frame k + 1; the direct path is added to it
    int k, int clipped, int N, int T, int H, int directions, int a_row, int a_direction,
    int out_row, int out_direction)
{
    const Shape s = {N, T, H, directions, a_row, a_direction, out_row, out_direction};
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= directions * N * H) return;
    const int j = i % H, n = i / H % N, direction = i / H / N;
    const int frame = frame_of(k, direction, frames[n]);
    float of_a[GATES] = {}, of_g[GATES] = {}, direct = 0;
    if (k < frames[n]) {
        const Loaded x = load_backward(s, dout, h, kept, direction, k, frame, n, j);
        const float d = x.dout + carry[i];  // dh_k: from above, and from frame k + 1
        direct = unit_backward(d, x.kept, x.now, x.old, clipped, of_a, of_g);
    }
    store_backward(s, da, dg, direction, k, frame, n, j, of_a, of_g);
    carry[i] = direct;
}

// The layer's output: the sum of both directions, or one beside the other; 0 on padding.
extern "C" __global__ void merge(
    const float* h,     // (directions, T + 1, N, H)
    const int* frames,  // (N,)
    float* out,         // (N, T, H or 2H)
    int concatenate, int N, int T, int H, int directions)
{
    const Shape s = {N, T, H, directions};
    const int wide = concatenate ? directions * H : H;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)N * T * wide) return;
    const int j = i % wide, t = i / wide % T, n = i / wide / T;
    float sum = 0;
    for (int direction = 0; direction < directions && t < frames[n]; ++direction)
        if (!concatenate || direction == j / H) {
            const int k = frame_of(t, direction, frames[n]);  // turning back is turning again
            sum += h[at_state(s, direction, k + 1, n) * H + j % H];
        }
    out[i] = sum;
}
