public import Audio
public import Files
public import Loading
public import Manifest
import Storage
public import Symbolic
import Tensors

/// The stages of a build, applied to one file in memory: the shard that a build with this manifest would make of it.
///
/// Each runs the code that the build runs, and nothing is written to the cache.
public struct FileStages: Sendable {
    private let reader: DatasetReader
    let manifest: Manifest
    private let read: ReadStage?
    let spectrum: SpectrumStage?
    private let pack: ShardStage

    /// The stages of a manifest, with a snapshot's statistics.
    ///
    /// - Parameters:
    ///   - manifest: Says what is computed: the snapshot's own manifest, or one that cuts files otherwise.
    ///   - reader: The snapshot whose statistics features are normalised by.
    /// - Throws: `BuildError` if the statistics cannot be read.
    public init(_ manifest: Manifest, normalizedAs reader: DatasetReader) throws {
        self.reader = reader
        self.manifest = manifest
        read = manifest.midi.map { ReadStage($0) }
        spectrum = manifest.audio.map { SpectrumStage($0) }
        let statistics = try reader.snapshot.statistics.map { digest in
            ObjectReference(digest: digest, size: try reader.cache.bytes(of: digest).count)
        }
        pack = ShardStage(manifest, statistics.map { .object($0) } ?? .unwanted)
    }

    /// What a file holds, by its first bytes, else by its name.
    public static func kind(ofFile path: String) -> SegmentKind { .found(atPath: path, named: path) }

    /// A score's shard.
    public struct ScoreShard: Sendable {
        /// The shard's bytes.
        public let bytes: [UInt8]
        /// Its segments.
        public let segments: Int
        /// Why the file gives none though it can be read.
        public let exclusion: String?
        /// The sum of the segments' true lengths, in steps.
        public let steps: Int
    }

    /// A recording's shard.
    public struct RecordingShard: Sendable {
        /// The shard's bytes.
        public let bytes: [UInt8]
        /// Its segments.
        public let segments: Int
        /// What was measured of the file.
        public let facts: AudioFacts
        /// The gain that its features have.
        public let gain: LoudnessTarget.Gain
    }

    /// The bytes of a MIDI file.
    ///
    /// - Throws: `source.unreadable` for a file that cannot be read, or is too large.
    public static func bytes(ofScoreAt path: String) throws -> [UInt8] {
        do {
            return try ReadStage.bytes(ofFile: path)
        } catch let error as MIDIError {
            throw unreadable(path, error)
        }
    }

    /// Reads the music of a MIDI file.
    ///
    /// - Parameters:
    ///   - bytes: The file.
    ///   - path: Its path, for messages.
    /// - Returns: The music.
    /// - Throws: `source.unreadable` for bytes that a build would quarantine.
    public static func score(of bytes: [UInt8], path: String) throws(BuildError) -> Score {
        do throws(MIDIError) {
            let limit = MIDIError.maximumByteCount
            guard bytes.count <= limit else { throw MIDIError.tooLarge(byteCount: bytes.count) }
            return try Score(midi: bytes)
        } catch {
            throw unreadable(path, error)
        }
    }

    /// Makes a score's shard.
    ///
    /// - Parameters:
    ///   - score: The music.
    ///   - path: The file's path, for messages.
    ///   - labels: What the shard says of it.
    /// - Returns: The shard; without segments, the reason.
    /// - Throws: `source.unreadable` for a score that a build would quarantine.
    /// - Precondition: the manifest has a `midi` block.
    public func shard(of score: Score, path: String, labels: [String: String]) throws -> ScoreShard {
        guard let read else { preconditionFailure("a manifest without 'midi'") }
        let result: ReadStage.Reading
        do throws(StageFailure) {
            result = try read.read(score)
        } catch {
            throw Self.unreadable(path, error.diagnostic, "byte")
        }
        let segments = result.segments
        let part = BuiltSource(
            sha256: Self.name(path), kind: .midi, segments: segments.count, samples: 0,
            rows: RollShard.RowCounts(notes: segments.pitch.count, controls: segments.controlsNumber.count),
            object: nil, levels: nil, exclusion: segments.exclusion, warnings: [])
        return ScoreShard(
            bytes: try packed(.midi, part, gain: nil, labels, path, TensorFile(bytes: result.object)),
            segments: segments.count, exclusion: segments.exclusion,
            steps: segments.segmentLength.reduce(0) { $0 + Int($1) })
    }

    /// Makes a recording's shard.
    ///
    /// - Parameters:
    ///   - path: The file.
    ///   - labels: What the shard says of it; the label of `normalize.per` decides whose statistics it is normalised by.
    /// - Returns: The shard, and what was measured.
    /// - Throws: `source.unreadable`; `features.no-statistics`, `features.float16-range`.
    /// - Precondition: the manifest has an `audio` block.
    public func shard(ofRecordingAt path: String, labels: [String: String]) throws -> RecordingShard {
        guard let spectrum, let block = manifest.audio else {
            preconditionFailure("a manifest without 'audio'")
        }
        let (facts, object): (AudioFacts, [UInt8])
        do {
            (facts, object) = try spectrum.object(ofFile: path)
        } catch let error as StageFailure {
            throw Self.unreadable(path, error.diagnostic, "frame")
        }
        let gain = block.gain(for: facts.levels)
        let part = BuiltSource(
            sha256: Self.name(path), kind: .audio, segments: facts.segments.count, samples: facts.samples,
            rows: RollShard.RowCounts(), object: nil, levels: facts.levels, exclusion: nil, warnings: [])
        return RecordingShard(
            bytes: try packed(.audio, part, gain: gain, labels, path, TensorFile(bytes: object)),
            segments: facts.segments.count, facts: facts, gain: gain)
    }

    /// What a shard calls its source; nobody looks one up that is in memory.
    static func name(_ path: String) -> Digest { Digest(of: path.utf8) }

    /// A shard of one source.
    func packed(
        _ kind: SegmentKind, _ source: BuiltSource, gain: LoudnessTarget.Gain?, _ labels: [String: String],
        _ path: String, _ file: TensorFile
    ) throws -> [UInt8] {
        let part = ShardPart(
            source: source, segments: [0..<source.segments], gain: gain, labels: labels, piece: source.sha256,
            path: path,
            file: file)
        let memory = ShardMemory()
        var halves: [String: HalfConverter] = [:]
        try pack.write(
            kind, [part], cache: reader.cache, Workers(count: 1), halves: &halves, to: memory.write)
        return memory.bytes
    }

    private static func unreadable(_ path: String, _ error: MIDIError) -> BuildError {
        unreadable(
            path, Diagnostic(.error, code: error.code, message: error.message, offset: error.offset), "byte")
    }

    static func unreadable(
        _ path: String, _ diagnostic: Diagnostic, _ unit: String
    ) -> BuildError {
        let place = diagnostic.offset.map { " (\(unit) \($0))" } ?? ""
        let help = diagnostic.help.map { "; \($0)" } ?? ""
        return BuildError(
            .sourceUnreadable, "\(path): \(diagnostic.message)\(help)\(place) [\(diagnostic.code)]",
            canRetry: false)
    }
}

/// The bytes of a shard that grows at several places at once.
private final class ShardMemory {
    private(set) var bytes: [UInt8] = []

    func write(_ part: UnsafeRawBufferPointer, at offset: Int) {
        let end = offset + part.count
        if bytes.count < end { bytes.append(contentsOf: repeatElement(0, count: end - bytes.count)) }
        bytes.withUnsafeMutableBytes { bytes in
            UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<end]).copyMemory(from: part)
        }
    }
}
