extension NotePiece {
    /// The melody by the skyline: at each onset the highest note that begins there, unless a higher one still sounds.
    ///
    /// Drums are left out. Of several notes of the highest pitch at one onset the longest counts. Source: Uitdenbogerd
    /// and Zobel, "Melodic matching techniques for large music databases" (ACM Multimedia 1999), whose skyline this is
    /// but that notes are not shortened.
    public var melody: NotePiece { outline(isHigher: true) }

    /// The bass: at each onset the lowest note that begins there, unless a lower one still sounds.
    ///
    /// Drums are left out. Of several notes of the lowest pitch at one onset the longest counts.
    public var bass: NotePiece { outline(isHigher: false) }

    private func outline(isHigher: Bool) -> NotePiece {
        var chosen: Set<Int> = []
        // The latest end of the notes so far, by pitch counted from the outer edge.
        var latestEnd = [Double](repeating: -.infinity, count: 128)
        func rank(_ note: Note) -> Int { isHigher ? 127 - Int(note.pitch) : Int(note.pitch) }
        var first = 0
        while first < notes.count {
            var next = first
            var best: Int?
            while next < notes.count, notes[next].onset == notes[first].onset {
                defer { next += 1 }
                let note = notes[next]
                if note.isDrum { continue }
                guard let other = best else {
                    best = next
                    continue
                }
                // Notes of one pitch are in the order of their ends, so the last is the longest.
                if rank(note) <= rank(notes[other]) { best = next }
            }
            if let best, !latestEnd[..<rank(notes[best])].contains(where: { $0 > notes[best].onset }) {
                chosen.insert(best)
            }
            for note in notes[first..<next] where !note.isDrum {
                latestEnd[rank(note)] = max(latestEnd[rank(note)], note.offset)
            }
            first = next
        }
        var index = -1
        return filter { _ in
            index += 1
            return chosen.contains(index)
        }
    }
}
