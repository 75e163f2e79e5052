import Build
import Describing
import Files
import Loading
import Manifest
import Storage
import Symbolic
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// MIDI bytes → the notes of each segment and the facts about the file, in one pass.
///
/// The object holds the columns of `RollSegments`, and:
///
/// | tensor | shape | meaning |
/// | --- | --- | --- |
/// | `segment.density` | F32 [N] | notes that begin in the segment, per second of its true length |
/// | `segment.polyphony` | F32 [N] | notes that sound, drums left out, as a mean over its true length |
/// | `order.pitch` | U8 [n] | the pitches of all notes but drums by onset, then pitch; near-duplicates share stretches |
/// | `frame.step` | U16 [N, frames] | in pairs whose steps are not frames: in which step of its segment each frame lies |
/// | `order.offset` | I64 [timelines + 1] | each timeline's pitches are rows offset[i]..<offset[i+1] |
struct ReadStage: Sendable {
    /// The name of the one output.
    static let output = "segments"
    /// Those of a file that is read for itself.
    private let parameters: Parameters
    private let rolls: RollParameters

    init(_ manifest: Manifest.MIDI) {
        parameters = Parameters(manifest.reading)
        rolls = RollParameters(manifest)
    }

    /// The parameters of a file that is read for itself, or cut where its recording is.
    func parameters(_ recording: RecordingCut?) -> Parameters {
        guard let recording, case .object(var members) = parameters.value else { return parameters }
        members["recording"] = recording.json
        return Parameters(.object(members))
    }

    func draft(_ source: Digest, path: String, recording: RecordingCut? = nil) -> ActionDraft {
        ActionDraft(
            Stages.read, parameters: parameters(recording), inputs: [("source", source)], subject: path)
    }

    func run(_ context: ActionContext, _ source: SourceFile, recording: RecordingCut? = nil) throws {
        let result: Reading
        do {
            result = try read(Self.bytes(ofFile: source.path), recording: recording)
        } catch let error as MIDIError {
            throw Self.failure(error)
        }
        for warning in result.score.warnings {
            context.report(
                Diagnostic(.warning, code: warning.code, message: warning.message, offset: warning.offset))
        }
        if recording != nil, result.score.timelines.count > 1 {
            context.report(
                Diagnostic(
                    .warning, code: "pair.timelines",
                    message:
                        "the recording is paired with the first of \(result.score.timelines.count) pieces; the others are left out"
                ))
        }
        context.facts = .object(result.facts)
        try context.write(result.object, as: Self.output)
    }

    /// What the bytes of a file become.
    struct Reading {
        let score: Score
        let segments: RollSegments
        let facts: [String: JSONValue]
        /// The output.
        let object: [UInt8]
    }

    private static func failure(_ error: MIDIError) -> StageFailure {
        StageFailure(Diagnostic(.error, code: error.code, message: error.message, offset: error.offset))
    }

    /// The stage as a function of the file's bytes.
    ///
    /// - Throws: `StageFailure` for bytes that cannot be used.
    func read(_ bytes: [UInt8], recording: RecordingCut? = nil) throws(StageFailure) -> Reading {
        let score: Score
        do throws(MIDIError) {
            score = try Score(midi: bytes)
        } catch {
            throw Self.failure(error)
        }
        return try read(score, recording: recording)
    }

    /// The stage as a function of the score that the bytes hold.
    ///
    /// - Throws: `StageFailure` for a score with too many segments.
    func read(_ score: Score, recording: RecordingCut? = nil) throws(StageFailure) -> Reading {
        var rolls = rolls
        rolls.recording = recording
        let segments: RollSegments
        if let excess = rolls.excess(of: score) {
            throw StageFailure(Diagnostic(.error, code: "midi.too-many-segments", message: excess))
        }
        do throws(MIDIError) {
            segments = try RollSegments(score: score, parameters: rolls)
        } catch {
            throw Self.failure(error)
        }
        let order = score.timelines.map { Shingles.pitches(of: $0) }
        let description = ScoreDescription(score, order: order)
        var facts = Self.facts(score, description)
        facts["description"] = description.json
        facts["segments"] = Self.facts(segments)
        let (density, polyphony) = Self.numbers(segments, score, rolls.grid)
        let offsets = order.reduce(into: [Int64(0)]) { $0.append($0[$0.count - 1] + Int64($1.count)) }
        let object = TensorFile.encode(
            segments.tensors + [
                NamedTensor("segment.density", density), NamedTensor("segment.polyphony", polyphony),
                NamedTensor("order.pitch", order.reduce(into: []) { $0 += $1 }),
                NamedTensor("order.offset", offsets),
            ])
        return Reading(score: score, segments: segments, facts: facts, object: object)
    }

    /// The facts about the whole file, whatever grid is laid on it.
    private static func facts(_ score: Score, _ description: ScoreDescription) -> [String: JSONValue] {
        let programs = description.programs
        let tempi = score.timelines.flatMap { timeline in
            timeline.tempoMap.changes.map(\.microsecondsPerBeat) + [
                timeline.tempoMap.firstMicrosecondsPerBeat
            ]
        }
        let seconds = score.timelines.reduce(0.0) { $0 + $1.tempoMap.seconds(at: $1.endTick) }
        var facts: [String: JSONValue] = [
            "format": JSONValue(score.format), "timelines": JSONValue(score.timelines.count),
            "notes": JSONValue(programs.reduce(0, +)),
            "drums": JSONValue(programs[Int(Note.drumProgram)]), "seconds": .number(seconds),
            "programs": .array(programs.indices.filter { programs[$0] > 0 }.map { JSONValue($0) }),
        ]
        let pitches = description.pitches
        if let lowest = pitches.firstIndex(where: { $0 > 0 }),
            let highest = pitches.lastIndex(where: { $0 > 0 })
        {
            facts["pitches"] = [JSONValue(lowest), JSONValue(highest)]
        }
        if let slowest = tempi.max(), let fastest = tempi.min() {
            facts["bpm"] = [.number(6e7 / Double(slowest)), .number(6e7 / Double(fastest))]
        }
        return facts
    }

    private static func facts(_ segments: RollSegments) -> JSONValue {
        var facts: [String: JSONValue] = [
            "count": JSONValue(segments.count), "notes": JSONValue(segments.pitch.count),
            "controls": JSONValue(segments.controlsNumber.count),
            "steps": JSONValue(segments.segmentLength.reduce(0) { $0 + Int($1) }),
            "empty_steps": JSONValue(segments.emptyStepCount),
        ]
        facts["exclusion"] = segments.exclusion.map { .string($0) }
        return .object(facts)
    }

    /// Each segment's density in notes/s, and its mean polyphony.
    private static func numbers(
        _ segments: RollSegments, _ score: Score, _ grid: Grid
    ) -> (density: [Float], polyphony: [Float]) {
        var (density, polyphony): ([Float], [Float]) = ([], [])
        density.reserveCapacity(segments.count)
        polyphony.reserveCapacity(segments.count)
        for index in 0..<segments.count {
            let steps = Int(segments.segmentLength[index])
            let timeline = score.timelines[Int(segments.timeline[index])]
            var (onsets, sounding) = (0, 0)
            for row in Int(segments.notesOffset[index])..<Int(segments.notesOffset[index + 1]) {
                if segments.flags[row] & RollFlags.onset != 0 { onsets += 1 }
                if segments.program[row] != Note.drumProgram { sounding += Int(segments.length[row]) }
            }
            let start = Int(segments.segmentStart[index])
            let seconds =
                grid.seconds(at: start + steps, in: timeline.tempoMap)
                - grid.seconds(at: start, in: timeline.tempoMap)
            density.append(Float(seconds > 0 ? Double(onsets) / seconds : 0))
            polyphony.append(Float(sounding) / Float(max(1, steps)))
        }
        return (density, polyphony)
    }

    /// What the record of a source says.
    static func built(_ source: Digest, _ record: ActionRecord) -> BuiltSource {
        let facts = SegmentFacts(record)
        return BuiltSource(
            sha256: source, kind: .midi, segments: facts.count, samples: 0,
            rows: RollShard.RowCounts(notes: facts.notes, controls: facts.controls),
            object: record.outputs[output], levels: nil, exclusion: facts.exclusion,
            warnings: record.diagnostics.map { "\($0.code): \($0.message)" })
    }

    /// The bytes of a file that the parser may read.
    ///
    /// - Throws: `MIDIError` (`midi.too-large`) before memory is spent; a `BuildError` if the file cannot be read.
    static func bytes(ofFile path: String) throws -> [UInt8] {
        let limit = MIDIError.maximumByteCount
        if let size = FileStat(path: path)?.size, size > limit { throw MIDIError.tooLarge(byteCount: size) }
        do throws(FileFailure) {
            return try contents(of: path, in: AT_FDCWD, limit: limit)
        } catch {
            throw BuildError(.sourceUnreadable, "cannot read \(path): \(error.message)", canRetry: true)
        }
    }
}

/// The facts that `read` records of a source's segments, all together.
struct SegmentFacts: Sendable, Hashable {
    /// Segments.
    var count = 0
    /// Note rows; a note that sounds across segments has a row in each.
    var notes = 0
    /// Rows of stored control changes.
    var controls = 0
    /// The sum of the true lengths, in steps.
    var steps = 0
    /// Steps in which nothing sounds.
    var emptySteps = 0
    /// Why the file gives no segments though it can be read.
    var exclusion: String?

    /// Reads them alone out of a record; nothing of one that holds something else.
    init(_ record: ActionRecord) {
        var found = self
        try? record.readFacts { (reader) throws(JSONError) in
            try reader.members { (reader, name) throws(JSONError) in
                guard name == "segments" else { return try reader.skip() }
                try reader.members { (reader, name) throws(JSONError) in
                    switch name {
                    case "count": found.count = try reader.integer()
                    case "notes": found.notes = try reader.integer()
                    case "controls": found.controls = try reader.integer()
                    case "steps": found.steps = try reader.integer()
                    case "empty_steps": found.emptySteps = try reader.integer()
                    case "exclusion": found.exclusion = try reader.string()
                    default: try reader.skip()
                    }
                }
            }
        }
        self = found
    }
}
