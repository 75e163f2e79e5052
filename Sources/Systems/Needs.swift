internal import Files
internal import Loading
internal import Torch
internal import Training

extension Snapshot {
    /// The steps of a segment of notes; 0 without notes.
    var rollSteps: Int { steps ?? 0 }

    /// The sources that notes are learned from.
    var scores: [Source] { sources.filter { $0.kind == .midi && $0.segments > 0 } }
}

extension Need {
    /// Notes of some pitches.
    static func notes(of pitches: ClosedRange<UInt8> = 0...127) -> Need {
        let (low, high) = (Int(pitches.lowerBound), Int(pitches.upperBound))
        return Need(pitches == 0...127 ? "notes" : "notes of pitches \(low) to \(high)") { snapshot in
            guard let rolls = snapshot.features["rolls"] else {
                return "it holds no notes; build it from MIDI files"
            }
            // Of a narrower dataset the other pitches are silent, where all are shown.
            guard pitches != 0...127 else { return nil }
            let bounds = (rolls["pitches"]?.array ?? []).compactMap(\.integer)
            guard bounds.count == 2, bounds[0] <= low, bounds[1] >= high else {
                return
                    "it lacks pitches of \(low) to \(high); write 'midi: pitches: [\(low), \(high)]' in the manifest"
            }
            return nil
        }
    }

    /// Segments of at least so many steps; `suggested` is what the message proposes.
    static func steps(_ steps: Int, suggested: Int) -> Need {
        Need("segments of \(steps) steps or more") { snapshot in
            snapshot.rollSteps >= steps
                ? nil
                : "its segments have \(snapshot.rollSteps) steps; write 'midi: segment: {steps: \(max(steps, suggested))}' in the manifest"
        }
    }
}

extension LoaderView {
    /// The mel spectrogram of recordings, by the feature's name.
    static let mel = LoaderView.feature("mel")
}

extension Need {
    /// A mel spectrogram of recordings.
    static let mel = Need("audio with a mel feature") { snapshot in
        guard snapshot.features[LoaderView.mel.name] != nil else {
            return
                "it holds no mel spectrograms; write 'audio: features: {mel: {bands: 96}}' in the manifest, with audio files among its sources"
        }
        return snapshot.recordings.isEmpty
            ? "all its recordings are halves of pairs; leave 'pair' out of the manifest" : nil
    }
}

extension Snapshot {
    /// The sources that sound alone is learned from.
    var recordings: [Source] { sources.filter { $0.kind == .audio && $0.pair == nil && $0.segments > 0 } }
}

/// The classes of a label: its values in the order of the snapshot's vocabulary.
struct Classes {
    let label: String
    let names: [String]

    init(_ label: String, of snapshot: Snapshot) {
        self.label = label
        names = snapshot.vocabularies[label] ?? []
    }

    /// Why the pieces of a snapshot cannot be classified by a label; nil if they can.
    static func fault(_ label: String, of snapshot: Snapshot) -> String? {
        guard let values = snapshot.vocabularies[label] else {
            let known = snapshot.vocabularies.keys.sorted().joined(separator: ", ")
            return
                "it has no label '\(label)'; set label to \(known.isEmpty ? "one, after adding it to the manifest" : known)"
        }
        guard values.count > 1 else { return "its label '\(label)' has one value only" }
        if let other = snapshot.scores.first(where: { $0.labels[label] == nil }) {
            return
                "'\(other.path)' has no label '\(label)'; write 'labels: {\(label): …}' beside its path in the manifest, or leave it out"
        }
        return snapshot.severalValues(of: label)
    }

    /// What constants reach on a pass: the most frequent class of the train split, and, as a bound, that of the pass itself.
    func majority(on feed: any Feed, train: any Feed) throws -> [String: [Measure]] {
        func counts(_ feed: any Feed) throws -> [Int] {
            var counts = [Int](repeating: 0, count: names.count)
            try feed.forEachBatch { batch in
                for number in try batch[label].elements(as: Int64.self)
                where counts.indices.contains(Int(number)) {
                    counts[Int(number)] += 1
                }
            }
            return counts
        }
        let (learned, here) = (try counts(train), try counts(feed))
        let all = Double(max(here.reduce(0, +), 1))
        func most(_ counts: [Int]) -> Int { counts.firstIndex(of: counts.max() ?? 0) ?? 0 }
        func constant(_ number: Int) -> [Measure] {
            let present = here.count { $0 > 0 }
            return [
                Measure("accuracy", Double(here[number]) / all),
                Measure("balanced_accuracy", here[number] > 0 ? 1 / Double(present) : 0),
            ]
        }
        return [
            "most frequent \(label) of the train split": constant(most(learned)),
            "most frequent \(label) of this split": constant(most(here)),
        ]
    }
}
