import Build
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
/// | `order.offset` | I64 [timelines + 1] | each timeline's pitches are rows offset[i]..<offset[i+1] |
struct ReadStage: Sendable {
    /// The name of the one output.
    static let output = "segments"
    let parameters: Parameters
    private let rolls: RollParameters

    init(_ manifest: Manifest.MIDI) {
        parameters = Parameters(manifest.effective)
        rolls = RollParameters(manifest)
    }

    func draft(_ source: Digest, path: String) -> ActionDraft {
        ActionDraft(Stages.read, parameters: parameters, inputs: [("source", source)], subject: path)
    }

    func run(_ context: ActionContext, _ source: SourceFile) throws {
        let score: Score
        let segments: RollSegments
        do {
            score = try Score(midi: Self.bytes(ofFile: source.path))
            if let excess = rolls.excess(of: score) {
                throw StageFailure(Diagnostic(.error, code: "midi.too-many-segments", message: excess))
            }
            segments = try RollSegments(score: score, parameters: rolls)
        } catch let error as MIDIError {
            throw StageFailure(
                Diagnostic(.error, code: error.code, message: error.message, offset: error.offset))
        }
        for warning in score.warnings {
            context.report(
                Diagnostic(.warning, code: warning.code, message: warning.message, offset: warning.offset))
        }
        let order = score.timelines.map { Shingles.pitches(of: $0) }
        var facts = Self.facts(score)
        facts["description"] = ScoreDescription(score, order: order).json
        facts["segments"] = Self.facts(segments)
        context.facts = .object(facts)
        let (density, polyphony) = numbers(segments, score)
        let offsets = order.reduce(into: [Int64(0)]) { $0.append($0[$0.count - 1] + Int64($1.count)) }
        try context.write(
            TensorFile.encode(
                segments.tensors + [
                    NamedTensor("segment.density", density), NamedTensor("segment.polyphony", polyphony),
                    NamedTensor("order.pitch", Array(order.joined())), NamedTensor("order.offset", offsets),
                ]), as: Self.output)
    }

    /// The facts about the whole file, whatever grid is laid on it.
    private static func facts(_ score: Score) -> [String: JSONValue] {
        var isUsed = [Bool](repeating: false, count: 256)
        var (notes, drums) = (0, 0)
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
    private func numbers(_ segments: RollSegments, _ score: Score) -> (density: [Float], polyphony: [Float]) {
        var (density, polyphony): ([Float], [Float]) = ([], [])
        for index in 0..<segments.count {
            let steps = Int(segments.segmentLength[index])
            let timeline = score.timelines[Int(segments.timeline[index])]
            var (onsets, sounding) = (0, 0)
            for row in Int(segments.notesOffset[index])..<Int(segments.notesOffset[index + 1]) {
                if segments.flags[row] & RollFlags.onset != 0 { onsets += 1 }
                if segments.program[row] != Note.drumProgram { sounding += Int(segments.length[row]) }
            }
            let tempi = segments.tempo[index * segments.steps..<index * segments.steps + steps]
            let seconds = rolls.grid.seconds(
                steps: steps, tempi: tempi,
                firstMicrosecondsPerBeat: timeline.tempoMap.firstMicrosecondsPerBeat)
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
        func unreadable() -> BuildError {
            BuildError(
                .sourceUnreadable, "cannot read \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable() }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw unreadable() }
        let size = Int(status.st_size)
        guard size <= MIDIError.maximumByteCount else { throw MIDIError.tooLarge(byteCount: size) }
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

extension Grid {
    /// How long some steps last, in seconds.
    ///
    /// - Parameters:
    ///   - steps: how many.
    ///   - tempi: BPM at the start of each.
    ///   - firstMicrosecondsPerBeat: the first tempo of their timeline.
    /// - Returns: seconds.
    fileprivate func seconds(steps: Int, tempi: ArraySlice<Float>, firstMicrosecondsPerBeat: Int) -> Double {
        switch self {
        case .stepsPerSecond(let rate): Double(steps) * Double(rate.denominator) / Double(rate.numerator)
        case .stepsPerFirstBeat(let count):
            Double(steps) * Double(firstMicrosecondsPerBeat) / 1e6 / Double(count)
        case .stepsPerBeat(let count): tempi.reduce(0.0) { $0 + 60 / Double($1) } / Double(count)
        }
    }
}
