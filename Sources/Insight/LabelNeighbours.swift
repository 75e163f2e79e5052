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
/// A source is compared with its nearest neighbours (Wilson, "Asymptotic properties of nearest neighbor rules using
/// edited data", 1972), by the distance of `WhitenedRows` between their statistics. Sources of its own piece are left
/// out, so that copies do not confirm each other's label. The nearest of ten weighs ten times what the last one weighs.
struct LabelNeighbours {
    /// What is known of a source.
    private struct Item {
        let path: String
        let piece: String
        let labels: [String: String]
        let numbers: [Float]
    }

    /// A source with the value of a label that its neighbours have.
    private struct Doubt {
        let odds: Double
        let path: String
        let line: String
    }

    /// How many neighbours a source has.
    static let neighbours = 10
    /// How many times the weight of its own value another value must have.
    static let leastOdds = 2.0
    /// Added to both weights, whose sum is at most 1, so that the odds are finite where no neighbour agrees.
    private static let prior = 0.05
    /// How many pieces a value needs.
    ///
    /// With fewer, hardly any neighbour could have it.
    static let leastPieces = 3
    /// At most this share of a label's sources is listed, or this many if that is more.
    static let (mostShare, mostOfFew) = (0.03, 10)
    /// How well neighbours must predict the label, by Cohen's kappa.
    ///
    /// With less, it hardly depends on the numbers.
    static let leastAgreement = 0.4
    /// How many sources each of `count` is compared with; of more, every n-th in the dataset's order.
    ///
    /// Over 2^27 comparisons, which take some seconds, they become fewer.
    private static func comparedCount(_ count: Int) -> Int {
        min(4096, max(512, (1 << 27) / max(count, 1)))
    }

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
        func rootShares(_ counts: [Double]) -> [Double] {
            let all = counts.reduce(0, +)
            return counts.map { all > 0 ? ($0 / all).squareRoot() : 0 }
        }
        var families = [Double](repeating: 0, count: 17)
        for (program, count) in score.programs.enumerated() { families[program / 8] += Double(count) }
        numbers += rootShares(families)
        numbers += rootShares(score.lengths.counts.map { Double($0) })
        var voices = [Double](repeating: 0, count: 8)
        for (count, beats) in score.polyphony.enumerated() { voices[min(count, 7)] += beats }
        numbers += rootShares(voices)
        let pitches = Double(score.pitches.reduce(0, +))
        numbers += stride(from: 24, to: 108, by: 6).map { first in
            (Double(score.pitches[first..<first + 6].reduce(0, +)) / max(pitches, 1)).squareRoot()
        }
        numbers += [
            log2(Double(max(score.tempi.count, 1))),
            entropy(score.tempi.values.map { Int(($0 * 1000).rounded()) }) ?? 0,
        ]
        let pedals = Double(score.pedals.total)
        numbers += [
            log1p(pedals / max(source.seconds, 1) * 60), pedals > 0 ? moments(score.pedals.counts)[0] : 0,
            log2(max(source.seconds, 1)), log2(Double(max(source.notes, 1))),
            log2(Double(max(score.programs.count { $0 > 0 }, 1))),
            (source.record.segments["controls"]?.double ?? 0) / Double(max(source.notes, 1)),
        ]
        return numbers
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
        var found: [String: [Doubt]] = [:]
        for (_, items) in items.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            for label in Set(items.flatMap(\.labels.keys)).sorted() {
                found[label, default: []] += try Self.doubts(items.filter { $0.labels[label] != nil }, label)
            }
        }
        return found.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }.map { label, doubts in
            let sorted = doubts.sorted(by: Self.isStronger)
            return Problem(
                code: "labels.unlike",
                message: "label '\(label)': \(count(sorted.count, "source")) "
                    + "whose most similar sources have another value",
                help:
                    "see and hear the first ones, and correct wrong labels; most others are unusual, not wrong",
                sources: sorted.map(\.line), paths: sorted.map(\.path))
        }
    }

    private static func isStronger(_ one: Doubt, _ other: Doubt) -> Bool {
        (other.odds, one.path) < (one.odds, other.path)
    }

    /// Of sources that all have a label, those least like their value, strongest first.
    private static func doubts(_ items: [Item], _ label: String) throws(BuildError) -> [Doubt] {
        var pieces: [String: Set<String>] = [:]
        for item in items {
            for value in LabelText.values(item.labels[label]) {
                pieces[value, default: []].insert(item.piece)
            }
        }
        let known = Set(pieces.filter { $0.value.count >= leastPieces }.keys)
        // A label with a value for nearly every source, such as a title, says nothing about the music.
        guard known.count > 1, pieces.count * 4 <= items.count else { return [] }
        let most = comparedCount(items.count)
        let stride = max(1, (items.count + most - 1) / most)
        let compared = Array(Swift.stride(from: 0, to: items.count, by: stride))
        let rows = WhitenedRows(
            items.map(\.numbers), classes: items.map { $0.labels[label] ?? "" }, fitted: compared)
        let parts = Swift.stride(from: 0, to: items.count, by: 64).map { $0..<min($0 + 64, items.count) }
        let found = try Workers().map(parts) { (part) throws(BuildError) -> [Guess] in
            part.map { index in
                let near = rows.nearest(to: index, count: neighbours, of: compared) {
                    items[$0].piece != items[index].piece
                }
                return Guess(items[index], label, near.map { items[$0] }, known)
            }
        }
        let guesses = Array(found.joined())
        guard agreement(guesses) >= leastAgreement else { return [] }
        let listed = max(mostOfFew, Int(mostShare * Double(items.count)))
        return Array(guesses.compactMap(\.doubt).sorted(by: isStronger).prefix(listed))
    }

    /// How well neighbours predict the values: Cohen's kappa, 1 if always right, 0 if right as often as by chance.
    private static func agreement(_ guesses: [Guess]) -> Double {
        var (guessed, had): ([String: Double], [String: Double]) = ([:], [:])
        for guess in guesses {
            if let value = guess.value { guessed[value, default: 0] += 1 }
            for value in guess.own { had[value, default: 0] += 1 }
        }
        let count = Double(guesses.count)
        let right = Double(guesses.count { $0.value.map($0.own.contains) ?? false }) / count
        let chance = guessed.reduce(0) { $0 + $1.value * (had[$1.key] ?? 0) } / (count * count)
        return chance < 1 ? (right - chance) / (1 - chance) : 0
    }

    /// What the neighbours of a source say about its value of a label.
    private struct Guess {
        /// Its values.
        let own: [String]
        /// The value that weighs most.
        var value: String?
        /// Nil if it is near its value.
        var doubt: Doubt?

        init(_ item: Item, _ label: String, _ near: [Item], _ known: Set<String>) {
            own = LabelText.values(item.labels[label])
            guard near.count == neighbours else { return }
            let whole = Double(neighbours * (neighbours + 1) / 2)
            var (agreeing, others): (Double, [String: Double]) = (0, [:])
            for (place, one) in near.enumerated() {
                let weight = Double(neighbours - place) / whole
                let values = LabelText.values(one.labels[label])
                if values.contains(where: own.contains) { agreeing += weight }
                for value in values where known.contains(value) && !own.contains(value) {
                    others[value, default: 0] += weight
                }
            }
            let most = others.max { ($0.value, $1.key) < ($1.value, $0.key) }
            value = agreeing >= most?.value ?? 0 ? own.first : most?.key
            guard let most, !own.isEmpty, own.allSatisfy(known.contains) else { return }
            let odds = (most.value + prior) / (agreeing + prior)
            guard odds >= leastOdds else { return }
            func percent(_ share: Double) -> String { "\(format(share * 100, 0)) %" }
            let text = LabelText.shown(item.labels[label] ?? "")
            doubt = Doubt(
                odds: odds, path: item.path,
                line: "\(item.path): \(text); of its most similar sources "
                    + "\(percent(most.value)) are \(most.key), \(percent(agreeing)) \(text)")
        }
    }
}
