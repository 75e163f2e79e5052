public import Audio
public import Files
import Loading
import Manifest
import SoundFiles
import Symbolic
import Tensors

/// Recordings of any length: decoded once, then made into shards a few segments at a time.
extension FileStages {
    /// Decodes a recording as the stage `spectrum` does: mono, at the dataset's rate, within its band.
    ///
    /// Memory does not grow with the file, but for some 100 bytes a segment.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - sink: Takes the samples in order; zeros follow the last ones.
    /// - Returns: What was measured of the file, and the gain that its features have.
    /// - Throws: `source.unreadable`, and what the sink throws.
    /// - Precondition: the manifest has an `audio` block.
    public func decode(
        recordingAt path: String, sink: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws -> (facts: AudioFacts, gain: LoudnessTarget.Gain) {
        guard let spectrum, let block = manifest.audio else {
            preconditionFailure("a manifest without 'audio'")
        }
        do {
            let facts = try spectrum.decode(path: path, sink: sink)
            return (facts, block.gain(for: facts.levels))
        } catch let error as StageFailure {
            throw Self.unreadable(path, error.diagnostic, "frame")
        }
    }

    /// Makes the shard of some segments of a decoded recording, the first of which counts as the recording's start.
    ///
    /// - Parameters:
    ///   - segments: The samples of each, as `decode` gives them; of one that the end cuts short, what is there.
    ///   - path: The recording's path, for messages.
    ///   - samples: The samples of the recording from the first of these segments on.
    ///   - gain: That of `decode`.
    ///   - labels: As for `shard(ofRecordingAt:labels:)`.
    /// - Returns: The shard's bytes: those features that `shard(ofRecordingAt:labels:)` gives these segments.
    /// - Throws: `features.no-statistics`, `features.float16-range`.
    /// - Precondition: the manifest has an `audio` block.
    public func shard(
        ofSegments segments: [[Float]], path: String, samples: Int, gain: LoudnessTarget.Gain,
        labels: [String: String]
    ) throws -> [UInt8] {
        guard let spectrum else { preconditionFailure("a manifest without 'audio'") }
        let part = BuiltSource(
            sha256: Self.name(path), kind: .audio, segments: segments.count, samples: samples,
            rows: RollShard.RowCounts(), object: nil, levels: nil, exclusion: nil, warnings: [])
        return try packed(
            .audio, part, gain: gain, labels, path, TensorFile(bytes: spectrum.rows(ofSegments: segments)))
    }

    /// The bars of a MIDI file that hold a stretch of time, as a file.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - path: Its path, for messages.
    ///   - start: In seconds.
    ///   - duration: In seconds, above 0.
    /// - Returns: As `MIDIFile.excerpt`.
    /// - Throws: `source.unreadable` for bytes that a build would quarantine, for a file of several pieces, and where no
    ///   note begins in these bars.
    public static func excerpt(
        ofScore bytes: [UInt8], path: String, start: Double, duration: Double
    ) throws(BuildError) -> [UInt8] {
        let score = try score(of: bytes, path: path)
        func unusable(_ reason: String) -> BuildError {
            BuildError(.sourceUnreadable, "\(path) \(reason)", canRetry: false)
        }
        guard score.timelines.count == 1, let timeline = score.timelines.first else {
            throw unusable("holds \(score.timelines.count) pieces; give each a file of its own")
        }
        let part: MIDIFile?
        do throws(MIDIError) {
            part = try MIDIFile.read(bytes).excerpt(of: timeline, start: start, duration: duration)
        } catch {
            throw unusable("cannot be cut: \(error.message)")
        }
        guard let part else {
            let seconds = timeline.tempoMap.seconds(at: timeline.endTick)
            throw unusable(
                "has no note that begins in the bars from second \(start) on; it lasts "
                    + "\((seconds * 10).rounded() / 10) s")
        }
        return part.write()
    }
}

extension SpectrumStage {
    /// The signal that segments are cut from.
    ///
    /// - Throws: as `extract`.
    func decode(path: String, sink: (UnsafeBufferPointer<Float>) throws -> Void) throws -> AudioFacts {
        var whole = audio
        whole.segment.hop = whole.segment.samples
        whole.segment.dropLast = false
        whole.features = [.waveform]
        return try Self.read {
            try FeatureExtractor(whole).extract(path: path) { _, _, values in try sink(values) }
        }
    }

    /// The part of the stage's output that shards are made of, for segments that are in memory.
    ///
    /// - Parameter segments: The samples of each.
    /// - Returns: A safetensors file with `features`.
    /// - Throws: as `FeatureExtractor.extract(segment:sink:)`.
    func rows(ofSegments segments: [[Float]]) throws -> [UInt8] {
        try withExtractor { extractor in
            var values = [Float](repeating: 0, count: segments.count * rows.count)
            for (index, samples) in segments.enumerated() {
                try extractor.extract(segment: samples) { name, feature in
                    let place = rows.elements(of: name, segment: index)
                    values.withUnsafeMutableBufferPointer {
                        _ = UnsafeMutableBufferPointer(rebasing: $0[place])
                            .update(fromContentsOf: feature)
                    }
                }
            }
            return TensorFile.encode([
                NamedTensor(
                    FeatureRows.tensor,
                    Tensor(shape: [segments.count, rows.count], elements: values))
            ])
        }
    }
}
