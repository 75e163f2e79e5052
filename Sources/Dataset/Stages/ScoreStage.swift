import Build
import Symbolic
import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// MIDI bytes → score → segments.
enum ScoreStage {
    /// The largest file that is read; the parser refuses more.
    private static let maximumByteCount = 16 << 20

    /// Parses a file.
    static func score(_ source: SourceFile, path: String) -> Action {
        Action(Stages.score, inputs: [Input("source", source.digest)], subject: path)
    }

    /// Gives the score as it will be decoded from the object.
    static func runScore(_ context: ActionContext, _ source: SourceFile) throws -> Score {
        let score: Score
        do {
            score = try Score(midi: fileBytes(source.path, limit: maximumByteCount))
        } catch let error as MIDIError {
            throw StageFailure(
                Diagnostic(.error, code: error.code, message: error.message, offset: error.offset))
        }
        for warning in score.warnings {
            context.report(
                Diagnostic(.warning, code: warning.code, message: warning.message, offset: warning.offset))
        }
        context.facts = facts(score)
        try context.write(score.encode(), as: "score")
        return score
    }

    /// What statistics want to know of a piece.
    private static func facts(_ score: Score) -> JSONValue {
        var isUsed = [Bool](repeating: false, count: 256)
        var notes = 0
        var drums = 0
        var (lowest, highest) = (UInt8.max, UInt8.min)
        for timeline in score.timelines {
            notes += timeline.notes.count
            for note in timeline.notes {
                isUsed[Int(note.program)] = true
                if note.isDrum {
                    drums += 1
                } else {
                    lowest = min(lowest, note.pitch)
                    highest = max(highest, note.pitch)
                }
            }
        }
        let tempi = score.timelines.flatMap { timeline in
            timeline.tempoMap.changes.map(\.microsecondsPerBeat) + [
                timeline.tempoMap.firstMicrosecondsPerBeat
            ]
        }
        let seconds = score.timelines.reduce(0.0) { $0 + $1.tempoMap.seconds(at: $1.endTick) }
        var facts: [String: JSONValue] = [
            "format": JSONValue(score.format), "timelines": JSONValue(score.timelines.count),
            "notes": JSONValue(notes), "drums": JSONValue(drums), "seconds": .number(seconds),
            "programs": .array(isUsed.indices.filter { isUsed[$0] }.map { JSONValue($0) }),
        ]
        if lowest <= highest { facts["pitches"] = [JSONValue(Int(lowest)), JSONValue(Int(highest))] }
        if let slowest = tempi.max(), let fastest = tempi.min() {
            facts["bpm"] = [.number(6e7 / Double(slowest)), .number(6e7 / Double(fastest))]
        }
        return .object(facts)
    }

    /// Lays a score on the grid and cuts it into segments.
    static func segments(_ score: ObjectReference, _ parameters: Parameters, path: String) -> Action {
        Action(Stages.segments, parameters: parameters, inputs: [Input("score", score.digest)], subject: path)
    }

    /// The score that an action reads.
    static func decode(_ context: ActionContext) throws -> Score {
        try Score(decoding: TensorFile(bytes: context.bytes(of: "score")))
    }

    static func runSegments(_ context: ActionContext, _ score: Score, _ parameters: RollParameters) throws {
        if let excess = parameters.excess(of: score) {
            throw StageFailure(Diagnostic(.error, code: "midi.too-many-segments", message: excess))
        }
        let segments: RollSegments
        do {
            segments = try RollSegments(score: score, parameters: parameters)
        } catch {
            throw StageFailure(
                Diagnostic(.error, code: error.code, message: error.message, offset: error.offset))
        }
        var facts: [String: JSONValue] = [
            "segments": JSONValue(segments.count), "notes": JSONValue(segments.pitch.count),
            "controls": JSONValue(segments.controlsNumber.count),
            "steps": JSONValue(segments.segmentLength.reduce(0) { $0 + Int($1) }),
            "empty_steps": JSONValue(segments.emptyStepCount),
        ]
        facts["exclusion"] = segments.exclusion.map { .string($0) }
        context.facts = .object(facts)
        try context.write(segments.encode(), as: "segments")
    }

    /// What the records of a source's two stages say.
    static func built(_ source: Digest, _ score: ActionRecord, _ segments: ActionRecord) -> BuiltSource {
        BuiltSource(
            sha256: source, kind: .midi, segments: segments.facts["segments"]?.integer ?? 0, samples: 0,
            rows: RollShard.RowCounts(
                notes: segments.facts["notes"]?.integer ?? 0,
                controls: segments.facts["controls"]?.integer ?? 0),
            objects: segments.outputs, levels: nil, exclusion: segments.facts["exclusion"]?.string,
            warnings: (score.diagnostics + segments.diagnostics).map { "\($0.code): \($0.message)" },
            score: score.outputs["score"])
    }

    /// The bytes of a small file; one byte more than the limit when it is longer, so that the reader refuses it.
    private static func fileBytes(_ path: String, limit: Int) throws(BuildError) -> [UInt8] {
        func unreadable() -> BuildError {
            BuildError(
                .sourceUnreadable, "cannot read \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable() }
        let size = min(Int(status.st_size), limit + 1)
        var failed = false
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            while count < size, let base = buffer.baseAddress {
                let read = read(descriptor, base + count, size - count)
                if read < 0 { failed = true }
                if read <= 0 { return }
                count += read
            }
        }
        if failed { throw unreadable() }
        return bytes
    }
}
