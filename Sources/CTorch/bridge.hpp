// How handles become at::Tensor and back, and where C++ exceptions stop.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstring>
#include <exception>
#include <new>
#include <type_traits>
#include <vector>

#include "include/ctorch.h"

static_assert(sizeof(intptr_t) == sizeof(int64_t), "shapes are passed as they lie in memory");
static_assert(static_cast<int>(at::kByte) == CTORCH_U8 && static_cast<int>(at::kLong) == CTORCH_I64 &&
                  static_cast<int>(at::kHalf) == CTORCH_F16 && static_cast<int>(at::kFloat) == CTORCH_F32 &&
                  static_cast<int>(at::kDouble) == CTORCH_F64 && static_cast<int>(at::kBool) == CTORCH_BOOL &&
                  static_cast<int>(at::kBFloat16) == CTORCH_BF16 && static_cast<int>(at::kUInt16) == CTORCH_U16 &&
                  static_cast<int>(at::kUInt64) == CTORCH_U64,
              "element types are passed by ATen's numbers");

namespace bridge {

/// A handle is a counted reference to an at::TensorImpl: no second allocation stands behind it.
inline ctorch_tensor give(at::Tensor tensor) {
    return reinterpret_cast<ctorch_tensor>(tensor.unsafeReleaseTensorImpl());
}

/// Sees a handle as a tensor for the length of a call, without touching its reference count.
class Borrowed {
public:
    explicit Borrowed(ctorch_tensor handle)
        : tensor_(handle ? at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(
                               reinterpret_cast<at::TensorImpl *>(handle)))
                         : at::Tensor()) {}
    ~Borrowed() {
        if (tensor_.defined()) tensor_.unsafeReleaseTensorImpl();
    }
    Borrowed(const Borrowed &) = delete;
    Borrowed &operator=(const Borrowed &) = delete;

    const at::Tensor &operator*() const { return tensor_; }
    const at::Tensor *operator->() const { return &tensor_; }
    /// The tensor where there is one: what ATen takes for a bias or weight that may be absent.
    std::optional<at::Tensor> optional() const {
        return tensor_.defined() ? std::optional<at::Tensor>(tensor_) : std::nullopt;
    }

private:
    at::Tensor tensor_;
};

/// Owning copies of many handles, for calls that take a list.
inline std::vector<at::Tensor> list(const ctorch_tensor *handles, size_t count) {
    std::vector<at::Tensor> tensors;
    tensors.reserve(count);
    for (size_t i = 0; i < count; i++) tensors.push_back(*Borrowed(handles[i]));
    return tensors;
}

inline at::IntArrayRef numbers(const intptr_t *values, int32_t count) {
    return at::IntArrayRef(reinterpret_cast<const int64_t *>(values), static_cast<size_t>(count));
}

inline at::Device device(ctorch_device index) {
    return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

inline at::ScalarType type(ctorch_type type) { return static_cast<at::ScalarType>(type); }

inline at::TensorOptions options(ctorch_type element, ctorch_device index) {
    return at::TensorOptions().dtype(type(element)).device(device(index));
}

inline int fail(const char *reason, ctorch_message *message, int status = CTORCH_FAILED) {
    std::strncpy(message->text, reason, sizeof message->text - 1);
    message->text[sizeof message->text - 1] = '\0';
    return status;
}

/// Runs a body; an exception becomes a status and its message.
template <class Body>
inline int guarded(ctorch_message *message, Body &&body) noexcept {
    try {
        body();
        return CTORCH_OK;
    } catch (const c10::OutOfMemoryError &error) {
        return fail(error.what_without_backtrace(), message, CTORCH_OUT_OF_MEMORY);
    } catch (const c10::Error &error) {
        return fail(error.what_without_backtrace(), message);
    } catch (const std::bad_alloc &) {
        return fail("out of memory", message, CTORCH_OUT_OF_MEMORY);
    } catch (const std::exception &error) {
        return fail(error.what(), message);
    } catch (...) {
        return fail("an exception of unknown type", message);
    }
}

/// Runs a body that makes one tensor.
template <class Body>
inline int yields(ctorch_tensor *result, ctorch_message *message, Body &&body) noexcept {
    return guarded(message, [&] { *result = give(body()); });
}

}  // namespace bridge
