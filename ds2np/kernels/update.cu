// One step of SGD with Nesterov momentum and clipping, and the moving average (EMA) of the weights,
// for all parameters at once: they lie in one flat array, as do gradients, velocity and mean.
//
// How far to go depends on the norm of the whole gradient, so a kernel ends where its square is known,
// in parts. The norm stays on the GPU, and nobody waits for it before the weights have moved.

const int THREADS = 256;

// Add up the numbers of all threads in a fixed order; each of them gets the sum.
__device__ double add_over_block(double x)
{
    extern __shared__ double shared[];
    shared[threadIdx.x] = x;
    for (int far = THREADS / 2; far > 0; far /= 2) {
        __syncthreads();
        if (threadIdx.x < far) shared[threadIdx.x] += shared[threadIdx.x + far];
    }
    __syncthreads();
    return shared[0];
}

// The sums of squares, (blocks), in double: a float ends at 3.4e38, the square of a norm of 1.8e19.
extern "C" __global__ void __launch_bounds__(THREADS)
    squared_norm(const float* __restrict__ grad, double* __restrict__ squares, int size)
{
    double sum = 0;
#pragma unroll 4
    for (int i = blockIdx.x * THREADS + threadIdx.x; i < size; i += gridDim.x * THREADS)
        sum += (double)grad[i] * grad[i];
    const double total = add_over_block(sum);
    if (threadIdx.x == 0) squares[blockIdx.x] = total;
}

// Every block adds up the same parts in the same order, so all find the same norm. If it is not
// finite, nothing moves. `keep` is the decay of the mean; without a mean it is negative.
extern "C" __global__ void __launch_bounds__(THREADS) move_weights(
    const float* __restrict__ grad, const double* __restrict__ squares, int parts, double rate,
    double max_norm, float momentum, float keep, double* __restrict__ norm,
    float* __restrict__ velocity, float* __restrict__ weights, float* __restrict__ mean, int size)
{
    double sum = 0;
    for (int p = threadIdx.x; p < parts; p += THREADS) sum += squares[p];
    const double length = sqrt(add_over_block(sum));
    if (blockIdx.x == 0 && threadIdx.x == 0) *norm = length;
    if (!(length - length == 0)) return;  // nan or infinity
    const float step = rate * min(1.0, max_norm / max(length, 1e-12));
#pragma unroll 4
    for (int i = blockIdx.x * THREADS + threadIdx.x; i < size; i += gridDim.x * THREADS) {
        const float push = step * grad[i];
        const float v = momentum * velocity[i] - push;         // v <- m v - r g
        const float w = weights[i] + (momentum * v - push);    // w <- w + m v - r g
        velocity[i] = v;
        weights[i] = w;
        if (keep >= 0) mean[i] = w + keep * (mean[i] - w);
    }
}
