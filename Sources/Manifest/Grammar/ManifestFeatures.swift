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
    /// cqt: {bins: 84, bins_per_octave: 12, fmin: 32.70319566257483, tuning: 0, filter_scale: 1, sparsity: 0.01,
    ///       window: hann, scale: true}
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
        /// The magnitudes of a constant-Q transform.
        public var cqt: CQTParameters?
        /// Whether samples are stored.
        public var waveform = false
    }
}
