// The operations of libtorch that Reprise uses, as plain C.
//
// Every function returns CTORCH_OK or CTORCH_FAILED; on failure the reason is copied into the caller's message
// and no result is written. No C++ exception and no callback crosses this boundary. A handle that a function
// yields is owned by the caller, who gives it back with ctorch_release. Results have PyTorch's semantics: the
// functions named in the comments are ATen's. Nothing here is thread-safe beyond what ATen itself promises;
// grad mode belongs to the calling thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __clang__
#pragma clang assume_nonnull begin
#else
#define _Nullable
#define _Nonnull
#endif

typedef struct ctorch_tensor_body *ctorch_tensor;
/// Where a call puts the tensor it yields, or several.
typedef ctorch_tensor _Nullable *_Nonnull ctorch_result;
/// Tensors in a row.
typedef const ctorch_tensor _Nonnull *_Nonnull ctorch_list;

typedef struct {
    char text[2048];
} ctorch_message;

enum { CTORCH_OK = 0, CTORCH_FAILED = 1, CTORCH_OUT_OF_MEMORY = 2 };

// Element types, by ATen's own numbers (c10/core/ScalarType.h), which are part of its file format.
typedef enum {
    CTORCH_U8 = 0,
    CTORCH_I8 = 1,
    CTORCH_I16 = 2,
    CTORCH_I32 = 3,
    CTORCH_I64 = 4,
    CTORCH_F16 = 5,
    CTORCH_F32 = 6,
    CTORCH_F64 = 7,
    CTORCH_BOOL = 11,
    CTORCH_BF16 = 15,
    CTORCH_U16 = 27,
    CTORCH_U32 = 28,
    CTORCH_U64 = 29,
} ctorch_type;

// A device: index -1 is the CPU, n >= 0 the CUDA device of that number.
typedef int32_t ctorch_device;

enum { CTORCH_MAX_RANK = 12 };

typedef struct {
    ctorch_type type;
    ctorch_device device;
    int32_t rank;
    bool requires_grad;
    bool is_leaf;
    intptr_t count;
    intptr_t sizes[CTORCH_MAX_RANK];
} ctorch_facts;

// ---- Life, memory, facts (tensor.cpp)

int ctorch_release(ctorch_tensor tensor);
int ctorch_describe(ctorch_tensor tensor, ctorch_facts *facts, ctorch_message *message);
/// Copies elements that lie row by row; `device` may be any.
int ctorch_copy_in(const void *_Nullable memory, ctorch_type type, const intptr_t *sizes, int32_t rank,
                   ctorch_device device, ctorch_result result, ctorch_message *message);
/// A CPU tensor over the caller's memory, which must outlive it and all that is made from it without a copy.
int ctorch_borrow(void *_Nullable memory, ctorch_type type, const intptr_t *sizes, int32_t rank,
                  ctorch_result result, ctorch_message *message);
/// Copies all elements out, row by row; fails unless they fill exactly `bytes` bytes.
int ctorch_copy_out(ctorch_tensor tensor, void *_Nullable memory, size_t bytes, ctorch_message *message);
int ctorch_item(ctorch_tensor tensor, double *value, ctorch_message *message);
int ctorch_full(double value, ctorch_type type, const intptr_t *sizes, int32_t rank, ctorch_device device,
                ctorch_result result, ctorch_message *message);
int ctorch_full_like(ctorch_tensor tensor, double value, ctorch_result result, ctorch_message *message);
int ctorch_arange(double start, double end, double step, ctorch_type type, ctorch_device device,
                  ctorch_result result, ctorch_message *message);

typedef enum { CTORCH_UNIFORM, CTORCH_NORMAL } ctorch_distribution;
/// Draws from [0, 1) or N(0, 1) with the device's default generator.
int ctorch_random(ctorch_distribution distribution, ctorch_type type, const intptr_t *sizes, int32_t rank,
                  ctorch_device device, ctorch_result result, ctorch_message *message);
int ctorch_random_like(ctorch_tensor tensor, ctorch_distribution distribution, ctorch_result result,
                       ctorch_message *message);
int ctorch_bernoulli(ctorch_tensor probability, ctorch_result result, ctorch_message *message);
int ctorch_randint(int64_t low, int64_t high, const intptr_t *sizes, int32_t rank, ctorch_device device,
                   ctorch_result result, ctorch_message *message);
/// In place and outside autograd: uniform in [a, b), normal of mean a and deviation b, or the value a.
int ctorch_fill_uniform(ctorch_tensor tensor, double a, double b, ctorch_message *message);
int ctorch_fill_normal(ctorch_tensor tensor, double a, double b, ctorch_message *message);
int ctorch_fill(ctorch_tensor tensor, double a, ctorch_message *message);

int ctorch_to(ctorch_tensor tensor, ctorch_type type, ctorch_device device, ctorch_result result,
              ctorch_message *message);
int ctorch_clone(ctorch_tensor tensor, ctorch_result result, ctorch_message *message);
int ctorch_detach(ctorch_tensor tensor, ctorch_result result, ctorch_message *message);
/// Copies values in place and outside autograd; shapes must broadcast, types and devices may differ.
int ctorch_assign(ctorch_tensor target, ctorch_tensor source, ctorch_message *message);
/// Lets `target` be the data of `source`, of whatever type and device, as `Tensor.data =` does.
int ctorch_set_data(ctorch_tensor target, ctorch_tensor source, ctorch_message *message);

// ---- Shape (shape.cpp)

int ctorch_reshape(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_result result,
                   ctorch_message *message);
int ctorch_expand(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_result result,
                  ctorch_message *message);
int ctorch_repeat(ctorch_tensor tensor, const intptr_t *times, int32_t rank, ctorch_result result,
                  ctorch_message *message);
int ctorch_permute(ctorch_tensor tensor, const intptr_t *axes, int32_t rank, ctorch_result result,
                   ctorch_message *message);
int ctorch_flip(ctorch_tensor tensor, const intptr_t *axes, int32_t rank, ctorch_result result,
                ctorch_message *message);
int ctorch_transpose(ctorch_tensor tensor, intptr_t axis, intptr_t other, ctorch_result result,
                     ctorch_message *message);
int ctorch_squeeze(ctorch_tensor tensor, intptr_t axis, ctorch_result result, ctorch_message *message);
int ctorch_unsqueeze(ctorch_tensor tensor, intptr_t axis, ctorch_result result, ctorch_message *message);
int ctorch_flatten(ctorch_tensor tensor, intptr_t first, intptr_t last, ctorch_result result,
                   ctorch_message *message);
int ctorch_narrow(ctorch_tensor tensor, intptr_t axis, intptr_t start, intptr_t length,
                  ctorch_result result, ctorch_message *message);
int ctorch_select(ctorch_tensor tensor, intptr_t axis, intptr_t index, ctorch_result result,
                  ctorch_message *message);
int ctorch_index_select(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_result result,
                        ctorch_message *message);
int ctorch_gather(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_result result,
                  ctorch_message *message);
typedef enum { CTORCH_ROW_BY_ROW, CTORCH_CHANNELS_LAST } ctorch_memory_format;
/// Channels last needs 4 axes: batch, channels, height, width.
int ctorch_contiguous(ctorch_tensor tensor, ctorch_memory_format format, ctorch_result result,
                      ctorch_message *message);
int ctorch_is_contiguous(ctorch_tensor tensor, ctorch_memory_format format, bool *contiguous,
                         ctorch_message *message);
int ctorch_concatenate(ctorch_list tensors, size_t count, intptr_t axis, ctorch_result result,
                       ctorch_message *message);
int ctorch_stack(ctorch_list tensors, size_t count, intptr_t axis, ctorch_result result,
                 ctorch_message *message);
/// Splits into `count` parts of the given lengths; `results` holds as many.
int ctorch_split(ctorch_tensor tensor, const intptr_t *lengths, size_t count, intptr_t axis,
                 ctorch_result results, ctorch_message *message);

typedef enum { CTORCH_PAD_CONSTANT, CTORCH_PAD_REFLECT, CTORCH_PAD_REPLICATE } ctorch_pad_mode;
/// Pads as torch.nn.functional.pad: (before, after) of the last axis first.
int ctorch_pad(ctorch_tensor tensor, const intptr_t *amounts, int32_t count, ctorch_pad_mode mode, double value,
               ctorch_result result, ctorch_message *message);
/// Nearest neighbour to these sizes of the last 1 or 2 axes, behind batch and channels.
int ctorch_upsample_nearest(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank,
                            ctorch_result result, ctorch_message *message);

typedef enum { CTORCH_LINEAR, CTORCH_CUBIC } ctorch_interpolation;
/// Interpolates to these sizes of the last 1 (linear only) or 2 axes, behind batch and channels, as
/// torch.nn.functional.interpolate; antialias widens the kernel where the size shrinks, on 2 axes only.
int ctorch_resize(ctorch_tensor tensor, const intptr_t *sizes, int32_t rank, ctorch_interpolation interpolation,
                  bool align_corners, bool antialias, ctorch_result result, ctorch_message *message);

// ---- Selection (selection.cpp)

/// The elements along an axis in order, and where each was.
int ctorch_sort(ctorch_tensor tensor, intptr_t axis, bool descending, ctorch_result values, ctorch_result indices,
                ctorch_message *message);
/// The `count` largest or smallest elements along an axis in order, and where each is.
int ctorch_top(ctorch_tensor tensor, intptr_t count, intptr_t axis, bool largest, ctorch_result values,
               ctorch_result indices, ctorch_message *message);
/// The largest or smallest element along an axis, and where it is.
int ctorch_extreme(ctorch_tensor tensor, intptr_t axis, bool largest, bool keep, ctorch_result values,
                   ctorch_result indices, ctorch_message *message);
/// An axis of `classes` behind the others: 1 at each element's number, 0 elsewhere; int64.
int ctorch_one_hot(ctorch_tensor tensor, intptr_t classes, ctorch_result result, ctorch_message *message);
/// A copy in which the elements of `source` are at the places of an axis that `index` lists, or are added to them.
int ctorch_scatter(ctorch_tensor tensor, intptr_t axis, ctorch_tensor index, ctorch_tensor source, bool adds,
                   ctorch_result result, ctorch_message *message);
/// The rows of `weight` that int64 indices name; -1: every row learns, else the one whose gradient stays 0.
int ctorch_embedding(ctorch_tensor weight, ctorch_tensor indices, intptr_t padding, ctorch_result result,
                     ctorch_message *message);
/// Draws indices of the last axis, with the probabilities that this tensor is in proportion to; int64.
int ctorch_multinomial(ctorch_tensor weights, intptr_t count, bool replacement, ctorch_result result,
                       ctorch_message *message);

// ---- Fourier transform (fourier.cpp)

/// The transform of real numbers along an axis of `count` elements (cut or padded with 0 to that), as real and
/// imaginary parts in a new last axis; not scaled.
int ctorch_real_fourier(ctorch_tensor tensor, intptr_t count, intptr_t axis, ctorch_result result,
                        ctorch_message *message);
/// The inverse: `count` real numbers along the axis, scaled by 1 / count. `axis` does not count the last one.
int ctorch_inverse_real_fourier(ctorch_tensor tensor, intptr_t count, intptr_t axis, ctorch_result result,
                                ctorch_message *message);

// ---- Arithmetic (arithmetic.cpp)

typedef enum {
    CTORCH_NEGATE, CTORCH_ABS, CTORCH_EXP, CTORCH_EXPM1, CTORCH_LOG, CTORCH_LOG1P, CTORCH_SQRT, CTORCH_RSQRT,
    CTORCH_SQUARE, CTORCH_RECIPROCAL, CTORCH_SIN, CTORCH_COS, CTORCH_TANH, CTORCH_SIGMOID, CTORCH_LOG_SIGMOID,
    CTORCH_RELU, CTORCH_SOFTPLUS, CTORCH_GELU, CTORCH_SIGN, CTORCH_FLOOR, CTORCH_ROUND, CTORCH_ERFINV,
    CTORCH_IS_NAN, CTORCH_IS_FINITE, CTORCH_NOT,
} ctorch_unary_kind;
int ctorch_unary(ctorch_tensor tensor, ctorch_unary_kind kind, ctorch_result result,
                 ctorch_message *message);
int ctorch_elu(ctorch_tensor tensor, double alpha, ctorch_result result, ctorch_message *message);
int ctorch_leaky_relu(ctorch_tensor tensor, double slope, ctorch_result result, ctorch_message *message);
/// A bound that is NaN does not bind.
int ctorch_clamp(ctorch_tensor tensor, double low, double high, ctorch_result result,
                 ctorch_message *message);

typedef enum {
    CTORCH_ADD, CTORCH_SUBTRACT, CTORCH_MULTIPLY, CTORCH_DIVIDE, CTORCH_POWER, CTORCH_MAXIMUM, CTORCH_MINIMUM,
    CTORCH_EQUAL, CTORCH_NOT_EQUAL, CTORCH_LESS, CTORCH_LESS_EQUAL, CTORCH_GREATER, CTORCH_GREATER_EQUAL,
    CTORCH_AND, CTORCH_OR,
} ctorch_binary_kind;
int ctorch_binary(ctorch_tensor left, ctorch_tensor right, ctorch_binary_kind kind, ctorch_result result,
                  ctorch_message *message);
/// The same with a number on the right; maximum, minimum, and, or are left out.
int ctorch_binary_number(ctorch_tensor left, double right, ctorch_binary_kind kind, ctorch_result result,
                         ctorch_message *message);
/// left + scale * right; also in place, for optimisers, outside autograd.
int ctorch_add_scaled(ctorch_tensor left, ctorch_tensor right, double scale, ctorch_result result,
                      ctorch_message *message);
int ctorch_add_scaled_in_place(ctorch_tensor left, ctorch_tensor right, double scale, ctorch_message *message);
int ctorch_add_number_in_place(ctorch_tensor left, double number, ctorch_message *message);
int ctorch_multiply_in_place(ctorch_tensor left, double factor, ctorch_message *message);
int ctorch_where(ctorch_tensor condition, ctorch_tensor yes, ctorch_tensor no, ctorch_result result,
                 ctorch_message *message);
int ctorch_masked_fill(ctorch_tensor tensor, ctorch_tensor mask, double value, ctorch_result result,
                       ctorch_message *message);
int ctorch_matmul(ctorch_tensor left, ctorch_tensor right, ctorch_result result, ctorch_message *message);

typedef enum {
    CTORCH_SUM, CTORCH_MEAN, CTORCH_LARGEST, CTORCH_SMALLEST, CTORCH_LOG_SUM_EXP, CTORCH_NORM, CTORCH_ALL, CTORCH_ANY,
} ctorch_reduction_kind;
/// Reduces these axes, or all of them when `rank` is 0.
int ctorch_reduce(ctorch_tensor tensor, ctorch_reduction_kind kind, const intptr_t *_Nullable axes, int32_t rank,
                  bool keep, ctorch_result result, ctorch_message *message);
/// The variance, divided by (n - correction).
int ctorch_variance(ctorch_tensor tensor, const intptr_t *_Nullable axes, int32_t rank, double correction, bool keep,
                    ctorch_result result, ctorch_message *message);
int ctorch_argmax(ctorch_tensor tensor, intptr_t axis, bool keep, ctorch_result result,
                  ctorch_message *message);
int ctorch_cumulative_sum(ctorch_tensor tensor, intptr_t axis, ctorch_result result,
                          ctorch_message *message);
int ctorch_softmax(ctorch_tensor tensor, intptr_t axis, bool logarithm, ctorch_result result,
                   ctorch_message *message);

// ---- Layers and losses (layers.cpp)

int ctorch_linear(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor _Nullable bias,
                  ctorch_result result, ctorch_message *message);
/// Convolution over the last `rank` axes (1 or 2); each array has `rank` numbers; output_padding is for transposed.
int ctorch_convolution(ctorch_tensor input, ctorch_tensor weight, ctorch_tensor _Nullable bias, int32_t rank,
                       const intptr_t *stride, const intptr_t *padding, const intptr_t *dilation, bool transposed,
                       const intptr_t *output_padding, intptr_t groups, ctorch_result result,
                       ctorch_message *message);
/// Pooling over the last `rank` axes (1 or 2); the average counts padding, as PyTorch's default does.
int ctorch_pool(ctorch_tensor input, bool maximum, int32_t rank, const intptr_t *kernel, const intptr_t *stride,
                const intptr_t *padding, ctorch_result result, ctorch_message *message);
int ctorch_batch_norm(ctorch_tensor input, ctorch_tensor _Nullable weight, ctorch_tensor _Nullable bias,
                      ctorch_tensor _Nullable running_mean, ctorch_tensor _Nullable running_variance, bool training,
                      double momentum, double epsilon, ctorch_result result, ctorch_message *message);
int ctorch_instance_norm(ctorch_tensor input, ctorch_tensor _Nullable weight, ctorch_tensor _Nullable bias,
                         ctorch_tensor _Nullable running_mean, ctorch_tensor _Nullable running_variance,
                         bool use_input_statistics, double momentum, double epsilon,
                         ctorch_result result, ctorch_message *message);
/// Normalises over the last `rank` axes, whose lengths are given.
int ctorch_layer_norm(ctorch_tensor input, const intptr_t *sizes, int32_t rank, ctorch_tensor _Nullable weight,
                      ctorch_tensor _Nullable bias, double epsilon, ctorch_result result, ctorch_message *message);
/// Normalises each of so many groups of channels of each example.
int ctorch_group_norm(ctorch_tensor input, intptr_t groups, ctorch_tensor _Nullable weight,
                      ctorch_tensor _Nullable bias, double epsilon, ctorch_result result, ctorch_message *message);
int ctorch_dropout(ctorch_tensor input, double probability, bool training, ctorch_result result,
                   ctorch_message *message);
/// `weights` are PyTorch's flat weights: for each layer and direction ih, hh and, with biases, b_ih, b_hh.
int ctorch_lstm(ctorch_tensor input, ctorch_tensor hidden, ctorch_tensor cell, ctorch_list weights,
                size_t count, bool biases, int32_t layers, double dropout, bool training, bool bidirectional,
                bool batch_first, ctorch_result output, ctorch_result last_hidden,
                ctorch_result last_cell, ctorch_message *message);
int ctorch_gru(ctorch_tensor input, ctorch_tensor hidden, ctorch_list weights, size_t count, bool biases,
               int32_t layers, double dropout, bool training, bool bidirectional, bool batch_first,
               ctorch_result output, ctorch_result last_hidden, ctorch_message *message);

typedef enum {
    CTORCH_BCE, CTORCH_BCE_LOGITS, CTORCH_CROSS_ENTROPY, CTORCH_NLL, CTORCH_MSE, CTORCH_L1, CTORCH_SMOOTH_L1,
} ctorch_loss_kind;
typedef enum { CTORCH_EACH = 0, CTORCH_REDUCE_MEAN = 1, CTORCH_REDUCE_SUM = 2 } ctorch_loss_reduction;
/// `weight` is the loss's own: per element (BCE) or per class (cross entropy, NLL); the others take none.
int ctorch_loss(ctorch_tensor input, ctorch_tensor target, ctorch_tensor _Nullable weight, ctorch_loss_kind kind,
                ctorch_loss_reduction reduction, ctorch_result result, ctorch_message *message);

// ---- Autograd and optimisers (training.cpp)

/// Sets this thread's grad mode and yields the former one, for a paired call.
int ctorch_set_grad_enabled(bool enabled, bool *former, ctorch_message *message);
int ctorch_set_requires_grad(ctorch_tensor tensor, bool wanted, ctorch_message *message);
int ctorch_backward(ctorch_tensor tensor, ctorch_tensor _Nullable gradient, bool keep_graph, ctorch_message *message);
/// The gradient accumulated so far; yields NULL where there is none.
int ctorch_gradient(ctorch_tensor tensor, ctorch_result result, ctorch_message *message);
int ctorch_set_gradient(ctorch_tensor tensor, ctorch_tensor _Nullable gradient, ctorch_message *message);
int ctorch_clear_gradients(ctorch_list tensors, size_t count, ctorch_message *message);
/// Gradients of one tensor with respect to others, outside the accumulated ones (torch.autograd.grad).
int ctorch_gradients_of(ctorch_tensor output, ctorch_list inputs, size_t count, bool keep_graph,
                        bool differentiable, ctorch_result results, ctorch_message *message);
/// Scales gradients so that their joint 2-norm is at most `limit`, and yields the norm before.
int ctorch_clip_gradient_norm(ctorch_list tensors, size_t count, double limit, double *norm,
                              ctorch_message *message);
int ctorch_clip_gradient_value(ctorch_list tensors, size_t count, double limit, ctorch_message *message);

typedef struct {
    double rate, beta1, beta2, epsilon, weight_decay;
    bool decoupled;  // AdamW
} ctorch_adam_options;
/// One step for parameters that have a gradient; `steps` are float32 scalars, counted up here.
int ctorch_adam_step(ctorch_list parameters, ctorch_list averages, ctorch_list squares,
                     ctorch_list steps, size_t count, const ctorch_adam_options *options,
                     ctorch_message *message);
typedef struct {
    double rate, momentum, weight_decay;
    bool nesterov;
} ctorch_sgd_options;
/// `buffers` are zero before the first step; they may be NULL when momentum is 0.
int ctorch_sgd_step(ctorch_list parameters, const ctorch_tensor _Nonnull *_Nullable buffers, size_t count,
                    const ctorch_sgd_options *options, ctorch_message *message);

typedef struct {
    double rate, alpha, epsilon, momentum, weight_decay;
    bool centred;
} ctorch_rmsprop_options;
/// `means` may be NULL unless centred, `buffers` when momentum is 0; all are zero before the first step.
int ctorch_rmsprop_step(ctorch_list parameters, ctorch_list squares, const ctorch_tensor _Nonnull *_Nullable means,
                        const ctorch_tensor _Nonnull *_Nullable buffers, ctorch_list steps, size_t count,
                        const ctorch_rmsprop_options *options, ctorch_message *message);
/// averages += (1 - decay) * (values - averages), outside autograd.
int ctorch_move_averages(ctorch_list averages, ctorch_list values, size_t count, double decay,
                         ctorch_message *message);

// ---- The library (runtime.cpp)

/// The version as text, such as 2.13.0, into `message`.
int ctorch_version(ctorch_message *message);
/// The vector instructions that ATen's own kernels use, such as AVX2, into `message`.
int ctorch_cpu_capability(ctorch_message *message);
int ctorch_manual_seed(uint64_t seed, ctorch_message *message);
/// The default generator of a device: its state as a tensor of bytes.
int ctorch_generator_state(ctorch_device device, ctorch_result result, ctorch_message *message);
int ctorch_set_generator_state(ctorch_device device, ctorch_tensor state, ctorch_message *message);
int ctorch_thread_count(int32_t *count);
int ctorch_set_thread_count(int32_t count, ctorch_message *message);
int ctorch_cuda_device_count(int32_t *count, ctorch_message *message);
int ctorch_synchronize(ctorch_device device, ctorch_message *message);
/// Lets malloc keep what is freed for the next step, up to 32 MiB a piece, in one arena for all threads that begin
/// later. A step frees and allocates the same memory over and over; given back to the system each time, it costs a
/// quarter of a convolutional step in page faults. Of no effect outside glibc.
int ctorch_keep_freed_memory(void);
/// Makes ATen, cuDNN, cuBLAS and oneDNN use deterministic algorithms, and refuse operations that have none. On CUDA it
/// takes effect fully only before the first use of the device.
int ctorch_set_deterministic(bool deterministic, ctorch_message *message);
int ctorch_is_deterministic(bool *deterministic, ctorch_message *message);

#ifdef __clang__
#pragma clang assume_nonnull end
#endif
#ifdef __cplusplus
}
#endif
#endif
