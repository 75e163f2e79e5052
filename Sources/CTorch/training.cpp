// Autograd, and what an optimiser does to many parameters in one call.
#include "bridge.hpp"

#include <torch/csrc/autograd/autograd.h>

using namespace bridge;

namespace {

/// The parameters that have a gradient, with those gradients and the positions they came from.
struct Updated {
    std::vector<at::Tensor> parameters, gradients;
    std::vector<size_t> positions;

    Updated(const ctorch_tensor *handles, size_t count) {
        for (size_t i = 0; i < count; i++) {
            Borrowed parameter(handles[i]);
            const at::Tensor &gradient = parameter->grad();
            if (!gradient.defined()) continue;
            parameters.push_back(*parameter);
            gradients.push_back(gradient);
            positions.push_back(i);
        }
    }

    std::vector<at::Tensor> matching(const ctorch_tensor *handles) const {
        std::vector<at::Tensor> tensors;
        tensors.reserve(positions.size());
        for (size_t i : positions) tensors.push_back(*Borrowed(handles[i]));
        return tensors;
    }
};

}  // namespace

int ctorch_set_grad_enabled(bool enabled, bool *former, ctorch_message *message) {
    return guarded(message, [&] {
        *former = at::GradMode::is_enabled();
        at::GradMode::set_enabled(enabled);
    });
}

int ctorch_set_requires_grad(ctorch_tensor tensor, bool wanted, ctorch_message *message) {
    return guarded(message, [&] { Borrowed(tensor)->set_requires_grad(wanted); });
}

int ctorch_backward(ctorch_tensor tensor, ctorch_tensor gradient, bool keep_graph, ctorch_message *message) {
    return guarded(message, [&] { Borrowed(tensor)->backward(*Borrowed(gradient), keep_graph); });
}

int ctorch_gradient(ctorch_tensor tensor, ctorch_tensor *result, ctorch_message *message) {
    return guarded(message, [&] {
        const at::Tensor &gradient = Borrowed(tensor)->grad();
        *result = gradient.defined() ? give(gradient) : nullptr;
    });
}

int ctorch_set_gradient(ctorch_tensor tensor, ctorch_tensor gradient, ctorch_message *message) {
    return guarded(message, [&] { Borrowed(tensor)->mutable_grad() = *Borrowed(gradient); });
}

int ctorch_clear_gradients(const ctorch_tensor *tensors, size_t count, ctorch_message *message) {
    return guarded(message, [&] {
        for (size_t i = 0; i < count; i++) Borrowed(tensors[i])->mutable_grad() = at::Tensor();
    });
}

int ctorch_gradients_of(ctorch_tensor output, const ctorch_tensor *inputs, size_t count, bool keep_graph,
                        bool differentiable, ctorch_tensor *results, ctorch_message *message) {
    return guarded(message, [&] {
        auto gradients = torch::autograd::grad({*Borrowed(output)}, list(inputs, count), {},
                                               keep_graph || differentiable, differentiable);
        for (size_t i = 0; i < count; i++) results[i] = give(std::move(gradients[i]));
    });
}

int ctorch_clip_gradient_norm(const ctorch_tensor *tensors, size_t count, double limit, double *norm,
                              ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Updated updated(tensors, count);
        *norm = 0;
        if (updated.gradients.empty()) return;
        at::Tensor total = at::linalg_vector_norm(at::stack(at::_foreach_norm(updated.gradients, 2)), 2);
        // The 1e-6 and the multiplication by a clamped factor are torch.nn.utils.clip_grad_norm_'s.
        at::_foreach_mul_(updated.gradients, at::clamp_max((total + 1e-6).reciprocal() * limit, 1.0));
        *norm = total.item().toDouble();
    });
}

int ctorch_clip_gradient_value(const ctorch_tensor *tensors, size_t count, double limit, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        for (at::Tensor &gradient : Updated(tensors, count).gradients) gradient.clamp_(-limit, limit);
    });
}

int ctorch_adam_step(const ctorch_tensor *parameters, const ctorch_tensor *averages, const ctorch_tensor *squares,
                     const ctorch_tensor *steps, size_t count, const ctorch_adam_options *options,
                     ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Updated updated(parameters, count);
        if (updated.parameters.empty()) return;
        auto counts = updated.matching(steps);
        at::_foreach_add_(counts, 1);
        auto step = options->decoupled
                        ? static_cast<decltype(&at::_ops::_fused_adam_::call)>(&at::_ops::_fused_adamw_::call)
                        : &at::_ops::_fused_adam_::call;
        step(updated.parameters, updated.gradients, updated.matching(averages), updated.matching(squares), {}, counts,
             options->rate, options->beta1, options->beta2, options->weight_decay, options->epsilon,
             /*amsgrad=*/false, /*maximize=*/false, std::nullopt, std::nullopt);
    });
}

int ctorch_sgd_step(const ctorch_tensor *parameters, const ctorch_tensor *buffers, size_t count,
                    const ctorch_sgd_options *options, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Updated updated(parameters, count);
        if (updated.parameters.empty()) return;
        std::vector<at::Tensor> momenta;
        if (buffers) momenta = updated.matching(buffers);
        at::_fused_sgd_(updated.parameters, updated.gradients, momenta, options->weight_decay, options->momentum,
                        options->rate, /*dampening=*/0, options->nesterov, /*maximize=*/false,
                        /*is_first_step=*/false);
    });
}

int ctorch_rmsprop_step(const ctorch_tensor *parameters, const ctorch_tensor *squares, const ctorch_tensor *means,
                        const ctorch_tensor *buffers, const ctorch_tensor *steps, size_t count,
                        const ctorch_rmsprop_options *options, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Updated updated(parameters, count);
        if (updated.parameters.empty()) return;
        TORCH_CHECK(means || !options->centred, "centred RMSprop needs the means of the gradients");
        TORCH_CHECK(buffers || options->momentum == 0, "RMSprop with momentum needs buffers");
        at::_foreach_add_(updated.matching(steps), 1);
        // The order of operations is torch.optim.RMSprop's.
        auto gradients = updated.gradients;
        if (options->weight_decay != 0) {
            gradients = at::_foreach_add(gradients, updated.parameters, options->weight_decay);
        }
        auto averages = updated.matching(squares);
        at::_foreach_mul_(averages, options->alpha);
        at::_foreach_addcmul_(averages, gradients, gradients, 1 - options->alpha);
        std::vector<at::Tensor> deviations;
        if (options->centred) {
            auto centres = updated.matching(means);
            at::_foreach_lerp_(centres, gradients, 1 - options->alpha);
            deviations = at::_foreach_addcmul(averages, centres, centres, -1);
            at::_foreach_sqrt_(deviations);
        } else {
            deviations = at::_foreach_sqrt(averages);
        }
        at::_foreach_add_(deviations, options->epsilon);
        if (options->momentum > 0) {
            auto momenta = updated.matching(buffers);
            at::_foreach_mul_(momenta, options->momentum);
            at::_foreach_addcdiv_(momenta, gradients, deviations);
            at::_foreach_add_(updated.parameters, momenta, -options->rate);
        } else {
            at::_foreach_addcdiv_(updated.parameters, gradients, deviations, -options->rate);
        }
    });
}

int ctorch_move_averages(const ctorch_tensor *averages, const ctorch_tensor *values, size_t count, double decay,
                         ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        if (count > 0) at::_foreach_lerp_(list(averages, count), list(values, count), 1 - decay);
    });
}
