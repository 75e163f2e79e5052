/// All that determines what is computed from an audio file: the `audio:` block of a manifest.
public struct AudioParameters: Sendable, Hashable {
    /// The rate of the samples that segments are made of, in Hz.
    public var sampleRate: Int
    /// How other rates are converted.
    public var resampler: Resampler
    /// The band to keep; `nil` keeps all.
    public var bandpass: Bandpass?
    /// How a file falls into segments.
    public var segment: SegmentParameters
    /// The short-time Fourier transform that all spectral features share.
    public var stft: STFTParameters
    /// What to compute, each kind at most once.
    public var features: [FeatureParameters]

    /// The defaults are those of the manifest.
    public init(
        sampleRate: Int = 44100, resampler: Resampler = .soxrHQ, bandpass: Bandpass? = nil,
        segment: SegmentParameters = SegmentParameters(), stft: STFTParameters = STFTParameters(),
        features: [FeatureParameters] = [.mel(MelParameters())]
    ) {
        self.sampleRate = sampleRate
        self.resampler = resampler
        self.bandpass = bandpass
        self.segment = segment
        self.stft = stft
        self.features = features
    }

    /// The number of STFT frames of a segment.
    public var frameCount: Int {
        let length = segment.samples + stft.padEnd + (stft.center ? stft.nFFT / 2 * 2 : 0)
        return length < stft.nFFT ? 0 : 1 + (length - stft.nFFT) / stft.hopLength
    }

    /// The number of frequency bins of the STFT.
    public var binCount: Int { stft.nFFT / 2 + 1 }
}

/// A sample-rate converter and its quality.
public enum Resampler: String, Sendable, Hashable, CaseIterable {
    /// libsoxr's SOXR_HQ: 91 % of the band, 20 bits; librosa's default, and ours.
    case soxrHQ = "soxr_hq"
    /// libsamplerate's SRC_SINC_BEST_QUALITY: 97 % of the band, 145 dB.
    case best
    /// libsamplerate's SRC_SINC_MEDIUM_QUALITY: 90 % of the band, 121 dB.
    case medium
    /// libsamplerate's SRC_SINC_FASTEST: 80 % of the band, 97 dB.
    case fastest
}

/// A causal Butterworth band-pass, as `scipy.signal.butter` and `lfilter` make it.
public struct Bandpass: Sendable, Hashable {
    /// The lower −3 dB frequency in Hz, above 0.
    public var low: Double
    /// The upper −3 dB frequency in Hz, below half the sample rate.
    public var high: Double
    /// The order of the low-pass prototype, at least 1; the filter has twice as many poles.
    public var order: Int

    /// A band from `low` to `high` Hz.
    public init(low: Double, high: Double, order: Int) {
        self.low = low
        self.high = high
        self.order = order
    }
}

/// How the resampled signal falls into segments: at k·hop, while k·hop lies before its end.
public struct SegmentParameters: Sendable, Hashable {
    /// The length of a segment.
    public var samples: Int
    /// From one segment's start to the next, in samples; less than `samples` overlaps, more leaves gaps.
    public var hop: Int
    /// Whether a segment that the end cuts short is left out, instead of padded with zeros.
    public var dropLast: Bool

    /// Lengths in samples at `AudioParameters.sampleRate`.
    public init(samples: Int = 131072, hop: Int? = nil, dropLast: Bool = false) {
        self.samples = samples
        self.hop = hop ?? samples
        self.dropLast = dropLast
    }
}

/// The parameters of `librosa.stft`, with librosa's meaning.
public struct STFTParameters: Sendable, Hashable {
    /// A window's shape, periodic.
    public enum Window: String, Sendable, Hashable, CaseIterable {
        /// 0.5 − 0.5 cos.
        case hann
        /// 0.54 − 0.46 cos.
        case hamming
    }
    /// What stands beyond a segment's ends when frames are centred.
    public enum PadMode: String, Sendable, Hashable, CaseIterable {
        /// Zeros.
        case constant
        /// The segment mirrored about its first and last sample.
        case reflect
    }

    /// The length of a frame's transform in samples; even.
    public var nFFT: Int
    /// From one frame to the next, in samples.
    public var hopLength: Int
    /// The length of the window, which is in the middle of the frame.
    public var winLength: Int
    /// The window's shape.
    public var window: Window
    /// Whether frame t is centred on sample t·hopLength, or begins there.
    public var center: Bool
    /// What stands beyond the segment's ends when frames are centred.
    public var padMode: PadMode
    /// Zeros put after the segment before all else, in samples.
    public var padEnd: Int

    /// The defaults are those of the manifest.
    public init(
        nFFT: Int = 2048, hopLength: Int = 512, winLength: Int? = nil, window: Window = .hann,
        center: Bool = true, padMode: PadMode = .constant, padEnd: Int = 0
    ) {
        self.nFFT = nFFT
        self.hopLength = hopLength
        self.winLength = winLength ?? nFFT
        self.window = window
        self.center = center
        self.padMode = padMode
        self.padEnd = padEnd
    }
}

/// What is wrong with a set of parameters.
public struct AudioParameterFault: Sendable, Hashable {
    /// The manifest's key under `audio:`, such as `stft.win_length`.
    public let key: String
    /// What was expected and what was found.
    public let message: String
}
