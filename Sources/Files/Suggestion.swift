/// What an unknown word was meant to be, or what there is.
public func suggestion(for word: String, among known: [String]) -> String {
    // Of very many names the first thousands are compared.
    let nearest = known.prefix(4096).map { (distance: editDistance(word, $0), word: $0) }
        .min { ($0.distance, $0.word) < ($1.distance, $1.word) }
    if let nearest, nearest.distance <= max(1, min(3, nearest.word.count / 2)) {
        return "did you mean '\(nearest.word)'?"
    }
    let more = known.count > 20 ? ", …" : ""
    return known.isEmpty ? "remove it" : "known are \(known.prefix(20).joined(separator: ", "))\(more)"
}

/// Levenshtein's distance, with swapped neighbours counted as one edit.
public func editDistance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.utf8.prefix(64)), Array(second.utf8.prefix(64)))
    var before: [Int] = []
    var above = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var best = min(above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1))
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { best = min(best, before[j - 1] + 1) }
            row.append(best)
        }
        (before, above) = (above, row)
    }
    return above[b.count]
}
