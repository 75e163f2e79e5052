/// Words that were perhaps meant.
enum Suggestion {
    /// The candidate nearest to a word; nil if none is near.
    ///
    /// The distance is the least number of insertions, deletions, replacements and swaps of neighbours (optimal string
    /// alignment); near is up to a third of the word, and two at most.
    static func nearest(to word: String, of candidates: [String]) -> String? {
        let limit = min(2, max(1, word.count / 3))
        let ranked = candidates.map { (distance: distance(word.lowercased(), $0), word: $0) }
        guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }),
            best.distance <= limit
        else {
            // A beginning says enough too, if it begins one only.
            let longer = candidates.filter { word.count >= 2 && $0.hasPrefix(word.lowercased()) }
            return longer.count == 1 ? longer[0] : nil
        }
        return best.word
    }

    static func distance(_ first: String, _ second: String) -> Int {
        let (a, b) = (Array(first), Array(second))
        var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
        for i in 0...a.count { rows[i][0] = i }
        for j in 0...b.count { rows[0][j] = j }
        for i in 1..<a.count + 1 {
            for j in 1..<b.count + 1 {
                let cost = a[i - 1] == b[j - 1] ? 0 : 1
                rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
                    rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
                }
            }
        }
        return rows[a.count][b.count]
    }
}
