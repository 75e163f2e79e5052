internal import Audio

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Faults of a sound that need no reference: silence, clipping, a narrow band, a wrong level.
public struct SoundQuality: Sendable, Hashable {
    /// The share of frames, 0 to 1, with a root mean square below −70 dBFS.
    public let silence: Double
    /// The share of samples, 0 to 1, of a magnitude of 32,767/32,768 or more.
    public let clipping: Double
    /// The median over the other frames of the frequency in Hz up to which lie 95 % of the magnitudes
    /// (`librosa.feature.spectral_rolloff`); nil where all is silent.
    public let bandwidth: Double?
    /// Integrated loudness in LUFS (ITU-R BS.1770-4, EBU R128); nil where it cannot be measured.
    public let loudness: Double?
    /// The true peak in dBTP; nil of digital silence.
    public let truePeak: Double?

    private static let (nFFT, hop) = (2048, 512)
    private static let silentPower = 1e-7
    private static let clipLevel: Float = 32_767.0 / 32_768
    private static let share = 0.95

    /// Measures a sound at its own rate, in frames of 2048 samples, 512 apart.
    ///
    /// - Throws: `sound.too-short` for no samples; `audio.bad-value` for a sample that is not finite.
    public init(of sound: Sound) throws {
        guard !sound.samples.isEmpty else { throw JudgingError(.tooShort, "the sound has no samples") }
        let levels = try AudioLevels(of: sound.samples, sampleRate: sound.sampleRate)
        loudness = levels.integratedLoudness
        truePeak = levels.truePeak
        clipping =
            Double(sound.samples.count { abs($0) >= Self.clipLevel }) / Double(sound.samples.count)
        let powers = Self.framePowers(of: sound.samples)
        silence = Double(powers.count { $0 < Self.silentPower }) / Double(powers.count)
        let frequencies = try Self.rolloffs(of: sound)
        bandwidth = zip(frequencies, powers).filter { $0.1 >= Self.silentPower }.map(\.0).median
    }

    /// The mean square of each frame, over the samples that there are.
    private static func framePowers(of samples: [Float]) -> [Double] {
        (0...samples.count / hop).map { frame in
            let range =
                max(0, frame * hop - nFFT / 2)..<min(samples.count, frame * hop + nFFT / 2)
            guard !range.isEmpty else { return 0 }
            return samples[range].reduce(0) { $0 + Double($1) * Double($1) } / Double(range.count)
        }
    }

    /// For each frame the lowest frequency in Hz up to which lie 95 % of the magnitudes; 0 for a frame of zeros.
    static func rolloffs(of sound: Sound) throws -> [Double] {
        var result: [Double] = []
        try sound.forEachSpectrum(STFTParameters(nFFT: nFFT, hopLength: hop)) { spectrum in
            let magnitudes = spectrum.magnitudes
            for frame in 0..<spectrum.frames {
                var sum = 0.0
                for bin in 0..<spectrum.bins { sum += Double(magnitudes[bin * spectrum.frames + frame]) }
                var (reached, place) = (0.0, 0)
                for bin in 0..<spectrum.bins {
                    reached += Double(magnitudes[bin * spectrum.frames + frame])
                    place = bin
                    if reached >= share * sum { break }
                }
                result.append(
                    sum > 0 ? Double(place) * Double(sound.sampleRate) / Double(nFFT) : 0)
            }
        }
        return result
    }
}

extension Sound {
    /// Calls a body with the transform of some 500 frames at a time, so that a long sound needs little memory.
    func forEachSpectrum(
        _ parameters: STFTParameters, _ body: (ComplexSpectrogram) throws -> Void
    ) throws {
        let stft = try STFT(parameters)
        let count = 1 + samples.count / parameters.hopLength
        for first in stride(from: 0, to: count, by: 512) {
            try body(
                stft.forward(frames: first..<min(first + 512, count), length: samples.count) {
                    Array(samples[$0])
                })
        }
    }
}
