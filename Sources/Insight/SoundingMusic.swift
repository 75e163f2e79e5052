import Dataset
public import Files
import Loading
import Runs
public import Symbolic
import Tensors

/// Music as pages draw and play it, in seconds: notes, who plays them, pedals, beats, bars and tempi.
public struct SoundingMusic: Sendable {
    /// The notes of one track, channel and program of a file, or of one voice and program of a segment.
    struct Part: Sendable, Hashable {
        /// The track's name as the file has it, else its number or that of the voice.
        let name: String
        /// 0 to 127 as General MIDI numbers them; 128 is drums.
        let program: Int
    }

    /// A pedal that is down.
    struct Pedal: Sendable, Hashable {
        /// 64 sustain, 66 sostenuto, 67 soft.
        let controller: Int
        let start: Double
        let duration: Double
    }

    /// Beats, and which of them begin bars.
    struct BarTimes: Sendable {
        /// When each beat falls, in order; the first begins a bar.
        var beats: [Double] = []
        /// The number of the first bar, from 1.
        var firstBar = 1
        /// The place in `beats` of each bar line.
        var bars: [Int] = []
        /// Each time signature, with the place in `bars` from which it holds.
        var timeSignatures: [(bar: Int, text: String)] = []
        /// BPM, each with the second from which it holds.
        var tempi: [(second: Double, beatsPerMinute: Double)] = []
    }

    /// By their start.
    public private(set) var notes: [SoundingNote] = []
    /// What `SoundingNote.part` counts.
    private(set) var parts: [Part] = []
    /// By controller, then as they are in the file.
    private(set) var pedals: [Pedal] = []
    /// Nothing where the file is gone.
    private(set) var barTimes = BarTimes()

    /// No notes.
    public static let silence = SoundingMusic()

    private init() {}

    /// The pedals' controllers.
    private static let controllers: [UInt8] = [64, 66, 67]
    /// The most beats that are told: those of a day at 120 BPM are fewer.
    private static let mostBeats = 200_000

    /// Music of notes whose parts are told by a key, in the order of keys.
    private init<Key: Comparable & Hashable>(
        _ notes: [(key: Key, note: SoundingNote)], part: (Key, SoundingNote) -> Part
    ) {
        var first: [Key: SoundingNote] = [:]
        for (key, note) in notes where first[key] == nil { first[key] = note }
        let keys = first.keys.sorted()
        let numbers = Dictionary(uniqueKeysWithValues: zip(keys, keys.indices))
        parts = keys.compactMap { key in first[key].map { part(key, $0) } }
        self.notes = notes.map { key, note in
            var note = note
            note.part = numbers[key] ?? 0
            return note
        }.sorted { $0.start < $1.start }
    }

    /// A score's first timeline, timed by its tempo map.
    ///
    /// - Parameters:
    ///   - score: The file.
    ///   - shift: Seconds that everything is moved by: where the score begins in its recording.
    public init(of score: Score, shift: Double = 0) {
        guard let timeline = score.timelines.first else {
            self = .silence
            return
        }
        let map = timeline.tempoMap
        let names = Dictionary(
            timeline.texts.filter { $0.type == 3 }.map {
                ($0.track, String(decoding: $0.bytes, as: UTF8.self))
            },
            uniquingKeysWith: { first, _ in first })
        self.init(
            timeline.notes.map { note in
                let start = map.seconds(at: note.onset)
                let key =
                    (note.track << 11 | Int(note.port) << 4 | Int(note.channel)) << 8 | Int(note.program)
                return (
                    key,
                    SoundingNote(
                        start: start + shift, duration: map.seconds(at: note.offset) - start,
                        pitch: Int(note.pitch), velocity: Int(note.velocity), program: Int(note.program))
                )
            }
        ) { key, note in
            let track = key >> 19
            let name = names[track] ?? ""
            return Part(name: name.isEmpty ? "track \(track + 1)" : name, program: note.program)
        }
        pedals = Self.controllers.flatMap { controller in
            timeline.pedalSpans(controller).map { span in
                let start = map.seconds(at: span.lowerBound)
                return Pedal(
                    controller: Int(controller), start: start + shift,
                    duration: map.seconds(at: span.upperBound) - start)
            }
        }
        let end = timeline.notes.map(\.offset).max() ?? 0
        barTimes = Self.barTimes(of: timeline, until: map.seconds(at: end) + shift) {
            map.seconds(at: $0) + shift
        }
    }

    /// The same music with other notes, each with the number of its part; beats, bars, tempi and pedals stay.
    public func replacingNotes(with notes: [(part: Int, note: SoundingNote)]) -> SoundingMusic {
        var music = SoundingMusic(notes.map { ($0.part << 8 | $0.note.program, $0.note) }) { key, note in
            Part(name: "part \((key >> 8) + 1)", program: note.program)
        }
        (music.pedals, music.barTimes) = (pedals, barTimes)
        return music
    }

    /// A Standard MIDI File; nil if the file is none that can be read.
    public init?(midiFile path: String) {
        guard let score = RunFiles.contents(path, limit: 16 << 20).flatMap({ try? Score(midi: $0) }) else {
            return nil
        }
        self.init(of: score)
    }

    /// The beats, bars and tempi from the bar in which second 0 lies up to the first bar line at or after `end`.
    private static func barTimes(of timeline: Timeline, until end: Double, second: (Int) -> Double)
        -> BarTimes
    {
        let beats = timeline.beats(through: timeline.endTick, limit: mostBeats)
        let seconds = beats.map { second($0.tick) }
        let lines = beats.indices.filter { beats[$0].number == 0 }
        let first = lines.lastIndex { seconds[$0] <= 1e-9 } ?? 0
        let last = lines.firstIndex { seconds[$0] >= end - 1e-9 } ?? lines.count - 1
        var barTimes = BarTimes()
        barTimes.firstBar = first + 1
        for line in lines[first...max(first, last)] {
            let signature = beats[line].timeSignature
            let text = "\(signature.numerator)/\(signature.denominator)"
            if barTimes.timeSignatures.last?.text != text {
                barTimes.timeSignatures.append((barTimes.bars.count, text))
            }
            barTimes.bars.append(line - lines[first])
        }
        barTimes.beats = Array(seconds[lines[first]...lines[max(first, last)]])
        for tempo in timeline.tempoMap.tempi {
            let at = second(tempo.tick)
            guard at < end || barTimes.tempi.isEmpty else { break }
            if at <= 0 { barTimes.tempi = [] }
            barTimes.tempi.append((at, 6e7 / Double(tempo.microsecondsPerBeat)))
        }
        return barTimes
    }

    /// Notes, parts, pedals and bars; times to a tenth of a millisecond.
    ///
    /// `notes`: `[start, duration, pitch, velocity, program, part]`; `parts`: `[name, instrument]`; `pedals`:
    /// `[controller, start, duration]`; `beats`: seconds; `bar`: the number of the first bar; `bars`: places in `beats`;
    /// `signatures`: `[place in bars, text]`; `tempi`: `[second, BPM]`.
    public var json: JSONValue {
        func rounded(_ value: Double) -> JSONValue { .number((value * 1e4).rounded() / 1e4) }
        return [
            "notes": .array(
                notes.map { note in
                    [
                        rounded(note.start), rounded(note.duration), JSONValue(note.pitch),
                        JSONValue(note.velocity), JSONValue(note.program), JSONValue(note.part),
                    ]
                }),
            "parts": .array(
                parts.map { [.string($0.name), .string(GeneralMIDI.name(ofProgram: $0.program))] }),
            "pedals": .array(
                pedals.map { [JSONValue($0.controller), rounded($0.start), rounded($0.duration)] }),
            "beats": .array(barTimes.beats.map(rounded)), "bar": JSONValue(barTimes.firstBar),
            "bars": .array(barTimes.bars.map { JSONValue($0) }),
            "signatures": .array(barTimes.timeSignatures.map { [JSONValue($0.bar), .string($0.text)] }),
            "tempi": .array(barTimes.tempi.map { [rounded($0.second), rounded($0.beatsPerMinute)] }),
        ]
    }
}

extension SegmentView {
    /// The segment's music as the shard holds it, on the grid, from the segment's start; no notes for audio.
    ///
    /// Bars and tempi are those of the file; nothing of them where it is gone or has other bytes.
    ///
    /// - Throws: `BuildError`, `TensorFileError`.
    public func music() throws -> SoundingMusic { try SoundingMusic(of: self) }
}

extension SoundingMusic {
    fileprivate init(of view: SegmentView) throws {
        guard view.shard.holdsNotes else {
            self = .silence
            return
        }
        let (shard, index) = (view.shard, view.place.index)
        let seconds = try view.stepSeconds()
        let voices = try shard.noteVoices(index)
        let notes = try shard.withRows(of: index) { rows in
            rows.start.indices.map { row in
                let first = min(Int(rows.start[row]), seconds.count - 1)
                let last = min(first + Int(rows.length[row]), seconds.count - 1)
                let note = SoundingNote(
                    start: seconds[first], duration: seconds[last] - seconds[first],
                    pitch: Int(rows.pitch[row]), velocity: Int(rows.velocity[row]),
                    program: Int(rows.program[row]))
                return (key: Int(voices[row]) << 8 | note.program, note: note)
            }
        }
        self.init(notes) { key, note in
            let voice = key >> 8
            let name = voice != 255 ? "voice \(voice + 1)" : note.program == 128 ? "drums" : "no voice"
            return Part(name: name, program: note.program)
        }
        let steps = try shard.steps()
        try shard.file.withElements(of: "pedal", as: UInt8.self) { values in
            for (pedal, controller) in Self.controllers.enumerated() {
                func isDown(_ step: Int) -> Bool {
                    step < steps && values[(index * steps + step) * 3 + pedal] != 0
                }
                var start: Int?
                for step in 0...steps {
                    if isDown(step) {
                        start = start ?? step
                    } else if let from = start {
                        pedals.append(
                            Pedal(
                                controller: Int(controller), start: seconds[from],
                                duration: seconds[step] - seconds[from]))
                        start = nil
                    }
                }
            }
        }
        let clock = try view.clock(readsAlways: true)
        guard let content = clock.content, let grid = clock.grid else { return }
        barTimes = Self.barTimes(of: content, until: view.lengthInSeconds()) { tick in
            if let start = view.recordingStart { return content.tempoMap.seconds(at: tick) + start }
            let position = grid.position(of: tick, in: content.tempoMap) - Double(view.segment.start)
            // Before the first step and after the last, steps are as long as these.
            let step = min(max(0, Int(position.rounded(.down))), seconds.count - 2)
            return seconds[step] + (position - Double(step)) * (seconds[step + 1] - seconds[step])
        }
    }
}
