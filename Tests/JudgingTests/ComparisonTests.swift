import Files
import Testing

@testable import Judging

/// Systems side by side: what the table shows, and what it concludes.
struct ComparisonTests {
    private static func value(
        _ group: MeasureGroup, _ name: String, _ interval: ClosedRange<Double>?
    ) -> Judgement.Value {
        Judgement.Value(
            group: group, name: name, value: interval.map { ($0.lowerBound + $0.upperBound) / 2 } ?? 0.5,
            interval: interval)
    }

    /// A judge that is right on this share of ten pieces of each style.
    private static func judge(_ name: String, _ accuracy: Double, isNuisance: Bool = false) -> JudgeRecord {
        let right = Int(accuracy * 10)
        let labels = (0..<20).map { $0 / 10 }
        let probabilities = (0..<20).map { number -> [Double] in
            let said = number % 10 < right ? labels[number] : 1 - labels[number]
            return said == 0 ? [0.9, 0.1] : [0.1, 0.9]
        }
        return JudgeRecord(
            name: name, sees: "", isNuisance: isNuisance, styles: ["a", "b"],
            pieces: (0..<20).map(String.init),
            labels: labels, probabilities: probabilities, shuffledAccuracy: nil)
    }

    /// A system with these intervals; the content has P 0.1 to 0.3, a piece of the style chroma 0.4 to 0.5.
    private static func judgement(
        style: ClosedRange<Double>?, chroma: ClosedRange<Double>?, judges: [JudgeRecord]
    ) -> Judgement {
        Judgement(
            dataset: "d", snapshot: Digest(of: []), label: "style", style: "b", files: 9, pieces: 9,
            judgedPieces: ["a": 9, "b": 9], judges: judges,
            outputs: [
                value(.style, "probability_notes", style), value(.style, "probability_nuisance", 0.5...0.6),
                value(.style, "profile_intervals_4_of_all", nil),
                value(.style, "profile_intervals_4", nil), value(.content, "chroma_similarity", chroma),
                value(.content, "bar_chroma_similarity", chroma), value(.novelty, "copied_share", nil),
            ], single: [],
            baselines: [
                ("content", [value(.style, "probability_notes", 0.1...0.3)]),
                ("target", [value(.content, "chroma_similarity", 0.4...0.5)]), ("rule", []),
            ], remarks: [])
    }

    private static let judges = [judge("notes", 0.9), judge("nuisance", 0.6, isNuisance: true)]

    @Test(arguments: [
        (0.31...0.5, 0.51...0.6, Comparison.Verdict.transfers), (0.31...0.5, 0.49...0.6, .style),
        (0.3...0.5, 0.51...0.6, .content), (0.2...0.4, 0.1...0.2, .neither),
    ])
    func verdictsNeedMoreThanTheIntervals(
        _ style: ClosedRange<Double>, _ chroma: ClosedRange<Double>, _ verdict: Comparison.Verdict
    ) throws {
        let judgement = Self.judgement(style: style, chroma: chroma, judges: Self.judges)
        #expect(try Comparison([("x", judgement)]).verdict(of: judgement) == verdict)
    }

    @Test func withoutIntervalsOrAJudgeThereIsNoVerdict() throws {
        let few = Self.judgement(style: nil, chroma: 0.51...0.6, judges: Self.judges)
        #expect(try Comparison([("x", few)]).verdict(of: few) == .undecided)
        // The nuisance judge is as good.
        let doubtful = Self.judgement(
            style: 0.8...0.9, chroma: 0.8...0.9,
            judges: [Self.judge("notes", 0.9), Self.judge("nuisance", 0.9, isNuisance: true)])
        #expect(try Comparison([("x", doubtful)]).judge == nil)
        #expect(try Comparison([("x", doubtful)]).verdict(of: doubtful) == .undecided)
    }

    @Test func aSweepTakesTheStrongestStyleThatKeepsTheContent() throws {
        func choice(
            _ points: [(style: ClosedRange<Double>?, chroma: ClosedRange<Double>?)],
            _ judges: [JudgeRecord] = Self.judges
        ) throws -> SettingChoice? {
            try Comparison(
                points.enumerated().map {
                    ("\($0)", Self.judgement(style: $1.style, chroma: $1.chroma, judges: judges))
                }
            ).choice
        }
        // The random piece's chroma ends at 0.5: the third, strongest in style, is not above it.
        let points = [(0.2...0.4, 0.8...0.9), (0.6...0.8, 0.51...0.7), (0.8...1.0, 0.5...0.7)]
        #expect(try choice(points) == SettingChoice(place: 1, judge: "notes", keeping: [true, true, false]))
        // Equal in style: the more similar one. Equal in all: the first.
        #expect(try choice([(0.4...0.6, 0.6...0.7), (0.4...0.6, 0.7...0.8)])?.place == 1)
        #expect(try choice([(0.4...0.6, 0.6...0.7), (0.4...0.6, 0.6...0.7)])?.place == 0)
        // None keeps it: the one that keeps most.
        #expect(
            try choice([(0.8...1.0, 0.1...0.2), (0.2...0.4, 0.3...0.4)])
                == SettingChoice(place: 1, judge: "notes", keeping: [false, false]))
        // Where no judge supports a claim, the most accurate one still decides.
        let doubtful = [Self.judge("notes", 0.9), Self.judge("nuisance", 0.9, isNuisance: true)]
        #expect(try choice(points, doubtful)?.place == 1)
        #expect(try choice(points, [Self.judge("nuisance", 0.9, isNuisance: true)]) == nil)
    }

    @Test func theTableShowsTheMainMeasures() throws {
        let comparison = try Comparison([
            ("x", Self.judgement(style: 0...1, chroma: 0...1, judges: Self.judges))
        ])
        #expect(comparison.measures(of: .style).map(\.heading) == ["P notes", "intervals 4"])
        #expect(comparison.measures(of: .content).map(\.heading) == ["chroma"])
        #expect(comparison.measures(of: .novelty).map(\.heading) == ["copied share"])
    }

    @Test func aListeningTestIsPartOfTheTable() throws {
        let judgement = Self.judgement(style: 0.4...0.5, chroma: 0.6...0.7, judges: Self.judges)
        let share = ListeningResults.Share(answers: 10, share: 0.7, interval: 0.4...0.9, p: 0.3)
        let preferences = [("x", "content"), ("x", "overall"), ("content", "overall")].map {
            ListeningResults.Preference(system: $0.0, question: $0.1, share: share)
        }
        // A folder's name is its last part.
        let comparison = try Comparison(
            [("out/x", judgement), ("y", judgement)], preferences: preferences)
        #expect(comparison.questions == ["content", "overall"])
        #expect(comparison.heard("out/x") == ["content": share, "overall": share])
        #expect(comparison.heard("content") == ["overall": share] && comparison.heard("y") == nil)
        let systems = try #require(comparison.json["systems"]?.array)
        #expect(systems[0]["listening"]?["overall"] == share.json && systems[1]["listening"] == nil)
        // Results of other systems are no row of this table.
        #expect(throws: JudgingError.self) { try Comparison([("z", judgement)], preferences: preferences) }
    }
}
