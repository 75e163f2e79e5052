internal import Audio

/// How much a sound rises in each frame: `librosa.onset.onset_strength`.
///
/// At 22,050 Hz, frames of 2048 samples, 512 apart, 128 Slaney mel bands up to 11,025 Hz in decibels at most 80
/// below the loudest. The strength of a frame is the mean over bands, or the median, of the rises since the frame
/// before, moved on by two frames for the length of a frame. The first three frames are 0.
public struct OnsetEnvelope: Sendable, Hashable {
    /// The strength of each frame, at least 0.
    public let values: [Float]

    /// Frames per second: 43.07.
    public static let frameRate = Double(Sound.standardRate) / Double(hop)

    private static let (nFFT, hop, bands) = (2048, 512, 128)

    /// How the rises of bands become one number.
    public enum Aggregate: Sendable {
        /// Their mean: onsets.
        case mean
        /// Their median: beats, which `librosa.beat.beat_track` finds by it.
        case median
    }

    /// Strengths of frames.
    public init(values: [Float]) { self.values = values }

    /// Computes the strengths of a sound.
    ///
    /// - Throws: `sound.too-short` for no samples; `AudioError` if the sound cannot be resampled.
    public init(of sound: Sound, by aggregate: Aggregate = .mean) throws {
        var mel = try sound.resampled(to: Sound.standardRate).feature(
            .mel(MelParameters(bands: Self.bands)), STFTParameters(nFFT: Self.nFFT, hopLength: Self.hop))
        mel.withUnsafeMutableBufferPointer {
            FeatureMath.decibels($0, power: 2, DecibelParameters())
        }
        let frames = mel.count / Self.bands
        var values = [Float](repeating: 0, count: frames)
        var rises = [Double](repeating: 0, count: Self.bands)
        let delay = Self.nFFT / (2 * Self.hop)
        for frame in 1..<max(1, frames - delay) {
            for band in 0..<Self.bands {
                let place = band * frames + frame
                rises[band] = max(0, Double(mel[place]) - Double(mel[place - 1]))
            }
            let strength =
                switch aggregate {
                case .mean: rises.reduce(0, +) / Double(Self.bands)
                case .median: rises.median ?? 0
                }
            values[frame + delay] = Float(strength)
        }
        self.init(values: values)
    }

    /// The time of a frame in seconds.
    public static func seconds(ofFrame frame: Int) -> Double { Double(frame) / frameRate }

    /// How alike two sounds' onsets are at the same instants: the correlation of their envelopes, −1 to 1.
    ///
    /// Behind its end a sound has no onsets.
    ///
    /// - Returns: nil if one of them has none.
    public func similarity(to other: OnsetEnvelope) -> Double? {
        let count = max(values.count, other.values.count)
        func filled(_ values: [Float]) -> [Float] {
            values + [Float](repeating: 0, count: count - values.count)
        }
        return correlation(filled(values), filled(other.values))
    }

    // MARK: Onsets

    /// The frames in which something begins: `librosa.onset.onset_detect`.
    ///
    /// The envelope is brought to 0 to 1. A frame is an onset if it is the greatest of the one before, itself and
    /// none after (30 ms back), lies at least 0.07 above the mean of 100 ms on each side, and the last onset is
    /// more than one frame away (30 ms).
    public func onsets() -> [Int] {
        guard let least = values.min(), let most = values.max(), most > least else { return [] }
        let scaled = values.map { ($0 - least) / (most - least) }
        let rate = Self.frameRate
        return PeakPicking(
            maximumBefore: Int(0.03 * rate), maximumAfter: 1, meanBefore: Int(0.1 * rate),
            meanAfter: Int(0.1 * rate) + 1, threshold: 0.07, wait: Int(0.03 * rate)
        ).peaks(of: scaled)
    }
}

/// Peaks of a row of numbers that stand out: `librosa.util.peak_pick`.
///
/// Böck, Krebs and Schedl, "Evaluating the Online Capabilities of Onset Detection Methods", ISMIR 2012, section
/// 2.3.
public struct PeakPicking: Sendable, Hashable {
    /// A peak is the greatest of so many numbers before it.
    public var maximumBefore: Int
    /// And of so many from itself on.
    public var maximumAfter: Int
    /// The mean that it must exceed is over so many numbers before it.
    public var meanBefore: Int
    /// And so many from itself on.
    public var meanAfter: Int
    /// By how much it must exceed the mean.
    public var threshold: Double
    /// So many numbers behind a peak are no peaks.
    public var wait: Int

    /// Sets all; windows from a number on hold at least itself.
    public init(
        maximumBefore: Int, maximumAfter: Int, meanBefore: Int, meanAfter: Int, threshold: Double, wait: Int
    ) {
        precondition(
            min(maximumBefore, meanBefore, wait) >= 0 && min(maximumAfter, meanAfter) > 0 && threshold >= 0,
            "want windows of at least 0 before and 1 after, got \(maximumBefore), \(maximumAfter), \(meanBefore), \(meanAfter)"
        )
        self.maximumBefore = maximumBefore
        self.maximumAfter = maximumAfter
        self.meanBefore = meanBefore
        self.meanAfter = meanAfter
        self.threshold = threshold
        self.wait = wait
    }

    /// The places of the peaks, ascending.
    public func peaks(of values: [Float]) -> [Int] {
        var peaks: [Int] = []
        var place = 0
        while place < values.count {
            let nearby = values[max(0, place - maximumBefore)..<min(values.count, place + maximumAfter)]
            let around = values[max(0, place - meanBefore)..<min(values.count, place + meanAfter)]
            let mean = around.reduce(0) { $0 + Double($1) } / Double(around.count)
            let isPeak =
                nearby.allSatisfy { $0 <= values[place] } && Double(values[place]) >= mean + threshold
            if isPeak { peaks.append(place) }
            place += isPeak ? wait + 1 : 1
        }
        return peaks
    }
}
