// Element by element, reductions and products.
#include "bridge.hpp"

#include <cmath>

using namespace bridge;

int ctorch_unary(ctorch_tensor tensor, ctorch_unary_kind kind, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed self(tensor);
        switch (kind) {
            case CTORCH_NEGATE: return self->neg();
            case CTORCH_ABS: return self->abs();
            case CTORCH_EXP: return self->exp();
            case CTORCH_EXPM1: return self->expm1();
            case CTORCH_LOG: return self->log();
            case CTORCH_LOG1P: return self->log1p();
            case CTORCH_SQRT: return self->sqrt();
            case CTORCH_RSQRT: return self->rsqrt();
            case CTORCH_SQUARE: return self->square();
            case CTORCH_RECIPROCAL: return self->reciprocal();
            case CTORCH_SIN: return self->sin();
            case CTORCH_COS: return self->cos();
            case CTORCH_TANH: return self->tanh();
            case CTORCH_SIGMOID: return self->sigmoid();
            case CTORCH_LOG_SIGMOID: return at::log_sigmoid(*self);
            case CTORCH_RELU: return self->relu();
            case CTORCH_SOFTPLUS: return at::softplus(*self);
            case CTORCH_GELU: return at::gelu(*self);
            case CTORCH_SIGN: return self->sign();
            case CTORCH_FLOOR: return self->floor();
            case CTORCH_ROUND: return self->round();
            case CTORCH_ERFINV: return self->erfinv();
            case CTORCH_IS_NAN: return self->isnan();
            case CTORCH_IS_FINITE: return self->isfinite();
            case CTORCH_NOT: return self->logical_not();
        }
        TORCH_CHECK(false, "no such operation on one tensor: ", static_cast<int>(kind));
    });
}

int ctorch_elu(ctorch_tensor tensor, double alpha, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::elu(*Borrowed(tensor), alpha); });
}

int ctorch_leaky_relu(ctorch_tensor tensor, double slope, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::leaky_relu(*Borrowed(tensor), slope); });
}

int ctorch_clamp(ctorch_tensor tensor, double low, double high, ctorch_tensor *result, ctorch_message *message) {
    auto bound = [](double value) {
        return std::isnan(value) ? std::optional<at::Scalar>() : std::optional<at::Scalar>(value);
    };
    return yields(result, message, [&] { return at::clamp(*Borrowed(tensor), bound(low), bound(high)); });
}

int ctorch_binary(ctorch_tensor left, ctorch_tensor right, ctorch_binary_kind kind, ctorch_tensor *result,
                  ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed a(left), b(right);
        switch (kind) {
            case CTORCH_ADD: return a->add(*b);
            case CTORCH_SUBTRACT: return a->sub(*b);
            case CTORCH_MULTIPLY: return a->mul(*b);
            case CTORCH_DIVIDE: return a->div(*b);
            case CTORCH_POWER: return a->pow(*b);
            case CTORCH_MAXIMUM: return at::maximum(*a, *b);
            case CTORCH_MINIMUM: return at::minimum(*a, *b);
            case CTORCH_EQUAL: return a->eq(*b);
            case CTORCH_NOT_EQUAL: return a->ne(*b);
            case CTORCH_LESS: return a->lt(*b);
            case CTORCH_LESS_EQUAL: return a->le(*b);
            case CTORCH_GREATER: return a->gt(*b);
            case CTORCH_GREATER_EQUAL: return a->ge(*b);
            case CTORCH_AND: return a->logical_and(*b);
            case CTORCH_OR: return a->logical_or(*b);
        }
        TORCH_CHECK(false, "no such operation on two tensors: ", static_cast<int>(kind));
    });
}

int ctorch_binary_number(ctorch_tensor left, double right, ctorch_binary_kind kind, ctorch_tensor *result,
                         ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed a(left);
        // A whole number stays one, so that integer tensors keep their type, as with Python's numbers.
        auto whole = static_cast<int64_t>(std::fabs(right) < 9e15 ? right : 0);
        bool integral = at::isIntegralType(a->scalar_type(), true) && static_cast<double>(whole) == right;
        at::Scalar b = integral ? at::Scalar(whole) : at::Scalar(right);
        switch (kind) {
            case CTORCH_ADD: return a->add(b);
            case CTORCH_SUBTRACT: return a->sub(b);
            case CTORCH_MULTIPLY: return a->mul(b);
            case CTORCH_DIVIDE: return a->div(b);
            case CTORCH_POWER: return a->pow(b);
            case CTORCH_EQUAL: return a->eq(b);
            case CTORCH_NOT_EQUAL: return a->ne(b);
            case CTORCH_LESS: return a->lt(b);
            case CTORCH_LESS_EQUAL: return a->le(b);
            case CTORCH_GREATER: return a->gt(b);
            case CTORCH_GREATER_EQUAL: return a->ge(b);
            default: TORCH_CHECK(false, "no such operation with a number: ", static_cast<int>(kind));
        }
    });
}

int ctorch_add_scaled(ctorch_tensor left, ctorch_tensor right, double scale, ctorch_tensor *result,
                      ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(left)->add(*Borrowed(right), scale); });
}

int ctorch_add_scaled_in_place(ctorch_tensor left, ctorch_tensor right, double scale, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(left)->add_(*Borrowed(right), scale);
    });
}

int ctorch_add_number_in_place(ctorch_tensor left, double number, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed self(left);
        // A tensor of whole numbers refuses a number with a point.
        at::isIntegralType(self->scalar_type(), true) ? self->add_(static_cast<int64_t>(number)) : self->add_(number);
    });
}

int ctorch_multiply_in_place(ctorch_tensor left, double factor, ctorch_message *message) {
    return guarded(message, [&] {
        at::NoGradGuard guard;
        Borrowed(left)->mul_(factor);
    });
}

int ctorch_where(ctorch_tensor condition, ctorch_tensor yes, ctorch_tensor no, ctorch_tensor *result,
                 ctorch_message *message) {
    return yields(result, message, [&] { return at::where(*Borrowed(condition), *Borrowed(yes), *Borrowed(no)); });
}

int ctorch_masked_fill(ctorch_tensor tensor, ctorch_tensor mask, double value, ctorch_tensor *result,
                       ctorch_message *message) {
    return yields(result, message, [&] { return Borrowed(tensor)->masked_fill(*Borrowed(mask), value); });
}

int ctorch_matmul(ctorch_tensor left, ctorch_tensor right, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::matmul(*Borrowed(left), *Borrowed(right)); });
}

int ctorch_reduce(ctorch_tensor tensor, ctorch_reduction_kind kind, const intptr_t *axes, int32_t rank, bool keep,
                  ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&]() -> at::Tensor {
        Borrowed self(tensor);
        std::vector<int64_t> every;
        at::IntArrayRef chosen = numbers(axes, rank);
        if (rank == 0) {
            if (!keep && kind == CTORCH_SUM) return self->sum();
            if (!keep && kind == CTORCH_MEAN) return self->mean();
            for (int64_t axis = 0; axis < self->dim(); axis++) every.push_back(axis);
            chosen = every;
        }
        switch (kind) {
            case CTORCH_SUM: return self->sum(chosen, keep);
            case CTORCH_MEAN: return self->mean(chosen, keep);
            case CTORCH_LARGEST: return self->amax(chosen, keep);
            case CTORCH_SMALLEST: return self->amin(chosen, keep);
            case CTORCH_LOG_SUM_EXP: return self->logsumexp(chosen, keep);
            case CTORCH_NORM: return at::linalg_vector_norm(*self, 2, chosen, keep);
            case CTORCH_ALL: return self->all(chosen, keep);
            case CTORCH_ANY: return self->any(chosen, keep);
        }
        TORCH_CHECK(false, "no such reduction: ", static_cast<int>(kind));
    });
}

int ctorch_variance(ctorch_tensor tensor, const intptr_t *axes, int32_t rank, double correction, bool keep,
                    ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] {
        at::OptionalIntArrayRef chosen;
        if (rank > 0) chosen = numbers(axes, rank);
        return at::var(*Borrowed(tensor), chosen, at::Scalar(correction), keep);
    });
}

int ctorch_argmax(ctorch_tensor tensor, intptr_t axis, bool keep, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::argmax(*Borrowed(tensor), axis, keep); });
}

int ctorch_cumulative_sum(ctorch_tensor tensor, intptr_t axis, ctorch_tensor *result, ctorch_message *message) {
    return yields(result, message, [&] { return at::cumsum(*Borrowed(tensor), axis); });
}

int ctorch_softmax(ctorch_tensor tensor, intptr_t axis, bool logarithm, ctorch_tensor *result,
                   ctorch_message *message) {
    return yields(result, message, [&] {
        Borrowed self(tensor);
        return logarithm ? at::log_softmax(*self, axis) : at::softmax(*self, axis);
    });
}
