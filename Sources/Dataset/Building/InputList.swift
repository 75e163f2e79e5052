import Files
import Storage

/// Some of the very many inputs of an action: an object of their own, so that the action's record is short, and a change
/// of one input writes one list again.
///
/// Lists are the leaves of a trie over ids, so they are a pure function of the set, and most stay as they are.
struct InputList: Sendable {
    /// What one input is.
    struct Item: Sendable {
        /// Its place in the trie.
        let id: Digest
        /// What the action has to know of it.
        let value: [String: JSONValue]
        /// The objects that hold its bytes.
        let inputs: [(name: String, digest: Digest?)]

        /// Whether a plan knows what it is.
        var isKnown: Bool { inputs.allSatisfy { $0.digest != nil } }
    }

    /// The bits that the ids have in common: `01*`.
    let prefix: String
    /// The list's object; nil while a plan does not know one of the inputs.
    let bytes: [UInt8]?
    /// The list as an input of the action whose inputs it lists.
    let input: (name: String, digest: Digest?)
    /// The action that stores it, and by whose record `gc` knows which objects it needs.
    let draft: ActionDraft

    /// How many inputs a list has at most.
    private static let limit = 256

    /// Divides inputs into lists.
    ///
    /// - Parameters:
    ///   - items: by ascending id.
    ///   - subject: what they are the inputs of.
    ///   - shared: the bits that all of the ids have in common anyway.
    ///   - isComplete: whether a plan knows all of them.
    ///   - isCertain: whether the action that they are inputs of is certain to be one of the build.
    /// - Returns: the lists, in the order of the ids.
    static func divide(
        _ items: [Item], of subject: String, under shared: String = "*", isComplete: Bool,
        isCertain: Bool = true
    ) -> [InputList] {
        var rest = items[...]
        let certain = Bucket.certainPrefixes(items, targetBytes: limit, isKnown: \.isKnown) { ($0.id, 1) }
        return Bucket.divide(items.map { ($0.id, 1) }, targetBytes: limit).map { bucket in
            let last = bucket.pieces[bucket.pieces.count - 1]
            let own = rest.prefix { $0.id <= last }
            rest = rest.dropFirst(own.count)
            let prefix = bucket.prefix.count > shared.count ? bucket.prefix : shared
            return InputList(
                Array(own), prefix: prefix, of: subject, isComplete: isComplete,
                isCertain: isCertain && (certain?.contains(bucket.prefix) ?? true))
        }
    }

    private init(
        _ items: [Item], prefix: String, of subject: String, isComplete: Bool, isCertain: Bool
    ) {
        self.prefix = prefix
        let isKnown = isComplete && items.allSatisfy(\.isKnown)
        bytes = isKnown ? JSONValue.array(items.map { .object($0.value) }).canonicalBytes : nil
        input = ("list \(prefix)", bytes.map { Digest(of: $0) })
        draft = ActionDraft(
            Stages.list, parameters: .some(.none),
            inputs: [("bytes", input.digest)] + items.flatMap(\.inputs),
            subject: subject + prefix, isCertain: isCertain,
            detail: {
                ActionDraft.Detail(
                    parameters: isKnown ? Parameters(.object(Self.described(items))) : nil,
                    inputs: items.flatMap(\.inputs))
            })
    }

    /// What the values say beside their inputs, each under the name of its input: `{"gain_db": {"3fa9c1d07b22": -3.5}}`.
    static func described(_ items: [Item]) -> [String: JSONValue] {
        var members: [String: [String: JSONValue]] = [:]
        for item in items {
            for (key, value) in item.value where value.string.flatMap({ Digest(hex: $0) }) == nil {
                var name = item.inputs[0].name
                // Equal bytes may be there more than once, with other labels.
                while members[key]?[name] != nil { name += "'" }
                members[key, default: [:]][name] = value
            }
        }
        return members.mapValues { .object($0) }
    }
}
