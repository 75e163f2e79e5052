internal import Audio
internal import Dataset
internal import Files
internal import Loading

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
    /// Makes sound of converted mel spectrograms, in memory that does not grow with the recording.
    ///
    /// It undoes what the build did: the normalisation by the dataset's statistics, the gain, the filterbank; joins the
    /// segments by cross-fades; and finds phases by Griffin-Lim (Perraudin et al., 2013,
    /// doi:10.1109/WASPAA.2013.6701851), from the recording's as a start, in blocks that share frames, so that a piece is
    /// one signal. With a side (`isStereo`) the result has the content's stereo image: see `SideInversion`.
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
        try invert(style: style, iterations: iterations, mel: segment) { try result.append($0) }
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

    /// Makes the samples of the mid, their loudness as it comes.
    ///
    /// - Parameters:
    ///   - style: As for `render`.
    ///   - iterations: Of Griffin-Lim.
    ///   - segment: Gives the normalised mel spectrogram of a segment, [band, frame]; each is asked for once, in order.
    ///   - sink: Takes the samples in order; the memory is lent for the call.
    /// - Throws: As `render`, and what the closures throw.
    private func invert(
        style: String?, iterations: Int, mel segment: (Int) throws -> [Float],
        sink: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        let reader = preparation.reader
        guard let mel = parameters.mel else {
            throw BuildError(
                .noDataset,
                "dataset '\(reader.snapshot.dataset)' has no mel spectrogram, so nothing can be heard of it",
                canRetry: false)
        }
        let denormalizer = try reader.denormalizer(ofFeature: "mel", labelValue: style)
        let inverse = try MelInversion(mel, sampleRate: sampleRate, nFFT: join.stft.nFFT)
        var known: [Int: [Float]] = [:]
        func magnitudes(_ index: Int) throws -> [Float] {
            if let values = known[index] { return values }
            let linear = try denormalizer.linear(segment(index), gain: gain)
            let values = try inverse.magnitudes(mel: linear)
            known[index] = values
            return values
        }
        try PieceInversion(join.stft, GriffinLimParameters(iterations: iterations)).invert(
            length: join.length, content: mid.samples,
            magnitudes: { frames in
                var asked: Set<Int> = []
                defer { known = known.filter { asked.contains($0.key) } }
                return try join.magnitudes(of: frames) { index in
                    asked.insert(index)
                    return try magnitudes(index)
                }
            }, sink: sink)
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
