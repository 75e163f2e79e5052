/// One feature of a segment.
public enum FeatureParameters: Sendable, Hashable {
    /// A mel spectrogram, [bands, frames].
    case mel(MelParameters)
    /// A magnitude or power spectrogram, [bins, frames].
    case spectrogram(SpectrogramParameters)
    /// Mel-frequency cepstral coefficients, [coefficients, frames].
    case mfcc(MFCCParameters)
    /// A chromagram, [12, frames], each frame divided by its maximum.
    case chroma
    /// The magnitudes of a constant-Q transform, [bins, frames].
    case cqt(CQTParameters)
    /// The samples themselves, [samples].
    case waveform

    /// The manifest's and the shard's name for it.
    public var name: String {
        switch self {
        case .mel: "mel"
        case .spectrogram: "spectrogram"
        case .mfcc: "mfcc"
        case .chroma: "chroma"
        case .cqt: "cqt"
        case .waveform: "waveform"
        }
    }

    /// How the feature as extracted follows gain: it is multiplied by gain to this power.
    ///
    /// 1 for waveform, magnitude and constant-Q transform, 2 for power, 0 for chroma. MFCC is extracted as its linear mel.
    public var gainDegree: Int {
        switch self {
        case .mel(let mel): mel.power
        case .spectrogram(let spectrogram): spectrogram.power
        case .mfcc(let mfcc): mfcc.mel.power
        case .chroma: 0
        case .cqt, .waveform: 1
        }
    }

    /// The shape of one segment as extracted: [rows, frames], or [samples].
    ///
    /// MFCC has here the bands of its mel, not its coefficients: see `finalShape(in:)`.
    public func extractedShape(in audio: AudioParameters) -> [Int] {
        switch self {
        case .mel(let mel): [mel.bands, audio.frameCount]
        case .spectrogram(let spectrogram):
            [audio.binCount - (spectrogram.dropNyquist ? 1 : 0), audio.frameCount]
        case .mfcc(let mfcc): [mfcc.mel.bands, audio.frameCount]
        case .chroma: [12, audio.frameCount]
        case .cqt(let cqt): [cqt.bins, audio.frameCount]
        case .waveform: [audio.segment.samples]
        }
    }

    /// The shape of one segment as shards hold it: [rows, frames], or [samples].
    public func finalShape(in audio: AudioParameters) -> [Int] {
        guard case .mfcc(let mfcc) = self else { return extractedShape(in: audio) }
        return [mfcc.coefficients, audio.frameCount]
    }
}

/// A mel filterbank and what it is applied to; `librosa.feature.melspectrogram`'s parameters.
public struct MelParameters: Sendable, Hashable {
    /// A pitch scale.
    public enum Scale: String, Sendable, Hashable, CaseIterable {
        /// Linear below 1 kHz, logarithmic above (Slaney, Auditory Toolbox 1998).
        case slaney
        /// 2595 log10(1 + f/700) (Young et al., HTK Book).
        case htk
    }
    /// What each filter is divided by.
    public enum Norm: String, Sendable, Hashable, CaseIterable {
        /// Half its width in Hz, so that all have the same area.
        case slaney
        /// Nothing: all peak at 1.
        case none
    }

    /// The number of filters.
    public var bands: Int
    /// The lowest frequency in Hz.
    public var fMin: Double
    /// The highest frequency in Hz; `nil` is half the sample rate.
    public var fMax: Double?
    /// The scale on which the filters are evenly spaced.
    public var scale: Scale
    /// How the filters are scaled.
    public var norm: Norm
    /// 1 sums magnitudes, 2 sums powers.
    public var power: Int

    /// The defaults are those of the manifest.
    public init(
        bands: Int = 256, fMin: Double = 0, fMax: Double? = nil, scale: Scale = .slaney,
        norm: Norm = .slaney, power: Int = 2
    ) {
        self.bands = bands
        self.fMin = fMin
        self.fMax = fMax
        self.scale = scale
        self.norm = norm
        self.power = power
    }
}

/// A spectrogram's parameters.
public struct SpectrogramParameters: Sendable, Hashable {
    /// 1 for magnitudes, 2 for powers.
    public var power: Int
    /// Whether the last bin, at half the sample rate, is left out.
    public var dropNyquist: Bool

    /// The defaults are those of the manifest.
    public init(power: Int = 1, dropNyquist: Bool = false) {
        self.power = power
        self.dropNyquist = dropNyquist
    }
}

/// `librosa.feature.mfcc`'s parameters: decibels of a mel spectrogram, then an orthonormal DCT of type 2.
public struct MFCCParameters: Sendable, Hashable {
    /// The number of coefficients to keep, at most the mel's bands.
    public var coefficients: Int
    /// The mel spectrogram below it.
    public var mel: MelParameters
    /// How the mel becomes decibels.
    public var decibels: DecibelParameters
    /// The length of the sine that weighs the coefficients, librosa's `lifter`; 0 leaves them.
    public var lifter: Double

    /// The defaults are librosa's.
    public init(
        coefficients: Int = 20, mel: MelParameters = MelParameters(bands: 128),
        decibels: DecibelParameters = DecibelParameters(), lifter: Double = 0
    ) {
        self.lifter = lifter
        self.coefficients = coefficients
        self.mel = mel
        self.decibels = decibels
    }
}

/// `librosa.power_to_db`'s parameters.
public struct DecibelParameters: Sendable, Hashable {
    /// What 0 dB is.
    public enum Reference: Sendable, Hashable {
        /// This power.
        case value(Double)
        /// The segment's greatest power.
        case maximum
    }

    /// Powers below this count as this; above 0.
    public var amin: Double
    /// Nothing lies more than this below the segment's maximum, in dB; `nil` leaves it.
    public var topDB: Double?
    /// What 0 dB is.
    public var reference: Reference

    /// The defaults are librosa's.
    public init(amin: Double = 1e-10, topDB: Double? = 80, reference: Reference = .value(1)) {
        self.amin = amin
        self.topDB = topDB
        self.reference = reference
    }
}
