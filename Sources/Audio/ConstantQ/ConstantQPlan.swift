#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// How a constant-Q transform goes down the octaves, each at a lower sample rate: that of `librosa.cqt`.
///
/// The highest octave is computed at the signal's rate divided by `factor`, each further one at half the rate of the one
/// above it, as long as the hop stays whole.
struct ConstantQPlan {
    /// Some filters that share a sample rate.
    struct Octave {
        /// Which.
        let bins: Range<Int>
        /// Whether the rate is half that of the octave above.
        let halves: Bool
        /// In Hz.
        let sampleRate: Double
        /// In samples of that rate.
        let hop: Int
        /// A power of two, at least as long as the filters.
        let nFFT: Int
    }

    /// What the rate is divided by before the highest octave: a power of two.
    let factor: Int
    /// The highest first.
    let octaves: [Octave]

    /// Complex weights of all filters, before `sparsity`.
    var weightCount: Int { octaves.reduce(0) { $0 + $1.bins.count * ($1.nFFT / 2 + 1) } }

    /// - Parameters:
    ///   - parameters: Without faults.
    ///   - sampleRate: In Hz.
    ///   - hop: In samples.
    init(_ parameters: CQTParameters, sampleRate: Int, hop: Int) {
        let frequencies = parameters.frequencies
        let each = parameters.binsPerOctave
        let count = (parameters.bins + each - 1) / each
        let top = parameters.cutoff(at: frequencies[parameters.bins - 1])
        let spare = Int(log2(Double(sampleRate) / 2 / top).rounded(.up)) - 2
        // 256 is the most that a rate is divided by at once.
        let early = max(0, min(spare, hop.trailingZeroBitCount - count + 1, 8))
        factor = 1 << early
        var (rate, step, end) = (Double(sampleRate) / Double(factor), hop >> early, parameters.bins)
        var octaves: [Octave] = []
        while end > 0 {
            let halves = !octaves.isEmpty && step % 2 == 0
            if halves { (rate, step) = (rate / 2, step / 2) }
            let bins = max(0, end - each)..<end
            let longest = parameters.length(at: frequencies[bins.lowerBound], sampleRate: rate)
            octaves.append(
                Octave(
                    bins: bins, halves: halves, sampleRate: rate, hop: step,
                    nFFT: 1 << Int(log2(longest).rounded(.up))))
            end = bins.lowerBound
        }
        self.octaves = octaves
    }
}

extension CQTParameters {
    /// The number of complex weights of all filters, before `sparsity`.
    ///
    /// - Parameters:
    ///   - sampleRate: The rate of the samples in Hz.
    ///   - hopLength: From one frame to the next, in samples.
    /// - Returns: As many times 8 bytes are used at most.
    public func weightCount(sampleRate: Int, hopLength: Int) -> Int {
        ConstantQPlan(self, sampleRate: sampleRate, hop: hopLength).weightCount
    }
}
