// Products on tensor cores that keep about 16 bits. bf16 is the upper half of a float32: the same
// range, 8 bits. So a number is split into two, high + low, and of the four products of two such pairs
// the three larger ones are summed in float32:
//   w x = w_high x_high + w_high x_low + w_low x_high + (w_low x_low, below 2^-16 w x)

#ifdef __CUDA_ARCH__
// Two numbers, rounded to bf16, in one register: the first in its lower half.
__device__ __forceinline__ unsigned pack(float first, float second)
{
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(second), "f"(first));
    return pair;
}

// c += a b: (16, 8) += (16, 16) (16, 8), spread over the lanes of a warp. With g = lane / 4 and
// t = lane % 4, a lane holds in register
//   c[0], c[1]  (row g, columns 2t and 2t + 1)       c[2], c[3]  the same of row g + 8
//   a[0], a[1]  (row g or g + 8, k = 2t and 2t + 1)  a[2], a[3]  the same of k + 8
//   b0, b1      (k = 2t and 2t + 1, or k + 8; column g)
__device__ __forceinline__ void mma(
    float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
#else  // on the host, the same in plain C++
__device__ __forceinline__ unsigned round_to_bf16(float x)
{
    const unsigned bits = __float_as_int(x);
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;  // to the nearest, ties to even
}

__device__ __forceinline__ unsigned pack(float first, float second)
{
    return round_to_bf16(first) | round_to_bf16(second) << 16;
}
#endif

__device__ __forceinline__ float first_of(unsigned pair) { return __int_as_float(pair << 16); }
__device__ __forceinline__ float second_of(unsigned pair)
{
    return __int_as_float(pair & 0xffff0000u);
}

// Two numbers as two pairs: high + low.
__device__ __forceinline__ void split(float first, float second, unsigned& high, unsigned& low)
{
    high = pack(first, second);
    low = pack(first - first_of(high), second - second_of(high));
}

#ifndef __CUDA_ARCH__
struct Fragment {
    unsigned a[4], b[2];
};

// All lanes lay their registers side by side in an array of the first lane, and read them there.
__device__ __forceinline__ void mma(
    float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    Fragment mine[32];
    Fragment* of_lane = (Fragment*)__shfl_sync(0xffffffffu, (size_t)mine, 0);
    const int lane = threadIdx.x % 32;
    of_lane[lane] = {{a[0], a[1], a[2], a[3]}, {b0, b1}};
    __syncwarp();
    for (int i = 0; i < 4; ++i) {
        const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k += 2) {
            const int t = k % 8 / 2;
            const unsigned of_a = of_lane[row % 8 * 4 + t].a[row / 8 + k / 8 * 2];
            const unsigned of_b = of_lane[column * 4 + t].b[k / 8];
            c[i] += first_of(of_a) * first_of(of_b) + second_of(of_a) * second_of(of_b);
        }
    }
    __syncwarp();
}
#endif
