// Views, copies and joins: what changes a tensor's shape and not its values.
#include "bridge.hpp"

using namespace bridge;

namespace {

at::MemoryFormat memory_format(ctorch_memory_format format) {
    return format == CTORCH_CHANNELS_LAST ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}

}  // namespace

int ctorch_reshape(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_tensor *result,
                   ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->reshape(numbers(sizes, rank)); });
}

int ctorch_expand(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->expand(numbers(sizes, rank)); });
}

int ctorch_repeat(ctorch_tensor tensor, const intptr_t *times, int32_t rank, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->repeat(numbers(times, rank)); });
}

int ctorch_permute(ctorch_tensor tensor, const intptr_t *axes, int32_t rank, ctorch_tensor *result,
                   ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->permute(numbers(axes, rank)); });
}

int ctorch_flip(ctorch_tensor tensor, const intptr_t *axes, int32_t rank, ctorch_tensor *result,
                ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->flip(numbers(axes, rank)); });
}

int ctorch_transpose(ctorch_tensor tensor, intptr_t axis, intptr_t other, ctorch_tensor *result,
                     ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->transpose(axis, other); });
}

int ctorch_squeeze(ctorch_tensor tensor, intptr_t axis, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->squeeze(axis); });
}

int ctorch_unsqueeze(ctorch_tensor tensor, intptr_t axis, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->unsqueeze(axis); });
}

int ctorch_flatten(ctorch_tensor tensor, intptr_t first, intptr_t last, ctorch_tensor *result,
                   ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->flatten(first, last); });
}

int ctorch_narrow(ctorch_tensor tensor, intptr_t axis, intptr_t start, intptr_t length, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->narrow(axis, start, length); });
}

int ctorch_select(ctorch_tensor tensor, intptr_t axis, intptr_t index, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->select(axis, index); });
}

int ctorch_index_select(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_tensor *result,
                        ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->index_select(axis, *Borrowed(index)); });
}

int ctorch_gather(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->gather(axis, *Borrowed(index)); });
}

int ctorch_contiguous(ctorch_tensor tensor, ctorch_memory_format format, ctorch_tensor *result,
                      ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->contiguous(memory_format(format)); });
}

int ctorch_is_contiguous(ctorch_tensor tensor, ctorch_memory_format format, bool *contiguous,
                         ctorch_message *message) {
    return guarded(message, [&] { *contiguous = Borrowed(tensor)->is_contiguous(memory_format(format)); });
}

int ctorch_concatenate(const ctorch_tensor *tensors, size_t count, intptr_t axis, ctorch_tensor *result,
                       ctorch_message *message) {
    return yields(result, message, [&] { return at::cat(list(tensors, count), axis); });
}

int ctorch_stack(const ctorch_tensor *tensors, size_t count, intptr_t axis, ctorch_tensor *result,
                 ctorch_message *message) {
    return yields(result, message, [&] { return at::stack(list(tensors, count), axis); });
}

int ctorch_split(ctorch_tensor tensor, const intptr_t *lengths, size_t count, intptr_t axis, ctorch_tensor *results,
                 ctorch_message *message) {
    return guarded(message, [&] {
        auto parts = Borrowed(tensor)->split_with_sizes(numbers(lengths, static_cast<int32_t>(count)), axis);
        for (size_t i = 0; i < count; i++) results[i] = give(std::move(parts[i]));
    });
}

int ctorch_pad(ctorch_tensor tensor, const intptr_t *amounts, int32_t count, ctorch_pad_mode mode, double value,
               ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed self(tensor);
        switch (mode) {
            case CTORCH_PAD_REFLECT: return at::pad(*self, numbers(amounts, count), "reflect");
            case CTORCH_PAD_REPLICATE: return at::pad(*self, numbers(amounts, count), "replicate");
            case CTORCH_PAD_CONSTANT: break;
        }
        return at::constant_pad_nd(*self, numbers(amounts, count), value);
    });
}

int ctorch_upsample_nearest(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_tensor *result,
                            ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed self(tensor);
        TORCH_CHECK(rank == 1 || rank == 2, "upsampling works on 1 or 2 axes, not ", rank);
        return rank == 1 ? at::upsample_nearest1d(*self, numbers(sizes, rank))
                         : at::upsample_nearest2d(*self, numbers(sizes, rank));
    });
}

int ctorch_resize(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_interpolation interpolation,
                  bool align_corners, bool antialias, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed self(tensor);
        auto to = numbers(sizes, rank);
        bool cubic = interpolation == CTORCH_CUBIC;
        if (rank == 1 && !cubic && !antialias) return at::upsample_linear1d(*self, to, align_corners);
        TORCH_CHECK(rank == 2, "cubic or antialiased resizing works on 2 axes, linear on 1 or 2, not ", rank);
        if (antialias) {
            return cubic ? at::_upsample_bicubic2d_aa(*self, to, align_corners)
                         : at::_upsample_bilinear2d_aa(*self, to, align_corners);
        }
        return cubic ? at::upsample_bicubic2d(*self, to, align_corners)
                     : at::upsample_bilinear2d(*self, to, align_corners);
    });
}
