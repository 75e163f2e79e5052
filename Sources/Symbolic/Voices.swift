/// A note in steps: half-open, at least one step long.
struct SteppedNote {
    var start: Int
    var end: Int
    var isLengthened: Bool
}

/// The voice of a note that no voice keeps.
let noVoice: UInt8 = 255

/// A voice a track: the rank of each note's (track, channel) by its number of notes.
///
/// The richest is 0; ties go by track, then channel. Ranks past 254 all become 254.
func trackVoices(of notes: [Note]) -> [UInt8] {
    let streams = streams(of: notes) { _ in true }
    var voices = [UInt8](repeating: noVoice, count: notes.count)
    for (rank, stream) in streams.enumerated() {
        for index in stream { voices[index] = UInt8(min(rank, 254)) }
    }
    return voices
}

/// Allots `count` monophonic voices.
///
/// The (track, channel) streams, richest first, each give a voice; while voices are free, the stream with the
/// most notes that no voice has (of equals the richer) gives a further one. A voice takes its stream's notes by
/// onset, of equal onsets the highest first (then the longest), each that begins when the voice is silent:
/// notes are kept whole or not at all. What no voice keeps has voice 255, drums too unless they are included.
func monophonicVoices(of notes: [Note], stepped: [SteppedNote], count: Int, includeDrums: Bool) -> [UInt8] {
    var remaining = streams(of: notes) { includeDrums || !$0.isDrum }.map { stream in
        stream.sorted {
            (stepped[$0].start, notes[$1].pitch, stepped[$1].end, $0)
                < (stepped[$1].start, notes[$0].pitch, stepped[$0].end, $1)
        }
    }
    var voices = [UInt8](repeating: noVoice, count: notes.count)
    for voice in 0..<count {
        var stream = voice
        if voice >= remaining.count {
            // The first of the longest: `max` would give the last.
            guard let most = remaining.map(\.count).max(), most > 0 else { break }
            stream = remaining.firstIndex { $0.count == most } ?? 0
        }
        var silentFrom = 0
        remaining[stream].removeAll { index in
            guard stepped[index].start >= silentFrom else { return false }
            silentFrom = stepped[index].end
            voices[index] = UInt8(voice)
            return true
        }
    }
    return voices
}

/// The notes of each (track, channel), by number descending, ties by track, then channel.
private func streams(of notes: [Note], where isMember: (Note) -> Bool) -> [[Int]] {
    var members: [Int: [Int]] = [:]
    for (index, note) in notes.enumerated() where isMember(note) {
        members[note.track << 4 | Int(note.channel), default: []].append(index)
    }
    return members.sorted { ($1.value.count, $0.key) < ($0.value.count, $1.key) }.map(\.value)
}
