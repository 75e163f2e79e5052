// Life, memory, facts: everything that makes, copies or describes a tensor.
#include "bridge.hpp"

using namespace bridge;

int ctorch_release(ctorch_tensor tensor) {
    c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::reclaim(reinterpret_cast<at::TensorImpl *>(tensor));
    return CTORCH_OK;
}

int ctorch_describe(ctorch_tensor tensor, ctorch_facts *facts, ctorch_message *message) {
    return guarded(message, [&] {
        Borrowed self(tensor);
        TORCH_CHECK(self->dim() <= CTORCH_MAX_RANK, "a tensor of ", self->dim(), " axes, more than ", CTORCH_MAX_RANK);
        facts->type = static_cast<ctorch_type>(self->scalar_type());
        facts->device = self->is_cuda() ? self->device().index() : -1;
        facts->rank = static_cast<int32_t>(self->dim());
        facts->requires_grad = self->requires_grad();
        facts->is_leaf = self->is_leaf();
        facts->count = self->numel();
        for (int64_t axis = 0; axis < self->dim(); axis++) facts->sizes[axis] = self->size(axis);
    });
}

int ctorch_copy_in(const void *memory, ctorch_type type, const intptr_t *sizes, int32_t rank, ctorch_device device,
                   ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        at::Tensor copy = at::empty(numbers(sizes, rank), options(type, -1));
        if (copy.numel() > 0) std::memcpy(copy.data_ptr(), memory, copy.nbytes());
        return device < 0 ? copy : copy.to(bridge::device(device));
    });
}

int ctorch_borrow(void *memory, ctorch_type type, const intptr_t *sizes, int32_t rank, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&] { return at::from_blob(memory, numbers(sizes, rank), options(type, -1)); });
}

int ctorch_copy_out(ctorch_tensor tensor, void *memory, size_t bytes, ctorch_message *message) {
    return guarded(message, [&] {
        Borrowed self(tensor);
        at::Tensor plain = self->detach().to(at::kCPU).contiguous();
        TORCH_CHECK(plain.nbytes() == bytes, "the tensor has ", plain.nbytes(), " bytes, the memory ", bytes);
        if (bytes > 0) std::memcpy(memory, plain.data_ptr(), bytes);
    });
}

int ctorch_item(ctorch_tensor tensor, double *value, ctorch_message *message) {
    return guarded(message, [&] { *value = Borrowed(tensor)->item().toDouble(); });
}

int ctorch_full(double value, ctorch_type type, const intptr_t *sizes, int32_t rank, ctorch_device device,
                ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return value == 0 ? at::zeros(numbers(sizes, rank), options(type, device))
                          : at::full(numbers(sizes, rank), value, options(type, device));
    });
}

int ctorch_full_like(ctorch_tensor tensor, double value, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::full_like(*Borrowed(tensor), value); });
}

int ctorch_arange(double start, double end, double step, ctorch_type type, ctorch_device device,
                  ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::arange(start, end, step, options(type, device)); });
}

int ctorch_random(ctorch_distribution distribution, ctorch_type type, const intptr_t *sizes, int32_t rank,
                  ctorch_device device, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        return distribution == CTORCH_UNIFORM ? at::rand(numbers(sizes, rank), options(type, device))
                                              : at::randn(numbers(sizes, rank), options(type, device));
    });
}

int ctorch_random_like(ctorch_tensor tensor, ctorch_distribution distribution, ctorch_tensor *result,
                       ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed self(tensor);
        return distribution == CTORCH_UNIFORM ? at::rand_like(*self) : at::randn_like(*self);
    });
}

int ctorch_bernoulli(ctorch_tensor probability, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::bernoulli(*Borrowed(probability)); });
}

int ctorch_randint(int64_t low, int64_t high, const intptr_t *sizes, int32_t rank, ctorch_device device,
                   ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message,
                  [&] { return at::randint(low, high, numbers(sizes, rank), options(CTORCH_I64, device)); });
}

int ctorch_fill_uniform(ctorch_tensor tensor, double a, double b, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(tensor)->uniform_(a, b);
    });
}

int ctorch_fill_normal(ctorch_tensor tensor, double a, double b, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(tensor)->normal_(a, b);
    });
}

int ctorch_fill(ctorch_tensor tensor, double a, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(tensor)->fill_(a);
    });
}

int ctorch_to(ctorch_tensor tensor, ctorch_type type, ctorch_device device, ctorch_tensor *result,
              ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->to(bridge::device(device), bridge::type(type)); });
}

int ctorch_clone(ctorch_tensor tensor, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->clone(); });
}

int ctorch_detach(ctorch_tensor tensor, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->detach(); });
}

int ctorch_assign(ctorch_tensor target, ctorch_tensor source, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(target)->copy_(*Borrowed(source));
    });
}

int ctorch_set_data(ctorch_tensor target, ctorch_tensor source, ctorch_message *message) {
    return guarded(message, [&] { Borrowed(target)->set_data(*Borrowed(source)); });
}
