internal import Build
internal import Dataset
internal import Tensors
internal import Torch
internal import Training

/// What the systems of paper 001 see of a segment: 57 pitches, then sustain and soft pedal.
enum PianoRolls {
    static let pitches: ClosedRange<UInt8> = 32...88
    static let columns = 59

    /// The views by name; pedals are columns of the sounding roll only.
    static func view(_ name: String, _ kind: RollView.Kind) -> LoaderView {
        .roll(
            name, kind, pitches: pitches, pedals: [.sustain, .soft],
            pedalCells: kind == .piano ? .states : .zeros)
    }

    static func plan(_ views: [LoaderView], sets: [LoaderPlan.SegmentSet] = [.init()]) -> LoaderPlan {
        // The trainer sets what a batch size is.
        LoaderPlan(kind: .midi, views: views, sets: sets, batchSize: 1)
    }

    /// The steps of a segment.
    static func steps(_ snapshot: Snapshot) -> Int {
        snapshot.features["rolls"]?["steps"]?.integer ?? 0
    }

    /// The values of the label `style` that MIDI files to learn from have, sorted; recordings may have others.
    static func styles(_ snapshot: Snapshot) -> [String] {
        // Where segments are dealt out, a source has no split of its own.
        let learned = played(snapshot).filter { $0.split == .train || $0.split == nil }
        let values = Set(learned.compactMap { $0.labels["style"] })
        return (snapshot.vocabularies["style"] ?? []).filter(values.contains)
    }

    private static func played(_ snapshot: Snapshot) -> [Snapshot.Source] {
        snapshot.sources.filter { $0.kind == .midi && $0.segments > 0 }
    }

    /// Their numbers in batches.
    static func styleNumbers(_ snapshot: Snapshot) -> [Int64] {
        let vocabulary = snapshot.vocabularies["style"] ?? []
        return styles(snapshot).compactMap { vocabulary.firstIndex(of: $0).map(Int64.init) }
    }

    /// A set for each style, to be fed side by side.
    static func stylesApart(_ snapshot: Snapshot) -> [LoaderPlan.SegmentSet] {
        styles(snapshot).map { LoaderPlan.SegmentSet(labels: ["style": $0]) }
    }

    /// Notes of the pitches that are learned.
    static let needsNotes = Need("notes of pitches 32 to 88") { snapshot in
        guard let rolls = snapshot.features["rolls"] else {
            return "it holds no notes; build it from MIDI files"
        }
        let bounds = (rolls["pitches"]?.array ?? []).compactMap(\.integer)
        guard bounds.count == 2, bounds[0] <= 32, bounds[1] >= 88 else {
            return "it lacks pitches of 32 to 88; write 'midi: pitches: [32, 88]' in the manifest"
        }
        return nil
    }

    /// Segments of at least so many steps.
    static func needsSteps(_ steps: Int) -> Need {
        Need("segments of \(steps) steps or more") { snapshot in
            PianoRolls.steps(snapshot) >= steps
                ? nil
                : "its segments have \(PianoRolls.steps(snapshot)) steps; write 'midi: segment: {steps: \(max(steps, 480))}' in the manifest"
        }
    }

    /// A style for every source; two where a system tells them apart.
    static func needsStyles(exactly count: Int?) -> Need {
        Need(count.map { "a label 'style' of \($0) values" } ?? "a label 'style'") { snapshot in
            let played = PianoRolls.played(snapshot)
            if let other = played.first(where: { $0.labels["style"] == nil }) {
                return
                    "'\(other.path)' has no label 'style'; write 'labels: {style: …}' beside each path in the manifest"
            }
            let all = Set(played.compactMap { $0.labels["style"] }).sorted()
            if let count, all.count != count {
                return
                    "its label 'style' has \(all.count) values (\(all.joined(separator: ", "))), not \(count)"
            }
            if let count, PianoRolls.styles(snapshot).count != count {
                return
                    "a style is not in its train split; write 'splits: {method: exact, stratify: style}' in the manifest"
            }
            return nil
        }
    }
}

/// Sums over the batches of a pass.
struct Totals {
    private var sums: [String: Double] = [:]

    mutating func add(_ name: String, _ value: Double) { sums[name, default: 0] += value }
    mutating func add(_ name: String, _ value: TorchTensor) throws {
        add(name, try value.to(.f64).sum().item())
    }
    subscript(name: String) -> Double { sums[name] ?? 0 }
    /// One sum over another; NaN where there is nothing.
    func ratio(_ name: String, _ count: String) -> Double { self[name] / self[count] }
}

extension Feed {
    /// Calls a body with every batch of an epoch.
    func forEachBatch(_ body: (Batch) throws -> Void) throws {
        try seek(epoch: 0, batch: 0)
        for _ in 0..<batchesPerEpoch { try body(next()) }
    }
}
