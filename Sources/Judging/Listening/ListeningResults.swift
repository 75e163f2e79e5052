public import Files
import Statistics

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What listeners answered in a blind test: each system's share of the trials it won, with intervals and p values.
public struct ListeningResults: Sendable {
    /// A listener, and whether the answers count.
    public struct Listener: Sendable, Equatable {
        /// The code.
        public let code: String
        /// All answers.
        public let answers: Int
        /// Answered trials that have a right answer.
        public let controls: Int
        /// Of them, right ones.
        public let right: Int
        /// Answered trials with the same output on both sides.
        public let identical: Int
        /// Of them, those answered with A.
        public let choseA: Int
        /// Whether so many right controls have a probability of at most 5 % for who guesses.
        public let counts: Bool
    }

    /// A share of answers, 0 to 1.
    public struct Share: Sendable, Equatable {
        /// The answers.
        public let answers: Int
        /// The share: of all answers, or from 8 listeners on the mean of the listeners' shares.
        public let share: Double
        /// Its 95 % interval.
        public let interval: ClosedRange<Double>
        /// The p value of a true share of one half; of ABX, of no more than that.
        public let p: Double
    }

    /// How a system did in the trials that it took part in.
    public struct Preference: Sendable {
        /// The system.
        public let system: String
        /// The question.
        public let question: String
        /// The share of answers for it.
        public let share: Share
    }

    /// How two systems did against each other.
    public struct Pair: Sendable {
        /// The first system.
        public let first: String
        /// The second.
        public let second: String
        /// The question.
        public let question: String
        /// The share of answers for the first; of ABX, of right answers.
        public let share: Share
        /// The p value, corrected for all pairs and questions (Holm).
        public let corrected: Double
    }

    /// The test.
    public let test: ListeningTest
    /// The listeners, by their codes.
    public let listeners: [Listener]
    /// The systems' shares; none of ABX.
    public let preferences: [Preference]
    /// The pairs.
    public let pairs: [Pair]

    /// Counts the answers to a test.
    ///
    /// Listeners who do no better than guessing on the trials with a right answer are left out.
    ///
    /// - Throws: `judge.usage` if a listener answered a question twice, or nobody's answers count.
    public init(of answers: [ListeningAnswer], to test: ListeningTest) throws(JudgingError) {
        self.test = test
        var seen: Set<String> = []
        for answer in answers
        where !seen.insert("\(answer.listener)\n\(answer.trial)\n\(answer.question)").inserted {
            throw JudgingError(
                .usage,
                "listener \(answer.listener) answered question '\(answer.question)' of trial \(answer.trial) twice; give each listener's last file alone"
            )
        }
        listeners = Dictionary(grouping: answers, by: \.listener).sorted { $0.key < $1.key }.map {
            Self.listener($0.key, $0.value, test)
        }
        let counted = Set(listeners.filter(\.counts).map(\.code))
        guard !counted.isEmpty else {
            throw JudgingError(
                .usage,
                "no listener's answers count: none has enough right answers to the \(ListeningTest.controlCount) control trials"
            )
        }
        let heard = answers.filter { counted.contains($0.listener) }.map {
            (answer: $0, trial: test.trials[$0.trial - 1])
        }.filter { $0.trial.purpose == .systems }

        func shares(
            _ name: String, _ question: String, against other: String? = nil
        ) -> Share? {
            let wins = heard.compactMap { answer, trial -> (listener: String, isWin: Bool)? in
                guard answer.question == question, trial.a == name || trial.b == name,
                    other == nil || trial.a == other || trial.b == other
                else { return nil }
                if let right = trial.right { return (answer.listener, answer.answer == right) }
                return (answer.listener, (answer.answer == .a ? trial.a : trial.b) == name)
            }
            return Self.share(wins, isOneSided: test.kind == .abx)
        }
        let asked = test.trials.first { $0.purpose == .systems }?.questions ?? []
        var preferences: [Preference] = []
        var pairs: [(first: String, second: String, question: String, share: Share)] = []
        for question in asked {
            for (place, system) in test.systems.enumerated() {
                if test.kind == .preference, let share = shares(system, question) {
                    preferences.append(Preference(system: system, question: question, share: share))
                }
                for second in test.systems.dropFirst(place + 1) {
                    if let share = shares(system, question, against: second) {
                        pairs.append((system, second, question, share))
                    }
                }
            }
        }
        self.preferences = preferences
        self.pairs = zip(pairs, Binomial.holm(pairs.map(\.share.p))).map { pair, corrected in
            Pair(
                first: pair.first, second: pair.second, question: pair.question, share: pair.share,
                corrected: corrected)
        }
    }

    private static func listener(
        _ code: String, _ answers: [ListeningAnswer], _ test: ListeningTest
    ) -> Listener {
        func of(_ purpose: ListeningTest.Purpose) -> [ListeningAnswer] {
            answers.filter { test.trials[$0.trial - 1].purpose == purpose }
        }
        let (controls, identical) = (of(.control), of(.identical))
        let right = controls.count { $0.answer == test.trials[$0.trial - 1].right }
        return Listener(
            code: code, answers: answers.count, controls: controls.count, right: right,
            identical: identical.count, choseA: identical.count { $0.answer == .a },
            counts: !controls.isEmpty && Binomial.atLeast(right, of: controls.count) <= 0.05)
    }

    /// The share of wins, with its interval and p value.
    ///
    /// A listener's answers are not independent. From 8 listeners on, the interval is the wider one of Clopper and
    /// Pearson's and of a bootstrap over listeners at each end, and p the greater of the binomial test's and of a test
    /// that changes the signs of the listeners' differences from one half.
    ///
    /// Percentile intervals of few listeners are too narrow. Source: Hesterberg, "What Teachers Should Know About the
    /// Bootstrap" (The American Statistician 2015), section 4.5: the expanded percentile interval.
    ///
    /// - Returns: nil without answers.
    static func share(
        _ wins: [(listener: String, isWin: Bool)], isOneSided: Bool, resamples: Int = 10_000
    ) -> Share? {
        guard !wins.isEmpty else { return nil }
        let count = wins.count { $0.isWin }
        let exact = Binomial.interval(of: count, in: wins.count)
        let p =
            isOneSided
            ? Binomial.atLeast(count, of: wins.count) : Binomial.twoSided(count, of: wins.count)
        let (values, listeners) = (wins.map { $0.isWin ? 1.0 : 0.0 }, wins.map(\.listener))
        let confidence = expandedConfidence(Set(listeners).count)
        guard
            let interval = Bootstrap.interval(
                ofMean: values, pieces: listeners, resamples: resamples, confidence: confidence)
        else {
            return Share(
                answers: wins.count, share: Double(count) / Double(wins.count), interval: exact, p: p)
        }
        let differences = Bootstrap.meanByPiece(values, pieces: listeners).sorted { $0.key < $1.key }
            .map { $0.value - 0.5 }
        return Share(
            answers: wins.count, share: interval.mean,
            interval: min(exact.lowerBound, interval.lower)...max(exact.upperBound, interval.upper),
            p: max(p, signFlips(differences, isOneSided: isOneSided, draws: resamples - 1)))
    }

    /// The confidence at which a percentile interval of a mean of so many values is as wide as Student's of 95 %; below 8
    /// values, 95 %.
    static func expandedConfidence(_ count: Int) -> Double {
        guard count >= Bootstrap.leastPieceCount else { return 0.95 }
        // The quantile of Student's distribution by that of the normal one: Abramowitz and Stegun 26.7.5.
        let (z, freedom) = (1.959963984540054, Double(count - 1))
        let t =
            z + (pow(z, 3) + z) / (4 * freedom)
            + (5 * pow(z, 5) + 16 * pow(z, 3) + 3 * z) / (96 * freedom * freedom)
        return erf(t * (Double(count) / freedom).squareRoot() / 2.0.squareRoot())
    }

    /// The p value of a mean difference of 0: how often the mean of the differences with random signs is as large.
    private static func signFlips(_ differences: [Double], isOneSided: Bool, draws: Int) -> Double {
        var random = SplitMix64(seed: 0)
        func size(_ sum: Double) -> Double { isOneSided ? sum : abs(sum) }
        // Sums of the same differences in another order may differ in their last digits.
        let observed = size(differences.reduce(0, +)) - 1e-9
        let asLarge = (0..<draws).count { _ in
            var signs = random.next()
            var left = 64
            let sum = differences.reduce(0.0) { sum, difference in
                if left == 0 { (signs, left) = (random.next(), 64) }
                defer { (signs, left) = (signs >> 1, left - 1) }
                return signs & 1 == 0 ? sum + difference : sum - difference
            }
            return size(sum) >= observed
        }
        return Double(asLarge + 1) / Double(draws + 1)
    }
}

extension ListeningResults.Share {
    /// `{"answers", "share", "interval", "p"}`.
    public var json: JSONValue { .object(members) }

    fileprivate var members: [String: JSONValue] {
        [
            "answers": JSONValue(answers), "share": .number(share),
            "interval": [.number(interval.lowerBound), .number(interval.upperBound)], "p": .number(p),
        ]
    }
}

extension ListeningResults {
    /// Reads the systems' shares from what `json` wrote.
    ///
    /// - Throws: `judge.file` for another file, and for the results of an ABX test, which have no such shares.
    public static func preferences(json bytes: [UInt8], path: String) throws(JudgingError) -> [Preference] {
        let read = (try? JSONValue(parsing: bytes))?["systems"]?.array?.compactMap { value -> Preference? in
            guard let system = value["name"]?.string, let question = value["question"]?.string,
                let answers = value["answers"]?.integer, let share = value["share"]?.double,
                let p = value["p"]?.double, let ends = value["interval"]?.array?.compactMap(\.double),
                ends.count == 2, ends[0] <= ends[1]
            else { return nil }
            return Preference(
                system: system, question: question,
                share: Share(answers: answers, share: share, interval: ends[0]...ends[1], p: p))
        }
        guard let read, !read.isEmpty else {
            throw JudgingError(
                .file, "\(path) has no preferences: it is not what 'reprise listen --answers … --json' prints"
            )
        }
        return read
    }

    /// As `--json` prints it: docs/formats.md, Command line.
    public var json: JSONValue {
        return [
            "test": .string(test.id), "kind": .string(test.kind.rawValue),
            "listeners": .array(
                listeners.map { listener in
                    [
                        "code": .string(listener.code), "counts": .bool(listener.counts),
                        "answers": JSONValue(listener.answers), "controls": JSONValue(listener.controls),
                        "right": JSONValue(listener.right), "identical": JSONValue(listener.identical),
                        "chose_a": JSONValue(listener.choseA),
                    ]
                }),
            "systems": .array(
                preferences.map { preference in
                    let names: [String: JSONValue] = [
                        "name": .string(preference.system), "question": .string(preference.question),
                    ]
                    return .object(names.merging(preference.share.members) { $1 })
                }),
            "pairs": .array(
                pairs.map { pair in
                    let names: [String: JSONValue] = [
                        "first": .string(pair.first), "second": .string(pair.second),
                        "question": .string(pair.question), "p_holm": .number(pair.corrected),
                    ]
                    return .object(names.merging(pair.share.members) { $1 })
                }),
        ]
    }

    /// The pairs as CSV: a row a pair and question.
    public var csv: String {
        let rows = pairs.map { pair in
            let share = pair.share
            let numbers = [
                share.share, share.interval.lowerBound, share.interval.upperBound, share.p, pair.corrected,
            ]
            return
                ([pair.question, pair.first, pair.second].map(CSV.cell) + [String(share.answers)]
                + numbers.map { String($0) }).joined(separator: ",") + "\n"
        }
        return "question,first,second,answers,share,low,high,p,p_holm\n" + rows.joined()
    }
}

extension Sequence<ListeningResults.Preference> {
    /// The questions that listeners were asked, in their order.
    public var questions: [String] {
        reduce(into: []) { if !$0.contains($1.question) { $0.append($1.question) } }
    }
}
