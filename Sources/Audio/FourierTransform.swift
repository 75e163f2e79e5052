internal import CFFTW
internal import Synchronization

/// FFTW's transform of complex numbers, by an ESTIMATE plan, so that every run computes the same bits.
final class FourierTransform {
    /// The sign of the exponent; neither direction divides by the length.
    enum Direction {
        case forward
        case inverse
    }

    /// Complex numbers.
    let length: Int
    /// [2 · length]: real and imaginary parts in turn, zero at first; `execute` leaves them.
    var input: UnsafeMutablePointer<Float> { inputs.pointer + Self.margin }
    /// [2 · length], likewise.
    var output: UnsafeMutablePointer<Float> { outputs.pointer + Self.margin }

    /// Floats before and after each array, which vector loops may read and overwrite; a multiple of the alignment.
    static let margin = 16

    private let inputs: FloatBuffer
    private let outputs: FloatBuffer
    private let plan: fftwf_plan

    /// FFTW's planner is the one part of it that threads may not enter together.
    private static let planner = Mutex(())
    private static let estimate: UInt32 = 1 << 6

    init(length: Int, _ direction: Direction = .forward) {
        self.length = length
        inputs = FloatBuffer(count: 2 * length + 2 * Self.margin)
        outputs = FloatBuffer(count: 2 * length + 2 * Self.margin)
        let input = UnsafeMutableRawPointer(inputs.pointer + Self.margin)
            .assumingMemoryBound(to: fftwf_complex.self)
        let output = UnsafeMutableRawPointer(outputs.pointer + Self.margin)
            .assumingMemoryBound(to: fftwf_complex.self)
        let sign = direction == .forward ? FFTW_FORWARD : FFTW_BACKWARD
        plan =
            Self.planner.withLock { _ in
                SendablePlan(plan: fftwf_plan_dft_1d(Int32(length), input, output, sign, Self.estimate))
            }.plan
    }

    deinit {
        let plan = SendablePlan(plan: plan)
        Self.planner.withLock { _ in fftwf_destroy_plan(plan.plan) }
    }

    /// Writes X[k] = Σ x[j]·e^(∓2πijk/length) to `output`; the sign is minus for the forward direction.
    func execute() { fftwf_execute(plan) }
}

/// A plan on its way through the planner's lock.
private struct SendablePlan: @unchecked Sendable {
    let plan: fftwf_plan
}
