internal import SoundFiles

extension AudioFacts {
    /// Measures a file as a whole, at its own rate: format, length, levels, warnings.
    ///
    /// - Parameter path: the file.
    /// - Returns: what was measured; `samples` equals `frames`, and the segments mean nothing.
    /// - Throws: `AudioError` for a fault of the bytes, `AudioAccessError` for a file out of reach.
    public static func measuring(_ path: String) throws -> AudioFacts {
        let rate = try SoundFile(path: path).sampleRate
        let parameters = AudioParameters(
            sampleRate: rate, resampler: .fastest, segment: SegmentParameters(samples: 1 << 16),
            stft: STFTParameters(), features: [.waveform])
        return try FeatureExtractor(parameters).extract(path: path) { _, _, _ in }
    }
}
