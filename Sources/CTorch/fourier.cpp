// The Fourier transform of real numbers; complex numbers cross the boundary as pairs.
#include "bridge.hpp"

using namespace bridge;

int ctorch_real_fourier(ctorch_tensor tensor, intptr_t count, intptr_t axis, ctorch_tensor *result,
                        ctorch_message *message) {
    return yields(result, message, [&] { return at::view_as_real(at::fft_rfft(*Borrowed(tensor), count, axis)); });
}

int ctorch_inverse_real_fourier(ctorch_tensor tensor, intptr_t count, intptr_t axis, ctorch_tensor *result,
                                ctorch_message *message) {
    return yields(result, message, [&] {
        return at::fft_irfft(at::view_as_complex(Borrowed(tensor)->contiguous()), count, axis);
    });
}
