// What one unit computes in one frame; ds2np/layers/gru.py and rnn.py have it in NumPy. GATES is the
// number of gates: 3 for a GRU, 1 for a simple RNN.
//
// Frames are counted in the order of the recurrence, k = 0, 1, ...: the second direction begins with
// the last real frame of each utterance. What only the recurrence reads is stored in that order; the
// input term a and both gradients at the border of the layer keep the order of time.

// What a GRU keeps of a frame for the backward pass: z, r, c and U_h h_{k-1}.
#define KEPT 4

struct Shape {
    int N, T, H, directions;
    int a_row, a_direction;      // numbers from a frame, or a direction, of a or da to the next
    int out_row, out_direction;  // the same of the layer's output and its gradient
};

// The frame in time that is the k-th of the recurrence. Padding stays where it is.
__device__ __forceinline__ int frame_of(int k, int direction, int frames)
{
    return direction && k < frames ? frames - 1 - k : k;
}

__device__ __forceinline__ size_t at_frame(const Shape& s, int direction, int k, int n)
{
    return ((size_t)direction * s.T + k) * s.N + n;  // a row of (directions, T, N, ...)
}

__device__ __forceinline__ size_t at_state(const Shape& s, int direction, int k, int n)
{
    return ((size_t)direction * (s.T + 1) + k) * s.N + n;  // of (directions, T + 1, N, H)
}

__device__ __forceinline__ float sigmoid(float x)
{
    return 0.5f + 0.5f * tanhf(0.5f * x);  // cannot overflow
}

__device__ __forceinline__ float activate(float x, int clipped)
{
    return clipped ? fminf(fmaxf(x, 0.0f), 20.0f) : tanhf(x);
}

__device__ __forceinline__ float slope(float y, int clipped)
{
    return clipped ? (float)(y > 0.0f && y < 20.0f) : 1.0f - y * y;
}

// The new state of a unit from its input terms a, its recurrent terms u = U h_{k-1} and its old
// state. `kept` is its place in the array for the backward pass.
__device__ __forceinline__ float unit_forward(
    const float (&a)[GATES], const float (&u)[GATES], float old, int clipped, float* kept, int H)
{
#if GATES == 3
    const float z = sigmoid(a[0] + u[0]), r = sigmoid(a[1] + u[1]);
    const float c = activate(a[2] + r * u[2], clipped);  // f(a^c + r * (U_h h_{k-1}))
    kept[0] = z, kept[H] = r, kept[2 * H] = c, kept[3 * H] = u[2];
    return old + z * (c - old);  // (1 - z) * h_{k-1} + z * c
#else
    return activate(a[0] + u[0], clipped);  // f(a + U h_{k-1})
#endif
}

// The gradients da of the input terms and dg of U h_{k-1}, from the gradient d of the state. Returns
// what of d reaches the old state directly; the rest comes through U.
__device__ __forceinline__ float unit_backward(
    float d, const float (&kept)[KEPT], float now, float old, int clipped, float (&da)[GATES],
    float (&dg)[GATES])
{
#if GATES == 3
    const float z = kept[0], r = kept[1], c = kept[2];
    da[0] = dg[0] = d * (c - old) * z * (1.0f - z);
    da[2] = d * z * slope(c, clipped);
    dg[2] = da[2] * r;
    da[1] = dg[1] = da[2] * kept[3] * r * (1.0f - r);
    return d * (1.0f - z);
#else
    da[0] = dg[0] = d * slope(now, clipped);
    return 0.0f;
#endif
}

// What the backward pass of a unit reads: loaded before it is needed, since memory is slow.
struct Loaded {
    float dout, now, old, kept[KEPT];
};

__device__ __forceinline__ Loaded load_backward(
    const Shape& s, const float* dout, const float* h, const float* kept, int direction, int k,
    int frame, int n, int j)
{
    Loaded x;
    x.dout = dout[((size_t)n * s.T + frame) * s.out_row + direction * s.out_direction + j];
    x.old = h[at_state(s, direction, k, n) * s.H + j];
    x.now = h[at_state(s, direction, k + 1, n) * s.H + j];
#if GATES == 3
    for (int i = 0; i < KEPT; ++i)
        x.kept[i] = kept[(at_frame(s, direction, k, n) * KEPT + i) * s.H + j];
#endif
    return x;
}

__device__ __forceinline__ void store_backward(
    const Shape& s, float* da, float* dg, int direction, int k, int frame, int n, int j,
    const float (&of_a)[GATES], const float (&of_g)[GATES])
{
    float* a = da + ((size_t)n * s.T + frame) * s.a_row + direction * s.a_direction + j;
    float* g = dg + at_frame(s, direction, k, n) * GATES * s.H + j;
    for (int i = 0; i < GATES; ++i) a[i * s.H] = of_a[i], g[i * s.H] = of_g[i];
}
