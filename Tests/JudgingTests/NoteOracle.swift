import Foundation
import Statistics
import Symbolic
import Tensors
import Testing

@testable import Judging

/// What other libraries make of pieces (tools/oracles/judging_notes.py), and the program's results beside it.
///
/// The golden vectors hold made pieces, the file of judging_parity.py real ones; both have the same names.
struct NoteOracle {
    let file: TensorFile
    let pieces: [NotePiece]
    /// The largest differences seen, by what was compared.
    private(set) var largest: [String: Double] = [:]

    init(_ file: TensorFile, bytes: (Int) throws -> [UInt8]) throws {
        self.file = file
        let count = file.entries.keys.count { $0.hasSuffix(".statistics") }
        pieces = try (0..<count).map { NotePiece(try Score(midi: bytes($0))) }
    }

    func doubles(_ name: String) throws -> Tensor<Double> { try file.tensor(name) }

    /// Compares numbers, of which nil stands for NaN.
    ///
    /// The tolerance is relative for numbers above 1.
    mutating func expect(_ ours: [Double?], _ name: String, within tolerance: Double) throws {
        let theirs = try doubles(name).elements
        expect(ours, theirs, name, within: tolerance)
    }

    mutating func expect(_ ours: [Double?], _ theirs: [Double], _ name: String, within tolerance: Double) {
        #expect(ours.count == theirs.count, "\(name): \(ours.count) numbers, not \(theirs.count)")
        var worst = 0.0
        for (index, (value, other)) in zip(ours, theirs).enumerated() {
            if let value, !other.isNaN {
                let difference = abs(value - other) / max(1, abs(other))
                worst = max(worst, difference)
                #expect(difference <= tolerance, "\(name)[\(index)]: \(value), not \(other)")
            } else {
                #expect(
                    value == nil && other.isNaN,
                    "\(name)[\(index)]: \(value.map { "\($0)" } ?? "nil"), not \(other)")
            }
        }
        // Names differ by the numbers of pieces.
        let kind = name.split(separator: ".").filter { Int($0) == nil }.joined(separator: ".")
        largest[kind] = max(largest[kind] ?? 0, worst)
    }

    /// Compares everything; the tolerances are those of docs/measures.md.
    mutating func compare() throws {
        for number in pieces.indices { try comparePiece(number) }
        try comparePairs()
        try compareSets()
    }

    private mutating func comparePiece(_ number: Int) throws {
        let piece = pieces[number]
        func name(_ rest: String) -> String { "piece.\(number).\(rest)" }
        let rows = piece.notes.map { note in
            [
                note.onset, Double(note.pitch), note.offset, Double(note.velocity), Double(note.program),
                note.onsetSeconds, note.offsetSeconds,
            ]
        }.sorted { $0.lexicographicallyPrecedes($1) }
        // pretty_midi adds up stretches of seconds, each rounded.
        try expect(rows.flatMap { $0 }, name("notes"), within: 1e-9)
        try expect(piece.barLines, name("bars"), within: 1e-12)
        try expect(piece.beatTimes, name("beats"), within: 1e-9)
        for (voice, part) in [("melody", piece.melody), ("bass", piece.bass)] {
            try expect(part.notes.flatMap { [$0.onset, Double($0.pitch)] }, name(voice), within: 1e-12)
        }
        try expect(NoteStatistics(piece).named.map(\.value), name("statistics"), within: 1e-9)
        for kind in StyleProfile.Kind.allCases {
            try expect(
                values(StyleProfile([piece], kind: kind), kind), name("profile.\(kind.rawValue)"),
                within: 1e-12)
        }
        if file.entries[name("profile.drums")] != nil {
            let drums = StyleProfile([piece], kind: .onsetPitches, drums: true)
            try expect(values(drums, .onsetPitches), name("profile.drums"), within: 1e-12)
        }
    }

    private func values(_ profile: StyleProfile?, _ kind: StyleProfile.Kind) -> [Double?] {
        profile?.values ?? [Double?](repeating: nil, count: kind.size)
    }

    static let scores = [
        "chroma_two_beats", "chroma_four_beats", "bar_chroma", "bar_onsets", "bar_onsets_drums",
        "notes_precision", "notes_recall", "notes_f", "notes_beats_f", "melody_f", "bass_f", "beats_f",
        "aligned_similarity", "aligned_cost",
    ]

    private mutating func comparePairs() throws {
        let pairs: Tensor<Int64> = try file.tensor("pairs")
        let theirs = try doubles("scores").elements
        for row in 0..<pairs.shape[0] {
            let output = pieces[Int(pairs.elements[row * 2])]
            let content = pieces[Int(pairs.elements[row * 2 + 1])]
            let notes = NoteMatching.score(output, reference: content)
            let alignment = ChromaSimilarity.twoBeats.aligned(output, content)
            let ours: [Double?] = [
                ChromaSimilarity.twoBeats.similarity(output, content),
                ChromaSimilarity.fourBeats.similarity(output, content),
                BarSimilarity.chroma(of: output, to: content),
                BarSimilarity.onsets(of: output, to: content),
                BarSimilarity.onsets(of: output, to: content, includingDrums: true),
                notes.precision, notes.recall, notes.f1,
                NoteMatching.score(output, reference: content, axis: .beats).f1,
                NoteMatching.score(output.melody, reference: content.melody).f1,
                NoteMatching.score(output.bass, reference: content.bass).f1,
                BeatMatching.score(output.beatTimes, reference: content.beatTimes).f1,
                alignment?.similarity, alignment?.path.cost,
            ]
            for (index, name) in Self.scores.enumerated() {
                expect(
                    [ours[index]], [theirs[row * Self.scores.count + index]], "scores.\(name)",
                    within: 1e-9)
            }
        }
    }

    private mutating func compareSets() throws {
        for kind in StyleProfile.Kind.allCases {
            try expect(
                values(StyleProfile(pieces, kind: kind), kind), "together.\(kind.rawValue)", within: 1e-12)
        }
        let mean = StyleProfile(meanOf: pieces.compactMap { StyleProfile([$0]) })
        try expect(values(mean, .intervals4), "mean.intervals_4", within: 1e-12)
        for noteCount in [8, 12] {
            for voice in PassageIndex.Voice.allCases {
                let theirs = try doubles("nearest.\(noteCount).\(voice.rawValue)").elements
                for number in pieces.indices {
                    let others = pieces.indices.filter { $0 != number }.map { pieces[$0] }
                    let match = PassageIndex(others, noteCount: noteCount, voice: voice)
                        .nearest(to: pieces[number])
                    expect(
                        [match.map { Double($0.piece) }, match?.share],
                        Array(theirs[number * 2..<number * 2 + 2]), "nearest.\(voice.rawValue)",
                        within: 1e-12)
                }
            }
        }
    }
}
