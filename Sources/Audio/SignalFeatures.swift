public import SoundFiles

/// The features of a whole signal that lies in memory: what `FeatureExtractor` computes of one segment.
extension AudioParameters {
    /// Computes the features of samples at `sampleRate`, taken as one segment.
    ///
    /// `segment`, `resampler` and `bandpass` are not looked at. Memory: the features, and twice the samples.
    ///
    /// - Parameter samples: The signal, 1 to 2^26 samples.
    /// - Returns: By the feature's name, row by row, [rows, frames]; the waveform is the signal itself.
    /// - Throws: `audio.bad-parameters` for parameters with faults, or a signal too long, empty, or too short to be
    ///   mirrored; `audio.resampling` if libsoxr fails, which the constant-Q transform calls.
    public func features(of samples: [Float]) throws(AudioOutputError) -> [String: [Float]] {
        var parameters = self
        parameters.bandpass = nil
        parameters.segment = SegmentParameters(samples: samples.count)
        if let fault = parameters.faults.first {
            throw AudioOutputError(.badParameters, "\(fault.key): \(fault.message)")
        }
        let analyzer = SegmentAnalyzer(parameters)
        analyzer.samples.update(from: samples, count: samples.count)
        var result: [String: [Float]] = [:]
        do {
            _ = try analyzer.analyze(length: samples.count) { name, values in result[name] = Array(values) }
        } catch {
            throw AudioOutputError(.init(rawValue: AudioError.Code.resampling.rawValue), "\(error)")
        }
        return result
    }
}

extension AudioParameters {
    /// Those of the mel spectrogram; nil without one.
    public var mel: MelParameters? {
        features.lazy.compactMap { feature in
            if case .mel(let mel) = feature { mel } else { nil }
        }.first
    }

    /// Decodes an audio file: mono, at `sampleRate`, within `bandpass`.
    ///
    /// `segment`, `stft` and `features` are not looked at. Memory: the samples.
    ///
    /// - Parameters:
    ///   - path: The file, of any format that a build reads.
    ///   - most: How many samples are kept; decoding stops soon after.
    /// - Returns: The first samples, and whether they are all.
    /// - Throws: `AudioError` for a fault of the bytes; `AudioAccessError` for a file out of reach.
    public func signal(ofFileAt path: String, most: Int = .max) throws -> (samples: [Float], isWhole: Bool) {
        var parameters = self
        let part = 1 << 14
        parameters.segment = SegmentParameters(samples: part)
        parameters.features = [.waveform]
        var samples: [Float] = []
        do {
            let count = try FeatureExtractor(parameters).extract(path: path) { _, _, values in
                samples.append(contentsOf: values)
                // The last part is filled up with zeros, so only a part more is certainly too much.
                if samples.count - part >= most { throw Enough() }
            }.samples
            samples.removeLast(samples.count - min(samples.count, count, most))
            return (samples, count <= most)
        } catch is Enough {
            samples.removeLast(samples.count - most)
            return (samples, false)
        }
    }

    /// Why decoding ended before the file.
    private struct Enough: Error {}
}

extension Resampler {
    /// Converts a mono signal from one rate to another.
    ///
    /// - Parameters:
    ///   - samples: The signal.
    ///   - from: Its rate in Hz.
    ///   - to: The rate wanted, at most 256 times apart.
    /// - Returns: ceil(n · to / from) samples.
    /// - Throws: `AudioError` with `audio.bad-rate` or `audio.resampling`.
    public func convert(_ samples: [Float], from: Int, to: Int) throws -> [Float] {
        guard from != to else { return samples }
        let converter = try SampleRateConverter(from: from, to: to, quality: self)
        var result: [Float] = []
        result.reserveCapacity((samples.count * to + from - 1) / from)
        func take(_ values: UnsafePointer<Float>, _ count: Int) {
            result.append(contentsOf: UnsafeBufferPointer(start: values, count: count))
        }
        try samples.withUnsafeBufferPointer { samples in
            guard let base = samples.baseAddress else { return }
            for start in stride(from: 0, to: samples.count, by: 4096) {
                try converter.process(base + start, count: min(4096, samples.count - start), take)
            }
        }
        try converter.finish(take)
        return result
    }
}
