/// Keys as other programs call them.
enum ForeignNames {
    /// librosa's parameters, and where a manifest has them.
    private static let librosa: [String: String] = [
        "sr": "audio.sample_rate", "orig_sr": "audio.sample_rate", "target_sr": "audio.sample_rate",
        "mono": "audio.channels", "to_mono": "audio.channels", "res_type": "audio.resampler",
        "hop_length": "audio.stft.hop", "n_fft": "audio.stft.n_fft", "win_length": "audio.stft.win_length",
        "center": "audio.stft.center", "pad_mode": "audio.stft.pad_mode", "window": "audio.stft.window",
        "n_mels": "audio.features.mel.bands", "fmin": "audio.features.mel.fmin",
        "fmax": "audio.features.mel.fmax", "power": "audio.features.mel.power",
        "n_mfcc": "audio.features.mfcc.coefficients", "lifter": "audio.features.mfcc.lifter",
        "n_bins": "audio.features.cqt.bins", "bins_per_octave": "audio.features.cqt.bins_per_octave",
        "melspectrogram": "audio.features.mel", "stft": "audio.stft", "chroma_stft": "audio.features.chroma",
        "top_db": "audio.normalize.top_db", "amin": "audio.normalize.amin", "ref": "audio.normalize.ref",
    ]

    /// What to write for a key that is not known at its place.
    ///
    /// - Parameters:
    ///   - key: the key.
    ///   - section: the path of the mapping that it is in, such as `audio.stft`.
    ///   - known: the keys of that mapping.
    /// - Returns: a sentence; nil if the key has no other name.
    static func help(for key: String, in section: String, known: [String]) -> String? {
        if key == "htk" {
            return
                "librosa's 'htk: true' is 'scale: htk' in audio.features.mel, and 'htk: false' is 'scale: slaney'"
        }
        if key == "dct_type" { return "MFCC always uses a DCT of type 2; remove it" }
        guard let place = librosa[key], let dot = place.lastIndex(of: ".") else { return nil }
        let (owner, name) = (String(place[..<dot]), String(place[place.index(after: dot)...]))
        if owner == section || name != key && known.contains(name) {
            return "librosa's '\(key)' is '\(name)' here"
        }
        return name == key ? "write it in \(owner)" : "librosa's '\(key)' is '\(name)' in \(owner)"
    }
}
