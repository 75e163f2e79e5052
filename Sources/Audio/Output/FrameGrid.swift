internal import SoundFiles

/// Where the frames of a short-time Fourier transform lie on a signal, or on a part of one, and how much of each sample
/// they hold.
///
/// Places are those of a buffer in which the first frame begins at 0 and frame t at t·hop.
struct FrameGrid: Equatable {
    let parameters: STFTParameters
    let frames: Int
    /// The samples of the signal itself.
    let signal: Range<Int>
    /// How much the signal is padded by before it, and after it and `padEnd`, as far as the buffer reaches.
    private let (padBefore, padAfter): (Int, Int)

    /// Floats that a buffer needs, with room for loops that handle eight at a time.
    var bufferLength: Int { max(covered, signal.upperBound + parameters.padEnd + padAfter) + 16 }
    /// The samples under a frame.
    private var covered: Int { frames == 0 ? 0 : parameters.nFFT + (frames - 1) * parameters.hopLength }

    /// All frames of a signal.
    ///
    /// - Parameters:
    ///   - parameters: The transform.
    ///   - frames: How many.
    ///   - length: The samples of the signal; `nil` for as many as the frames cover.
    init(_ parameters: STFTParameters, frames: Int, length: Int?) {
        self.parameters = parameters
        self.frames = frames
        let lead = parameters.lead
        let reach = parameters.nFFT + (frames - 1) * parameters.hopLength - 2 * lead - parameters.padEnd
        signal = lead..<(lead + (length ?? (frames == 0 ? 0 : max(0, reach))))
        (padBefore, padAfter) = (lead, lead)
    }

    /// Some frames of a signal.
    ///
    /// - Parameters:
    ///   - parameters: The transform.
    ///   - range: The frames.
    ///   - length: The samples of the whole signal.
    init(_ parameters: STFTParameters, range: Range<Int>, length: Int) {
        self.parameters = parameters
        frames = range.count
        let first = parameters.lead - range.lowerBound * parameters.hopLength
        let reach = range.isEmpty ? 0 : parameters.nFFT + (range.count - 1) * parameters.hopLength
        let start = min(max(0, first), reach)
        signal = start..<min(max(start, first + length), reach)
        padBefore = max(0, first)
        padAfter = first + length + parameters.padEnd <= reach ? parameters.lead : 0
    }

    /// Zeros or mirrors what lies outside the signal.
    func pad(_ buffer: UnsafeMutablePointer<Float>) {
        buffer.update(repeating: 0, count: signal.lowerBound)
        (buffer + signal.upperBound).update(repeating: 0, count: bufferLength - signal.upperBound)
        guard parameters.center, parameters.padMode == .reflect else { return }
        let end = signal.upperBound + parameters.padEnd
        for i in 0..<min(padBefore, signal.lowerBound) {
            buffer[signal.lowerBound - 1 - i] = buffer[signal.lowerBound + 1 + i]
        }
        for i in 0..<padAfter { buffer[end + i] = buffer[end - 2 - i] }
    }

    /// - Throws: `audio.too-short` if there is nothing to mirror.
    func checkLength() throws(AudioOutputError) {
        let (length, half) = (signal.count + parameters.padEnd, parameters.nFFT / 2)
        guard !parameters.center || parameters.padMode == .constant || length > half else {
            throw AudioOutputError(
                .tooShort, "reflection needs more than nFFT/2 (\(half)) samples, got \(length)")
        }
    }

    /// The reciprocals of Σ w² of the frames that cover each sample.
    ///
    /// - Parameter window: [nFFT].
    /// - Returns: 1 where no frame is.
    func inverseWindowSums(_ window: UnsafePointer<Float>) -> FloatBuffer {
        let sums = FloatBuffer(count: bufferLength)
        for frame in 0..<frames {
            let place = sums.pointer + frame * parameters.hopLength
            for i in 0..<parameters.nFFT { place[i] += window[i] * window[i] }
        }
        for i in 0..<bufferLength {
            let sum = sums.pointer[i]
            sums.pointer[i] = sum > .leastNormalMagnitude ? 1 / sum : 1
        }
        return sums
    }
}

extension STFTParameters {
    /// The number of frequency bins.
    public var binCount: Int { nFFT / 2 + 1 }

    /// Samples between the start of frame 0 and that of the signal.
    var lead: Int { center ? nFFT / 2 : 0 }

    /// The number of frames of a signal.
    ///
    /// - Parameter length: The samples before `padEnd`.
    /// - Returns: 0 for a signal shorter than a frame, if frames are not centred.
    public func frameCount(length: Int) -> Int {
        let padded = length + padEnd + 2 * lead
        return padded < nFFT ? 0 : 1 + (padded - nFFT) / hopLength
    }

    /// - Throws: `audio.bad-parameters`.
    func check() throws(AudioOutputError) {
        func check(_ holds: Bool, _ message: @autoclosure () -> String) throws(AudioOutputError) {
            if !holds { throw AudioOutputError(.badParameters, message()) }
        }
        try check(
            (2...1 << 20).contains(nFFT) && nFFT % 2 == 0,
            "nFFT: want an even number from 2 to 2^20, got \(nFFT)")
        try check(hopLength >= 1, "hopLength: want at least 1, got \(hopLength)")
        try check(
            (1...nFFT).contains(winLength), "winLength: want 1 to nFFT (\(nFFT)), got \(winLength)")
        try check((0...1 << 26).contains(padEnd), "padEnd: want 0 to 2^26, got \(padEnd)")
    }

    /// The condition of "nonzero overlap add": at each sample, the squares of the windows over it sum to more than 1e-10.
    ///
    /// - Throws: `audio.not-invertible`.
    func checkInvertible() throws(AudioOutputError) {
        let window = Transform.window(self)
        for phase in 0..<hopLength {
            let sum = stride(from: phase, to: nFFT, by: hopLength).reduce(0.0) {
                $0 + Double(window[$1]) * Double(window[$1])
            }
            if sum <= 1e-10 {
                throw AudioOutputError(
                    .notInvertible,
                    "a \(self.window) window of \(winLength) samples every \(hopLength) samples leaves samples that "
                        + "no frame determines; want a shorter hop, such as \(max(1, winLength / 4))")
            }
        }
    }
}
