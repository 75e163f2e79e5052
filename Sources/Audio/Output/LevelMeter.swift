public import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Measures a signal's levels, block by block: what `AudioFacts.levels` is for a file.
///
/// Memory: 8 bytes for each tenth of a second.
public final class LevelMeter {
    private let channels: Int
    private let measuresLoudness: Bool
    private var loudness: LoudnessMeter
    private var peaks: PeakMeter
    private let memory: FloatBuffer
    private let planes: [UnsafeMutablePointer<Float>]
    private var squares = 0.0
    private var count = 0

    private static let blockLength = 4096

    /// Starts with nothing.
    ///
    /// - Parameters:
    ///   - channels: 1 or 2.
    ///   - sampleRate: In Hz; below 4000 no loudness is measured.
    public init(channels: Int, sampleRate: Int) {
        precondition((1...2).contains(channels), "want 1 or 2 channels, got \(channels)")
        self.channels = channels
        measuresLoudness = sampleRate >= LoudnessMeter.lowestRate
        loudness = LoudnessMeter(layout: ChannelLayout(channels: channels), sampleRate: sampleRate)
        peaks = PeakMeter(channels: channels, sampleRate: sampleRate)
        let length = PeakMeter.history + Self.blockLength
        let memory = FloatBuffer(count: length * channels)
        self.memory = memory
        planes = (0..<channels).map { memory.pointer + $0 * length + PeakMeter.history }
    }

    /// Takes the next samples, a plane a channel.
    ///
    /// - Throws: `audio.bad-value` for a sample that is not finite, or over 1e12.
    public func add(_ samples: [[Float]]) throws(AudioOutputError) {
        let length = samples.first?.count ?? 0
        precondition(
            samples.count == channels && samples.allSatisfy { $0.count == length },
            "want \(channels) planes of one length, got \(samples.map(\.count))")
        var start = 0
        while start < length {
            let block = min(Self.blockLength, length - start)
            for channel in 0..<channels {
                for i in 0..<block { planes[channel][i] = samples[channel][start + i] }
                if let place = peaks.add(planes[channel], count: block, channel: channel) {
                    throw AudioOutputError(
                        .badValue,
                        "sample \(start + place) of channel \(channel + 1) is \(planes[channel][place]), "
                            + "want a finite number of at most 1e12")
                }
            }
            if measuresLoudness { loudness.add(planes, count: block) }
            for i in 0..<block {
                let mono = planes.reduce(0) { $0 + Double($1[i]) } / Double(channels)
                squares += mono * mono
            }
            for plane in planes {
                memmove(plane - PeakMeter.history, plane + block - PeakMeter.history, PeakMeter.history * 4)
            }
            count += block
            start += block
        }
    }

    /// What was measured up to now.
    public var levels: AudioLevels {
        func decibels(_ amplitude: Double) -> Double? { amplitude > 0 ? 20 * log10(amplitude) : nil }
        let rms = count > 0 ? decibels((squares / Double(count)).squareRoot()) : nil
        return AudioLevels(
            rms: rms, integratedLoudness: measuresLoudness ? loudness.integrated : nil,
            truePeak: decibels(Double(peaks.truePeak)), isSilent: (rms ?? -.infinity) < -70)
    }
}

extension AudioLevels {
    /// Measures a signal of one channel that is in memory.
    ///
    /// - Parameters:
    ///   - samples: The signal.
    ///   - sampleRate: In Hz.
    /// - Throws: As `LevelMeter.add`.
    public init(of samples: [Float], sampleRate: Int) throws(AudioOutputError) {
        let meter = LevelMeter(channels: 1, sampleRate: sampleRate)
        try meter.add([samples])
        self = meter.levels
    }

    /// The gain that brings this signal to another's loudness.
    ///
    /// Integrated loudness decides where both have one, else the root mean square. That also raises signals under
    /// −70 dBFS, which have no meaningful integrated loudness (EBU R128 gates blocks under −70 LUFS).
    ///
    /// - Parameters:
    ///   - other: The levels to reach, such as those of a transfer's content.
    ///   - ceiling: The true peak that the gain may not exceed, in dBTP; `nil` for no limit.
    /// - Returns: 0 dB where the other signal is silent, or this one is under −120 dBFS, the level of rounding errors.
    public func gain(toMatch other: AudioLevels, ceiling: Double? = nil) -> LoudnessTarget.Gain {
        guard !other.isSilent, let wanted = other.rms, let rms, rms > -120 else {
            return LoudnessTarget.Gain(decibels: 0)
        }
        if let target = other.integratedLoudness, let integratedLoudness, !isSilent {
            return LoudnessTarget.Gain(target - integratedLoudness, peak: truePeak, ceiling: ceiling)
        }
        return LoudnessTarget.Gain(wanted - rms, peak: truePeak, ceiling: ceiling)
    }
}
