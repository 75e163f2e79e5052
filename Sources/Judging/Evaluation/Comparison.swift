public import Files

/// What several systems made of the same contents, side by side with answers that need no system.
public struct Comparison: Sendable {
    /// What one of them reaches, in a word.
    public enum Verdict: String, Sendable {
        /// The style is nearer than the content's, and more of the content is left than a random piece shares with it.
        case transfers
        /// The style alone.
        case style = "style only"
        /// The content alone.
        case content = "content only"
        /// Neither.
        case neither
        /// There are no intervals, or no judge whose word supports a claim.
        case undecided
    }

    /// The systems with their measures; all by the same judges, beside the same baselines.
    public let systems: [(name: String, judgement: Judgement)]
    /// What listeners preferred in a blind test; empty without one.
    public let preferences: [ListeningResults.Preference]

    /// Puts systems side by side.
    ///
    /// - Parameters:
    ///   - systems: At least one, all judged in one evaluation.
    ///   - preferences: The results of a listening test. A system's are those of the folder whose last part is its name.
    /// - Throws: `judge.usage` for results that are of none of the systems.
    public init(
        _ systems: [(name: String, judgement: Judgement)], preferences: [ListeningResults.Preference] = []
    ) throws(JudgingError) {
        precondition(!systems.isEmpty, "a comparison needs a system")
        (self.systems, self.preferences) = (systems, preferences)
        guard preferences.isEmpty || systems.contains(where: { heard($0.name) != nil }) else {
            let tested = Set(preferences.map(\.system)).sorted().joined(separator: ", ")
            throw JudgingError(
                .usage, "the listening test has results of \(tested), which are none of the systems compared")
        }
    }

    /// The questions that listeners were asked.
    public var questions: [String] {
        preferences.questions
    }

    /// What listeners preferred of a system or a baseline: a share for each question.
    public func heard(_ name: String) -> [String: ListeningResults.Share]? {
        let last = String(name.split(separator: "/").last ?? "")
        let own = preferences.filter { $0.system == last }
        return own.isEmpty
            ? nil : Dictionary(own.map { ($0.question, $0.share) }, uniquingKeysWith: { $1 })
    }

    /// The judges, the contents and the baselines, which are the same for all.
    public var common: Judgement { systems[0].judgement }

    /// The judge that a verdict relies on: of those whose word supports a claim, the most accurate.
    public var judge: JudgeRecord? {
        common.judges.filter { common.trustworthyJudges.contains($0.name) }
            .max { ($0.balancedAccuracy ?? 0) < ($1.balancedAccuracy ?? 0) }
    }

    /// The measure of content that a verdict relies on.
    static let contentMeasure = "chroma_similarity"

    /// Whether style rises above the untouched content, and content stays above a piece of the target style, each by more
    /// than the 95 % intervals.
    public func verdict(of judgement: Judgement) -> Verdict {
        guard let judge else { return .undecided }
        let probability = "probability_\(judge.name)"
        guard let after = judgement.value(of: probability)?.interval,
            let before = judgement.value(of: probability, baseline: "content")?.interval,
            let kept = judgement.value(of: Self.contentMeasure)?.interval,
            let random = judgement.value(of: Self.contentMeasure, baseline: "target")?.interval
        else { return .undecided }
        switch (after.lowerBound > before.upperBound, kept.lowerBound > random.upperBound) {
        case (true, true): return .transfers
        case (true, false): return .style
        case (false, true): return .content
        case (false, false): return .neither
        }
    }

    /// The measures that a table shows of a group, in its order, with their headings; the others are in `--json`.
    public func measures(of group: MeasureGroup) -> [(name: String, heading: String)] {
        let nuisances = common.judges.filter(\.isNuisance).map { "probability_\($0.name)" }
        return common.outputs.filter { $0.group == group }.compactMap { value in
            let name = value.name
            switch group {
            case .style where name.hasPrefix("probability_") && !nuisances.contains(name):
                return (name, "P \(name.dropFirst("probability_".count))")
            case .style where name.hasPrefix("profile_") && name.hasSuffix("_of_all"):
                return (name, Self.words(name.dropFirst("profile_".count).dropLast("_of_all".count)))
            case .content where Self.contentMeasures.contains(name):
                return (name, Self.words(name.replacing("_similarity", with: "")[...]))
            case .quality where Self.qualityMeasures.contains(name), .novelty:
                return (name, Self.words(name[...]))
            default: return nil
            }
        }
    }

    private static let contentMeasures: Set<String> = [
        "chroma_similarity", "onset_similarity", "note_f1", "bass_f1", "beat_f1",
    ]
    private static let qualityMeasures: Set<String> = [
        "density_ratio", "empty_beat_rate", "silence", "clipping", "kernel_distance", "overlap_area",
    ]

    private static func words(_ name: Substring) -> String { String(name).replacing("_", with: " ") }

    /// As `--json` prints it: docs/formats.md, Command line.
    public var json: JSONValue {
        [
            "dataset": .string(common.dataset), "snapshot": JSONValue(common.snapshot),
            "label": .string(common.label), "style": .string(common.style),
            "judge": judge.map { .string($0.name) } ?? .null,
            "systems": .array(
                systems.map { system in
                    var members: [String: JSONValue] = [
                        "name": .string(system.name),
                        "verdict": .string(verdict(of: system.judgement).rawValue),
                        "evaluation": system.judgement.json,
                    ]
                    members["listening"] = heard(system.name).map { .object($0.mapValues(\.json)) }
                    return .object(members)
                }),
        ]
    }
}
