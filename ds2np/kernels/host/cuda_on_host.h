// Runs CUDA kernels on the host: each CUDA thread is a fiber that runs to its next barrier. Finds
// wrong arithmetic, indices out of bounds (with -fsanitize=address, or =bounds where the compiler
// knows the size), barriers that only some threads reach, and results that depend on the order in
// which threads run between two barriers: see `order`.
//
// One block runs after another, or all at once in a cooperative launch, whose blocks may wait for
// each other.
#pragma once
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

struct Position {
    int x;
};

static Position threadIdx, blockIdx, blockDim, gridDim;

struct alignas(8) float2 {
    float x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

namespace host {

enum State { READY, AT_BARRIER, IN_WARP, ENDED };
enum Order { FORWARD, BACKWARD, RANDOM };

const size_t STACK = 1 << 16;
const size_t FRESH = 1 << 12;  // bytes of the stack that are filled before a thread begins
const size_t PRINTED = 4000;  // letters that are kept of what a launch prints
const long PATIENCE = 1 << 22;  // turns in which threads only look whether they may go on

struct Fiber {
    ucontext_t context;  // where it begins
    jmp_buf place;       // where it goes on
    bool begun;
    std::unique_ptr<char[]> stack{new char[STACK]};
    State state;
    bool spins;  // waits for another block, not at a barrier
};

static std::vector<Fiber> fibers;
static jmp_buf scheduler;
static std::function<void()> kernel;
static int current;
static std::vector<uint64_t> exchanged;
static char* shared_memory;
static Order order = FORWARD;
static std::mt19937 shuffler;
static int fill;           // each byte of what nobody has written
static std::string fault;  // of the thread that runs
static std::string printed;

static void wait_as(State state)
{
    Fiber& fiber = fibers[current];
    fiber.state = state;
    if (!_setjmp(fiber.place)) _longjmp(scheduler, 1);
}

// Run a fiber until it waits. Unlike swapcontext, jumps make no system call.
static void resume(Fiber& fiber)
{
    if (_setjmp(scheduler)) return;
    if (fiber.begun) _longjmp(fiber.place, 1);
    fiber.begun = true;
    setcontext(&fiber.context);
}

static void begin()
{
    kernel();
    wait_as(ENDED);
}

static void prepare(Fiber& fiber)
{
    std::memset(fiber.stack.get() + STACK - FRESH, fill, FRESH);
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = STACK;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, begin, 0);
    fiber.state = READY;
    fiber.begun = fiber.spins = false;
}

// Whether all fibers of a range wait in the same way or have ended; then those that wait go on.
// Threads that have ended do not count at a warp's exchange, as on a GPU; at a block's barrier all
// threads have to arrive.
static bool release(int first, int last, State state, bool without_ended)
{
    int waiting = 0, ended = 0;
    for (int i = first; i < last; ++i) {
        waiting += fibers[i].state == state;
        ended += fibers[i].state == ENDED;
    }
    if (!waiting || waiting + (without_ended ? ended : 0) < last - first) return false;
    for (int i = first; i < last; ++i)
        if (fibers[i].state == state) fibers[i].state = READY;
    return true;
}

// Let the threads of some blocks run to their next barrier, in their order, and release barriers.
// Returns whether any thread has done more than look whether it may go on.
static bool advance(const std::vector<int>& turn, int threads, int first_block,
                    const std::vector<char*>& memory)
{
    bool moved = false;
    for (int i : turn) {
        // In random order, a thread may also be left behind by all others.
        if (fibers[i].state != READY || (order == RANDOM && shuffler() % 2)) continue;
        current = i;
        threadIdx.x = i % threads;
        blockIdx.x = first_block + i / threads;
        shared_memory = memory[i / threads];
        fibers[i].spins = false;
        resume(fibers[i]);
        if (!fault.empty()) throw std::runtime_error("a thread cannot go on");
        moved |= !fibers[i].spins;
    }
    const auto ends = std::minmax_element(turn.begin(), turn.end());
    for (int block = *ends.first / threads * threads; block <= *ends.second; block += threads) {
        for (int warp = block; warp < block + threads; warp += 32)
            moved |= release(warp, warp + 32, IN_WARP, true);
        moved |= release(block, block + threads, AT_BARRIER, false);
    }
    return moved;
}

// Run blocks [first_block, first_block + blocks) with the given number of threads, to their end.
static void run_blocks(int first_block, int blocks, int threads, const std::vector<char*>& memory)
{
    const int count = blocks * threads;
    if ((int)fibers.size() < count) fibers.resize(count), exchanged.resize(count);
    // In order, one block after the other goes as far as it can; at random, all go together.
    std::vector<std::vector<int>> turns(order == RANDOM ? 1 : blocks);
    for (int i = 0; i < count; ++i) {
        prepare(fibers[i]);
        const int next = order == BACKWARD ? count - 1 - i : i;
        turns[order == RANDOM ? 0 : i / threads].push_back(next);
    }
    const auto in = [&](State state) {
        return std::count_if(fibers.begin(), fibers.begin() + count,
                             [&](const Fiber& f) { return f.state == state; });
    };
    for (long idle = 0; idle < PATIENCE;) {
        bool moved = false;
        for (std::vector<int>& turn : turns) {
            if (order == RANDOM) std::shuffle(turn.begin(), turn.end(), shuffler);
            while (advance(turn, threads, first_block, memory)) moved = true;
        }
        if (in(ENDED) == count) return;
        if (!moved && !in(READY)) throw std::runtime_error("some threads wait at a barrier");
        idle = moved ? 0 : idle + count;
    }
    throw std::runtime_error("blocks wait for each other");
}

// Shared memory of a fixed size has a section of its own, whose borders the linker provides.
#ifdef __ELF__
#define __shared__ static __attribute__((section("cuda_shared")))
extern "C" __attribute__((weak, visibility("hidden"))) char __start_cuda_shared[], __stop_cuda_shared[];
static void fill_static()
{
    if (__start_cuda_shared)
        std::memset(__start_cuda_shared, fill, __stop_cuda_shared - __start_cuda_shared);
}
#else
#define __shared__ static
static void fill_static() {}
#endif

// Returns 0, or 1 if the kernel hangs or has a fault.
static int launch(int blocks, int threads, size_t bytes, int cooperative, int in_order, int byte,
                  std::function<void()> body)
{
    fill = byte;
    fault.clear();
    printed.clear();
    kernel = body;
    blockDim.x = threads;
    gridDim.x = blocks;
    order = (Order)in_order;
    const int together = cooperative ? blocks : 1;
    try {
        for (int first = 0; first < blocks; first += together) {
            // Exactly the requested size, so that the address sanitizer finds accesses beyond it.
            std::vector<std::unique_ptr<char[]>> owned;
            std::vector<char*> memory;
            for (int i = 0; i < together; ++i) {
                owned.emplace_back(new char[bytes]);
                memory.push_back(owned.back().get());
                std::memset(memory.back(), fill, bytes);
            }
            fill_static();
            run_blocks(first, together, threads, memory);
        }
    } catch (const std::runtime_error&) {
        return 1;
    }
    return 0;
}

template <typename... Values>
static int print(const char* format, Values... values)
{
    char text[400];
    const int length = std::snprintf(text, sizeof(text), format, values...);
    if (printed.size() < PRINTED) printed += text;
    return length;
}

template <typename T>
static T exchange(T value, int from)  // from is a lane of the same warp
{
    static_assert(sizeof(T) <= 8, "a warp exchanges numbers");
    const int mine = current;
    std::memcpy(&exchanged[mine], &value, sizeof(T));
    wait_as(IN_WARP);
    T other;
    std::memcpy(&other, &exchanged[mine / 32 * 32 + from % 32], sizeof(T));
    wait_as(IN_WARP);
    return other;
}

}  // namespace host

// What the compiler calls for an index beyond an array whose size it knows (-fsanitize=bounds).
struct OutOfBounds {
    const char* file;
    uint32_t line, column;
    const struct {
        uint16_t kind, info;
        char name[1];
    }* array;
};

extern "C" __attribute__((used, visibility("hidden"))) void __ubsan_handle_out_of_bounds(
    const OutOfBounds* where, uintptr_t index)
{
    host::fault = "line " + std::to_string(where->line) + ": index " + std::to_string((int)index) +
                  " of " + where->array->name;
    host::wait_as(host::READY);
}

const int warpSize = 32;

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__

static void __syncthreads() { host::wait_as(host::AT_BARRIER); }
static void __syncwarp() { host::wait_as(host::IN_WARP); }
static void __threadfence() {}

// A thread that waits for another block lets all others run first.
static void __nanosleep(unsigned)
{
    host::fibers[host::current].spins = true;
    host::wait_as(host::READY);
}

template <typename T>
static T __shfl_xor_sync(unsigned, T value, int far)
{
    return host::exchange(value, threadIdx.x % 32 ^ far);
}

// Beyond the warp's ends a lane gets its own value.
template <typename T>
static T __shfl_down_sync(unsigned, T value, int far)
{
    const int lane = threadIdx.x % 32;
    return host::exchange(value, lane + far < 32 ? lane + far : lane);
}

template <typename T>
static T __shfl_up_sync(unsigned, T value, int far)
{
    const int lane = threadIdx.x % 32;
    return host::exchange(value, lane >= far ? lane - far : lane);
}

template <typename T>
static T __shfl_sync(unsigned, T value, int from)
{
    return host::exchange(value, from);
}

template <typename T>
static T __ldcg(const T* address)
{
    return *address;
}

template <typename T>
static T atomicAdd(T* address, T value)
{
    const T before = *address;
    *address += value;
    return before;
}

static float __int_as_float(uint32_t bits)
{
    float value;
    std::memcpy(&value, &bits, 4);
    return value;
}

static uint32_t __float_as_int(float value)
{
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return bits;
}

#define printf host::print
#define __expf std::exp  // a GPU's quick versions are less exact
#define __logf std::log
static float rsqrtf(float x) { return 1 / std::sqrt(x); }

// As on a GPU, of two types as well, and a number rather than nan.
template <typename A, typename B>
static std::common_type_t<A, B> max(A a, B b)
{
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>) return std::fmax(a, b);
    return a < b ? b : a;
}

template <typename A, typename B>
static std::common_type_t<A, B> min(A a, B b)
{
    if constexpr (std::is_floating_point_v<std::common_type_t<A, B>>) return std::fmin(a, b);
    return b < a ? b : a;
}
