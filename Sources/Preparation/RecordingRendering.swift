internal import Audio
internal import Build
internal import Dataset
internal import Loading
internal import Manifest

/// The way from mel spectrograms of a recording's segments back to sound, with the recording's phases as a start.
///
/// It undoes what the build did: the normalisation by the dataset's statistics, the gain, the filterbank; joins the
/// segments by cross-fades; and finds phases by Griffin-Lim (Perraudin et al., 2013, doi:10.1109/WASPAA.2013.6701851) in blocks that share
/// frames, so that a piece is one signal. The result has the recording's loudness.
///
/// Memory: the recording's samples and the result's, 8 bytes a sample; one block of magnitudes. `RecordingStream.render`
/// does the same for recordings of any length.
public struct RecordingRendering {
    /// Samples per second of the result.
    public let sampleRate: Int
    private let mel: MelParameters
    private let denormalizer: Denormalizer
    private let gain: Double
    private let join: SegmentJoin
    private let content: (Range<Int>) throws -> [Float]

    /// Prepares the way back.
    ///
    /// - Parameters:
    ///   - reader: The snapshot.
    ///   - parameters: What it computes, cut as the recording was.
    ///   - join: How the recording falls into segments.
    ///   - gain: The factor of amplitude that the recording's features have.
    ///   - style: The label by whose statistics the segments are normalised, where each has its own: that of the target.
    ///   - content: Gives the recording's samples by their range.
    /// - Throws: `build.no-dataset` for a dataset without mel.
    init(
        _ reader: DatasetReader, _ parameters: AudioParameters, _ join: SegmentJoin, gain: Double,
        style: String?, content: @escaping (Range<Int>) throws -> [Float]
    ) throws {
        guard let mel = parameters.mel else {
            throw BuildError(
                .noDataset,
                "dataset '\(reader.snapshot.dataset)' has no mel spectrogram, so nothing can be heard of it",
                canRetry: false)
        }
        (self.mel, self.gain, self.join, self.content) = (mel, gain, join, content)
        sampleRate = parameters.sampleRate
        denormalizer = try reader.denormalizer(ofFeature: "mel", labelValue: style)
    }

    /// The samples of the piece.
    ///
    /// - Parameters:
    ///   - iterations: Of Griffin-Lim.
    ///   - segment: Gives the normalised mel spectrogram of a segment, [band, frame]; segments are asked for in order.
    /// - Returns: Mono samples at `sampleRate`, as loud as the recording; a true peak over −1 dBTP lowers them.
    /// - Throws: `AudioOutputError`, and what `segment` throws.
    public func samples(iterations: Int = 32, mel segment: (Int) throws -> [Float]) throws -> [Float] {
        var result: [Float] = []
        result.reserveCapacity(join.length)
        try invert(iterations: iterations, mel: segment) { result.append(contentsOf: $0) }
        return try loud(result)
    }

    /// Makes the samples of the piece, their loudness as it comes.
    ///
    /// - Parameters:
    ///   - iterations: Of Griffin-Lim.
    ///   - segment: Gives the normalised mel spectrogram of a segment, [band, frame]; each is asked for once, in order.
    ///   - sink: Takes the samples in order; the memory is lent for the call.
    /// - Throws: `AudioOutputError`, and what the closures throw.
    func invert(
        iterations: Int, mel segment: (Int) throws -> [Float],
        sink: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
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
            length: join.length, content: content,
            magnitudes: { frames in
                var asked: Set<Int> = []
                defer { known = known.filter { asked.contains($0.key) } }
                return try join.magnitudes(of: frames) { index in
                    asked.insert(index)
                    return try magnitudes(index)
                }
            }, sink: sink)
    }

    /// Samples as loud as the recording's.
    private func loud(_ samples: [Float]) throws -> [Float] {
        func levels(_ samples: (Range<Int>) throws -> [Float]) throws -> AudioLevels {
            let meter = LevelMeter(channels: 1, sampleRate: sampleRate)
            try meter.add([samples(0..<join.length)])
            return meter.levels
        }
        let gain = try levels({ Array(samples[$0]) }).gain(toMatch: levels(content), ceiling: -1)
        let factor = Float(gain.amplitude)
        return samples.map { $0 * factor }
    }
}

extension FilePreparation {
    /// The way from mel spectrograms of a recording's segments back to sound.
    ///
    /// - Parameters:
    ///   - recording: What this prepared.
    ///   - style: The label by whose statistics the segments are normalised, where each has its own.
    /// - Returns: The way back.
    /// - Throws: `build.no-dataset`, `AudioOutputError`, and what decoding throws.
    public func rendering(of recording: PreparedRecording, style: String? = nil) throws -> RecordingRendering
    {
        let parameters = audioParameters(of: recording)
        let content = try parameters.signal(ofFileAt: recording.path).samples
        return try RecordingRendering(
            reader, parameters,
            SegmentJoin(parameters.stft, parameters.segment, length: recording.samples), gain: recording.gain,
            style: style, content: { Array(content[$0]) })
    }
}
