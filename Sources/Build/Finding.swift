public import Files
import Storage

/// Something in a cache that is not as it should be.
public struct Finding: Sendable, Hashable {
    /// What is wrong.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// An object's bytes or size are not those of its name.
        case objectDamaged
        /// A record names an object that isn't there.
        case objectMissing
        /// No record names an object; it is never used. `gc` removes it.
        case objectStray
        /// A damaged object that was set aside before. `gc` removes it.
        case objectSetAside
        /// A pack without a whole table of contents: its writer was killed, or its end was lost. `gc` gives it one.
        case packTorn
        /// A file that has no place where it lies.
        case fileStray
        /// The last line of a journal has no end: its writer was killed.
        case journalTorn
        /// A line of a journal is not whole; its record is lost.
        case journalDamaged
        /// The index can't be read, or has a row that doesn't match its checksum.
        case indexDamaged
        /// The index has a row that no journal holds.
        case rowDangling
        /// The index lacks a row that a journal holds.
        case rowMissing
        /// The index has another result than the journals.
        case rowDifferent
        /// A reference holds no hash.
        case referenceDamaged
        /// A reference names a snapshot that isn't there.
        case referenceDangling
        /// A run does not say what it needs.
        case runDamaged
        /// A run needs a snapshot that isn't there.
        case runDangling
    }

    /// What is wrong.
    public let kind: Kind
    /// Where, relative to the cache.
    public let path: String
    /// What was expected and what was found.
    public let detail: String
    /// What the object is about, such as `score of data/a.mid`, as far as a record tells.
    public let subject: String?

    /// The object that is concerned, if one is.
    public let object: Digest?
    /// Where it lies, if it is in a pack.
    let place: Place?

    init(
        _ kind: Kind, _ path: String, _ detail: String, subject: String? = nil, object: Digest? = nil,
        place: Place? = nil
    ) {
        self.kind = kind
        self.path = path
        self.detail = detail
        self.subject = subject
        self.object = object
        self.place = place
    }

    /// Whether results are lost or could go wrong by it; else it only takes up room.
    public var isDamage: Bool {
        switch kind {
        case .objectStray, .objectSetAside, .packTorn, .fileStray, .journalTorn, .runDangling: false
        default: true
        }
    }

    /// The finding as an object.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "kind": .string(kind.rawValue), "path": .string(path), "detail": .string(detail),
            "damage": .bool(isDamage),
        ]
        if let subject { members["subject"] = .string(subject) }
        if let object { members["object"] = JSONValue(object) }
        return .object(members)
    }
}
