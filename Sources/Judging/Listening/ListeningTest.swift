internal import Audio
public import Files
import Statistics

/// A blind test of systems by listeners: its trials, and the key that says which system each side is.
public struct ListeningTest: Sendable {
    /// What listeners are asked.
    public enum Kind: String, Sendable {
        /// Which of two outputs is better, in one or more respects.
        case preference
        /// Which of two outputs a third one is.
        case abx
    }

    /// A side of a trial.
    public enum Side: String, Sendable {
        case a, b
    }

    /// What a trial is for.
    public enum Purpose: String, Sendable {
        /// Two systems' outputs of a piece.
        case systems
        /// The same output on both sides: whether a listener prefers a side.
        case identical
        /// The content and another piece, which have a right answer: whether a listener listens.
        case control
    }

    /// A question about two sounds, A and B.
    public struct Trial: Sendable, Equatable {
        /// The piece's path.
        public let piece: String
        /// What it is for.
        public let purpose: Purpose
        /// The names of its questions.
        public let questions: [String]
        /// What A is: a system's name, or `content`.
        public let a: String
        /// What B is.
        public let b: String
        /// The right answer, where there is one: for ABX, what X is.
        public let right: Side?
    }

    /// The files of a trial.
    public struct Clips: Sendable {
        /// A's.
        public let a: String
        /// B's.
        public let b: String
        /// The content's.
        public let content: String
    }

    /// A system and its outputs.
    public struct System: Sendable {
        let name: String
        let outputs: [String: String]

        /// A system with its files by the content's path.
        public init(name: String, outputs: [OutputPair]) {
            self.name = name
            self.outputs = Dictionary(outputs.map { ($0.content, $0.output) }, uniquingKeysWith: { $1 })
        }
    }

    /// What listeners are asked.
    public let kind: Kind
    /// The systems' names.
    public let systems: [String]
    /// The trials, in the order in which they are heard.
    public let trials: [Trial]

    /// How many trials of each test have a known answer.
    ///
    /// Who guesses passes with a probability of 3.5 %, who errs once in twenty with one of 94 %.
    public static let controlCount = 8
    /// How many trials have the same output on both sides.
    static let identicalCount = 2

    /// Draws the trials of a test: each pair of systems for each piece, and those that check the listener.
    ///
    /// Each system is A in half of its trials. The order is random.
    ///
    /// - Parameters:
    ///   - kind: What listeners are asked.
    ///   - systems: Two or more.
    ///   - hasExamples: Whether listeners hear examples of the style, and are asked about it.
    ///   - limit: The most pieces, drawn at random.
    ///   - seed: Of all that is random.
    /// - Returns: The test, and the files of each trial.
    /// - Throws: `judge.usage` for fewer than two pieces that all systems have.
    public static func draw(
        _ kind: Kind, systems: [System], hasExamples: Bool, limit: Int?, seed: UInt64
    ) throws(JudgingError) -> (test: ListeningTest, clips: [Clips]) {
        var random = SplitMix64(seed: seed)
        let common = systems[0].outputs.keys.filter { path in
            systems.allSatisfy { $0.outputs[path] != nil }
        }.sorted()
        var order = Array(common.indices)
        random.shuffle(&order)
        let pieces = order.prefix(limit ?? .max).map { common[$0] }
        guard pieces.count > 1 else {
            throw JudgingError(
                .usage, "a listening test needs two pieces of which every folder has an output")
        }
        func side() -> Side { random.index(below: 2) == 0 ? .a : .b }
        var drawn: [(trial: Trial, clips: Clips)] = []
        func add(
            _ purpose: Purpose, _ piece: String, _ questions: [String], _ sounds: [(String, String)],
            firstIs: Side, right: Side?
        ) {
            let (a, b) = firstIs == .a ? (sounds[0], sounds[1]) : (sounds[1], sounds[0])
            drawn.append(
                (
                    Trial(
                        piece: piece, purpose: purpose, questions: questions, a: a.0, b: b.0, right: right),
                    Clips(a: a.1, b: b.1, content: piece)
                ))
        }
        let asked = kind == .abx ? ["abx"] : (hasExamples ? ["style"] : []) + ["content", "overall"]
        for first in systems.indices {
            for second in systems.indices where second > first {
                let pair = [systems[first], systems[second]]
                var turns = Array(pieces.indices)
                random.shuffle(&turns)
                for (place, piece) in pieces.enumerated() {
                    add(
                        .systems, piece, asked, pair.map { ($0.name, $0.outputs[piece] ?? "") },
                        firstIs: turns[place].isMultiple(of: 2) ? .a : .b,
                        right: kind == .abx ? side() : nil)
                }
            }
        }
        for number in 0..<controlCount {
            let piece = number % pieces.count
            let other = (piece + 1 + random.index(below: pieces.count - 1)) % pieces.count
            let first = side()
            add(
                .control, pieces[piece], [kind == .abx ? "abx" : "content"],
                [("content", pieces[piece]), ("another piece", pieces[other])], firstIs: first,
                right: kind == .abx ? side() : first)
        }
        // Of ABX there is no answer to such a question.
        for number in 0..<(kind == .abx ? 0 : identicalCount) {
            let (piece, system) = (pieces[number % pieces.count], systems[number % systems.count])
            let sound = (system.name, system.outputs[piece] ?? "")
            add(.identical, piece, ["overall"], [sound, sound], firstIs: .a, right: nil)
        }
        var turns = Array(drawn.indices)
        random.shuffle(&turns)
        let test = ListeningTest(
            kind: kind, systems: systems.map(\.name), trials: turns.map { drawn[$0].trial })
        return (test, turns.map { drawn[$0].clips })
    }

    /// What tells this test from others: the beginning of the key's hash.
    public var id: String { String(Digest(of: content.canonicalBytes).hex.prefix(16)) }

    /// The key: docs/formats.md, Command line.
    public var key: JSONValue {
        guard case .object(var members) = content else { return content }
        members["test"] = .string(id)
        return .object(members)
    }

    private var content: JSONValue {
        [
            "kind": .string(kind.rawValue), "systems": .array(systems.map { .string($0) }),
            "trials": .array(
                trials.map { trial in
                    [
                        "piece": .string(trial.piece), "purpose": .string(trial.purpose.rawValue),
                        "questions": .array(trial.questions.map { .string($0) }),
                        "a": .string(trial.a), "b": .string(trial.b),
                        "right": trial.right.map { .string($0.rawValue) } ?? .null,
                    ]
                }),
        ]
    }

    private init(kind: Kind, systems: [String], trials: [Trial]) {
        (self.kind, self.systems, self.trials) = (kind, systems, trials)
    }

    /// Reads a key.
    ///
    /// - Throws: `judge.file` for one that is damaged or changed.
    public init(key bytes: [UInt8], path: String) throws(JudgingError) {
        let fault = JudgingError(.file, "\(path) is not the key of a listening test, or was changed")
        guard let value = try? JSONValue(parsing: bytes), let kind = value["kind"]?.string.flatMap(Kind.init),
            let systems = value["systems"]?.array?.compactMap(\.string), let trials = value["trials"]?.array
        else { throw fault }
        self.init(
            kind: kind, systems: systems,
            trials: trials.compactMap { trial in
                guard let piece = trial["piece"]?.string, let a = trial["a"]?.string,
                    let b = trial["b"]?.string,
                    let purpose = trial["purpose"]?.string.flatMap(Purpose.init),
                    let questions = trial["questions"]?.array?.compactMap(\.string)
                else { return nil }
                return Trial(
                    piece: piece, purpose: purpose, questions: questions, a: a, b: b,
                    right: trial["right"]?.string.flatMap(Side.init))
            })
        guard value["test"]?.string == id else { throw fault }
    }

    /// How much softer each recording must be played so that all are equally loud.
    ///
    /// - Parameter paths: Recordings; their loudness is integrated (ITU-R BS.1770-4), of the mean of the channels.
    /// - Returns: A factor of the amplitude, at most 1, for each: 1 for the softest that is not below −36 LUFS, and for
    ///   those below.
    /// - Throws: what `Sound` throws.
    public static func gains(ofRecordings paths: [String]) throws -> [Double] {
        let levels = try paths.map { path in
            let sound = try Sound(path: path)
            return try AudioLevels(of: sound.samples, sampleRate: sound.sampleRate).integratedLoudness
                ?? -.infinity
        }
        let target = levels.filter { $0 >= -36 }.min() ?? 0
        return levels.map { $0.isFinite ? min(1, pow10((target - $0) / 20)) : 1 }
    }
}
