public import SoundFiles

/// What was measured of a file in the one pass that made its features.
public struct AudioFacts: Sendable, Hashable {
    /// One segment of the resampled signal.
    public struct Segment: Sendable, Hashable {
        /// Its first sample.
        public let start: Int
        /// How many of its samples are the file's; the rest is padding.
        public let length: Int
        /// What was measured of it; nil before.
        public internal(set) var numbers: SegmentNumbers?

        /// Both in samples after resampling.
        public init(start: Int, length: Int) {
            self.start = start
            self.length = length
        }
    }

    /// The container, as libsndfile names it: `WAV (Microsoft)`, `FLAC (Free Lossless Audio Codec)`.
    public var format = ""
    /// The encoding inside: `Signed 16 bit PCM`, `Vorbis`.
    public var encoding = ""
    /// The file's own sample rate in Hz.
    public var nativeSampleRate = 0
    /// The number of channels.
    public var channels = 0
    /// Frames decoded, at the file's own rate.
    public var frames = 0
    /// Samples after downmix and resampling: ceil(frames · sampleRate / nativeSampleRate).
    public var samples = 0
    /// The segments, in order.
    public var segments: [Segment] = []
    /// Integrated loudness in LUFS (BS.1770-4), of less than 400 ms that of the whole as one block; `nil` for silence and
    /// below 4 kHz.
    public var integratedLoudness: Double?
    /// Loudness range in LU (EBU Tech 3342); `nil` for less than 3 s and for silence.
    public var loudnessRange: Double?
    /// The greatest magnitude between samples in dBTP, of all channels; `nil` if all are zero.
    public var truePeak: Double?
    /// The greatest magnitude of a sample in dBFS, of all channels; `nil` if all are zero.
    public var samplePeak: Double?
    /// Root mean square in dBFS of the samples that segments are made of; `nil` if all are zero.
    public var rms: Double?
    /// Whether `rms` is below −70 dBFS.
    public var isSilent = false
    /// Samples, of all channels, from 32767/32768 of full scale up to full scale; floats beyond that lose nothing.
    public var clippedSamples = 0
    /// What was odd.
    public var warnings: [AudioWarning] = []

    /// Facts of nothing yet.
    public init() {}
}
