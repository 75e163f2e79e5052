import Dataset
import Describing
import Files
import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Sources whose most similar sources have another label: they may be mislabelled.
///
/// Out of fold, by nearest neighbours on statistics: each number is divided by its standard deviation over the dataset, and
/// the `neighbours` nearest by Euclidean distance are looked at, those of the source's own piece left out, so that copies
/// do not confirm each other's label (Wilson, "Asymptotic properties of nearest neighbor rules using edited data", 1972).
struct LabelNeighbours {
    /// What is known of a source.
    private struct Item {
        let path: String
        let piece: String
        let labels: [String: String]
        let numbers: [Float]
    }

    /// How many neighbours are asked.
    static let neighbours = 10
    /// How many of them must agree on another value, and how many may have the source's own.
    static let (agreeing, dissenting) = (5, 1)
    /// At most so many sources are compared with; of more, evenly many of the dataset's order.
    private static let mostCompared = 4096

    /// Notes and sound apart: their numbers cannot be compared.
    private var items: [SegmentKind: [Item]] = [:]

    mutating func add(_ source: MeasuredSource) {
        guard let numbers = Self.numbers(source), !source.record.source.labels.isEmpty else { return }
        let entry = source.record.source
        items[entry.kind, default: []].append(
            Item(path: entry.path, piece: entry.piece, labels: entry.labels, numbers: numbers))
    }

    // MARK: Numbers

    /// What a source is compared by, NaN for what is unknown; nil if nothing is recorded of it.
    private static func numbers(_ source: MeasuredSource) -> [Float]? {
        if let score = source.record.score {
            guard score.pitches.reduce(0, +) >= 16 else { return nil }
            return notes(score, source).map { Float($0) }
        }
        guard source.record.facts["silent"]?.bool == false else { return nil }
        return sound(source).map { Float($0) }
    }

    private static func notes(_ score: ScoreDescription, _ source: MeasuredSource) -> [Double] {
        var numbers = zip(MIDITally.measures, source.numbers).map { measure, value in
            // Twice as fast is as far as half as fast.
            ["tempo", "notes_per_second"].contains(measure.name) ? log2(max(value, 1e-3)) : value
        }
        func moments(_ counts: [Int]) -> [Double] {
            let total = Double(counts.reduce(0, +))
            guard total > 0 else { return [.nan, .nan] }
            let mean = counts.enumerated().reduce(0) { $0 + Double($1.offset * $1.element) } / total
            let square = counts.enumerated().reduce(0) {
                $0 + Double($1.element) * (Double($1.offset) - mean) * (Double($1.offset) - mean)
            }
            return [mean, (square / total).squareRoot()]
        }
        numbers += moments(score.pitches) + moments(score.lengths.counts)
        numbers.append(moments(score.velocities)[1])
        // The share of each General MIDI family, and of drums; roots, so that rare instruments count too.
        let all = Double(score.programs.reduce(0, +))
        var families = [Double](repeating: 0, count: 17)
        for (program, count) in score.programs.enumerated() { families[program / 8] += Double(count) }
        return numbers + families.map { ($0 / max(all, 1)).squareRoot() }
    }

    private static func sound(_ source: MeasuredSource) -> [Double] {
        let measures = AudioTally.measures.map(\.name)
        let names = ["lufs", "lra", "true_peak", "bandwidth_hz"]
        var numbers = names.map { name in
            measures.firstIndex(of: name).map { source.numbers[$0] } ?? .nan
        }
        // The spectrum in sixteen parts, and how much each varies, in decibels beside the whole.
        let profile = source.record.mel?.profile ?? MelProfile()
        let parts = 16
        let total = profile.mean.reduce(0, +)
        for part in 0..<parts {
            let bands = profile.mean.count * part / parts..<profile.mean.count * (part + 1) / parts
            let mean = bands.reduce(0) { $0 + profile.mean[$1] } / Double(max(bands.count, 1))
            let deviation = bands.reduce(0) { $0 + profile.deviation[$1] } / Double(max(bands.count, 1))
            numbers.append(bands.isEmpty ? .nan : 10 * log10(max(mean / max(total, 1e-30), 1e-9)))
            numbers.append(bands.isEmpty ? .nan : 10 * log10(max(deviation / max(mean, 1e-30), 1e-9)))
        }
        return numbers
    }

    // MARK: Neighbours

    /// A finding for each label, strongest first.
    ///
    /// - Throws: `build.interrupted`.
    func problems() throws(BuildError) -> [Problem] {
        var found: [String: [(share: Int, path: String, line: String)]] = [:]
        for (_, items) in items.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for (label, doubts) in try Self.doubts(items) { found[label, default: []] += doubts }
        }
        return found.sorted { $0.key < $1.key }.map { label, doubts in
            let sorted = doubts.sorted { ($1.share, $0.path) < ($0.share, $1.path) }
            return Problem(
                code: "labels.unlike",
                message: "label '\(label)': \(count(sorted.count, "source")) "
                    + "whose most similar sources have another value",
                help: "see and hear them: some are mislabelled, some are just unusual; correct the labels",
                sources: sorted.map(\.line), paths: sorted.map(\.path))
        }
    }

    /// The doubtful sources of each label.
    private static func doubts(
        _ items: [Item]
    ) throws(BuildError) -> [String: [(share: Int, path: String, line: String)]] {
        /// For each label the pieces of each value.
        var pieces: [String: [String: Set<String>]] = [:]
        for item in items {
            for (label, text) in item.labels {
                for value in LabelText.values(text) {
                    pieces[label, default: [:]][value, default: []].insert(item.piece)
                }
            }
        }
        // A value needs other pieces that could be neighbours; one with fewer is never found, nor suggested.
        let known = pieces.mapValues { values in Set(values.filter { $0.value.count > neighbours }.keys) }
            .filter { $0.value.count > 1 }
        guard !known.isEmpty else { return [:] }
        let scaled = scaled(items.map(\.numbers))
        let width = items.first?.numbers.count ?? 0
        let stride = max(1, (items.count + mostCompared - 1) / mostCompared)
        let compared = Array(Swift.stride(from: 0, to: items.count, by: stride))
        // Labels are looked at by source, since all labels of a source have the same neighbours.
        let parts = Swift.stride(from: 0, to: items.count, by: 64).map { $0..<min($0 + 64, items.count) }
        typealias Doubt = (label: String, share: Int, path: String, line: String)
        let found = try Workers().map(parts) { (part) throws(BuildError) -> [Doubt] in
            part.flatMap { index -> [Doubt] in
                let near = nearest(index, items, compared, scaled, width)
                return known.keys.sorted().compactMap { label -> Doubt? in
                    doubt(items[index], label, near.map { items[$0] }, known[label] ?? [])
                }
            }
        }
        return Dictionary(grouping: found.joined(), by: \.label).mapValues { doubts in
            doubts.map { ($0.share, $0.path, $0.line) }
        }
    }

    private static func doubt(
        _ item: Item, _ label: String, _ near: [Item], _ known: Set<String>
    ) -> (label: String, share: Int, path: String, line: String)? {
        let own = LabelText.values(item.labels[label])
        guard near.count == neighbours, !own.isEmpty, own.allSatisfy(known.contains) else { return nil }
        var counts: [String: Int] = [:]
        for one in near {
            for value in LabelText.values(one.labels[label]) { counts[value, default: 0] += 1 }
        }
        guard own.reduce(0, { $0 + (counts[$1] ?? 0) }) <= dissenting,
            let most = counts.filter({ known.contains($0.key) && !own.contains($0.key) })
                .max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
            most.value >= agreeing
        else { return nil }
        return (
            label, most.value, item.path,
            "\(item.path): \(LabelText.shown(item.labels[label] ?? "")); "
                + "\(most.value) of the \(neighbours) most similar sources are \(most.key)"
        )
    }

    /// Rows of numbers, each number with mean 0 and standard deviation 1, and 0 where it is unknown or always the same.
    private static func scaled(_ rows: [[Float]]) -> [Float] {
        guard let width = rows.first?.count else { return [] }
        var result = rows.flatMap { $0 }
        for column in 0..<width {
            let values = rows.map { Double($0[column]) }.filter(\.isFinite)
            let mean = values.reduce(0, +) / Double(max(values.count, 1))
            let square = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            let deviation = (square / Double(max(values.count, 1))).squareRoot()
            for row in rows.indices {
                let value = (Double(rows[row][column]) - mean) / deviation
                result[row * width + column] = value.isFinite ? Float(value) : 0
            }
        }
        return result
    }

    /// The nearest sources of other pieces, nearest first.
    private static func nearest(
        _ index: Int, _ items: [Item], _ compared: [Int], _ scaled: [Float], _ width: Int
    ) -> [Int] {
        var nearest: [(distance: Float, index: Int)] = []
        scaled.withUnsafeBufferPointer { scaled in
            for other in compared where other != index {
                var distance: Float = 0
                for column in 0..<width {
                    let difference = scaled[index * width + column] - scaled[other * width + column]
                    distance += difference * difference
                }
                if nearest.count == neighbours, let last = nearest.last, distance >= last.distance {
                    continue
                }
                if items[other].piece == items[index].piece { continue }
                let place = nearest.firstIndex { $0.distance > distance } ?? nearest.count
                nearest.insert((distance, other), at: place)
                if nearest.count > neighbours { nearest.removeLast() }
            }
        }
        return nearest.map(\.index)
    }
}
