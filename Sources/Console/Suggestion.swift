import Files

/// Words that were perhaps meant.
enum Suggestion {
    /// The candidate nearest to a word; nil if none is near.
    ///
    /// The distance is the least number of insertions, deletions, replacements and swaps of neighbours (optimal string
    /// alignment); near is up to a third of the word, and two at most.
    static func nearest(to word: String, of candidates: [String]) -> String? {
        let limit = min(2, max(1, word.count / 3))
        let ranked = candidates.map { (distance: editDistance(word.lowercased(), $0), word: $0) }
        guard let best = ranked.min(by: { ($0.distance, $0.word) < ($1.distance, $1.word) }),
            best.distance <= limit
        else {
            // A beginning says enough too, if it begins one only.
            let longer = candidates.filter { word.count >= 2 && $0.hasPrefix(word.lowercased()) }
            return longer.count == 1 ? longer[0] : nil
        }
        return best.word
    }
}
