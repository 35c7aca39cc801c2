// Splits float32 numbers into two bfloat16 numbers each, for products on tensor cores.
//
// A bfloat16 is the upper half of a float32: the sign, all 8 bits of the exponent, and 7 of the 23
// bits behind the point. x = high + low + rest: high is x, rounded, low is what is missing, rounded
// again, and the rest is at most 2^-17 |x|. So
//
//   x y = high_x high_y + high_x low_y + low_x high_y + a rest of about 1e-5 |x y|.
//
// One thread for each four numbers, far enough apart that neighbours read neighbours.

typedef unsigned short ushort;  // the bits of a bfloat16

const int THREADS = 256;
const int PIECE = 4 * THREADS;
const float SMALLEST = 1.17549435e-38f;  // of the normal numbers

// The nearest bfloat16; of two as near, the one that ends in a 0. Above 3.39e38 it is infinite.
__device__ unsigned nearest(float x)
{
    const unsigned bits = __float_as_int(x);
    if (x != x) return bits >> 16 | 0x40;  // rounded up, the bits of a nan could become those of 0
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

__device__ float widened(unsigned high) { return __int_as_float(high << 16); }

// CuPy compiles kernels so that numbers below the normal ones are 0. So they are on the host.
__device__ float flushed(float x) { return fabsf(x) < SMALLEST ? 0.0f : x; }

extern "C" __global__ void __launch_bounds__(THREADS) split(
    const float* __restrict__ x, ushort* __restrict__ high, ushort* __restrict__ low, int size)
{
    const int first = blockIdx.x * PIECE + threadIdx.x;
    float four[4];  // loads in a row keep the memory busy
#pragma unroll
    for (int k = 0; k < 4; ++k) four[k] = first + k * THREADS < size ? x[first + k * THREADS] : 0.0f;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
        const int i = first + k * THREADS;
        if (i >= size) return;
        const float number = flushed(four[k]);
        unsigned upper = nearest(number);
        // Infinity stands in the lower part alone. In the upper part it would leave inf - inf to the
        // lower one, and meet both parts of another number: inf * high + inf * low, which is nan if
        // they differ in sign, or if low is 0.
        if ((upper & 0x7f80) == 0x7f80) upper = 0;
        high[i] = upper;
        low[i] = nearest(flushed(number - widened(upper)));
    }
}
