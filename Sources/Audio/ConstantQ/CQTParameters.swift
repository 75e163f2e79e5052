#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The parameters of `librosa.cqt`: the magnitudes of a constant-Q transform.
///
/// Filter k is a window of L[k] = Q · sampleRate / f[k] samples around the frame's centre, so that each holds the same
/// number of periods, Q (Brown, "Calculation of a constant Q spectral transform", JASA 89(1), 1991, equation 5). Each is
/// divided by the sum of its window: librosa's `norm=1`.
public struct CQTParameters: Sendable, Hashable {
    /// The number of filters.
    public var bins: Int
    /// Filters in an octave.
    public var binsPerOctave: Int
    /// The lowest frequency in Hz, before `tuning`.
    public var fMin: Double
    /// How much higher all filters are, in bins.
    public var tuning: Double
    /// What the length of each filter is multiplied by.
    public var filterScale: Double
    /// The share of each filter's spectrum, as a sum of magnitudes, that is left out: its smallest numbers.
    public var sparsity: Double
    /// The shape of the filters.
    public var window: STFTParameters.Window
    /// Whether a filter's weighted mean is multiplied by √L, which gives noise the same magnitude in all, or by L.
    public var scale: Bool

    /// C1 in equal temperament with A4 = 440 Hz, in Hz.
    public static let c1 = 32.70319566257483

    /// The defaults are librosa's.
    public init(
        bins: Int = 84, binsPerOctave: Int = 12, fMin: Double = c1, tuning: Double = 0,
        filterScale: Double = 1,
        sparsity: Double = 0.01, window: STFTParameters.Window = .hann, scale: Bool = true
    ) {
        self.bins = bins
        self.binsPerOctave = binsPerOctave
        self.fMin = fMin
        self.tuning = tuning
        self.filterScale = filterScale
        self.sparsity = sparsity
        self.window = window
        self.scale = scale
    }

    /// The filters' frequencies in Hz, ascending: fMin · 2^((k + tuning) / binsPerOctave).
    public var frequencies: [Double] {
        let lowest = fMin * pow(2, tuning / Double(binsPerOctave))
        return (0..<bins).map { bin in
            let octave = pow(2, Double(bin / binsPerOctave))
            return octave * pow(2, Double(bin % binsPerOctave) / Double(binsPerOctave)) * lowest
        }
    }

    /// Q, the periods in a filter: filterScale · (r² + 1) / (r² − 1), where r is the ratio of neighbouring frequencies.
    public var quality: Double {
        let square = pow(2, 2 / Double(binsPerOctave))
        return filterScale * (square + 1) / (square - 1)
    }

    /// The length of the filter at a frequency, in samples; a fraction.
    func length(at frequency: Double, sampleRate: Double) -> Double { quality * sampleRate / frequency }

    /// Where the main lobe of the filter at a frequency has fallen by 3 dB, in Hz.
    func cutoff(at frequency: Double) -> Double {
        frequency * (1 + 0.5 * window.equivalentBandwidth / quality)
    }

    /// The most filters that end below half the sample rate.
    ///
    /// - Parameter sampleRate: The rate of the samples in Hz.
    /// - Returns: At most 1024; 0 if the first does not.
    public func mostBins(sampleRate: Int) -> Int {
        var all = self
        all.bins = Limits.bins.upperBound
        let half = Double(sampleRate) / 2
        return all.frequencies.firstIndex { cutoff(at: $0) > half } ?? all.bins
    }

    /// How many filters at the low end are longer than a signal, which therefore never fills them.
    ///
    /// - Parameters:
    ///   - samples: The length of the signal.
    ///   - sampleRate: Its rate in Hz.
    /// - Returns: 0 to `bins`.
    public func binsLonger(than samples: Int, sampleRate: Int) -> Int {
        frequencies.firstIndex { length(at: $0, sampleRate: Double(sampleRate)) <= Double(samples) } ?? bins
    }

    /// The length of the longest filter.
    ///
    /// - Parameter sampleRate: The rate of the samples in Hz.
    /// - Returns: Samples, rounded up.
    public func longestFilter(sampleRate: Int) -> Double {
        length(at: frequencies[0], sampleRate: Double(sampleRate)).rounded(.up)
    }
}

extension CQTParameters {
    /// The numbers that can be asked for.
    public enum Limits {
        /// Filters.
        public static let bins = 1...1024
        /// Filters in an octave.
        public static let binsPerOctave = 1...96
        /// Tunings in bins.
        public static let tuning = -1.0...1.0
        /// Scales of filters: with less, the shortest would have no shape.
        public static let filterScale = 0.25...16.0
        /// The longest filter in samples.
        public static let samples = 1 << 20
    }

    /// Everything that is wrong with these parameters.
    func faults(sampleRate: Int) -> [AudioParameterFault] {
        var faults: [AudioParameterFault] = []
        func check(_ holds: Bool, _ key: String, _ message: @autoclosure () -> String) {
            if !holds {
                faults.append(AudioParameterFault(key: "features.cqt.\(key)", message: message()))
            }
        }
        func checkRange<Bound: Comparable>(_ value: Bound, _ range: ClosedRange<Bound>, _ key: String) {
            check(range.contains(value), key, "want \(range.lowerBound) to \(range.upperBound), got \(value)")
        }
        checkRange(bins, Limits.bins, "bins")
        checkRange(binsPerOctave, Limits.binsPerOctave, "bins_per_octave")
        check(fMin > 0 && fMin < .infinity, "fmin", "want more than 0 Hz, got \(fMin)")
        checkRange(tuning, Limits.tuning, "tuning")
        checkRange(filterScale, Limits.filterScale, "filter_scale")
        check((0..<1).contains(sparsity), "sparsity", "want at least 0 and less than 1, got \(sparsity)")
        guard faults.isEmpty, sampleRate > 0 else { return faults }
        let half = "half the sample rate (\(Double(sampleRate) / 2) Hz)"
        let most = mostBins(sampleRate: sampleRate)
        check(most > 0, "fmin", "want a filter below \(half), got \(fMin)")
        check(
            most == 0 || bins <= most, "bins",
            "want at most \(most), as the next is not below \(half), got \(bins)")
        let longest = longestFilter(sampleRate: sampleRate)
        check(
            longest <= Double(Limits.samples), "fmin",
            "want filters of at most \(Limits.samples) samples, got one of \(longest)")
        return faults
    }
}

extension STFTParameters.Window {
    /// The equivalent noise bandwidth in bins, as `librosa.filters.window_bandwidth` has it: of 1000 samples.
    var equivalentBandwidth: Double {
        switch self {
        case .hann: 1.50018310546875
        case .hamming: 1.3629455320350348
        }
    }

    /// a and b of the window a − b · cos.
    var coefficients: (constant: Double, cosine: Double) {
        switch self {
        case .hann: (0.5, 0.5)
        case .hamming: (0.54, 0.46)
        }
    }
}
