// Layers and losses.
#include "bridge.hpp"

using namespace bridge;

int ctorch_linear(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message,
                  [&] { return at::linear(*Borrowed(input), *Borrowed(weight), Borrowed(bias).optional()); });
}

int ctorch_convolution(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, int32_t rank,
                       const intptr_t *stride, const intptr_t *padding, const intptr_t *dilation, bool transposed,
                       const intptr_t *output_padding, intptr_t groups, ctorch_tensor *result,
                       ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed x(input), w(weight), b(bias);
        TORCH_CHECK(rank == 1 || rank == 2, "convolution works on 1 or 2 axes, not ", rank);
        auto s = numbers(stride, rank), p = numbers(padding, rank), d = numbers(dilation, rank);
        auto o = numbers(output_padding, rank);
        if (rank == 1) {
            return transposed ? at::conv_transpose1d(*x, *w, b.optional(), s, p, o, groups, d)
                              : at::conv1d(*x, *w, b.optional(), s, p, d, groups);
        }
        return transposed ? at::conv_transpose2d(*x, *w, b.optional(), s, p, o, groups, d)
                          : at::conv2d(*x, *w, b.optional(), s, p, d, groups);
    });
}

int ctorch_pool(ctorch_tensor input, bool maximum, int32_t rank, const intptr_t *kernel, const intptr_t *stride,
                const intptr_t *padding, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed x(input);
        TORCH_CHECK(rank == 1 || rank == 2, "pooling works on 1 or 2 axes, not ", rank);
        auto k = numbers(kernel, rank), s = numbers(stride, rank), p = numbers(padding, rank);
        if (rank == 1) return maximum ? at::max_pool1d(*x, k, s, p) : at::avg_pool1d(*x, k, s, p);
        return maximum ? at::max_pool2d(*x, k, s, p) : at::avg_pool2d(*x, k, s, p);
    });
}

int ctorch_batch_norm(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, ctorch_tensor running_mean,
                      ctorch_tensor running_variance, bool training, double momentum, double epsilon,
                      ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return at::batch_norm(*Borrowed(input), Borrowed(weight).optional(), Borrowed(bias).optional(),
                              Borrowed(running_mean).optional(), Borrowed(running_variance).optional(), training,
                              momentum, epsilon, /*cudnn_enabled=*/true);
    });
}

int ctorch_instance_norm(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor bias, ctorch_tensor running_mean,
                         ctorch_tensor running_variance, bool use_input_statistics, double momentum, double epsilon,
                         ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return at::instance_norm(*Borrowed(input), Borrowed(weight).optional(), Borrowed(bias).optional(),
                                 Borrowed(running_mean).optional(), Borrowed(running_variance).optional(),
                                 use_input_statistics, momentum, epsilon, /*cudnn_enabled=*/true);
    });
}

int ctorch_layer_norm(ctorch_tensor input, const intptr_t *sizes, int32_t rank, ctorch_tensor weight,
                      ctorch_tensor bias, double epsilon, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return at::layer_norm(*Borrowed(input), numbers(sizes, rank), Borrowed(weight).optional(),
                              Borrowed(bias).optional(), epsilon);
    });
}

int ctorch_group_norm(ctorch_tensor input, intptr_t groups, ctorch_tensor weight, ctorch_tensor bias, double epsilon,
                      ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return at::group_norm(*Borrowed(input), groups, Borrowed(weight).optional(), Borrowed(bias).optional(),
                              epsilon);
    });
}

int ctorch_dropout(ctorch_tensor input, double probability, bool training, ctorch_tensor *result,
                   ctorch_message *message) {
    return yields(result, message, [&] { return at::dropout(*Borrowed(input), probability, training); });
}

int ctorch_lstm(ctorch_tensor input, ctorch_tensor hidden, ctorch_tensor cell, const ctorch_tensor *weights,
                size_t count, bool biases, int32_t layers, double dropout, bool training, bool bidirectional,
                bool batch_first, ctorch_tensor *output, ctorch_tensor *last_hidden, ctorch_tensor *last_cell,
                ctorch_message *message) {
    return guarded(message, [&] {
        const ctorch_tensor states[] = {hidden, cell};
        auto [y, h, c] = at::lstm(*Borrowed(input), list(states, 2), list(weights, count), biases, layers, dropout,
                                  training, bidirectional, batch_first);
        *output = give(std::move(y));
        *last_hidden = give(std::move(h));
        *last_cell = give(std::move(c));
    });
}

int ctorch_gru(ctorch_tensor input, ctorch_tensor hidden, const ctorch_tensor *weights, size_t count, bool biases,
               int32_t layers, double dropout, bool training, bool bidirectional, bool batch_first,
               ctorch_tensor *output, ctorch_tensor *last_hidden, ctorch_message *message) {
    return guarded(message, [&] {
        auto [y, h] = at::gru(*Borrowed(input), *Borrowed(hidden), list(weights, count), biases, layers, dropout,
                              training, bidirectional, batch_first);
        *output = give(std::move(y));
        *last_hidden = give(std::move(h));
    });
}

int ctorch_loss(ctorch_tensor input, ctorch_tensor target, ctorch_tensor weight, ctorch_loss_kind kind,
                ctorch_loss_reduction reduction, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed x(input), y(target), w(weight);
        auto how = static_cast<int64_t>(reduction);
        // Broadcasting a target hides mistakes; PyTorch warns, this refuses.
        bool by_element = kind != CTORCH_CROSS_ENTROPY && kind != CTORCH_NLL;
        TORCH_CHECK(!by_element || x->sizes() == y->sizes(), "the input has shape ", x->sizes(), ", the target ",
                    y->sizes());
        switch (kind) {
            case CTORCH_BCE: return at::binary_cross_entropy(*x, *y, w.optional(), how);
            case CTORCH_BCE_LOGITS:
                return at::binary_cross_entropy_with_logits(*x, *y, w.optional(), std::nullopt, how);
            case CTORCH_CROSS_ENTROPY: return at::cross_entropy_loss(*x, *y, w.optional(), how);
            case CTORCH_NLL: return at::nll_loss_nd(*x, *y, w.optional(), how);
            case CTORCH_MSE: return at::mse_loss(*x, *y, how);
            case CTORCH_L1: return at::l1_loss(*x, *y, how);
            case CTORCH_SMOOTH_L1: return at::smooth_l1_loss(*x, *y, how);
        }
        TORCH_CHECK(false, "no such loss: ", static_cast<int>(kind));
    });
}
