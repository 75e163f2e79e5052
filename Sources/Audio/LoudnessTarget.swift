public import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The loudness that sources are brought to.
public enum LoudnessTarget: Sendable, Hashable {
    /// Root mean square of the mono signal, in dBFS.
    case rms(Double)
    /// Integrated loudness of the file's own channels, in LUFS (EBU R128).
    case lufs(Double)
    /// Sources are left as they are.
    case none

    /// A source's gain.
    public struct Gain: Sendable, Hashable {
        /// In dB; 0 for silence, and where the loudness could not be measured.
        public let decibels: Double
        /// Whether the peak's ceiling kept it from reaching the target.
        public let isLimited: Bool

        /// A gain in dB.
        public init(decibels: Double, isLimited: Bool = false) {
            (self.decibels, self.isLimited) = (decibels, isLimited)
        }

        /// A gain in dB, or as much of it as keeps a true peak under a ceiling, both in dBTP.
        init(_ wanted: Double, peak: Double?, ceiling: Double?) {
            if let ceiling, let peak, peak + wanted > ceiling {
                self.init(decibels: ceiling - peak, isLimited: true)
            } else {
                self.init(decibels: wanted)
            }
        }

        /// As a factor of amplitude.
        public var amplitude: Double { pow(10, decibels / 20) }
    }

    /// The gain that brings a source to this loudness.
    ///
    /// - Parameters:
    ///   - levels: The source's measurements.
    ///   - ceiling: The true peak that the gain may not exceed, in dBTP; `nil` lets it.
    /// - Returns: The gain; 0 dB for silence, and where the loudness could not be measured.
    public func gain(for levels: AudioLevels, ceiling: Double? = nil) -> Gain {
        let wanted: Double? =
            switch self {
            case .rms(let target): levels.rms.map { target - $0 }
            case .lufs(let target): levels.integratedLoudness.map { target - $0 }
            case .none: 0
            }
        guard let wanted, !levels.isSilent else { return Gain(decibels: 0) }
        return Gain(wanted, peak: levels.truePeak, ceiling: ceiling)
    }

    /// Why a source's loudness is not quite what the target means, if it is not.
    ///
    /// - Returns: `audio.too-short-for-loudness` where less than 400 ms were measured as one block,
    ///   `audio.loudness-unmeasured` where nothing could be, so that the gain is 0 dB.
    public func warning(for levels: AudioLevels) -> AudioWarning? {
        guard case .lufs = self, !levels.isSilent else { return nil }
        if levels.integratedLoudness == nil {
            let reason = levels.isLowRate ? "the sample rate is under 4000 Hz" : "nothing is above −70 LUFS"
            return AudioWarning(
                code: "audio.loudness-unmeasured",
                message: "no loudness in LUFS can be measured, so the gain is 0 dB: \(reason)")
        }
        guard levels.isShort else { return nil }
        return AudioWarning(
            code: "audio.too-short-for-loudness",
            message:
                "shorter than 400 ms, the block of a loudness in LUFS: the whole was measured as one block")
    }
}

/// What decides a source's gain.
public struct AudioLevels: Sendable, Hashable {
    /// Root mean square in dBFS; `nil` if all samples are zero.
    public let rms: Double?
    /// Integrated loudness in LUFS; `nil` where it could not be measured.
    public let integratedLoudness: Double?
    /// True peak in dBTP; `nil` if all samples are zero.
    public let truePeak: Double?
    /// Whether the source counts as silence, which no gain is applied to.
    public let isSilent: Bool
    /// Whether the source is shorter than the 400 ms that a loudness in LUFS wants.
    public let isShort: Bool
    /// Whether the sample rate is too low for a loudness in LUFS.
    public let isLowRate: Bool

    /// Collects measurements.
    ///
    /// - Parameters:
    ///   - rms: In dBFS.
    ///   - integratedLoudness: In LUFS.
    ///   - truePeak: In dBTP.
    ///   - isSilent: Whether the source counts as silence.
    ///   - frames: The frames of the file at its own rate; 0 if unknown.
    ///   - sampleRate: That rate in Hz.
    public init(
        rms: Double?, integratedLoudness: Double?, truePeak: Double?, isSilent: Bool, frames: Int = 0,
        sampleRate: Int = 0
    ) {
        isShort = frames > 0 && Double(frames) < LoudnessMeter.blockSeconds * Double(sampleRate)
        isLowRate = (1..<LoudnessMeter.lowestRate).contains(sampleRate)
        self.rms = rms
        self.integratedLoudness = integratedLoudness
        self.truePeak = truePeak
        self.isSilent = isSilent
    }
}

extension AudioFacts {
    /// What decides the file's gain.
    public var levels: AudioLevels {
        AudioLevels(
            rms: rms, integratedLoudness: integratedLoudness, truePeak: truePeak, isSilent: isSilent,
            frames: frames, sampleRate: nativeSampleRate)
    }
}
