internal import CFFTW
internal import Synchronization

/// FFTW's transform of complex numbers, by an ESTIMATE plan, so that every run computes the same bits.
final class FourierTransform {
    /// Complex numbers.
    let length: Int
    /// [2 · length]: real and imaginary parts in turn, zero at first; `execute` leaves them.
    var input: UnsafeMutablePointer<Float> { inputs.pointer }
    /// [2 · length], likewise.
    var output: UnsafeMutablePointer<Float> { outputs.pointer }

    private let inputs: FloatBuffer
    private let outputs: FloatBuffer
    private let plan: fftwf_plan

    /// FFTW's planner is the one part of it that threads may not enter together.
    private static let planner = Mutex(())
    private static let estimate: UInt32 = 1 << 6

    init(length: Int) {
        self.length = length
        inputs = FloatBuffer(count: 2 * length)
        // Readers that take eight at a time may look a little further.
        outputs = FloatBuffer(count: 2 * length + 16)
        let input = UnsafeMutableRawPointer(inputs.pointer).assumingMemoryBound(to: fftwf_complex.self)
        let output = UnsafeMutableRawPointer(outputs.pointer).assumingMemoryBound(to: fftwf_complex.self)
        plan =
            Self.planner.withLock { _ in
                SendablePlan(
                    plan: fftwf_plan_dft_1d(Int32(length), input, output, FFTW_FORWARD, Self.estimate))
            }.plan
    }

    deinit {
        let plan = SendablePlan(plan: plan)
        Self.planner.withLock { _ in fftwf_destroy_plan(plan.plan) }
    }

    /// Writes X[k] = Σ x[j]·e^(−2πijk/length) to `output`.
    func execute() { fftwf_execute(plan) }
}

/// A plan on its way through the planner's lock.
private struct SendablePlan: @unchecked Sendable {
    let plan: fftwf_plan
}
