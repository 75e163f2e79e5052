extension Manifest.Audio {
    /// The features to store.
    ///
    /// An absent feature is not stored; `mel: {}` takes its defaults. Absent altogether, `features` is `{mel: {}}`.
    ///
    /// ```yaml
    /// mel: {bands: 256, fmin: 0, fmax: 22050, scale: slaney, norm: slaney, power: 2}
    /// spectrogram: {power: 1, drop_nyquist: false}
    /// mfcc: {coefficients: 20, bands: 128, fmin: 0, fmax: 22050, scale: slaney, norm: slaney, power: 2,
    ///        amin: 1.0e-10, top_db: 80, ref: 1, lifter: 0}   # top_db: none; ref: max
    /// chroma: {}
    /// cqt: {bins: 84, bins_per_octave: 12, fmin: 32.70319566257483}
    /// waveform: {}
    /// ```
    ///
    /// Names and meanings are librosa's. `fmax` is half the sample rate if absent.
    public struct Features: Hashable, Sendable {
        /// The mel spectrogram.
        public var mel: Mel?
        /// The magnitude or power spectrogram.
        public var spectrogram: Spectrogram?
        /// Mel-frequency cepstral coefficients.
        public var mfcc: MFCC?
        /// Whether a chromagram is stored, each frame divided by its maximum.
        public var chroma = false
        /// The constant-Q transform's magnitude.
        public var cqt: CQT?
        /// Whether samples are stored.
        public var waveform = false
    }

    /// A mel spectrogram.
    public struct Mel: Hashable, Sendable {
        /// Bands, 1 to 4096.
        public var bands = 256
        /// The lowest frequency in Hz, at least 0.
        public var fMin = 0.0
        /// The highest frequency in Hz, at most half the sample rate.
        public var fMax = 22050.0
        /// The mel scale.
        public var scale = MelScale.slaney
        /// How filters are scaled.
        public var norm = MelNorm.slaney
        /// The exponent of the magnitude, 1 or 2.
        public var power = 2
    }

    /// A mel scale.
    public enum MelScale: String, CaseIterable, Sendable {
        /// Slaney's: linear below 1 kHz.
        case slaney
        /// HTK's formula.
        case htk
    }

    /// How mel filters are scaled.
    public enum MelNorm: String, CaseIterable, Sendable {
        /// To equal area.
        case slaney
        /// Not at all: peaks are 1.
        case none
    }

    /// A magnitude or power spectrogram.
    public struct Spectrogram: Hashable, Sendable {
        /// The exponent of the magnitude, 1 or 2.
        public var power = 1
        /// Whether the highest bin is left out.
        public var dropNyquist = false
    }

    /// Mel-frequency cepstral coefficients: orthonormal DCT-II of the mel spectrogram in decibels.
    public struct MFCC: Hashable, Sendable {
        /// Coefficients, 1 to `mel.bands`.
        public var coefficients = 20
        /// The mel spectrogram beneath; 128 bands if not said.
        public var mel = Mel(bands: 128)
        /// The decibel form.
        public var decibels = Decibels()
        /// Liftering, at least 0; 0: none.
        public var lifter = 0.0
    }

    /// A constant-Q transform.
    public struct CQT: Hashable, Sendable {
        /// Bins, 1 to 1024.
        public var bins = 84
        /// Bins an octave, 1 to 96.
        public var binsPerOctave = 12
        /// The lowest bin's frequency in Hz; C1 if not said.
        public var fMin = 32.70319566257483
    }
}
