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
/// Memory: the recording's samples and the result's, 8 bytes a sample; one block of magnitudes.
public struct RecordingRendering {
    /// Samples per second of the result.
    public let sampleRate: Int
    private let mel: MelParameters
    private let denormalizer: Denormalizer
    private let gain: Double
    private let join: SegmentJoin
    private let content: [Float]

    /// Prepares the way back.
    ///
    /// - Parameters:
    ///   - preparation: What prepared the recording.
    ///   - recording: The recording.
    ///   - style: The label by whose statistics the segments are normalised, where each has its own: that of the target.
    ///   - parameters: What the dataset computes, cut as the recording was.
    /// - Throws: `build.no-dataset` for a dataset without mel; `AudioOutputError` where its mel cannot be inverted; what
    ///   decoding throws.
    init(
        _ preparation: FilePreparation, _ recording: PreparedRecording, style: String?,
        parameters: AudioParameters
    ) throws {
        guard let mel = parameters.mel else {
            throw BuildError(
                .noDataset,
                "dataset '\(preparation.reader.snapshot.dataset)' has no mel spectrogram, so nothing can be heard of it",
                canRetry: false)
        }
        self.mel = mel
        sampleRate = parameters.sampleRate
        gain = recording.gain
        denormalizer = try preparation.reader.denormalizer(ofFeature: "mel", labelValue: style)
        join = try SegmentJoin(parameters.stft, parameters.segment, length: recording.samples)
        content = try parameters.signal(ofFileAt: recording.path).samples
    }

    /// The samples of the piece.
    ///
    /// - Parameters:
    ///   - iterations: Of Griffin-Lim.
    ///   - segment: Gives the normalised mel spectrogram of a segment, [band, frame]; a segment can be asked for again.
    /// - Returns: Mono samples at `sampleRate`, as loud as the recording; a true peak over −1 dBTP lowers them.
    /// - Throws: `AudioOutputError`, and what `segment` throws.
    public func samples(iterations: Int = 32, mel segment: (Int) throws -> [Float]) throws -> [Float] {
        let inverse = try MelInversion(mel, sampleRate: sampleRate, nFFT: join.stft.nFFT)
        var known: [Int: [Float]] = [:]
        func magnitudes(_ index: Int) throws -> [Float] {
            if let values = known[index] { return values }
            let linear = try denormalizer.linear(segment(index), gain: gain)
            let values = try inverse.magnitudes(mel: linear)
            // Blocks go forward: what lies two segments back is not asked for again.
            known = known.filter { $0.key > index - 4 }
            known[index] = values
            return values
        }
        var result: [Float] = []
        result.reserveCapacity(content.count)
        try PieceInversion(join.stft, GriffinLimParameters(iterations: iterations)).invert(
            length: join.length, content: { Array(content[$0]) },
            magnitudes: { try join.magnitudes(of: $0, magnitudes: magnitudes) },
            sink: { result.append(contentsOf: $0) })
        return try loud(result)
    }

    /// Samples as loud as the recording's.
    private func loud(_ samples: [Float]) throws -> [Float] {
        func levels(_ samples: [Float]) throws -> AudioLevels {
            let meter = LevelMeter(channels: 1, sampleRate: sampleRate)
            try meter.add([samples])
            return meter.levels
        }
        let gain = try levels(samples).gain(toMatch: levels(content), ceiling: -1)
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
        try RecordingRendering(self, recording, style: style, parameters: audioParameters(of: recording))
    }
}
