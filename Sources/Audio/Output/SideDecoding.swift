internal import SoundFiles

extension AudioParameters {
    /// Decodes half the difference of a stereo file's channels, (L − R)/2: at `sampleRate`, within `bandpass`.
    ///
    /// With the mono signal of `FeatureExtractor`, (L + R)/2, it is the file. Memory does not grow with the file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - sink: Takes the samples in order, as many as the mono signal has; the memory is lent for the call.
    /// - Returns: False, with nothing given to the sink, for a file with another number of channels than 2.
    /// - Throws: `AudioError` for a fault of the bytes; `AudioAccessError` for a file out of reach; what `sink` throws.
    public func side(
        ofFileAt path: String, sink: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws -> Bool {
        let file = try SoundFile(path: path)
        guard file.channels == 2 else { return false }
        let converter = try SampleRateConverter(from: file.sampleRate, to: sampleRate, quality: resampler)
        var filter = bandpass.map { ButterworthFilter($0, sampleRate: sampleRate) }
        func take(_ samples: UnsafePointer<Float>, _ count: Int) throws {
            // The converter lends its own memory; the filter works in place.
            let samples = UnsafeMutablePointer(mutating: samples)
            filter?.apply(samples, count: count)
            try sink(UnsafeBufferPointer(start: samples, count: count))
        }
        let frames = 4096
        let (interleaved, side) = (FloatBuffer(count: 2 * frames), FloatBuffer(count: frames))
        // Their pointers do not keep the buffers alive.
        defer { withExtendedLifetime((interleaved, side)) {} }
        while case let count = try file.read(into: interleaved.pointer, count: frames), count > 0 {
            for i in 0..<count {
                side.pointer[i] = 0.5 * (interleaved.pointer[2 * i] - interleaved.pointer[2 * i + 1])
            }
            try converter.process(side.pointer, count: count, take)
        }
        try converter.finish(take)
        return true
    }
}
