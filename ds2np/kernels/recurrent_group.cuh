// Blocks of a persistent recurrence that wait for each other. All of a launch have to be on the GPU at
// once: a cooperative launch. What they hand on travels through the L2 cache.
//
// Each block has 32 of the HIDDEN units. Utterances do not wait for each other, so they are cut into
// groups, and a block waits only for the blocks of its own group and direction.

#define BLOCKS ((HIDDEN + 31) / 32)  // of a group

#ifdef __CUDA_ARCH__
__device__ __forceinline__ unsigned load_acquire(const unsigned* p)
{
    unsigned value;
    asm volatile("ld.acquire.gpu.global.u32 %0, [%1];" : "=r"(value) : "l"(p) : "memory");
    return value;
}
__device__ __forceinline__ unsigned add_release(unsigned* p)
{
    unsigned before;
    asm volatile("atom.add.acq_rel.gpu.global.u32 %0, [%1], 1;" : "=r"(before) : "l"(p) : "memory");
    return before;
}
#define PAUSE()
#else  // on the host, a thread that waits lets the others run
__device__ __forceinline__ unsigned load_acquire(const unsigned* p)
{
    return *(const volatile unsigned*)p;
}
__device__ __forceinline__ unsigned add_release(unsigned* p) { return atomicAdd(p, 1u); }
#define PAUSE() __nanosleep(0)
#endif

// The blocks that wait for each other: those of a direction and a group of utterances.
struct Group {
    int direction, first, end;  // its utterances
    int unit;                   // the first unit of this block
    int last;                   // the number of frames of its longest utterance
    unsigned* arrived;          // how often its blocks have arrived; then, how many have left

    __device__ Group(const Shape& s, const int* frames, unsigned* counters, int utterances)
    {
        const int groups = (s.N + utterances - 1) / utterances, g = blockIdx.x / BLOCKS;
        direction = g / groups;
        first = g % groups * utterances;
        end = min(first + utterances, s.N);
        unit = blockIdx.x % BLOCKS * 32;
        last = 0;
        for (int n = first; n < end; ++n) last = max(last, frames[n]);
        arrived = counters + 2 * g;
    }

    // What all threads of this block have written can be read by a block that has waited.
    __device__ void arrive() const
    {
        __syncthreads();
        if (threadIdx.x == 0) add_release(arrived);
    }

    // Wait until all blocks have arrived for the given time.
    __device__ void wait(int time) const
    {
        if (threadIdx.x == 0)
            while (load_acquire(arrived) < (unsigned)(BLOCKS * time)) PAUSE();
        __syncthreads();
    }

    // The last block to leave sets the counters to 0, for the next launch.
    __device__ void leave() const
    {
        if (threadIdx.x == 0 && add_release(arrived + 1) == BLOCKS - 1) arrived[0] = arrived[1] = 0;
    }
};
