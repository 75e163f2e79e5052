// What orders, picks or places elements by their indices.
#include "bridge.hpp"

using namespace bridge;

namespace {

/// Runs a body that makes values and their indices.
template <class Body>
int yields_pair(ctorch_tensor *values, ctorch_tensor *indices, ctorch_message *message, Body &&body) noexcept {
    return guarded(message, [&] {
        std::tuple<at::Tensor, at::Tensor> pair = body();
        *values = give(std::move(std::get<0>(pair)));
        *indices = give(std::move(std::get<1>(pair)));
    });
}

}  // namespace

int ctorch_sort(ctorch_tensor tensor, intptr_t axis, bool descending, ctorch_tensor *values, ctorch_tensor *indices,
                ctorch_message *message) {
    // Stable: equal elements stay in their order on every processor.
    return yields_pair(values, indices, message,
                       [&] { return at::sort(*Borrowed(tensor), /*stable=*/true, axis, descending); });
}

int ctorch_top(ctorch_tensor tensor, intptr_t count, intptr_t axis, bool largest, ctorch_tensor *values,
               ctorch_tensor *indices, ctorch_message *message) {
    return yields_pair(values, indices, message,
                       [&] { return at::topk(*Borrowed(tensor), count, axis, largest, /*sorted=*/true); });
}

int ctorch_extreme(ctorch_tensor tensor, intptr_t axis, bool largest, bool keep, ctorch_tensor *values,
                   ctorch_tensor *indices, ctorch_message *message) {
    return yields_pair(values, indices, message, [&] {
        Borrowed self(tensor);
        return largest ? at::max(*self, axis, keep) : at::min(*self, axis, keep);
    });
}

int ctorch_one_hot(ctorch_tensor tensor, intptr_t classes, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        TORCH_CHECK(classes > 0, "one-hot needs at least one class, not ", classes);
        return at::one_hot(*Borrowed(tensor), classes);
    });
}

int ctorch_scatter(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_tensor source, bool adds,
                   ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed self(tensor);
        return adds ? self->scatter_add(axis, *Borrowed(index), *Borrowed(source))
                    : self->scatter(axis, *Borrowed(index), *Borrowed(source));
    });
}

int ctorch_embedding(ctorch_tensor weight, ctorch_tensor indices, intptr_t padding, ctorch_tensor *result,
                     ctorch_message *message) {
    return yields(result, message, [&] { return at::embedding(*Borrowed(weight), *Borrowed(indices), padding); });
}

int ctorch_multinomial(ctorch_tensor weights, intptr_t count, bool replacement, ctorch_tensor *result,
                       ctorch_message *message) {
    return yields(result, message, [&] { return at::multinomial(*Borrowed(weights), count, replacement); });
}
