// Batch normalisation over all real frames: y = gamma (x - mean) / s + beta, s = sqrt(var + epsilon).
//
// The mean has to be known before the first number is normalised, so a pass over x ends where a sum
// over all of it is needed: at the end of a kernel, where all blocks have finished. Forward, these
// are the sums of x and of (x - mean)^2; backward, those of dy and of dy x_hat. The next kernel adds
// up what the blocks of the one before have left, a part each. Every sum has a fixed order, so that
// the same numbers give the same bits, as atomic additions would not.
//
// A thread adds up some hundred numbers in float; from there on sums are double.

const int THREADS = 256;
const int DEPTH = 64;  // numbers of a piece that a thread takes

// In (N, T, C), the numbers of a feature c in an utterance stand C apart, beside those of its
// neighbours: 32 threads side by side read 32 features at once, since memory delivers 128 bytes
// in a row. In (N, C, T, F), the numbers of a channel lie in a row themselves: all threads read
// one channel. Either way a thread belongs to a lane, one feature; those of a lane share its
// numbers.
struct Layout {
    int N, T, C, F, lanes;  // lanes: 32 for (N, T, C), 1 for (N, C, T, F)

    __device__ bool in_a_row() const { return lanes == 1; }
    __device__ int frame() const { return in_a_row() ? F : 1; }  // numbers of a feature in a frame
    __device__ int threads() const { return THREADS / lanes; }   // of a lane
    __device__ int tiles() const { return (C + lanes - 1) / lanes; }
    __device__ int feature() const { return blockIdx.x % tiles() * lanes + threadIdx.x % lanes; }
    __device__ int part() const { return blockIdx.x / tiles(); }
    __device__ bool is_first_of_lane() const { return threadIdx.x < lanes && feature() < C; }
};

// Visit the indices of this thread's numbers: those of its feature in its share of the block's part,
// which is every parts-th piece of the utterances. Loads that nothing decides about, four of them in
// a row, keep the memory busy: so the padding, at the end of a piece, has a loop of its own.
template <typename Real, typename Padding>
__device__ void for_each(
    Layout at, const int* lengths, int parts, Real visit_real, Padding visit_padding)
{
    const int c = at.feature(), numbers = at.T * at.frame(), step = at.in_a_row() ? 1 : at.C;
    const int piece = DEPTH * at.threads(), pieces = (numbers + piece - 1) / piece;
    if (c >= at.C) return;
    for (int k = at.part(); k < at.N * pieces; k += parts) {
        const int n = k / pieces, first = k % pieces * piece, stop = min(first + piece, numbers);
        const int real = min(stop, lengths[n] * at.frame());
        const size_t start = (size_t)n * numbers * at.C + (at.in_a_row() ? (size_t)c * numbers : c);
        int i = first + threadIdx.x / at.lanes;
#pragma unroll 4
        for (; i < real; i += at.threads()) visit_real(start + (size_t)i * step);
        for (; i < stop; i += at.threads()) visit_padding(start + (size_t)i * step);
    }
}

template <typename Real>
__device__ void for_each_real(Layout at, const int* lengths, int parts, Real visit)
{
    for_each(at, lengths, parts, visit, [](size_t) {});
}

// Add up the numbers of all threads of a lane; each of them gets the sum.
__device__ double add_over_lane(double x, int lanes)
{
    extern __shared__ double shared[];
    __syncthreads();  // the sum before may still be read
    shared[threadIdx.x] = x;
    for (int far = THREADS / 2; far >= lanes; far /= 2) {
        __syncthreads();
        if (threadIdx.x < far) shared[threadIdx.x] += shared[threadIdx.x + far];
    }
    __syncthreads();
    return shared[threadIdx.x % lanes];
}

// Add up the parts of a sum that the blocks of an earlier kernel have left, `stride` apart.
__device__ double add_parts(Layout at, const float* sums, int parts, int stride)
{
    double sum = 0;
    if (at.feature() < at.C)
        for (int p = threadIdx.x / at.lanes; p < parts; p += at.threads())
            sum += sums[(size_t)p * stride + at.feature()];
    return add_over_lane(sum, at.lanes);
}

// First pass: the sums of x, (parts, C).
extern "C" __global__ void __launch_bounds__(THREADS) batchnorm_sums(
    const float* __restrict__ x, const int* __restrict__ lengths, float* __restrict__ sums, int parts, int N, int T, int C, int F, int lanes)
{
    const Layout at = {N, T, C, F, lanes};
    float sum = 0;
    for_each_real(at, lengths, parts, [&](size_t i) { sum += x[i]; });
    const double total = add_over_lane(sum, lanes);
    if (at.is_first_of_lane()) sums[(size_t)at.part() * C + at.feature()] = total;
}

// Second pass: the mean, and the sums of (x - mean)^2, (parts, C). `weight` is that of each number in
// the mean, 1/n. (The difference of two large sums, that of x^2 and n mean^2, would lose the digits.)
extern "C" __global__ void __launch_bounds__(THREADS) batchnorm_squares(
    const float* __restrict__ x, const int* __restrict__ lengths, const float* __restrict__ sums, int parts_of_sums, double weight,
    float* __restrict__ mean, float* __restrict__ squares, int parts, int N, int T, int C, int F, int lanes)
{
    const Layout at = {N, T, C, F, lanes};
    const float centre = weight * add_parts(at, sums, parts_of_sums, C);
    float sum = 0;
    for_each_real(at, lengths, parts, [&](size_t i) {
        const float centred = x[i] - centre;
        sum += centred * centred;
    });
    const double total = add_over_lane(sum, lanes);
    if (!at.is_first_of_lane()) return;
    squares[(size_t)at.part() * C + at.feature()] = total;
    if (at.part() == 0) mean[at.feature()] = centre;
}

// Third pass: the output, 0 on padding, whatever x holds there; and once for each feature 1/s and the
// running statistics, of which `momentum` is kept.
extern "C" __global__ void __launch_bounds__(THREADS) batchnorm_normalise(
    const float* __restrict__ x, const int* __restrict__ lengths, const float* __restrict__ mean, const float* __restrict__ squares, int parts_of_squares,
    double weight, float epsilon, const float* __restrict__ gamma, const float* __restrict__ beta, float momentum,
    float* __restrict__ running_mean, float* __restrict__ running_var, float* __restrict__ inverse_std, float* __restrict__ out, int parts, int N, int T,
    int C, int F, int lanes)
{
    const Layout at = {N, T, C, F, lanes};
    const float var = weight * add_parts(at, squares, parts_of_squares, C);
    const int c = at.feature();
    if (c >= C) return;
    const float centre = mean[c], inverse = 1 / sqrtf(var + epsilon);
    const float scale = gamma[c] * inverse, shift = beta[c];
    for_each(
        at, lengths, parts,
        [&](size_t i) { out[i] = (x[i] - centre) * scale + shift; },  // y = gamma x_hat + beta
        [&](size_t i) { out[i] = 0; });
    if (!at.is_first_of_lane() || at.part() > 0) return;
    inverse_std[c] = inverse;
    if (momentum == 1) return;  // evaluation, whose mean and variance are the running ones
    running_mean[c] = momentum * running_mean[c] + (1 - momentum) * centre;
    running_var[c] = momentum * running_var[c] + (1 - momentum) * var;
}

// Backward, first pass: the sums of dy and of dy x_hat, (parts, 2, C). x_hat = (x - mean) / s is
// computed again: cheaper than to write and read it.
extern "C" __global__ void __launch_bounds__(THREADS) batchnorm_gradient_sums(
    const float* __restrict__ dout, const float* __restrict__ x, const int* __restrict__ lengths, const float* __restrict__ mean, const float* __restrict__ inverse_std,
    float* __restrict__ sums, int parts, int N, int T, int C, int F, int lanes)
{
    const Layout at = {N, T, C, F, lanes};
    const int c = at.feature();
    const float centre = c < C ? mean[c] : 0;
    float by_one = 0, by_centred = 0;
    for_each_real(at, lengths, parts, [&](size_t i) {
        by_one += dout[i];
        by_centred += dout[i] * (x[i] - centre);
    });
    const double dbeta = add_over_lane(by_one, lanes), dgamma = add_over_lane(by_centred, lanes);
    if (!at.is_first_of_lane()) return;
    float* own = sums + (size_t)at.part() * 2 * C;
    own[c] = dbeta;
    own[C + c] = dgamma * inverse_std[c];
}

// Backward, second pass: dx = gamma/s (dy - dbeta/n - x_hat dgamma/n). The sums over all processes
// (SyncBN) enter dx; those of this one are added to its gradients. Elsewhere both are the same.
extern "C" __global__ void __launch_bounds__(THREADS) batchnorm_gradient(
    const float* __restrict__ dout, const float* __restrict__ x, const int* __restrict__ lengths, const float* __restrict__ mean, const float* __restrict__ inverse_std,
    const float* __restrict__ gamma, const float* __restrict__ own_sums, int parts_of_own, const float* __restrict__ all_sums,
    int parts_of_all, double weight, float* __restrict__ dx, float* __restrict__ dgamma, float* __restrict__ dbeta, int parts, int N, int T,
    int C, int F, int lanes)
{
    const Layout at = {N, T, C, F, lanes};
    const int c = at.feature();
    const float by_one = weight * add_parts(at, all_sums, parts_of_all, 2 * C);         // dbeta / n
    const float by_normal = weight * add_parts(at, all_sums + C, parts_of_all, 2 * C);  // dgamma / n
    if (at.part() == 0) {
        const double own_one = add_parts(at, own_sums, parts_of_own, 2 * C);
        const double own_normal = add_parts(at, own_sums + C, parts_of_own, 2 * C);
        if (at.is_first_of_lane()) {
            dbeta[c] += own_one;
            dgamma[c] += own_normal;
        }
    }
    if (c >= C) return;
    const float centre = mean[c], inverse = inverse_std[c], scale = gamma[c] * inverse;
    for_each(
        at, lengths, parts,
        [&](size_t i) { dx[i] = scale * (dout[i] - by_one - (x[i] - centre) * inverse * by_normal); },
        [&](size_t i) { dx[i] = 0; });
}
