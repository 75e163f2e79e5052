internal import Audio
internal import Files

/// A mono signal in memory, at one rate, full scale at ±1.
///
/// Judges hear no more than this: whatever format, channels and rate a file has, it is decoded, mixed to the mean
/// of its channels and resampled as the build does it. Memory: 4 bytes a sample; a mel or chroma of it takes
/// twice that again for a moment.
public struct Sound: Sendable, Hashable {
    /// The samples.
    public let samples: [Float]
    /// Samples per second.
    public let sampleRate: Int

    /// librosa's rate, which chroma, onsets and beats are defined at.
    public static let standardRate = 22_050
    /// The longest sound in seconds that is read unless another limit is given: half an hour, 160 MB at 22,050
    /// Hz.
    public static let longest = 1800.0

    /// Samples at a rate.
    ///
    /// - Precondition: The rate is above 0.
    public init(samples: [Float], sampleRate: Int) {
        precondition(sampleRate > 0, "want a rate above 0, got \(sampleRate)")
        self.samples = samples
        self.sampleRate = sampleRate
    }

    /// Decodes the beginning of an audio file.
    ///
    /// - Parameters:
    ///   - path: The file, of any format that a build reads.
    ///   - sampleRate: The rate wanted in Hz, reached by soxr's high quality.
    ///   - seconds: How much is kept.
    /// - Throws: `AudioError` for a fault of the bytes so far; `AudioAccessError` for a file out of reach.
    public init(path: String, sampleRate: Int = standardRate, first seconds: Double) throws {
        let count = min(Int((seconds * Double(sampleRate)).rounded()), Self.mostSamples)
        self.init(
            samples: try AudioParameters(sampleRate: sampleRate).signal(ofFileAt: path, most: count).samples,
            sampleRate: sampleRate)
    }

    /// Decodes an audio file.
    ///
    /// - Parameters:
    ///   - path: The file, of any format that a build reads.
    ///   - sampleRate: The rate wanted in Hz, reached by soxr's high quality.
    ///   - longest: The limit in seconds; decoding stops there.
    /// - Throws: `sound.too-long`; `AudioError` for a fault of the bytes; `AudioAccessError` for a file out of reach.
    public init(path: String, sampleRate: Int = standardRate, longest: Double = longest) throws {
        let limit = min(Int((longest * Double(sampleRate)).rounded(.up)), Self.mostSamples)
        let (samples, isWhole) = try AudioParameters(sampleRate: sampleRate).signal(
            ofFileAt: path, most: limit)
        guard isWhole else {
            throw JudgingError(
                .tooLong,
                "\(path.shown) is longer than \(Self.minutes(limit, sampleRate)); give the judge an excerpt")
        }
        self.init(samples: samples, sampleRate: sampleRate)
    }

    /// What a whole-signal feature can take: see `AudioParameters.features(of:)`.
    private static let mostSamples = 1 << 26

    private static func minutes(_ samples: Int, _ rate: Int) -> String {
        "\((Double(samples) / Double(rate) / 6).rounded() / 10) minutes"
    }

    /// Its length in seconds.
    public var seconds: Double { Double(samples.count) / Double(sampleRate) }

    /// The root mean square of the samples, full scale 1; 0 without samples.
    public var rms: Double {
        guard !samples.isEmpty else { return 0 }
        return (samples.reduce(0) { $0 + Double($1) * Double($1) } / Double(samples.count)).squareRoot()
    }

    /// The same sound at another rate.
    ///
    /// - Throws: `AudioError` for a rate more than 256 times higher or lower.
    public func resampled(to rate: Int) throws -> Sound {
        rate == sampleRate
            ? self
            : Sound(
                samples: try Resampler.soxrHQ.convert(samples, from: sampleRate, to: rate), sampleRate: rate)
    }

    /// The same sound with another root mean square; silence stays as it is.
    ///
    /// - Parameter level: The level wanted in dBFS.
    /// - Returns: Samples that may exceed full scale.
    public func brought(toLevel level: Double) -> Sound {
        let now = rms
        guard now > 1e-10 else { return self }
        let factor = Float(pow10(level / 20) / now)
        return Sound(samples: samples.map { $0 * factor }, sampleRate: sampleRate)
    }

    /// One feature of the whole sound, row by row.
    ///
    /// - Throws: `sound.too-short` for no samples; `AudioOutputError` for a sound that cannot be transformed.
    func feature(_ feature: FeatureParameters, _ stft: STFTParameters) throws -> [Float] {
        guard !samples.isEmpty else { throw JudgingError(.tooShort, "the sound has no samples") }
        let parameters = AudioParameters(sampleRate: sampleRate, stft: stft, features: [feature])
        return try parameters.features(of: samples)[feature.name] ?? []
    }
}
