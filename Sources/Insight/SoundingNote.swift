public import Build
import Loading
public import Symbolic

/// A note as it is heard, in seconds.
public struct SoundingNote: Sendable, Hashable {
    /// The second at which it begins.
    public let start: Double
    /// How long it sounds, in seconds.
    public let duration: Double
    /// 0 to 127.
    public let pitch: Int
    /// 1 to 127.
    public let velocity: Int
    /// 0 to 127 as General MIDI numbers them; 128 is drums.
    public let program: Int

    /// All notes of a score's first timeline, by their start.
    public static func all(of score: Score) -> [SoundingNote] {
        guard let timeline = score.timelines.first else { return [] }
        let map = timeline.tempoMap
        return timeline.notes.map { note in
            let start = map.seconds(at: note.onset)
            return SoundingNote(
                start: start, duration: map.seconds(at: note.offset) - start, pitch: Int(note.pitch),
                velocity: Int(note.velocity), program: Int(note.program))
        }.sorted { $0.start < $1.start }
    }

    /// All notes of a Standard MIDI File, by their start; nil if the file is none that can be read.
    public static func all(midiFile path: String) -> [SoundingNote]? {
        RunFiles.contents(path, limit: 16 << 20).flatMap { try? Score(midi: $0) }.map { all(of: $0) }
    }

    /// `[start, duration, pitch, velocity, program]`, times to a tenth of a millisecond.
    public var json: JSONValue {
        func rounded(_ value: Double) -> JSONValue { .number((value * 1e4).rounded() / 1e4) }
        return [
            rounded(start), rounded(duration), JSONValue(pitch), JSONValue(velocity), JSONValue(program),
        ]
    }
}

extension SegmentView {
    /// The segment's notes as the shard holds them, on the grid, by their start; none for audio.
    ///
    /// - Throws: `TensorFileError`.
    public func soundingNotes() throws -> [SoundingNote] {
        guard shard.holdsNotes else { return [] }
        let seconds = try stepSeconds()
        return try shard.withRows(of: place.index) { rows in
            rows.start.indices.map { row in
                let first = min(Int(rows.start[row]), seconds.count - 1)
                let last = min(first + Int(rows.length[row]), seconds.count - 1)
                return SoundingNote(
                    start: seconds[first], duration: seconds[last] - seconds[first],
                    pitch: Int(rows.pitch[row]),
                    velocity: Int(rows.velocity[row]), program: Int(rows.program[row]))
            }
        }
    }
}
