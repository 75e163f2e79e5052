internal import Audio

/// A recording that was made of converted spectrograms, in a file without a name.
public struct RenderedRecording: Sendable {
    /// Samples per second.
    public let sampleRate: Int
    /// 1, or 2 where the content's side was kept.
    public let channels: Int
    /// The samples of each channel.
    public let length: Int
    private let mid: SampleStore
    private let side: SampleStore?
    private let gain: Float

    init(sampleRate: Int, length: Int, mid: SampleStore, side: SampleStore?, gain: Double) {
        (self.sampleRate, self.length, self.mid, self.side) = (sampleRate, length, mid, side)
        channels = side == nil ? 1 : 2
        self.gain = Float(gain)
    }

    /// Some of the samples, as loud as the content's.
    ///
    /// - Parameter range: Which, of 0..<length.
    /// - Returns: A plane a channel, full scale at ±1.
    /// - Throws: `audio.write-failed` if the disk does not give them back.
    public func samples(_ range: Range<Int>) throws -> [[Float]] {
        try Self.planes(mid, side, range).map { plane in plane.map { $0 * gain } }
    }

    /// Left and right of mid and side; the mid without a side.
    static func planes(_ mid: SampleStore, _ side: SampleStore?, _ range: Range<Int>) throws -> [[Float]] {
        let middle = try mid.samples(range)
        guard let side = try side?.samples(range) else { return [middle] }
        return [zip(middle, side).map { $0 + $1 }, zip(middle, side).map { $0 - $1 }]
    }
}

extension RecordingStream {
    /// Makes sound of converted mel spectrograms, as `RecordingRendering` does, in memory that does not grow with the
    /// recording.
    ///
    /// With a side (`isStereo`) the result has the content's stereo image: see `SideInversion`.
    ///
    /// - Parameters:
    ///   - style: The label by whose statistics the segments are normalised, where each has its own: that of the target.
    ///   - iterations: Of Griffin-Lim.
    ///   - folder: Where the disk space is taken, 4 bytes a sample and channel.
    ///   - segment: Gives the normalised mel spectrogram of a segment, [band, frame]; segments are asked for in order.
    /// - Returns: The samples, as loud as the recording; a true peak over −1 dBTP lowers them.
    /// - Throws: `build.no-dataset` for a dataset without mel; `AudioOutputError`; what `segment` throws.
    public func render(
        style: String? = nil, iterations: Int = 32, in folder: String, mel segment: (Int) throws -> [Float]
    ) throws -> RenderedRecording {
        let result = try SampleStore(in: folder)
        let rendering = try RecordingRendering(
            preparation.reader, parameters, join, gain: gain, style: style,
            content: { [mid] in try mid.samples($0) })
        try rendering.invert(iterations: iterations, mel: segment) { try result.append($0) }
        let newSide = try side.map { side in
            let store = try SampleStore(in: folder)
            try SideInversion(parameters.stft).invert(
                length: samples, mid: mid.samples, side: side.samples, converted: result.samples,
                sink: { try $0.withUnsafeBufferPointer { try store.append($0) } })
            return store
        }
        let gain = try levels(result, newSide).gain(toMatch: levels(mid, side), ceiling: -1)
        return RenderedRecording(
            sampleRate: sampleRate, length: samples, mid: result, side: newSide, gain: gain.amplitude)
    }

    private func levels(_ mid: SampleStore, _ side: SampleStore?) throws -> AudioLevels {
        let meter = LevelMeter(channels: side == nil ? 1 : 2, sampleRate: sampleRate)
        let block = 1 << 16
        for start in stride(from: 0, to: samples, by: block) {
            try meter.add(RenderedRecording.planes(mid, side, start..<min(samples, start + block)))
        }
        return meter.levels
    }
}
