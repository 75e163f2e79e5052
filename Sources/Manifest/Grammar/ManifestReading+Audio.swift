internal import Audio
import Files
internal import Symbolic
internal import Yams

extension Manifest.Audio {
    static let keys = [
        "sample_rate", "channels", "resampler", "loudness", "peak", "bandpass", "segment", "stft", "features",
        "normalize", "dtype",
    ]

    private enum Channels: String, CaseIterable { case mono }

    init(_ section: Section) {
        sampleRate = section.integer("sample_rate", 1...768_000, default: sampleRate)
        _ = section.word("channels", default: Channels.mono)
        resampler = section.word("resampler", default: resampler)
        elementType = section.word("dtype", default: elementType)
        readLoudness(section)
        if let band = section.section("bandpass", keys: ["low_hz", "high_hz", "order"]) {
            readBandpass(band)
        }
        if let segment = section.section("segment", keys: ["samples", "seconds", "hop", "drop_last"]) {
            readLength(segment)
            dropLast = segment.flag("drop_last", default: dropLast)
        }
        readSTFT(section)
        features = Features(section, sampleRate: sampleRate)
        normalize = Normalize(section)
        checkWhole(section)
    }

    /// Faults that only several keys together make, as the module that computes the features finds them.
    private func checkWhole(_ section: Section) {
        guard section.faults.faults.isEmpty else { return }
        for fault in AudioParameters(self).faults {
            section.faults.add(section.line, "audio.\(fault.key) \(fault.message)")
        }
        if section.faults.faults.isEmpty { checkProducts(section) }
    }

    /// Reads the length and the hop of a segment, both in samples or both in seconds.
    private mutating func readLength(_ segment: Section) {
        if segment.has("samples"), segment.has("seconds") {
            segment.faults.add(
                segment.line(of: "seconds"), "\(segment.name) has both samples and seconds; keep one")
        } else if segment.has("seconds") {
            guard let length = segment.seconds("seconds") else { return }
            guard let hop = segment.has("hop") ? segment.seconds("hop") : length else { return }
            let seconds = SegmentSeconds(
                length: Rational(length.numerator, length.denominator),
                hop: Rational(hop.numerator, hop.denominator))
            samples = count(seconds.length, "seconds", segment)
            self.hop = segment.has("hop") ? count(seconds.hop, "hop", segment) : samples
            segmentSeconds = seconds
        } else {
            samples = segment.integer("samples", 1...1 << 26, default: samples)
            hop = segment.integer("hop", 1...1 << 26, default: samples)
        }
    }

    /// The samples of some seconds, rounded half up, at least 1; a fault if they are too many.
    private func count(_ seconds: Rational, _ key: String, _ segment: Section) -> Int {
        let (numerator, denominator) = (seconds.numerator * sampleRate, seconds.denominator)
        let count = max(1, (2 * numerator + denominator) / (2 * denominator))
        guard count <= 1 << 26 else {
            segment.fault(key, "makes \(count) samples, but the limit is \(1 << 26); shorten it")
            return 1 << 26
        }
        return count
    }

    private mutating func readLoudness(_ section: Section) {
        if let node = section.values["loudness"] {
            switch node {
            case .scalar(let scalar) where scalar.string == "none": loudness = .none
            case .mapping:
                guard let target = section.section("loudness", keys: ["rms_dbfs", "lufs"]) else { break }
                switch (target.has("rms_dbfs"), target.has("lufs")) {
                case (true, false): loudness = .rms(target.number("rms_dbfs", -100...0, default: -20))
                case (false, true): loudness = .lufs(target.number("lufs", -70...0, default: -23))
                default: section.fault("loudness", "must have one of rms_dbfs and lufs")
                }
            default:
                section.fault(
                    "loudness", "must be {rms_dbfs: -20}, {lufs: -23} or none, not \(node.described)")
            }
        }
        if let node = section.values["peak"], case .scalar(let scalar) = node, scalar.string != "ignore" {
            peakCeiling = node.number
            if peakCeiling.map((-60...20).contains) != true {
                section.fault(
                    "peak", "must be ignore or a ceiling from -60 to 20 dBTP, not \(node.described)")
            }
        } else if let node = section.values["peak"], !node.isScalarNode {
            section.fault("peak", "must be ignore or a ceiling from -60 to 20 dBTP, not \(node.described)")
        }
    }

    private mutating func readBandpass(_ band: Section) {
        let half = Double(sampleRate) / 2
        for key in ["low_hz", "high_hz"] where !band.has(key) {
            band.faults.add(band.line, "\(band.path(key)) is missing; write it in Hz")
        }
        guard band.has("low_hz"), band.has("high_hz") else { return }
        let low = band.number("low_hz", 0...half, above: true, default: half / 4)
        let high = band.number("high_hz", 0...half, above: true, default: half / 2)
        if low >= high {
            band.fault("high_hz", "must be above low_hz (\(low.brief)), not \(high.brief)")
        } else if high >= half {
            band.fault("high_hz", "must be below half the sample rate (\(half.brief)), not \(high.brief)")
        }
        bandpass = Bandpass(low: low, high: high, order: band.integer("order", 1...16, default: 1))
    }

    private mutating func readSTFT(_ section: Section) {
        let found = section.section(
            "stft", keys: ["n_fft", "hop", "win_length", "window", "center", "pad_mode", "pad_end"])
        if let found {
            stft.nFFT = found.integer("n_fft", 2...1 << 20, default: stft.nFFT)
            if !stft.nFFT.isMultiple(of: 2) {
                found.fault("n_fft", "must be even, not \(stft.nFFT)")
            }
            stft.hopLength = found.integer("hop", 1...1 << 26, default: stft.hopLength)
            stft.winLength = found.integer("win_length", 1...1 << 20, default: stft.nFFT)
            if stft.winLength > stft.nFFT {
                found.fault("win_length", "must be at most n_fft (\(stft.nFFT)), not \(stft.winLength)")
            }
            stft.window = found.word("window", default: stft.window)
            stft.center = found.flag("center", default: stft.center)
            stft.padMode = found.word("pad_mode", default: stft.padMode)
            stft.padEnd = found.integer("pad_end", 0...1 << 26, default: stft.padEnd)
        }
        let line = found?.line ?? section.line
        if !stft.center, samples + stft.padEnd < stft.nFFT {
            section.faults.add(
                line,
                "audio.stft: a segment of \(samples) samples gives no frame of \(stft.nFFT) with center: false; lower n_fft or raise segment.samples"
            )
        }
        if stft.center, stft.padMode == .reflect, samples + stft.padEnd <= stft.nFFT / 2 {
            section.faults.add(
                line,
                "audio.stft: pad_mode: reflect needs more than \(stft.nFFT / 2) samples in a segment, not \(samples); lower n_fft or raise segment.samples"
            )
        }
    }
}

extension Manifest.Audio.Features {
    init(_ audio: Section, sampleRate: Int) {
        let names = ["mel", "spectrogram", "mfcc", "chroma", "cqt", "waveform"]
        guard audio.has("features") else {
            mel = MelParameters(fMax: Double(sampleRate) / 2)
            return
        }
        guard let section = audio.section("features", keys: names) else { return }
        if section.values.isEmpty {
            audio.fault("features", "is empty; name one of \(names.joined(separator: ", "))")
        }
        let half = Double(sampleRate) / 2
        mel = section.section("mel", keys: MelParameters.keys).map {
            MelParameters($0, bands: 256, half: half)
        }
        spectrogram = section.section("spectrogram", keys: ["power", "drop_nyquist"]).map { found in
            SpectrogramParameters(
                power: found.integer("power", 1...2, default: 1),
                dropNyquist: found.flag("drop_nyquist", default: false))
        }
        mfcc = section.section(
            "mfcc", keys: ["coefficients"] + MelParameters.keys + DecibelParameters.keys + ["lifter"]
        ).map { MFCCParameters($0, half: half) }
        chroma = section.section("chroma", keys: []).map { $0.refuseKeys() } != nil
        waveform = section.section("waveform", keys: []).map { $0.refuseKeys() } != nil
        cqt = section.section("cqt", keys: CQTParameters.keys).map {
            CQTParameters($0, sampleRate: sampleRate)
        }
    }
}

extension MelParameters {
    static let keys = ["bands", "fmin", "fmax", "scale", "norm", "power"]

    init(_ section: Section, bands standard: Int, half: Double) {
        let bands = section.integer("bands", 1...1 << 14, default: standard)
        let (low, high) = (
            section.number("fmin", 0...half, default: 0),
            section.number("fmax", 0...half, above: true, default: half)
        )
        if low >= high {
            let key = section.has("fmax") ? "fmax" : "fmin"
            section.fault(key, "is out of order: fmin \(low.brief) must be below fmax \(high.brief)")
        }
        self.init(
            bands: bands, fMin: low, fMax: high,
            scale: section.word("scale", default: .slaney), norm: section.word("norm", default: .slaney),
            power: section.integer("power", 1...2, default: 2))
    }
}

extension MFCCParameters {
    init(_ section: Section, half: Double) {
        let mel = MelParameters(section, bands: 128, half: half)
        let count = section.integer("coefficients", 1...1 << 14, default: min(20, mel.bands))
        if count > mel.bands {
            section.fault("coefficients", "must be at most bands (\(mel.bands)), not \(count)")
        }
        self.init(
            coefficients: count, mel: mel, decibels: DecibelParameters(section),
            lifter: section.number("lifter", 0...1e6, default: 0))
    }
}

extension CQTParameters {
    static let keys = [
        "bins", "bins_per_octave", "fmin", "tuning", "filter_scale", "sparsity", "window", "scale",
    ]

    init(_ section: Section, sampleRate: Int) {
        let half = Double(sampleRate) / 2
        let faults = section.faults.faults.count
        self.init(
            bins: section.integer("bins", Limits.bins, default: 84),
            binsPerOctave: section.integer("bins_per_octave", Limits.binsPerOctave, default: 12),
            fMin: section.number("fmin", 0...half, above: true, default: Self.c1),
            tuning: section.number("tuning", Limits.tuning, default: 0),
            filterScale: section.number("filter_scale", Limits.filterScale, default: 1),
            sparsity: section.number("sparsity", 0...0.99, default: 0.01),
            window: section.word("window", default: .hann), scale: section.flag("scale", default: true))
        guard section.faults.faults.count == faults else { return }
        let most = mostBins(sampleRate: sampleRate)
        if most == 0 {
            section.fault("fmin", "leaves no filter below half the sample rate (\(half.brief) Hz); lower it")
        } else if bins > most {
            section.fault(
                "bins",
                "must be at most \(most), not \(bins): filter \(most + 1) would reach above half the sample rate (\(half.brief) Hz)"
            )
        }
        let longest = longestFilter(sampleRate: sampleRate)
        if longest > Double(Limits.samples) {
            section.fault(
                "fmin",
                "makes a filter of \(longest.brief) samples, but the limit is \(Limits.samples); raise it, or lower bins_per_octave or filter_scale"
            )
        }
    }
}

extension DecibelParameters {
    static let keys = ["amin", "top_db", "ref"]

    init(_ section: Section) {
        func isWord(_ key: String, _ word: String) -> Bool {
            if case .scalar(let scalar) = section.values[key] { scalar.string == word } else { false }
        }
        // Their squares, as powers of amplitudes, must be numbers of single precision above 0.
        self.init(
            amin: section.number("amin", 1e-18...1, default: 1e-10),
            topDB: isWord("top_db", "none") ? nil : section.number("top_db", 0...1000, default: 80),
            reference: isWord("ref", "max")
                ? .maximum : .value(section.number("ref", 1e-18...1e18, default: 1)))
    }
}

extension Manifest.Audio.Normalize {
    init(_ audio: Section) {
        guard let node = audio.values["normalize"] else { return }
        switch node {
        case .scalar(let scalar) where scalar.string == "none": (compress, per) = (.none, .none)
        case .scalar(let scalar) where scalar.string == "log": (compress, per) = (.log, .none)
        case .mapping:
            guard
                let section = audio.section(
                    "normalize", keys: ["compress", "per", "epsilon"] + DecibelParameters.keys)
            else { return }
            compress = section.word("compress", default: .log10Plus1)
            switch section.text("per") {
            case nil, "dataset": per = .dataset
            case "none": per = .none
            case let label?: per = .label(label)
            }
            epsilon = section.number("epsilon", 0...1e30, default: 0)
            if epsilon > 0, epsilon < 1e-30 {
                section.fault("epsilon", "must be 0 or at least 1e-30, not \(epsilon)")
            }
            decibels = DecibelParameters(section)
            for key in DecibelParameters.keys where section.has(key) && compress != .log {
                section.fault(key, "belongs to compress: log; remove it")
            }
            if section.has("epsilon"), per == .none {
                section.fault("epsilon", "belongs to statistics, and per is none; remove one of them")
            }
        default:
            audio.fault(
                "normalize", "must be {compress: log10_1p, per: dataset}, log or none, not \(node.described)")
        }
    }
}

extension Section {
    /// Faults for every key, where a mapping takes none.
    func refuseKeys() {
        for key in values.keys.sorted() {
            faults.add(line(of: key), "unknown key '\(key)' in \(name); remove it")
        }
    }
}

extension Node {
    var isScalarNode: Bool { if case .scalar = self { true } else { false } }
}
