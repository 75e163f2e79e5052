public import Audio
public import Symbolic

extension Manifest {
    /// The `audio` block: how audio sources become segments.
    ///
    /// ```yaml
    /// sample_rate: 44100
    /// channels: mono
    /// resampler: soxr_hq                # soxr_hq | best | medium | fastest
    /// loudness: {rms_dbfs: -20}         # or {lufs: -23}, or none
    /// peak: ignore                      # or a ceiling in dBTP
    /// bandpass: {low_hz: 125, high_hz: 10000, order: 1}  # ?; order = 1
    /// segment: {samples: 131072, hop: 131072, drop_last: false}  # or {seconds: 3}; the hop in the same unit, = the length
    /// stft: {n_fft: 2048, hop: 512, win_length: 2048, window: hann, center: true, pad_mode: constant, pad_end: 0}
    ///                                   # win_length = n_fft
    /// features: {mel: {}}               # see Features
    /// normalize: {compress: log10_1p, per: dataset, epsilon: 0}  # see Normalize; or log, or none
    /// dtype: float32                    # or float16
    /// ```
    public struct Audio: Hashable, Sendable {
        /// Samples a second after resampling, 1 to 768000.
        public var sampleRate = 44100
        /// The resampler.
        public var resampler = Resampler.soxrHQ
        /// The loudness each source is brought to.
        public var loudness = Loudness.rms(-20)
        /// The true peak in dBTP at which gain stops; nil: it never does.
        public var peakCeiling: Double?
        /// The band-pass filter, if any.
        public var bandpass: Bandpass?
        /// Samples of a segment.
        public var samples = 131_072
        /// Samples from one segment's start to the next.
        public var hop = 131_072
        /// The length and the hop in seconds, if the manifest gives them so.
        ///
        /// `samples` and `hop` are then these times `sampleRate`, rounded half up, at least 1.
        public var segmentSeconds: SegmentSeconds?
        /// Whether a last segment that is not full is left out.
        public var dropLast = false
        /// The short-time Fourier transform.
        public var stft = STFTParameters()
        /// What is stored.
        public var features = Features()
        /// How features are scaled.
        public var normalize = Normalize()
        /// The element type of stored features.
        public var elementType = FeatureType.float32

        /// Samples from one frame to the next.
        public var frameHop: Int { stft.hopLength }

        /// A segment in seconds.
        public struct SegmentSeconds: Hashable, Sendable {
            /// The length.
            public var length: Rational
            /// From one segment's start to the next.
            public var hop: Rational
        }

        /// A loudness to reach.
        public enum Loudness: Hashable, Sendable {
            /// As it is.
            case none
            /// A root mean square in dBFS, −100 to 0.
            case rms(Double)
            /// An integrated loudness (EBU R 128) in LUFS, −70 to 0.
            case lufs(Double)
        }

        /// The element type of stored features.
        public enum FeatureType: String, CaseIterable, Sendable {
            /// IEEE binary32.
            case float32
            /// IEEE binary16.
            case float16
        }

        /// How features are scaled at `pack`: X/σ, compressed, then divided by (σ of each band + ε).
        ///
        /// ```yaml
        /// normalize: none                     # as it is
        /// normalize: log                      # decibels, no statistics
        /// normalize: {compress: log10_1p, per: dataset, epsilon: 0}
        /// #  compress: log10_1p | log | none
        /// #  per: dataset | none | a label: each of its values alone
        /// #  with compress: log also amin: 1.0e-10, top_db: 80 (or none), ref: 1 (or max)
        /// ```
        public struct Normalize: Hashable, Sendable {
            /// The compression.
            public var compress = Compress.log10Plus1
            /// Over what statistics are taken.
            public var per = Per.dataset
            /// Added to each band's σ, at least 0.
            public var epsilon = 0.0
            /// The decibel form, when `compress` is `log`.
            public var decibels = DecibelParameters()
        }

        /// A compression of linear features.
        public enum Compress: String, CaseIterable, Sendable {
            /// log10(1 + x).
            case log10Plus1 = "log10_1p"
            /// 10·log10(max(amin, x) / ref), power; limited by top_db.
            case log
            /// None.
            case none
        }

        /// Over what statistics are taken.
        public enum Per: Hashable, Sendable {
            /// No statistics.
            case none
            /// The train split as a whole.
            case dataset
            /// Each value of a label alone.
            case label(String)
        }
    }
}
