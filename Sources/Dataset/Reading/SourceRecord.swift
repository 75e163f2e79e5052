public import Describing
public import Files
public import Loading
import Manifest
import Storage
import Symbolic

/// What is recorded of one source of a snapshot: the facts that its stages left.
///
/// A class, since it is passed around a lot and holds some twenty arrays.
public final class SourceRecord: Sendable {
    /// The entry.
    public let source: Snapshot.Source
    /// The facts that its stage recorded; `null` if the record is gone.
    public let facts: JSONValue
    /// The notes in all segments, those that sound on counted in each; 0 for audio.
    public var notes: Int { segments["notes"]?.integer ?? 0 }
    /// The description of its score; nil for audio, and if the record is gone.
    public let score: ScoreDescription?
    /// The description of its mel; nil for MIDI, without a mel, and if the record is gone.
    public let mel: MelDescription?
    /// The facts about its segments; `null` for audio, and if the record is gone.
    public let segments: JSONValue

    init(
        source: Snapshot.Source, facts: JSONValue, score: ScoreDescription?, mel: MelDescription?,
        segments: JSONValue
    ) {
        self.source = source
        self.facts = facts
        self.score = score
        self.mel = mel
        self.segments = segments
    }
}

extension DatasetReader {
    /// What is recorded of every source, in the snapshot's order; read from the index alone.
    ///
    /// - Throws: `BuildError`, `ManifestError`.
    public func records() throws -> [SourceRecord] {
        var records: [SourceRecord] = []
        records.reserveCapacity(snapshot.sources.count)
        try forEachPart(finding: { $0 }, taking: { records += $0 })
        return records
    }

    /// How many sources' records are in memory at a time where they are handed out in parts.
    public static let partCount = 2048

    /// Hands out what is found in the record of every source, in the snapshot's order and some thousands at a time, so
    /// that memory need not hold the records of all.
    ///
    /// - Parameters:
    ///   - count: how many at most.
    ///   - find: looks at one record; called from several threads.
    ///   - take: takes what was found in one part; called by the caller's thread, one part after the other.
    /// - Throws: `BuildError`, `ManifestError`, and what `take` throws.
    public func forEachPart<Found: Sendable>(
        of count: Int = partCount, finding find: @Sendable (SourceRecord) -> Found,
        taking take: ([Found]) throws -> Void
    ) throws {
        let index = try RecordIndex(self)
        let workers = Workers()
        for start in stride(from: 0, to: snapshot.sources.count, by: count) {
            let end = min(start + count, snapshot.sources.count)
            let ranges = stride(from: start, to: end, by: 128).map { $0..<min($0 + 128, end) }
            let found = try workers.map(ranges) { (range) throws(BuildError) in
                try index.records(range).map(find)
            }
            try take(Array(found.joined()))
        }
    }
}

/// Finds the records of a snapshot's sources.
struct RecordIndex: Sendable {
    private let cache: Cache
    private let snapshot: Snapshot
    let manifest: Manifest
    private let read: ReadStage?
    private let spectrum: Parameters

    init(_ reader: DatasetReader) throws {
        cache = reader.cache
        snapshot = reader.snapshot
        manifest = try reader.manifest()
        read = manifest.midi.map { ReadStage($0) }
        spectrum = Parameters(manifest.audio?.spectrum ?? .null)
    }

    func records(_ range: Range<Int>) throws(BuildError) -> [SourceRecord] {
        let sources = snapshot.sources[range]
        return zip(sources, try stages(of: Array(sources))).map { source, record in
            guard let record, record.failure == nil else {
                return SourceRecord(source: source, facts: .null, score: nil, mel: nil, segments: .null)
            }
            let score = source.kind == .midi ? ScoreDescription(record) : nil
            let facts = Self.facts(record)
            return SourceRecord(
                source: source, facts: .object(facts.members), score: score,
                mel: source.kind == .audio ? facts.description.flatMap { MelDescription(json: $0) } : nil,
                segments: source.kind == .midi ? facts.members["segments"] ?? .null : .null)
        }
    }

    /// What is recorded of each source's stage; nil where nothing is.
    func stages(of sources: [Snapshot.Source]) throws(BuildError) -> [ActionRecord?] {
        let (read, spectrum) = (snapshot.stage(Stages.read), snapshot.stage(Stages.spectrum))
        return try cache.recorded(
            sources.map { source in
                let input = [Input("source", source.sha256)]
                return switch source.kind {
                case .midi, .paired:
                    Action(
                        read, parameters: self.read?.parameters(cut(source)) ?? Parameters(.null),
                        inputs: input,
                        subject: source.path)
                case .audio:
                    Action(spectrum, parameters: self.spectrum, inputs: input, subject: source.path)
                }
            })
    }

    /// How the recording of a source is cut, if it is one of a pair.
    private func cut(_ source: Snapshot.Source) -> RecordingCut? {
        source.pair.flatMap { RecordingCut(manifest, offset: $0.offset) }
    }

    /// The facts without the description of a score, which is read apart: as a tree of values it costs much.
    private static func facts(
        _ record: ActionRecord
    ) -> (members: [String: JSONValue], description: JSONValue?) {
        var members: [String: JSONValue] = [:]
        var description: JSONValue?
        let isMIDI = record.stage.name == Stages.read.name
        try? record.readFacts { (reader) throws(JSONError) in
            try reader.members { (reader, name) throws(JSONError) in
                if name != "description" {
                    members[name] = try reader.value()
                } else if isMIDI {
                    try reader.skip()
                } else {
                    description = try reader.value()
                }
            }
        }
        return (members, description)
    }
}
