internal import Audio

/// The logarithmic mel spectrogram that musicnn's networks see, and the plain judge.
///
/// 16 kHz mono, frames of 512 samples, 256 apart (16 ms), a Hann window, the signal mirrored at its ends; powers
/// through 96 Slaney mel bands of 0 to 8000 Hz; log10(1 + 10,000 x). Pons and Serra, "musicnn", 2019,
/// arXiv:1909.06654.
public struct MelImage: Sendable, Hashable {
    /// [96, frames], the lowest band first.
    public let values: [Float]
    /// Frames.
    public let frames: Int

    /// Bands.
    public static let bands = 96
    /// Samples per second of the sound that is seen.
    public static let sampleRate = 16_000
    private static let stft = STFTParameters(nFFT: 512, hopLength: 256, padMode: .reflect)

    /// Computes it.
    ///
    /// - Throws: `sound.too-short` for 256 samples at 16 kHz or fewer, which cannot be mirrored; `AudioError` if it
    ///   cannot be resampled.
    public init(of sound: Sound) throws {
        let sound = try sound.resampled(to: Self.sampleRate)
        guard sound.samples.count > Self.stft.nFFT / 2 else {
            throw JudgingError(
                .tooShort, "the sound has \(sound.samples.count) samples at 16 kHz; want more than 256")
        }
        var mel = try sound.feature(.mel(MelParameters(bands: Self.bands)), Self.stft)
        mel.withUnsafeMutableBufferPointer { FeatureMath.log10OnePlus($0, scale: 10_000) }
        values = mel
        frames = mel.count / Self.bands
    }
}

/// What a plain judge knows of a sound: mean and standard deviation of each of the 96 bands of `MelImage` over
/// time.
///
/// It hears timbre and mixing and no notes, so it says how much of a style another judge tells by these alone.
public struct MelSummary: Sendable, Hashable {
    /// The mean of each band.
    public let means: [Double]
    /// The population's standard deviation of each band.
    public let standardDeviations: [Double]

    /// The level that a sound is brought to so that its own does not count, in dBFS.
    public static let level = -20.0

    /// Summarises a sound.
    ///
    /// - Parameters:
    ///   - sound: The sound.
    ///   - keepsLevel: Whether its level counts; else it is brought to a root mean square of −20 dBFS first.
    /// - Throws: as `MelImage`.
    public init(of sound: Sound, keepsLevel: Bool = false) throws {
        let image = try MelImage(of: keepsLevel ? sound : sound.brought(toLevel: Self.level))
        let moments = image.values.withUnsafeBufferPointer { Moments.ofRows(MelImage.bands, $0) }
        means = moments.map(\.mean)
        standardDeviations = moments.map(\.standardDeviation)
    }

    /// Means, then standard deviations: 192 numbers for a probe, or for KAD where there are no weights.
    public var features: [Double] { means + standardDeviations }
}
