public import Audio

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
        public var mel: MelParameters?
        /// The magnitude or power spectrogram.
        public var spectrogram: SpectrogramParameters?
        /// Mel-frequency cepstral coefficients.
        public var mfcc: MFCCParameters?
        /// Whether a chromagram is stored, each frame divided by its maximum.
        public var chroma = false
        /// The constant-Q transform's magnitude.
        public var cqt: CQT?
        /// Whether samples are stored.
        public var waveform = false
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
