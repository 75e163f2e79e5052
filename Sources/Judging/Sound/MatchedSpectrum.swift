internal import Audio

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A rule in place of a system: the content with the mean spectrum of a style.
///
/// What a trained system must beat. The power of the content around each frequency, over a third of an octave, is
/// brought to the style's by at most 24 dB either way; notes, rhythm and level stay. It is a fixed filter, the
/// same gains in every frame of a short-time Fourier transform, so equal inputs give equal outputs.
public struct MatchedSpectrum: Sendable, Hashable {
    /// The factor of amplitude of each bin of a transform of 2048 samples.
    public let gains: [Double]
    /// Samples per second of content and style.
    public let sampleRate: Int

    /// The largest gain either way in dB.
    public static let limit = 24.0
    private static let stft = STFTParameters(nFFT: 2048, hopLength: 512)

    /// Works the filter out.
    ///
    /// - Parameters:
    ///   - content: The sound to change.
    ///   - style: One or more sounds at the same rate; each counts by its length.
    /// - Throws: `sound.rates-differ`; `sound.too-short` for sounds without samples.
    public init(content: Sound, style: [Sound]) throws {
        guard style.allSatisfy({ $0.sampleRate == content.sampleRate }) else {
            throw JudgingError(
                .ratesDiffer,
                "the content has \(content.sampleRate) Hz, the style \(style.map(\.sampleRate)) Hz")
        }
        guard !content.samples.isEmpty, style.contains(where: { !$0.samples.isEmpty }) else {
            throw JudgingError(.tooShort, "content and style need samples")
        }
        sampleRate = content.sampleRate
        gains = Self.gains(
            from: try Self.meanPowers(of: [content]), to: try Self.meanPowers(of: style))
    }

    /// The gains that bring one mean power spectrum to another.
    ///
    /// Both are divided by their sums first: the filter is to change the spectrum, not the level.
    static func gains(from own: [Double], to wanted: [Double]) -> [Double] {
        let (own, wanted) = (smoothed(own), smoothed(wanted))
        return zip(own, wanted).map { own, wanted in
            // Where both are silent there is nothing to change.
            guard own > 0 || wanted > 0 else { return 1 }
            let decibels = 10 * log10(max(wanted, 1e-30) / max(own, 1e-30))
            return pow10(min(max(decibels, -limit), limit) / 20)
        }
    }

    /// The mean over a third of an octave around each bin, the bin among it, of powers whose sum is made 1.
    static func smoothed(_ powers: [Double]) -> [Double] {
        var sums = [0.0]
        for power in powers { sums.append(sums[sums.count - 1] + power) }
        let all = sums[powers.count]
        guard all > 0 else { return powers }
        let half = pow(2, 1.0 / 6)
        return powers.indices.map { bin in
            let low = Int((Double(bin) / half).rounded(.up))
            let high = min(Int((Double(bin) * half).rounded(.down)), powers.count - 1)
            return (sums[high + 1] - sums[low]) / Double(high + 1 - low) / all
        }
    }

    /// The mean power of each bin over all frames of some sounds.
    static func meanPowers(of sounds: [Sound]) throws -> [Double] {
        var sums = [Double](repeating: 0, count: stft.nFFT / 2 + 1)
        var frames = 0
        for sound in sounds where !sound.samples.isEmpty {
            try sound.forEachSpectrum(stft) { spectrum in
                frames += spectrum.frames
                for bin in 0..<spectrum.bins {
                    for place in bin * spectrum.frames..<(bin + 1) * spectrum.frames {
                        let (re, im) = (Double(spectrum.real[place]), Double(spectrum.imaginary[place]))
                        sums[bin] += re * re + im * im
                    }
                }
            }
        }
        return sums.map { $0 / Double(max(frames, 1)) }
    }

    /// The content, filtered: as long as it was, at the level that it had.
    ///
    /// - Parameter content: The sound, at the filter's rate.
    /// - Returns: Samples that may exceed full scale, as the level is kept.
    /// - Throws: `sound.rates-differ`; `AudioOutputError`.
    public func apply(to content: Sound) throws -> Sound {
        guard content.sampleRate == sampleRate else {
            throw JudgingError(
                .ratesDiffer, "the filter is for \(sampleRate) Hz, the sound has \(content.sampleRate) Hz")
        }
        let stft = try STFT(Self.stft)
        // In parts with whole frames beyond their ends, so that memory does not grow with the transform of the
        // whole; a part's frames lie where those of the whole would.
        let (part, margin) = (1 << 17, 4096)
        var result: [Float] = []
        result.reserveCapacity(content.samples.count)
        for start in stride(from: 0, to: content.samples.count, by: part) {
            let from = max(0, start - margin)
            let piece = Array(content.samples[from..<min(content.samples.count, start + part + margin)])
            var spectrum = try stft.forward(piece)
            for bin in 0..<spectrum.bins {
                let gain = Float(gains[bin])
                for place in bin * spectrum.frames..<(bin + 1) * spectrum.frames {
                    spectrum.real[place] *= gain
                    spectrum.imaginary[place] *= gain
                }
            }
            let filtered = try stft.inverse(spectrum, length: piece.count)
            result += filtered[(start - from)..<(min(start + part, content.samples.count) - from)]
        }
        let sound = Sound(samples: result, sampleRate: sampleRate)
        let level = content.rms
        return level > 0 ? sound.brought(toLevel: 20 * log10(level)) : sound
    }
}
