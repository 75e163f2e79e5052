internal import Audio
internal import Dataset
public import Files
public import Loading
internal import Manifest
internal import Symbolic

/// Prepares single files for use exactly as the files of a snapshot were prepared for training.
///
/// It runs the build's own stages with the snapshot's manifest and statistics, in memory, and paints views with the
/// loader: what a network has seen in training is what it sees in use.
public struct FilePreparation: Sendable {
    /// Which parts of a file become segments.
    public enum Coverage: Sendable, Hashable {
        /// Those that a build would cut.
        case asBuilt
        /// The whole file, one segment behind the other; whatever a manifest leaves out for training (a remainder, a
        /// part of another tempo, a piece of another time signature) is there too. What a segment shows is the same.
        case whole
        /// The same, but segments of recordings share frames with their neighbours, so that results can be cross-faded.
        case overlapping
    }

    /// The frames that neighbouring segments share where they overlap.
    private static let sharedFrames = 16

    /// The snapshot.
    public let reader: DatasetReader
    /// Which parts of a file become segments.
    public let coverage: Coverage
    private let manifest: Manifest
    private let stages: FileStages

    /// Prepares files for a snapshot.
    ///
    /// - Throws: `ManifestError` if this version no longer reads the snapshot's manifest; `BuildError` if its statistics
    ///   cannot be read.
    public init(_ reader: DatasetReader, covering coverage: Coverage = .asBuilt) throws {
        self.reader = reader
        self.coverage = coverage
        var manifest = try reader.manifest()
        if coverage != .asBuilt {
            manifest.midi?.coverWhole()
            manifest.audio?.coverWhole(sharing: coverage == .overlapping ? Self.sharedFrames : 0)
        }
        self.manifest = manifest
        stages = try FileStages(manifest, normalizedAs: reader)
    }

    /// What a file holds, prepared.
    ///
    /// - Parameters:
    ///   - path: The file; its first bytes say what it holds.
    ///   - contentStyle: The style by which it is normalised; see `labels`.
    ///   - target: The style that it will be converted to, if it is known.
    /// - Returns: A score or a recording.
    /// - Throws: as `score` and `recording`.
    public func content(
        path: String, contentStyle: String? = nil, target: String? = nil
    ) throws -> PreparedContent {
        switch FileStages.kind(ofFile: path) {
        case .midi:
            return .score(try score(FileStages.bytes(ofScoreAt: path), path: path))
        // A single file is no pair.
        case .audio, .paired:
            let labels = try labels(contentStyle: contentStyle, target: target)
            return .recording(try recording(path: path, labels: labels))
        }
    }

    // MARK: Scores

    /// Prepares a MIDI file.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - path: Its path, for messages.
    ///   - labels: What its segments say of it.
    ///   - bytesPerStep: The memory that a step of the views will take, all views together: a few bytes can declare a
    ///     piece of years.
    /// - Returns: Its segments.
    /// - Throws: `source.unreadable` for a file that a build would quarantine, that has several timelines where the
    ///   whole is covered, that gives no segments, or whose views would not fit into memory; `build.no-dataset` for a
    ///   snapshot without notes.
    public func score(
        _ bytes: [UInt8], path: String, labels: [String: String] = [:], bytesPerStep: Int = 1024
    ) throws -> PreparedScore {
        guard let midi = manifest.midi, reader.snapshot.features["rolls"] != nil else {
            throw BuildError(
                .noDataset, "dataset '\(reader.snapshot.dataset)' holds no notes, so \(path) cannot be used",
                canRetry: false)
        }
        let parameters = RollParameters(midi)
        let score = try FileStages.score(of: bytes, path: path)
        if let excess = parameters.excess(of: score, bytesPerStep: bytesPerStep) {
            throw unusable(path, "is too long: \(excess)")
        }
        guard coverage == .asBuilt || score.timelines.count == 1 else {
            throw unusable(path, "holds \(score.timelines.count) pieces; give each a file of its own")
        }
        let result = try stages.shard(of: score, path: path, labels: labels)
        guard result.segments > 0 else {
            throw unusable(path, "gives no segments: \(result.exclusion ?? "it is shorter than one")")
        }
        let shard = try Shard(result.bytes, kind: .midi, segments: result.segments, in: reader.snapshot)
        return PreparedScore(
            path: path, shard: shard, timelines: score.timelines, grid: parameters.grid,
            rounding: parameters.rounding, segmentSteps: parameters.steps, length: result.steps)
    }

    // MARK: Recordings

    /// Prepares an audio file.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - labels: What its segments say of it; the label that `audio.normalize.per` names is needed, if it names one.
    /// - Returns: Its segments.
    /// - Throws: `source.unreadable`; `features.no-statistics`; `build.no-dataset` for a snapshot without audio.
    public func recording(path: String, labels: [String: String] = [:]) throws -> PreparedRecording {
        let audio = try audioBlock(for: path)
        let result = try stages.shard(ofRecordingAt: path, labels: labels)
        guard result.segments > 0 else { throw unusable(path, "is shorter than a segment") }
        let shard = try Shard(result.bytes, kind: .audio, segments: result.segments, in: reader.snapshot)
        return PreparedRecording(
            path: path, shard: shard, sampleRate: audio.sampleRate, samples: result.facts.samples,
            segmentSamples: audio.samples, gain: result.gain.amplitude)
    }

    /// Prepares a recording of any length, or a part of one, to be taken a few segments at a time.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - labels: As for `recording`.
    ///   - part: Which part; its features have the gain of the whole recording.
    ///   - stereo: Whether the side of a recording of two channels is kept.
    ///   - folder: Where disk space is taken, 4 bytes a sample and channel, until the stream is gone.
    /// - Returns: The recording, decoded.
    /// - Throws: As `recording`; `source.unreadable` where the recording has nothing of the part; `audio.write-failed`.
    public func stream(
        ofRecordingAt path: String, labels: [String: String] = [:], part: RecordingPart = RecordingPart(),
        stereo: Bool = false, in folder: String
    ) throws -> RecordingStream {
        try RecordingStream(
            self, stages, path: path, labels: labels, part: part, stereo: stereo,
            parameters: AudioParameters(audioBlock(for: path)), folder: folder)
    }

    /// What the manifest says of audio.
    private func audioBlock(for path: String) throws -> Manifest.Audio {
        guard let audio = manifest.audio,
            AudioParameters(audio).features.contains(where: { reader.snapshot.features[$0.name] != nil })
        else {
            throw BuildError(
                .noDataset, "dataset '\(reader.snapshot.dataset)' holds no audio, so \(path) cannot be used",
                canRetry: false)
        }
        return audio
    }

    /// The label by whose statistics a recording is normalised, with the content's style as its value.
    ///
    /// - Parameters:
    ///   - contentStyle: The content's style; nil: the only other one than `target`.
    ///   - target: The style that it will be converted to, if it is known.
    /// - Returns: Empty unless the manifest normalises the values of a label apart.
    /// - Throws: `build.no-dataset` for a style that was not learned, or where the content's cannot be known.
    public func labels(contentStyle: String?, target: String? = nil) throws(BuildError) -> [String: String] {
        guard case .label(let name) = manifest.audio?.normalize.per else { return [:] }
        let values = reader.snapshot.vocabularies[name] ?? []
        func fault(_ message: String) -> BuildError {
            BuildError(
                .noDataset, "\(message); its \(name)s are \(values.joined(separator: ", "))", canRetry: false)
        }
        if let contentStyle {
            guard values.contains(where: { $0.utf8.elementsEqual(contentStyle.utf8) }) else {
                throw fault("dataset '\(reader.snapshot.dataset)' has no \(name) '\(contentStyle)'")
            }
            return [name: contentStyle]
        }
        let others = values.filter { $0 != target }
        guard target != nil, others.count == 1 else {
            throw fault(
                "dataset '\(reader.snapshot.dataset)' normalises each \(name) apart; write --content-style with the content's"
            )
        }
        return [name: others[0]]
    }

    // MARK: Views

    /// All segments of a prepared file in one batch, painted by the loader.
    ///
    /// - Parameters:
    ///   - shard: The file's segments.
    ///   - views: What to show of each.
    /// - Returns: The batch, its segments in order.
    /// - Throws: `LoaderError` for a view that the snapshot cannot show.
    public func batch(of shard: Shard, showing views: [LoaderView]) throws -> LoaderBatch {
        let plan = LoaderPlan(
            kind: shard.holdsNotes ? .midi : .audio, views: views, batchSize: shard.count, isShuffled: false,
            epochs: 1, threads: 0, buffers: 1)
        guard let batch = try Loader(shard, of: reader.snapshot, plan).next() else {
            preconditionFailure("a shard of \(shard.count) segments")
        }
        return batch
    }

    // MARK: Faults

    private func unusable(_ path: String, _ reason: String) -> BuildError {
        BuildError(.sourceUnreadable, "\(path) \(reason)", canRetry: false)
    }
}

extension Manifest.MIDI {
    /// Cuts all of a piece, whatever of it training would leave out.
    fileprivate mutating func coverWhole() {
        // In steps, since bars have a length only where a time signature is required.
        segmentLength = .steps(steps)
        segmentHop = segmentLength
        dropLast = false
        align = .none
        window = .all
        requiredTimeSignature = nil
        requiresConstantTimeSignature = false
    }
}

extension Manifest.Audio {
    /// Cuts all of a recording, into segments that share so many frames.
    fileprivate mutating func coverWhole(sharing frames: Int) {
        // Segments begin on frames of the piece; a short one shares what it can.
        let longest = samples / stft.hopLength - frames
        hop = frames > 0 && longest > 0 ? longest * stft.hopLength : samples
        dropLast = false
    }
}
