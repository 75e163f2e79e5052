import Files
import Tensors
import TestSupport
import Testing

@testable import Judging
@testable import Statistics

/// Blind tests: what is drawn, and what answers of known truth come to.
struct ListeningTests {
    private static func system(_ name: String, _ pieces: Int = 10) -> ListeningTest.System {
        ListeningTest.System(
            name: name,
            outputs: (0..<pieces).map {
                OutputPair(name: "\($0).mid", output: "\(name)/\($0).mid", content: "c/\($0).mid")
            })
    }

    private static func test(
        _ kind: ListeningTest.Kind = .preference, _ names: [String] = ["x", "y"], pieces: Int = 10,
        seed: UInt64 = 1
    ) throws -> ListeningTest {
        try ListeningTest.draw(
            kind, systems: names.map { system($0, pieces) }, hasExamples: false, limit: nil, seed: seed
        ).test
    }

    /// A listener's answers; `chooses` gives the side for a trial and a question.
    private static func answers(
        _ code: String, _ test: ListeningTest,
        _ chooses: (ListeningTest.Trial, String) -> ListeningTest.Side
    ) -> [ListeningAnswer] {
        test.trials.enumerated().flatMap { index, trial in
            trial.questions.map {
                ListeningAnswer(
                    listener: code, trial: index + 1, question: $0, answer: chooses(trial, $0), seconds: 1,
                    plays: 2)
            }
        }
    }

    @Test func eachPairIsHeardWithEachPieceAndEachSystemIsAInHalf() throws {
        let (test, clips) = try ListeningTest.draw(
            .preference, systems: ["x", "y", "z"].map { Self.system($0) }, hasExamples: true, limit: nil,
            seed: 3)
        let compared = zip(test.trials, clips).filter { $0.0.purpose == .systems }
        #expect(compared.count == 30)
        var pairs: [String: [String]] = [:]
        for (trial, clip) in compared {
            pairs[[trial.a, trial.b].sorted().joined(), default: []].append(trial.piece)
            #expect(clip.a == trial.piece.replacing("c/", with: trial.a + "/"))
            #expect(clip.b == trial.piece.replacing("c/", with: trial.b + "/"))
            #expect(clip.content == trial.piece && trial.right == nil)
            #expect(trial.questions == ["style", "content", "overall"])
        }
        #expect(pairs.keys.sorted() == ["xy", "xz", "yz"])
        #expect(pairs.values.allSatisfy { Set($0).count == 10 })
        for (first, second) in [("x", "y"), ("x", "z"), ("y", "z")] {
            #expect(compared.count { $0.0.a == first && $0.0.b == second } == 5)
        }
        let controls = zip(test.trials, clips).filter { $0.0.purpose == .control }
        #expect(controls.count == 8)
        for (trial, clip) in controls {
            // The right side is the content, the other another content.
            let (right, wrong) = trial.right == .a ? (clip.a, clip.b) : (clip.b, clip.a)
            #expect(right == trial.piece && wrong != trial.piece && wrong.hasPrefix("c/"))
            #expect((trial.right == .a ? trial.a : trial.b) == "content")
        }
        let identical = zip(test.trials, clips).filter { $0.0.purpose == .identical }
        #expect(identical.count == 2 && identical.allSatisfy { $0.1.a == $0.1.b })
    }

    @Test func theSeedDrawsTheTestAndTheKeyKeepsIt() throws {
        let test = try Self.test(.abx)
        #expect(try Self.test(.abx).trials == test.trials)
        #expect(try Self.test(.abx, seed: 2).trials != test.trials)
        #expect(test.trials.allSatisfy { $0.right != nil && $0.questions == ["abx"] })
        let read = try ListeningTest(key: test.key.canonicalBytes, path: "k")
        #expect(read.trials == test.trials && read.systems == ["x", "y"] && read.id == test.id)
        let changed = test.key.canonical.replacing("\"right\":\"a\"", with: "\"right\":\"b\"")
        #expect(throws: JudgingError.self) { try ListeningTest(key: Array(changed.utf8), path: "k") }
    }

    @Test func anAnswerToAnotherTestIsRefused() throws {
        let test = try Self.test()
        let place = try #require(test.trials.firstIndex { $0.purpose == .systems })
        let good = "\(ListeningAnswer.header)\n\(test.id),me,\(place + 1),overall,b,3.5,2\n"
        #expect(
            try ListeningAnswer.read(good, path: "a.csv", of: test) == [
                ListeningAnswer(
                    listener: "me", trial: place + 1, question: "overall", answer: .b, seconds: 3.5, plays: 2)
            ])
        // A spreadsheet ends lines in CRLF.
        #expect(
            try ListeningAnswer.read(good.replacing("\n", with: "\r\n"), path: "a", of: test).count == 1)
        for bad in [
            good.replacing(test.id, with: "0123"), good.replacing(",b,", with: ",c,"),
            good.replacing("overall", with: "abx"),
            good.replacing(",\(place + 1),", with: ",99,"), "x\n",
        ] {
            #expect(throws: JudgingError.self) { try ListeningAnswer.read(bad, path: "a.csv", of: test) }
        }
        let twice = try ListeningAnswer.read(good + good.split(separator: "\n")[1], path: "a", of: test)
        #expect(throws: JudgingError.self) { try ListeningResults(of: twice, to: test) }
    }

    /// Who guesses is not told from the truth of one half, and passes the control trials seldom: 9 of 256.
    @Test func aGuesserIsFoundAndAPerfectListenerCounts() throws {
        let test = try Self.test(.abx)
        var random = SplitMix64(seed: 5)
        var passed = 0
        for _ in 0..<1000 {
            let guesses = Self.answers("g", test) { _, _ in random.index(below: 2) == 0 ? .a : .b }
            let perfect = Self.answers("p", test) { trial, _ in trial.right ?? .a }
            let results = try ListeningResults(of: guesses + perfect, to: test)
            if results.listeners[0].counts { passed += 1 }
            #expect(results.listeners[1].counts && results.listeners[1].right == 8)
            guard !results.listeners[0].counts else { continue }
            let pair = try #require(results.pairs.first)
            #expect(pair.share.share == 1 && pair.share.answers == 10)
            #expect(abs(pair.share.p - 1.0 / 1024) < 1e-12 && pair.corrected == pair.share.p)
        }
        // 35.2 expected, with a standard deviation of 5.8.
        #expect((15...56).contains(passed))
        let guesser = Self.answers("g", test) { _, _ in .a }
        #expect(throws: JudgingError.self) { try ListeningResults(of: guesser, to: test) }
    }

    /// Intervals cover a planted share in at least 93 % of 1,000 tests, with one listener and with twelve who differ.
    @Test(arguments: [(1, 0.7, 0.0), (1, 0.5, 0.0), (12, 0.7, 0.0), (12, 0.7, 0.15)])
    func intervalsCoverAPlantedPreference(_ listeners: Int, _ share: Double, _ spread: Double) throws {
        var random = SplitMix64(seed: 7)
        func uniform() -> Double { Double(random.next() >> 11) / 0x1p53 }
        var (covered, rejected) = (0, 0)
        for _ in 0..<1000 {
            let wins = (0..<listeners).flatMap { listener -> [(listener: String, isWin: Bool)] in
                let own = share + spread * (2 * uniform() - 1)
                return (0..<20).map { _ in ("\(listener)", uniform() < own) }
            }
            let found = try #require(ListeningResults.share(wins, isOneSided: false, resamples: 500))
            if found.interval.contains(share) { covered += 1 }
            if found.p <= 0.05 { rejected += 1 }
        }
        #expect(covered >= 930)
        // Where there is no preference, no more are found than the level allows.
        if share == 0.5 { #expect(rejected <= 70) }
    }

    /// Student's quantile at 0.975 is 2.364624 with 7 degrees of freedom and 2.009575 with 49 (scipy.stats.t.ppf), and
    /// scipy.special.erf gives the confidences.
    @Test func fewListenersRaiseTheConfidence() {
        #expect(abs(ListeningResults.expandedConfidence(8) - 0.988525) < 5e-4)
        #expect(abs(ListeningResults.expandedConfidence(50) - 0.957641) < 1e-5)
    }

    @Test func aPlantedPreferenceReachesTheTable() throws {
        let test = try Self.test(.preference, ["x", "y", "z"], pieces: 20)
        // All prefer x to y and z; of y and z they choose A.
        let answers = (0..<3).flatMap { number in
            Self.answers("l\(number)", test) { trial, _ in
                trial.right ?? (trial.a == "x" ? .a : trial.b == "x" ? .b : .a)
            }
        }
        let results = try ListeningResults(of: answers, to: test)
        let shares = results.preferences.filter { $0.question == "overall" }
        #expect(shares.map(\.system) == ["x", "y", "z"])
        #expect(shares.map(\.share.share) == [1, 0.25, 0.25] && shares[0].share.answers == 120)
        let pairs = results.pairs.filter { $0.question == "overall" }
        #expect(pairs.map { [$0.first, $0.second] } == [["x", "y"], ["x", "z"], ["y", "z"]])
        #expect(pairs[0].share.interval == Binomial.interval(of: 60, in: 60))
        // Six tests: the smallest p value counts six times.
        #expect(pairs[0].corrected == 6 * pairs[0].share.p && pairs[2].corrected == 1)
        #expect(results.listeners.allSatisfy { $0.counts && $0.choseA == 2 && $0.identical == 2 })

        let read = try ListeningResults.preferences(json: results.json.canonicalBytes, path: "r")
        #expect(read.map(\.system) == results.preferences.map(\.system))
        #expect(read.map(\.share) == results.preferences.map(\.share))
        #expect(results.csv.split(separator: "\n").count == 7)
        #expect(throws: JudgingError.self) {
            try ListeningResults.preferences(json: Array("{}".utf8), path: "r")
        }
    }
}

/// Held against scipy and statsmodels (tools/oracles/listening_golden.py).
struct BinomialTests {
    private let file: TensorFile

    init() throws { file = try golden("listening") }

    @Test func intervalsAndTestsAreScipys() throws {
        let counts: [Int64] = try file.tensor("counts").elements
        let wanted: [Double] = try file.tensor("binomial").elements
        #expect(wanted.count == 6 * counts.count / 2)
        for place in 0..<counts.count / 2 {
            let (count, trials) = (Int(counts[2 * place]), Int(counts[2 * place + 1]))
            let (usual, wide) = (
                Binomial.interval(of: count, in: trials),
                Binomial.interval(of: count, in: trials, confidence: 0.99)
            )
            let ours = [
                usual.lowerBound, usual.upperBound, wide.lowerBound, wide.upperBound,
                Binomial.twoSided(count, of: trials), Binomial.atLeast(count, of: trials),
            ]
            for (got, want) in zip(ours, wanted[6 * place..<6 * place + 6]) {
                #expect(abs(got - want) < 1e-9, "\(count) of \(trials)")
            }
        }
    }

    @Test func holmIsStatsmodels() throws {
        for number in 0..<6 {
            let values: [Double] = try file.tensor("holm.\(number).p").elements
            let wanted: [Double] = try file.tensor("holm.\(number).corrected").elements
            let ours = Binomial.holm(values)
            #expect(ours.count == wanted.count && zip(ours, wanted).allSatisfy { abs($0 - $1) < 1e-15 })
        }
    }
}
