public import Symbolic

extension NotePiece {
    /// The notes of a timeline, with its tempo map and time signatures.
    ///
    /// Beats are exact quotients of ticks, rounded once. A part is a track, port and channel; parts are numbered in the
    /// order of these. In clock time (SMPTE) a beat is half a second. A bar lasts 4 · numerator / denominator beats; a
    /// new time signature begins a bar.
    public init(_ timeline: Timeline) {
        let parts = Self.parts(of: timeline)
        self.init(timeline, fromBeat: 0, fromSecond: 0, parts: parts)
    }

    /// The notes of a score.
    ///
    /// A file of format 2 has several timelines, which share no time. They follow one another, each from the first bar
    /// line after the one before.
    public init(_ score: Score) {
        var joined = NotePiece(notes: [])
        for timeline in score.timelines {
            let (start, parts) = (joined.barLines.last ?? 0, Self.parts(of: timeline))
            let partCount = joined.notes.reduce(0) { max($0, $1.part + 1) }
            // Between the last note and the bar line a beat lasts half a second.
            let second = joined.lengthSeconds + (start - joined.length) / 2
            let next = NotePiece(
                timeline, fromBeat: start, fromSecond: second, parts: parts.mapValues { $0 + partCount })
            guard !joined.notes.isEmpty else {
                joined = next
                continue
            }
            guard !next.notes.isEmpty else { continue }
            let between = stride(from: Double(joined.beatTimes.count), to: start - gridTolerance, by: 1)
                .map { joined.lengthSeconds + ($0 - joined.length) / 2 }
            joined = NotePiece(
                sorting: joined.notes + next.notes, barLines: joined.barLines + next.barLines.dropFirst(),
                beatTimes: joined.beatTimes + between + next.beatTimes.filter { $0 > joined.lengthSeconds })
        }
        self = joined
    }

    private struct Part: Hashable {
        let track: Int
        let port: UInt8
        let channel: UInt8
    }

    private static func parts(of timeline: Timeline) -> [Part: Int] {
        let distinct = Set(
            timeline.notes.map { Part(track: $0.track, port: $0.port, channel: $0.channel) })
        let order = distinct.sorted {
            ($0.track, $0.port, $0.channel) < ($1.track, $1.port, $1.channel)
        }
        return Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    }

    private init(_ timeline: Timeline, fromBeat start: Double, fromSecond second: Double, parts: [Part: Int])
    {
        let map = timeline.tempoMap
        let ticks = map.division.ticksPerBeat
        func beat(_ tick: Int) -> Double { Double(tick * ticks.denominator) / Double(ticks.numerator) }
        var notes: [Note] = []
        notes.reserveCapacity(timeline.notes.count)
        var end = 0
        for note in timeline.notes {
            let part = Part(track: note.track, port: note.port, channel: note.channel)
            var timed = Note(
                onset: start + beat(note.onset), offset: start + beat(note.offset), pitch: note.pitch,
                velocity: note.velocity, program: note.program, part: parts[part] ?? 0)
            timed.onsetSeconds = second + map.seconds(at: note.onset)
            timed.offsetSeconds = second + map.seconds(at: note.offset)
            notes.append(timed)
            end = max(end, note.offset)
        }
        let length = beat(end)
        let beatTimes =
            notes.isEmpty
            ? []
            : (0...Int(length)).map { number -> Double in
                // Clock time has beats of half a second, which need not fall on ticks.
                if case .ticksPerQuarter(let perBeat) = map.division {
                    return second + map.seconds(at: number * perBeat)
                }
                return second + Double(number) / 2
            }
        let barLines = Self.barLines(of: timeline, upTo: length, beat: beat).map { start + $0 }
        self.init(sorting: notes, barLines: barLines, beatTimes: beatTimes)
    }

    /// The bar lines of a timeline in beats, up to the first that is not before `length`.
    private static func barLines(of timeline: Timeline, upTo length: Double, beat: (Int) -> Double)
        -> [Double]
    {
        var changes = [TimeSignature.common]
        for signature in timeline.timeSignatures {
            if changes[changes.count - 1].tick == signature.tick { changes.removeLast() }
            changes.append(signature)
        }
        var lines: [Double] = []
        for (index, signature) in changes.enumerated() {
            let start = beat(signature.tick)
            let end = index + 1 < changes.count ? beat(changes[index + 1].tick) : Double.infinity
            let bar = 4 * Double(signature.numerator) / Double(signature.denominator)
            var number = 0
            while case let line = start + Double(number) * bar, line < end - gridTolerance {
                lines.append(line)
                if line >= length { return lines }
                number += 1
            }
        }
        return lines
    }
}

extension NotePiece {
    /// The notes of a piece's segments, as shards store them, one segment after another.
    ///
    /// A row that sounds on from the segment before lengthens the note of its pitch, program and voice that ends there;
    /// if there is none, it is a note.
    ///
    /// - Parameters:
    ///   - segments: The segments in the order of the piece.
    ///   - stepsPerBeat: The steps of a beat.
    ///   - beatsPerBar: The length of every bar in beats.
    ///   - secondsPerBeat: The length of every beat in seconds.
    public init(
        segments: [RollSegment], stepsPerBeat: Int, beatsPerBar: Double = 4, secondsPerBeat: Double = 0.5
    ) {
        precondition(stepsPerBeat > 0, "\(stepsPerBeat) steps per beat")
        struct Key: Hashable {
            let pitch: UInt8
            let program: UInt8
            let voice: UInt8
        }
        func beats(_ step: Int) -> Double { Double(step) / Double(stepsPerBeat) }
        var notes: [Note] = []
        var open: [Key: Int] = [:]
        var base = 0
        for segment in segments {
            var next: [Key: Int] = [:]
            for row in segment.rows {
                let key = Key(pitch: row.pitch, program: row.program, voice: row.voice)
                let end = base + row.start + row.length
                let index: Int
                if row.start == 0, !row.isOnset, let held = open[key] {
                    notes[held].offset = beats(end)
                    index = held
                } else {
                    index = notes.count
                    notes.append(
                        Note(
                            onset: beats(base + row.start), offset: beats(end), pitch: row.pitch,
                            velocity: row.velocity, program: row.program, part: Int(row.voice)))
                }
                if row.start + row.length >= segment.length { next[key] = index }
            }
            open = next
            base += segment.length
        }
        self.init(notes: notes, beatsPerBar: beatsPerBar, secondsPerBeat: secondsPerBeat)
    }
}
