/// The passages of many pieces, to find the piece from which an output may have been copied.
///
/// A passage is a number of notes that follow one another: its intervals in semitones and, from note to note, how the
/// time between onsets changes. Onsets are rounded to 1/12 beat first; of two distances of onsets their ratio counts as
/// the nearest power of two within 1/8 to 8, or as one of the cases in which either is 0. So a copy that is transposed,
/// or at another tempo, has the same passages. Notes of one onset follow one another from low to high; a note that
/// is there twice counts once. Drums are left out. The form of the passages is our own, after the n-grams of Doraisamy
/// and Rüger, "Robust polyphonic music retrieval with n-grams" (2003), which also bin ratios of onset distances.
public struct PassageIndex: Sendable {
    /// Which notes follow one another.
    public enum Voice: String, Hashable, Sendable, CaseIterable {
        /// The melody of `NotePiece.melody`.
        case melody
        /// All notes, by onset, then pitch.
        case allNotes = "all_notes"
    }

    /// The piece that shares most with an output.
    public struct Match: Hashable, Sendable {
        /// The piece's number in the order in which the pieces were given; of several the first.
        public let piece: Int
        /// The share of the output's passages that occur in it, 0 to 1.
        public let share: Double
    }

    /// The notes of a passage.
    public let noteCount: Int
    /// Which notes follow one another.
    public let voice: Voice
    /// The pieces.
    public let pieceCount: Int
    /// Sorted: 40 bits of a passage's hash, then 24 bits of a piece's number.
    private let entries: [UInt64]

    /// Indexes pieces; memory is 8 bytes for each passage.
    ///
    /// - Parameters:
    ///   - pieces: At most 2^24 pieces; each is read once and not kept.
    ///   - noteCount: The notes of a passage, at least 3.
    ///   - voice: Which notes follow one another.
    public init(_ pieces: some Sequence<NotePiece>, noteCount: Int, voice: Voice) {
        precondition(noteCount >= 3, "a passage of \(noteCount) notes")
        self.noteCount = noteCount
        self.voice = voice
        var entries: [UInt64] = []
        var count = 0
        for piece in pieces {
            precondition(count < 1 << 24, "more than \(1 << 24) pieces")
            for hash in Set(Self.passages(of: piece, noteCount: noteCount, voice: voice)) {
                entries.append(hash << 24 | UInt64(count))
            }
            count += 1
        }
        entries.sort()
        self.entries = entries
        pieceCount = count
    }

    /// The piece that holds the largest share of an output's passages.
    ///
    /// - Returns: nil if the output has fewer notes than a passage, or there are no pieces; the first piece if none shares
    ///   a passage.
    public func nearest(to output: NotePiece) -> Match? {
        let passages = Self.passages(of: output, noteCount: noteCount, voice: voice)
        guard !passages.isEmpty, pieceCount > 0 else { return nil }
        var counts = [Int](repeating: 0, count: pieceCount)
        var occurrences: [UInt64: Int] = [:]
        for hash in passages { occurrences[hash, default: 0] += 1 }
        for (hash, count) in occurrences {
            var index = firstEntry(from: hash << 24)
            while index < entries.count, entries[index] >> 24 == hash {
                counts[Int(entries[index] & 0xFF_FFFF)] += count
                index += 1
            }
        }
        var best = 0
        for piece in counts.indices where counts[piece] > counts[best] { best = piece }
        return Match(piece: best, share: Double(counts[best]) / Double(passages.count))
    }

    private func firstEntry(from value: UInt64) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The hashes of a piece's passages, 40 bits each, in order.
    static func passages(of piece: NotePiece, noteCount: Int, voice: Voice) -> [UInt64] {
        let notes = (voice == .melody ? piece.melody : piece.pitched).notes
        var line = notes.map { (onset: gridStep($0.onset * 12 + 0.5), pitch: Int($0.pitch)) }
        line.sort { ($0.onset, $0.pitch) < ($1.onset, $1.pitch) }
        var previous: (onset: Int, pitch: Int)?
        line.removeAll { note in
            defer { previous = note }
            return previous.map { $0 == note } ?? false
        }
        guard line.count >= noteCount else { return [] }
        // Of each note after the first the interval, of each after the second the change of distance too.
        var intervals = [UInt64](repeating: 0, count: line.count)
        var changes = intervals
        for index in line.indices.dropFirst() {
            intervals[index] = UInt64(128 + line[index].pitch - line[index - 1].pitch)
            guard index > 1 else { continue }
            changes[index] = change(
                from: line[index - 1].onset - line[index - 2].onset,
                to: line[index].onset - line[index - 1].onset)
        }
        return (noteCount - 1..<line.count).map { last in
            let first = last - noteCount + 1
            var hash = mix(intervals[first + 1])
            for index in first + 2...last {
                hash = mix(hash &* 31 &+ changes[index] << 8 &+ intervals[index])
            }
            return hash >> 24
        }
    }

    /// How one distance of onsets follows another, as a small number.
    static func change(from before: Int, to after: Int) -> UInt64 {
        switch (before, after) {
        case (0, 0): return 1
        case (0, _): return 2
        case (_, 0): return 3
        default:
            // The power k for which the larger over the smaller is nearest to 2^k: squares compare with 2^(2k + 1).
            let (large, small) = (max(before, after), min(before, after))
            var power = 0
            while power < 3, large * large > (small * small) << (2 * power + 1) { power += 1 }
            return UInt64(after > before ? 10 + power : 10 - power)
        }
    }

    /// The finaliser of MurmurHash3.
    private static func mix(_ number: UInt64) -> UInt64 {
        var hash = number
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }
}
