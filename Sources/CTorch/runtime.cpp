// The library itself: seeds, generators, threads, devices.
#include "bridge.hpp"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/headeronly/version.h>

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace bridge;

namespace {

at::Generator generator(ctorch_device device) {
    return at::globalContext().defaultGenerator(bridge::device(device));
}

}  // namespace

int ctorch_version(ctorch_message *message) {
    fail(TORCH_VERSION, message);
    return CTORCH_OK;
}

int ctorch_cpu_capability(ctorch_message *message) {
    std::string name;
    int status = guarded(message, [&] { name = at::get_cpu_capability(); });
    if (status == CTORCH_OK) fail(name.c_str(), message);
    return status;
}

int ctorch_manual_seed(uint64_t seed, ctorch_message *message) {
    return guarded(message, [&] { at::manual_seed(seed); });
}

int ctorch_generator_state(ctorch_device device, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        at::Generator chosen = generator(device);
        std::lock_guard<std::mutex> lock(chosen.mutex());
        return chosen.get_state();
    });
}

int ctorch_set_generator_state(ctorch_device device, ctorch_tensor state, ctorch_message *message) {
    return guarded(message, [&] {
        at::Generator chosen = generator(device);
        std::lock_guard<std::mutex> lock(chosen.mutex());
        chosen.set_state(*Borrowed(state));
    });
}

int ctorch_thread_count(int32_t *count) {
    *count = at::get_num_threads();
    return CTORCH_OK;
}

int ctorch_set_thread_count(int32_t count, ctorch_message *message) {
    return guarded(message, [&] {
        TORCH_CHECK(count > 0, "a thread count must be positive, got ", count);
        at::set_num_threads(count);
    });
}

int ctorch_cuda_device_count(int32_t *count, ctorch_message *message) {
    return guarded(message, [&] {
        *count = at::hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0;
    });
}

int ctorch_synchronize(ctorch_device device, ctorch_message *message) {
    return guarded(message, [&] {
        if (device >= 0) at::detail::getCUDAHooks().deviceSynchronize(static_cast<c10::DeviceIndex>(device));
    });
}

int ctorch_keep_freed_memory(void) {
#ifdef __GLIBC__
    // An arena of its own would be trimmed, and unmapped when empty, whatever the threshold.
    bool done = mallopt(M_ARENA_MAX, 1) && mallopt(M_MMAP_THRESHOLD, 32 << 20) && mallopt(M_TRIM_THRESHOLD, -1);
    return done ? CTORCH_OK : CTORCH_FAILED;
#else
    return CTORCH_OK;
#endif
}

int ctorch_set_deterministic(bool deterministic, ctorch_message *message) {
    return guarded(message, [&] {
        // cuBLAS is deterministic only with a fixed workspace, which it reads from here at its first use.
        if (deterministic) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
        at::Context &context = at::globalContext();
        context.setDeterministicAlgorithms(deterministic, /*warn_only=*/false);
        // Filling memory that is about to be written only helps to find faults, and costs time.
        context.setDeterministicFillUninitializedMemory(false);
        context.setDeterministicCuDNN(deterministic);
        context.setDeterministicMkldnn(deterministic);
        if (deterministic) context.setBenchmarkCuDNN(false);
    });
}

int ctorch_is_deterministic(bool *deterministic, ctorch_message *message) {
    return guarded(message, [&] {
        const at::Context &context = at::globalContext();
        *deterministic = context.deterministicAlgorithms() && !context.deterministicAlgorithmsWarnOnly() &&
                         context.deterministicCuDNN() && context.deterministicMkldnn();
    });
}
