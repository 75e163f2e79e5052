import Files
import Storage

/// An action as far as it is known: what depends on actions that have not run is nil.
///
/// The build describes every action once, as a draft. The engine runs it, when everything it depends on has run; a plan
/// notes it.
struct ActionDraft: Sendable {
    let stage: Stage
    /// Nil while they are not known.
    let parameters: Parameters?
    /// In the stage's order; a digest is nil while it is not known.
    let inputs: [(name: String, digest: Digest?)]
    let subject: String
    /// The action; nil while parameters or inputs are not known.
    let action: Action?
    /// False where a source that has not been read may still do away with the action: with its size it decides how a
    /// trie is divided.
    let isCertain: Bool
    /// What another process needs to run the action; nil of actions that are not left to workers in this form.
    var task: WorkTask?
    /// Gives the detail; nil where it is the action's own parameters and inputs.
    private let makeDetail: (@Sendable () -> Detail)?

    /// Parameters and inputs one by one, where the action itself has lists of them.
    struct Detail: Sendable {
        /// Nil while they are not known.
        let parameters: Parameters?
        let inputs: [(name: String, digest: Digest?)]
    }

    init(
        _ stage: Stage, parameters: Parameters?, inputs: [(name: String, digest: Digest?)], subject: String,
        isCertain: Bool = true, detail: (@Sendable () -> Detail)? = nil
    ) {
        self.stage = stage
        self.parameters = parameters
        self.inputs = inputs
        self.subject = subject
        self.isCertain = isCertain
        makeDetail = detail
        let known = inputs.compactMap { input in input.digest.map { Input(input.name, $0) } }
        action = parameters.flatMap { parameters in
            known.count == inputs.count
                ? Action(stage, parameters: parameters, inputs: known, subject: subject) : nil
        }
    }

    /// What is compared with the last build to say why the action runs; only a plan asks.
    var detail: Detail { makeDetail?() ?? Detail(parameters: parameters, inputs: inputs) }

    /// The same with another version of its stage.
    func with(_ stage: Stage) -> ActionDraft {
        ActionDraft(
            stage, parameters: parameters, inputs: inputs, subject: subject, isCertain: isCertain,
            detail: makeDetail)
    }

    /// What tells an action from the others of one build.
    struct Identity: Hashable {
        let stage: String
        let subject: String
    }

    var identity: Identity { Identity(stage: stage.name, subject: subject) }
}

extension [ActionDraft] {
    /// The recorded result of each; nil where there is none, or the action is not known yet.
    ///
    /// - Parameter lookup: gives the results of actions, in their order.
    /// - Returns: a result, or nil, for each.
    /// - Throws: what the lookup throws.
    func records(
        _ lookup: ([Action]) throws(BuildError) -> [ActionRecord?]
    ) throws(BuildError) -> [ActionRecord?] {
        let known = indices.filter { self[$0].action != nil }
        let found = try lookup(known.compactMap { self[$0].action })
        var records = [ActionRecord?](repeating: nil, count: count)
        for (index, record) in zip(known, found) { records[index] = record }
        return records
    }
}
