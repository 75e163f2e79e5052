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
/// Drums have no voice, and take part in no count, unless they are included.
func trackVoices(of notes: [Note], includeDrums: Bool) -> [UInt8] {
    let streams = StreamRanks(of: notes, includeDrums: includeDrums)
    let voiceOfStream = streams.ranks.map { UInt8(min($0, 254)) }
    return [UInt8](unsafeUninitializedCapacity: notes.count) { voices, count in
        for note in notes {
            let voice = includeDrums || !note.isDrum ? voiceOfStream[note.stream - streams.first] : noVoice
            voices.initializeElement(at: count, to: voice)
            count += 1
        }
    }
}

/// Allots `count` monophonic voices.
///
/// The (track, channel) streams, richest first, each give a voice; while voices are free, the stream with the
/// most notes that no voice has (of equals the richer) gives a further one. A voice takes its stream's notes by
/// onset, of equal onsets the highest first (then the longest), each that begins when the voice is silent:
/// notes are kept whole or not at all. What no voice keeps has voice 255, drums too unless they are included.
/// Included drums have one voice, neither more nor less: that of their richest stream, at its rank, or the last voice
/// if `count` streams are richer.
func monophonicVoices(of notes: [Note], stepped: [SteppedNote], count: Int, includeDrums: Bool) -> [UInt8] {
    let streams = StreamRanks(of: notes, includeDrums: includeDrums)
    var remaining = [[Int]](repeating: [], count: streams.count)
    for (index, note) in notes.enumerated() where includeDrums || !note.isDrum {
        remaining[streams[note]].append(index)
    }
    let isDrums = remaining.map { $0.first.map { notes[$0].isDrum } ?? false }
    for stream in remaining.indices {
        remaining[stream].sort {
            (stepped[$0].start, notes[$1].pitch, stepped[$1].end, $0)
                < (stepped[$1].start, notes[$0].pitch, stepped[$0].end, $1)
        }
    }
    let drums = isDrums.firstIndex(of: true)
    var givers = remaining.indices.filter { !isDrums[$0] || $0 == drums }
    if let drums, let place = givers.firstIndex(of: drums), place >= count { givers[count - 1] = drums }
    var voices = [UInt8](repeating: noVoice, count: notes.count)
    for voice in 0..<count {
        let stream: Int
        if voice < givers.count {
            stream = givers[voice]
        } else {
            // The first of the longest: `max` would give the last.
            let melodic = remaining.indices.filter { !isDrums[$0] }
            guard let most = melodic.map({ remaining[$0].count }).max(), most > 0,
                let richest = melodic.first(where: { remaining[$0].count == most })
            else { break }
            stream = richest
        }
        var silentFrom = Int.min
        remaining[stream].removeAll { index in
            guard stepped[index].start >= silentFrom else { return false }
            silentFrom = stepped[index].end
            voices[index] = UInt8(voice)
            return true
        }
    }
    return voices
}

/// The ranks of the streams, that is of each (track, channel), by their number of notes, descending; ties by
/// track, then channel.
private struct StreamRanks {
    /// By the number of a stream, less that of the first.
    private(set) var ranks: [Int]
    let first: Int
    /// How many streams have notes.
    let count: Int

    init(of notes: [Note], includeDrums: Bool) {
        var (first, last) = (Int.max, -1)
        for note in notes {
            first = min(first, note.stream)
            last = max(last, note.stream)
        }
        self.first = first
        var counts = [Int](repeating: 0, count: max(last - first + 1, 0))
        counts.withUnsafeMutableBufferPointer { counts in
            for note in notes where includeDrums || !note.isDrum { counts[note.stream - first] += 1 }
        }
        let streams = counts.indices.filter { counts[$0] > 0 }.sorted { (counts[$1], $0) < (counts[$0], $1) }
        ranks = counts.map { _ in 0 }
        for (rank, stream) in streams.enumerated() { ranks[stream] = rank }
        count = streams.count
    }

    subscript(note: Note) -> Int { ranks[note.stream - first] }
}

extension Note {
    /// The number of its (track, channel).
    fileprivate var stream: Int { Int(trackNumber) << 4 | Int(channel) }
}
