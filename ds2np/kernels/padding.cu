// Padding, set to exactly 0, and the clipped ReLU of padded arrays.
//
// In (N, T, H), an utterance holds its frames one after the other, the padded ones last; in
// (N, C, T, F), each of its channels does. So both are runs of T * frame numbers, of which the first
// lengths[n] * frame are real: one comparison for a number, divisions only for a block.
//
// A block takes a piece of a run.

const int THREADS = 256;
const int PIECE = 16 * THREADS;

// Visit the indices of this thread's numbers. `runs` are those of an utterance, `run` is the length
// of one. Loads that nothing decides about, four of them in a row, keep the memory busy: so the
// padding has a loop of its own.
template <typename Real, typename Padding>
__device__ void for_each(
    const int* lengths, int runs, int run, int frame, Real visit_real, Padding visit_padding)
{
    const int pieces = (run + PIECE - 1) / PIECE;
    const int k = blockIdx.x / pieces, first = blockIdx.x % pieces * PIECE;
    const int stop = min(first + PIECE, run), real = min(stop, lengths[k / runs] * frame);
    const size_t start = (size_t)k * run;
    int i = first + threadIdx.x;
#pragma unroll 4
    for (; i < real; i += THREADS) visit_real(start + i);
    for (; i < stop; i += THREADS) visit_padding(start + i);
}

// In place: only the padding is touched.
extern "C" __global__ void __launch_bounds__(THREADS)
    zero_padding(const int* lengths, float* x, int runs, int run, int frame)
{
    for_each(lengths, runs, run, frame, [](size_t) {}, [&](size_t i) { x[i] = 0; });
}

// A copy; what x holds in its padding is not read.
extern "C" __global__ void __launch_bounds__(THREADS) copy_without_padding(
    const float* __restrict__ x, const int* lengths, float* __restrict__ out, int runs, int run,
    int frame)
{
    for_each(
        lengths, runs, run, frame, [&](size_t i) { out[i] = x[i]; }, [&](size_t i) { out[i] = 0; });
}

// f(x) = min(max(x, 0), ceiling); comparisons, unlike fmin and fmax, let nan pass.
extern "C" __global__ void __launch_bounds__(THREADS) clipped_relu(
    const float* __restrict__ x, const int* lengths, float* __restrict__ out, float ceiling, int runs,
    int run, int frame)
{
    for_each(
        lengths, runs, run, frame,
        [&](size_t i) { out[i] = x[i] < 0 ? 0 : x[i] > ceiling ? ceiling : x[i]; },
        [&](size_t i) { out[i] = 0; });
}

// f'(x) is 1 where 0 < f(x) < ceiling, so that the output is all that has to be kept of the input.
extern "C" __global__ void __launch_bounds__(THREADS) clipped_relu_gradient(
    const float* __restrict__ dout, const float* __restrict__ out, const int* lengths,
    float* __restrict__ dx, float ceiling, int runs, int run, int frame)
{
    for_each(
        lengths, runs, run, frame,
        [&](size_t i) { dx[i] = 0 < out[i] && out[i] < ceiling ? dout[i] : 0; },
        [&](size_t i) { dx[i] = 0; });
}
