import Dataset
import Foundation
import Loading
import Symbolic
import TestSupport
import Testing

@testable import Judging
@testable import Statistics

/// Judging folders of outputs by a dataset of two made styles: `even` moves in steps and even notes, `skipping` in leaps and
/// dotted ones.
struct EvaluationTests {
    private let folder: TestFolder
    private let reader: DatasetReader

    /// A piece of 16 bars.
    private static func piece(_ style: String, seed: UInt64) -> [UInt8] {
        var random = SplitMix(seed: seed)
        var events: [(tick: Int, bytes: [UInt8])] = []
        var (tick, pitch) = (0, 60)
        while tick < 16 * 4 * 96 {
            let isEven = style == "even"
            let length = isEven ? 48 : [72, 24][tick / 24 % 2]
            pitch +=
                isEven ? [-2, -1, 1, 2][Int(random.next() % 4)] : [-9, -7, 7, 9][Int(random.next() % 4)]
            pitch = min(max(pitch, 45), 80)
            let velocity = UInt8((isEven ? 50 : 90) + Int(random.next() % 20))
            events.append((tick, [0x90, UInt8(pitch), velocity]))
            events.append((tick + length, [0x80, UInt8(pitch), 0]))
            tick += length
        }
        return MadeFile.midi(events: events)
    }

    init() throws {
        folder = try TestFolder()
        var number: UInt64 = 0
        for style in ["even", "skipping"] {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + style, withIntermediateDirectories: true)
            for index in 0..<20 {
                number += 1
                try Data(Self.piece(style, seed: number)).write(
                    to: URL(fileURLWithPath: "\(folder.path)/\(style)/\(index).mid"))
            }
        }
        try folder.write(
            "styles.yaml",
            """
            version: 1
            dataset: styles
            sources:
              - path: "*/*.mid"
                labels: {style: "{dir}"}
            midi:
              grid: {steps_per_beat: 4}
              segment: {steps: 32}
            splits: {train: 0.4, validation: 0.3, test: 0.3, method: exact, stratify: style, seed: 1}
            """)
        _ = try DatasetBuild(manifestPath: folder.path + "/styles.yaml").run(
            .init(cachePath: folder.path + "/cache", jobs: 1))
        reader = try DatasetReader("styles", cachePath: folder.path + "/cache")
    }

    private func evaluation(towards style: String = "skipping") throws -> TransferEvaluation {
        try TransferEvaluation(reader, cachePath: folder.path + "/cache", style: style)
    }

    /// Pieces of a style in the test split.
    private func tested(_ style: String) -> [String] {
        reader.snapshot.sources.filter { $0.split == .test && $0.labels["style"] == style }.map {
            folder.path + "/" + $0.path
        }
    }

    private static func pairs(_ outputs: [String], _ contents: [String]) -> [OutputPair] {
        zip(outputs, contents).map { .init(name: $0, output: $0, content: $1) }
    }

    /// Doing nothing keeps the content and earns no style, and says exactly what the baseline of that name says.
    @Test func theContentItselfIsTheBaseline() throws {
        let contents = tested("even")
        let found = try evaluation().evaluate(Self.pairs(contents, contents))
        let values = Dictionary(uniqueKeysWithValues: found.outputs.map { ($0.name, $0.value) })
        for name in ["chroma_similarity", "note_f1", "onset_similarity", "melody_f1", "beat_f1"] {
            #expect(abs(try #require(values[name]) - 1) < 1e-12, "\(name)")
        }
        #expect(values["transfer_strength_notes"] == 0)
        #expect(try #require(values["probability_notes"]) < 0.3)
        let content = try #require(found.baselines.first { $0.name == "content" })
        #expect(content.values.map(\.value) == found.outputs.map(\.value))
        #expect(content.values.map(\.name) == found.outputs.map(\.name))
    }

    /// Pieces of the target style are of that style and have nothing of the content.
    @Test func targetPiecesAreOfTheStyle() throws {
        let found = try evaluation().evaluate(Self.pairs(tested("skipping"), tested("even")))
        let values = Dictionary(uniqueKeysWithValues: found.outputs.map { ($0.name, $0.value) })
        #expect(try #require(values["probability_notes"]) > 0.7)
        #expect(try #require(values["transfer_strength_notes"]) > 0.4)
        #expect(try #require(values["profile_intervals_4"]) > 0.8)
        #expect(try #require(values["note_f1"]) < 0.2)
        // The rule changes velocities and nothing else of these pieces.
        let rule = try #require(found.baselines.first { $0.name == "rule" })
        let ruled = Dictionary(uniqueKeysWithValues: rule.values.map { ($0.name, $0.value) })
        #expect(ruled["note_f1"] == 1)
        #expect(try #require(ruled["probability_velocity"]) > 0.6)
        #expect(try #require(ruled["probability_notes"]) < 0.3)
    }

    /// The answers that are shown are those that were measured, and the true files where there are files.
    @Test func theBaselinesAnswersCanBeSeenAndHeard() throws {
        let contents = tested("even")
        let (judgements, answers) = try evaluation().evaluate(systems: [
            Self.pairs(tested("skipping"), contents)
        ])
        #expect(answers.count == contents.count)
        let references = reader.snapshot.sources.filter {
            $0.split != .train && $0.labels["style"] == "skipping"
        }
        .map { "\(folder.path)/\($0.path)" }
        for (content, answers) in zip(contents, answers) {
            #expect(answers.map(\.name) == ["content", "target", "rule"])
            guard case .file(let path, _) = answers[0].music,
                case .file(let target, let name) = answers[1].music,
                case .notes(let ruled) = answers[2].music
            else {
                Issue.record("\(answers.map(\.music))")
                continue
            }
            #expect(path == content && references.contains(target) && target.hasSuffix("/" + name))
            // Velocities of the style, 90 to 109, instead of 50 to 69; and the notes of the content.
            let score = try Score(midi: [UInt8](Data(contentsOf: URL(fileURLWithPath: content))))
            let piece = NotePiece(score)
            #expect(ruled.notes.map(\.pitch) == piece.notes.map(\.pitch))
            #expect(ruled.notes.map(\.onset) == piece.notes.map(\.onset))
            #expect(piece.notes.allSatisfy { (50..<70).contains($0.velocity) })
            #expect(ruled.notes.allSatisfy { (90..<110).contains($0.velocity) })
        }
        // The table's numbers are the means of these.
        for (place, baseline) in judgements[0].baselines.enumerated() {
            let found = answers.compactMap { answer in
                answer[place].measures.first { $0.name == "chroma_similarity" }?.value
            }
            let mean = found.reduce(0, +) / Double(found.count)
            let told = try #require(baseline.values.first { $0.name == "chroma_similarity" }).value
            #expect(found.count == contents.count && abs(mean - told) < 1e-12, "\(baseline.name)")
        }
    }

    /// Whether there can be judges is known before anything is measured.
    @Test func judgesNeedPiecesOfTwoStyles() throws {
        #expect(try evaluation().canHaveJudges(of: .midi))
        #expect(try !evaluation().canHaveJudges(of: .audio))
    }

    /// The judges of styles that differ in notes and velocities are trusted; there is nothing in the files' making.
    @Test func judgesStandBesideANuisanceJudge() throws {
        let contents = tested("even")
        let found = try evaluation().evaluate(Self.pairs(contents, contents))
        #expect(found.judgedPieces == ["even": 12, "skipping": 12])
        #expect(found.trustworthyJudges == ["notes", "velocity"])
        for judge in found.judges {
            #expect(try #require(judge.shuffledAccuracy) < 0.85, "\(judge.name)")
            #expect(judge.interval != nil)
        }
        let notes = try #require(found.judges.first { $0.name == "notes" })
        #expect(notes.accuracy(between: 0, and: 1) == notes.balancedAccuracy)
        #expect(try #require(notes.balancedAccuracy) > 0.9)
    }

    /// No interval below eight pieces, and a note that says so.
    @Test func fewPiecesHaveNoInterval() throws {
        let contents = tested("even")
        #expect(contents.count == 6)
        let found = try evaluation().evaluate(Self.pairs(contents, contents))
        #expect(found.outputs.allSatisfy { $0.interval == nil })
        #expect(found.remarks.contains { $0.contains("no intervals: 6 pieces") })
    }

    /// A copy of a training piece shows.
    @Test func copiesShow() throws {
        let train = reader.snapshot.sources.filter {
            $0.split == .train && $0.labels["style"] == "skipping"
        }.map { folder.path + "/" + $0.path }
        let contents = tested("even")
        let copies = try evaluation().evaluate(Self.pairs(train, contents))
        let own = try evaluation().evaluate(Self.pairs(tested("skipping"), contents))
        let share = { (found: Judgement) in found.outputs.first { $0.name == "copied_share" }?.value }
        #expect(share(copies) == 1)
        #expect(try #require(share(own)) < 0.3)
    }

    @Test func contentsOfTheTrainSplitAreReported() throws {
        let train = reader.snapshot.sources.filter { $0.split == .train && $0.labels["style"] == "even" }.map
        {
            folder.path + "/" + $0.path
        }
        let found = try evaluation().evaluate(Self.pairs(train, train))
        #expect(found.remarks.contains { $0.contains("contents are of the train split") })
    }

    // MARK: Faults

    @Test func stylesAreLookedUp() throws {
        #expect(throws: JudgingError.self) { try evaluation(towards: "polka") }
        do {
            _ = try evaluation(towards: "polka")
        } catch let error as JudgingError {
            #expect(error.message.contains("has no style 'polka'; its labels are style: even, skipping"))
            #expect(error.code == .usage)
        }
        _ = try evaluation(towards: "style=even")
        #expect(throws: JudgingError.self) { try evaluation(towards: "mood=even") }
    }

    @Test func filesThatCannotBeJudgedAreNamed() throws {
        let contents = tested("even")
        let text = folder.path + "/broken.mid"
        try Data("MThd".utf8).write(to: URL(fileURLWithPath: text))
        do {
            _ = try evaluation().evaluate(Self.pairs([text], contents))
            Issue.record("a broken output was judged")
        } catch let error as JudgingError {
            #expect(error.code == .file)
            #expect(error.message.contains("broken.mid"))
        }
        let wave = folder.path + "/a.wav"
        try Data(MadeFile.wave([0, 1, 2, 3], rate: 8000)).write(to: URL(fileURLWithPath: wave))
        do {
            _ = try evaluation().evaluate(Self.pairs([wave], contents))
            Issue.record("a recording was judged beside MIDI files")
        } catch let error as JudgingError {
            #expect(error.message.contains("a.wav is not a MIDI file"))
        }
        #expect(throws: JudgingError.self) { try evaluation().evaluate([]) }
    }
}

/// The rules that keep a judge honest.
struct JudgeTests {
    /// Features that only say which piece it is: a judge that has seen a piece knows its style, another knows nothing.
    private static let count = 40
    private static func judge() throws -> (Judge<Int>, [Judge<Int>.Example]) {
        let labels = (0..<count).map { $0 % 2 }
        let examples = (0..<count).map {
            Judge<Int>.Example(piece: $0, group: "piece \($0)", style: labels[$0])
        }
        let view = JudgeView<Int>(name: "identity", sees: "the number", isNuisance: false) { number in
            (0..<count).map { $0 == number ? 1 : 0 }
        }
        let folds = CrossValidation.folds(groups: examples.map(\.group), labels: labels, count: 5)
        return (
            try Judge(view, examples, styles: ["a", "b"], folds: folds, foldCount: 5, seed: 0), examples
        )
    }

    /// Shuffled labels say nothing, also where each piece is there in each style.
    @Test func shuffledLabelsCannotBeLearnt() throws {
        let examples = (0..<80).map {
            Judge<Int>.Example(piece: $0 % 2, group: "piece \($0 / 2)", style: $0 % 2)
        }
        let view = JudgeView<Int>(name: "style", sees: "the style", isNuisance: false) { [Double($0)] }
        let folds = CrossValidation.folds(
            groups: examples.map(\.group), labels: examples.map(\.style), count: 5)
        let judge = try Judge(view, examples, styles: ["a", "b"], folds: folds, foldCount: 5, seed: 0)
        #expect(judge.record.balancedAccuracy == 1)
        #expect(try #require(judge.record.shuffledAccuracy) < 0.6)
    }

    @Test func noPieceIsJudgedByWhoHasSeenIt() throws {
        let (judge, examples) = try Self.judge()
        // Balanced by chance: the only honest answer is the share of the styles.
        #expect(try #require(judge.record.balancedAccuracy) < 0.65)
        for example in examples {
            let honest = try judge.probabilities(of: example.piece, group: example.group)
            #expect(abs(honest[example.style] - 0.5) < 0.1)
        }
        // As another's version the piece is recognised: some classifier was fitted to it.
        let known = try examples.map { example in
            try judge.probabilities(of: example.piece, group: "elsewhere")[example.style]
        }
        let unknown = try examples.map { example in
            try judge.probabilities(of: example.piece, group: example.group)[example.style]
        }
        #expect(known.reduce(0, +) > unknown.reduce(0, +) + 2)
    }
}

/// What a record says of several styles.
struct JudgeRecordTests {
    @Test func theWeakestPairIsNamed() {
        // Styles a and b are often taken for each other, c never.
        let labels = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2]
        let probabilities: [[Double]] = [
            [0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.6, 0.3, 0.1], [0.6, 0.3, 0.1], [0.6, 0.3, 0.1],
            [0.2, 0.7, 0.1], [0.2, 0.7, 0.1], [0.2, 0.7, 0.1], [0, 0.1, 0.9], [0, 0.1, 0.9],
        ]
        let record = JudgeRecord(
            name: "judge", sees: "", isNuisance: false, styles: ["a", "b", "c"],
            pieces: labels.indices.map { "\($0)" }, labels: labels, probabilities: probabilities,
            shuffledAccuracy: nil)
        #expect(record.weakestPair?.first == "a" && record.weakestPair?.second == "b")
        #expect(record.weakestPair?.accuracy == 0.75)
        #expect(record.accuracy(between: 0, and: 2) == 1)
        #expect(record.balancedAccuracy == (0.75 + 0.75 + 1) / 3)
        #expect(record.auc(of: 2) == 1)
    }
}
