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
    ///   mirrored.
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
        _ = analyzer.analyze(length: samples.count) { name, values in result[name] = Array(values) }
        return result
    }
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
