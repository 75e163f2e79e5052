public import Files
import Statistics

/// What was measured of a folder of outputs, beside answers that need no system.
public struct Judgement: Sendable {
    /// A measure of one answer.
    public struct Value: Sendable {
        /// What it is about.
        public let group: MeasureGroup
        /// Its name.
        public let name: String
        /// The mean over pieces, or the measure of the whole set.
        public let value: Double
        /// The 95 % interval by a bootstrap over pieces; nil for a measure of the whole set, or fewer than 8 pieces.
        public let interval: ClosedRange<Double>?
    }

    /// The dataset's name and its snapshot.
    public let dataset: String
    /// The snapshot's hash.
    public let snapshot: Digest
    /// The label, and its value that was aimed at.
    public let label: String
    /// The style that was aimed at.
    public let style: String
    /// The pairs of output and content.
    public let files: Int
    /// The pieces that the contents are versions of.
    public let pieces: Int
    /// The pieces that judges and references are made of, by style.
    public let judgedPieces: [String: Int]
    /// The judges.
    public let judges: [JudgeRecord]
    /// The measures of the outputs.
    public let outputs: [Value]
    /// The measures of each output by its name; nil where a measure is not defined.
    public let single: [(name: String, values: [(name: String, value: Double?)])]
    /// The measures of the answers that need no system, by name: `content`, `target`, `rule`.
    public let baselines: [(name: String, values: [Value])]

    /// A measure of the outputs, or of a baseline; nil where there is none.
    func value(of name: String, baseline: String? = nil) -> Value? {
        let values = baseline == nil ? outputs : baselines.first { $0.name == baseline }?.values
        return values?.first { $0.name == name }
    }
    /// What limits the claims that these numbers support.
    public let remarks: [String]

    /// The judges that tell the target style from the rest at least 5 points better than every nuisance judge.
    public var trustworthyJudges: Set<String> {
        let nuisance = judges.filter(\.isNuisance).compactMap(\.balancedAccuracy).max() ?? 0
        return Set(
            judges.filter { !$0.isNuisance && ($0.balancedAccuracy ?? 0) >= nuisance + 0.05 }.map(\.name))
    }

    /// As `--json` prints it: docs/formats.md, Command line.
    public var json: JSONValue {
        func numbers(_ values: [Value]) -> JSONValue {
            .object(Dictionary(values.map { ($0.name, .number($0.value)) }, uniquingKeysWith: { $1 }))
        }
        func intervals(_ values: [Value]) -> JSONValue {
            .object(
                Dictionary(
                    values.compactMap { value in
                        value.interval.map {
                            (value.name, [.number($0.lowerBound), .number($0.upperBound)])
                        }
                    }, uniquingKeysWith: { $1 }))
        }
        let trusted = trustworthyJudges
        return [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot), "label": .string(label),
            "style": .string(style), "files": JSONValue(files), "pieces": JSONValue(pieces),
            "judged_pieces": .object(judgedPieces.mapValues { JSONValue($0) }),
            "judges": .array(
                judges.map { judge in
                    var members: [String: JSONValue] = [
                        "name": .string(judge.name), "sees": .string(judge.sees),
                        "nuisance": .bool(judge.isNuisance),
                        "supports_claims": .bool(trusted.contains(judge.name)),
                    ]
                    members["balanced_accuracy"] = judge.balancedAccuracy.map { .number($0) }
                    members["shuffled_accuracy"] = judge.shuffledAccuracy.map { .number($0) }
                    members["interval"] = judge.interval.map { [.number($0.lower), .number($0.upper)] }
                    var pairs: [String: JSONValue] = [:]
                    for first in judge.styles.indices {
                        for second in judge.styles.indices where second > first {
                            pairs["\(judge.styles[first])|\(judge.styles[second])"] =
                                judge.accuracy(between: first, and: second).map { .number($0) }
                        }
                    }
                    members["pairs"] = .object(pairs)
                    return .object(members)
                }),
            "metrics": numbers(outputs), "intervals": intervals(outputs),
            "baselines": .object(
                Dictionary(baselines.map { ($0.name, numbers($0.values)) }, uniquingKeysWith: { $1 })),
            "baseline_intervals": .object(
                Dictionary(baselines.map { ($0.name, intervals($0.values)) }, uniquingKeysWith: { $1 })),
            "outputs": .array(
                single.map { output in
                    let values = output.values.compactMap { value in
                        value.value.map { (value.name, JSONValue.number($0)) }
                    }
                    return [
                        "name": .string(output.name),
                        "metrics": .object(Dictionary(values, uniquingKeysWith: { $1 })),
                    ]
                }),
            "remarks": .array(remarks.map { .string($0) }),
        ]
    }
}
