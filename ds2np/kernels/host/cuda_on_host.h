// Runs CUDA kernels on the host, one block after another: each CUDA thread is a fiber that runs to
// the next barrier. Finds wrong arithmetic, indices out of bounds (with -fsanitize=address) and
// barriers that only some threads reach, but no races between two barriers.
#pragma once
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

struct Position {
    int x;
};

static Position threadIdx, blockIdx, blockDim;

namespace host {

enum State { READY, AT_BARRIER, IN_WARP, ENDED };

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack{new char[1 << 16]};
    State state;
};

static std::vector<Fiber> fibers;
static ucontext_t scheduler;
static std::function<void()> kernel;
static int current;
static uint32_t exchanged[1024];
static float* shared_memory;

static void wait_as(State state)
{
    Fiber& fiber = fibers[current];
    fiber.state = state;
    swapcontext(&fiber.context, &scheduler);
}

static void begin()
{
    kernel();
    wait_as(ENDED);
}

static void run_block(int threads)
{
    fibers.resize(threads);
    for (Fiber& fiber : fibers) {
        getcontext(&fiber.context);
        fiber.context.uc_stack.ss_sp = fiber.stack.get();
        fiber.context.uc_stack.ss_size = 1 << 16;
        fiber.context.uc_link = nullptr;
        makecontext(&fiber.context, begin, 0);
        fiber.state = READY;
    }
    for (;;) {
        bool moved = false;
        for (current = 0; current < threads; ++current)
            if (fibers[current].state == READY) {
                threadIdx.x = current;
                swapcontext(&scheduler, &fibers[current].context);
                moved = true;
            }
        for (int first = 0; first < threads; first += 32) {  // a warp resumes when all 32 wait
            bool whole = true;
            for (int i = first; i < first + 32; ++i) whole &= fibers[i].state == IN_WARP;
            for (int i = first; whole && i < first + 32; ++i) fibers[i].state = READY;
            moved |= whole;
        }
        int waiting = 0, ended = 0;
        for (const Fiber& fiber : fibers) {
            waiting += fiber.state == AT_BARRIER;
            ended += fiber.state == ENDED;
        }
        if (ended == threads) return;
        if (waiting == threads) {
            for (Fiber& fiber : fibers) fiber.state = READY;
        } else if (!moved) {
            throw std::runtime_error("a barrier is reached by a part of the threads only");
        }
    }
}

// Returns 0, or 1 if the kernel hangs.
static int launch(int blocks, int threads, size_t shared_bytes, std::function<void()> body)
{
    kernel = body;
    blockDim.x = threads;
    try {
        for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x) {
            // Exactly the requested size, so that the address sanitizer finds accesses beyond it.
            std::unique_ptr<float[]> memory(new float[shared_bytes / sizeof(float)]);
            for (size_t i = 0; i < shared_bytes / sizeof(float); ++i) memory[i] = NAN;
            shared_memory = memory.get();
            run_block(threads);
        }
    } catch (const std::runtime_error&) {
        return 1;
    }
    return 0;
}

}  // namespace host

#define __global__
#define __device__
#define __forceinline__ inline

static void __syncthreads() { host::wait_as(host::AT_BARRIER); }

static float __shfl_xor_sync(unsigned, float value, int far)
{
    std::memcpy(&host::exchanged[threadIdx.x], &value, 4);
    host::wait_as(host::IN_WARP);
    float other;
    std::memcpy(&other, &host::exchanged[threadIdx.x ^ far], 4);
    host::wait_as(host::IN_WARP);
    return other;
}

static float __int_as_float(uint32_t bits)
{
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}
