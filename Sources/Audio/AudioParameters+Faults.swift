extension AudioParameters {
    /// Everything that is wrong with these parameters, with the manifest's keys; empty if they can be used.
    public var faults: [AudioParameterFault] {
        var faults: [AudioParameterFault] = []
        func check(_ holds: Bool, _ key: String, _ message: @autoclosure () -> String) {
            if !holds { faults.append(AudioParameterFault(key: key, message: message())) }
        }
        check((1...768_000).contains(sampleRate), "sample_rate", "want 1 to 768000 Hz, got \(sampleRate)")
        check(
            (1...1 << 26).contains(segment.samples), "segment.samples",
            "want 1 to 2^26, got \(segment.samples)")
        check(segment.hop >= 1, "segment.hop", "want at least 1, got \(segment.hop)")
        if let bandpass {
            check(
                bandpass.low > 0 && bandpass.low < bandpass.high && bandpass.high < Double(sampleRate) / 2,
                "bandpass", "want 0 < low_hz < high_hz < \(Double(sampleRate) / 2), got \(bandpass)")
            check((1...16).contains(bandpass.order), "bandpass.order", "want 1 to 16, got \(bandpass.order)")
        }
        let names = features.map(\.name)
        check(!names.isEmpty, "features", "want at least one feature")
        check(Set(names).count == names.count, "features", "each feature at most once, got \(names)")
        faults += stftFaults
        for feature in features {
            switch feature {
            case .mel(let mel): faults += melFaults(mel, "features.mel")
            case .spectrogram(let spectrogram):
                check(
                    (1...2).contains(spectrogram.power), "features.spectrogram.power",
                    "want 1 or 2, got \(spectrogram.power)")
            case .mfcc(let mfcc):
                faults += melFaults(mfcc.mel, "features.mfcc")
                check(
                    (1...max(1, mfcc.mel.bands)).contains(mfcc.coefficients), "features.mfcc.coefficients",
                    "want 1 to \(mfcc.mel.bands), the number of bands, got \(mfcc.coefficients)")
                check(
                    mfcc.decibels.amin > 0, "features.mfcc.amin",
                    "want more than 0, got \(mfcc.decibels.amin)")
            case .cqt(let cqt): faults += cqt.faults(sampleRate: sampleRate)
            case .chroma, .waveform: break
            }
        }
        return faults
    }

    private var stftFaults: [AudioParameterFault] {
        var faults: [AudioParameterFault] = []
        func check(_ holds: Bool, _ key: String, _ message: @autoclosure () -> String) {
            if !holds { faults.append(AudioParameterFault(key: "stft.\(key)", message: message())) }
        }
        check(
            (2...1 << 20).contains(stft.nFFT) && stft.nFFT % 2 == 0, "n_fft",
            "want an even number from 2 to 2^20, got \(stft.nFFT)")
        check(stft.hopLength >= 1, "hop", "want at least 1, got \(stft.hopLength)")
        check(
            (1...max(1, stft.nFFT)).contains(stft.winLength), "win_length",
            "want 1 to n_fft (\(stft.nFFT)), got \(stft.winLength)")
        check(
            (0...1 << 26).contains(stft.padEnd), "pad_end", "want 0 to 2^26, got \(stft.padEnd)")
        guard faults.isEmpty else { return faults }
        let length = segment.samples + stft.padEnd
        check(
            stft.center || length >= stft.nFFT, "n_fft",
            "a segment of \(length) samples is shorter than a frame of \(stft.nFFT)")
        check(
            !stft.center || stft.padMode == .constant || length > stft.nFFT / 2, "pad_mode",
            "reflect wants more than n_fft/2 (\(stft.nFFT / 2)) samples, a segment has \(length)")
        return faults
    }

    private func melFaults(_ mel: MelParameters, _ key: String) -> [AudioParameterFault] {
        var faults: [AudioParameterFault] = []
        let nyquist = Double(sampleRate) / 2
        let high = mel.fMax ?? nyquist
        if !(1...1 << 14).contains(mel.bands) {
            faults.append(
                AudioParameterFault(key: "\(key).bands", message: "want 1 to 16384, got \(mel.bands)"))
        }
        if !(mel.fMin >= 0 && mel.fMin < high && high <= nyquist) {
            faults.append(
                AudioParameterFault(
                    key: "\(key).fmax",
                    message: "want 0 ≤ fmin < fmax ≤ \(nyquist), got \(mel.fMin) and \(high)"))
        }
        if !(1...2).contains(mel.power) {
            faults.append(AudioParameterFault(key: "\(key).power", message: "want 1 or 2, got \(mel.power)"))
        }
        return faults
    }
}
