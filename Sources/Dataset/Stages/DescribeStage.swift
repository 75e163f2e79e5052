import Audio
import Build
import Symbolic
import Tensors

/// What statistics want to know of one source, from what its first stage made.
///
/// Nothing that trains depends on it.
enum DescribeStage {
    /// The action that describes a source; nil if there is nothing to describe: no score, and no mel.
    static func action(of record: ActionRecord, path: String) -> Action? {
        if let score = record.outputs["score"] {
            return Action(Stages.describe, inputs: [Input("score", score.digest)], subject: path)
        }
        return mel(of: record).map { Action(Stages.describeMel, inputs: [$0], subject: path) }
    }

    /// Features that are stored as a linear mel, the one that is described first.
    static let melNames = ["mel", "mfcc"]

    /// A source's linear mel; `mfcc` is stored as the mel that it is derived from.
    static func mel(of record: ActionRecord) -> Input? { mel(record.outputs) }

    /// The same, of the objects of a source.
    static func mel(_ objects: [String: ObjectReference]) -> Input? {
        melNames.lazy.compactMap { name in objects[name].map { Input(name, $0.digest) } }.first
    }

    /// What the first stage still has of the input when it has just run.
    enum AtHand {
        /// The score itself.
        case score(Score)
        /// The description, added up while the mel was made.
        case mel(MelDescription)
    }

    /// Describes the input, which need not be read if it is at hand.
    static func run(_ context: ActionContext, _ atHand: AtHand?) throws {
        context.facts =
            switch atHand {
            case .score(let score): ScoreDescription(score).json
            case .mel(let description): description.json
            case nil:
                try facts(
                    context.action, bytes: { try context.bytes(of: $0) },
                    withFile: { name, body in try context.withFile(of: name, body) })
            }
    }

    /// The facts of an action that was never recorded, found without recording them.
    static func facts(_ action: Action, _ cache: Cache) throws -> JSONValue {
        try facts(
            action, bytes: { try cache.bytes(of: action.input($0)) },
            withFile: { name, body in try cache.withFile(of: action.input(name), body) })
    }

    private static func facts(
        _ action: Action, bytes: (String) throws -> [UInt8],
        withFile: (String, (String) throws -> JSONValue) throws -> JSONValue
    ) throws -> JSONValue {
        if action.stage == Stages.describe {
            return ScoreDescription(try Score(decoding: TensorFile(bytes: bytes("score")))).json
        }
        let name = action.inputs[0].name
        return try withFile(name) { try MelDescription(TensorFile(path: $0), name).json }
    }
}
