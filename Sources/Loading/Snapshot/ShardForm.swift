import Files
import Tensors

/// What every shard of a snapshot holds, by the snapshot's `features`: the names, types and shapes of its tensors.
struct ShardForm: Sendable, Equatable {
    /// One segment of a feature of audio.
    struct Feature: Sendable, Equatable {
        /// F32 or F16.
        let type: ElementType
        /// [bands, frames] or [samples].
        let shape: [Int]
    }

    /// The steps of a segment of notes; nil without notes.
    private(set) var steps: Int?
    /// The lowest and highest pitch of rolls.
    private(set) var pitches: ClosedRange<UInt8> = 0...127
    /// The features of audio by name.
    private(set) var features: [String: Feature] = [:]

    /// The frames of a segment: those of every feature that has frames; nil if none has.
    var frames: Int? { features.values.first { $0.shape.count == 2 }?.shape[1] }

    /// The features of audio that a shard can hold, in alphabetical order.
    static let featureNames = ["chroma", "cqt", "mel", "mfcc", "spectrogram", "waveform"]
    /// The most elements of a feature in one segment.
    static let maximumElementCount = 1 << 30

    /// Reads a snapshot's `features`.
    ///
    /// - Throws: `SnapshotFault` for anything that no builder writes.
    init(_ json: JSONValue) throws(SnapshotFault) {
        let members = try json.members("features")
        for (name, value) in members {
            let place = "features.\(name)"
            if name == "rolls" {
                let rolls = try value.members(place, of: ["steps", "pitches"])
                steps = try rolls["steps"].whole("\(place).steps", 1...65535)
                let range = try rolls["pitches"].list("\(place).pitches")
                guard range.count == 2 else { throw SnapshotFault("\(place).pitches", "is not two numbers") }
                let low = try range[0].whole("\(place).pitches[0]", 0...127)
                let high = try range[1].whole("\(place).pitches[1]", low...127)
                pitches = UInt8(low)...UInt8(high)
                continue
            }
            guard Self.featureNames.contains(name) else {
                throw SnapshotFault(place, "is no feature that this version knows")
            }
            let feature = try value.members(place, of: ["dtype", "shape"])
            guard let type = try ElementType(rawValue: feature["dtype"].text("\(place).dtype")),
                type == .f32 || type == .f16
            else { throw SnapshotFault("\(place).dtype", "is neither F32 nor F16") }
            let shape = try feature["shape"].list("\(place).shape")
            guard shape.count == (name == "waveform" ? 1 : 2) else {
                throw SnapshotFault("\(place).shape", "has \(shape.count) axes")
            }
            var count = 1
            let lengths = try shape.indices.map { axis throws(SnapshotFault) in
                let length = try shape[axis].whole("\(place).shape[\(axis)]", 1...Self.maximumElementCount)
                count *= length
                guard count <= Self.maximumElementCount else {
                    throw SnapshotFault(
                        "\(place).shape", "has more than \(Self.maximumElementCount) elements")
                }
                return length
            }
            features[name] = Feature(type: type, shape: lengths)
        }
    }
}

/// What is wrong with a snapshot: the member and what it says.
struct SnapshotFault: Error {
    let message: String

    init(_ field: String, _ problem: String) { message = "'\(field)' \(problem)" }

    init(json error: JSONError) { message = "is not JSON: \(error)" }
}

extension JSONValue {
    /// The members of an object, of which no name may be another than these.
    func members(_ field: String, of known: [String]) throws(SnapshotFault) -> [String: JSONValue] {
        let members = try self.members(field)
        for name in members.keys.sorted() where !known.contains(name) {
            throw SnapshotFault("\(field).\(name)", "is no member that this version knows")
        }
        return members
    }

    /// The members of an object.
    func members(_ field: String) throws(SnapshotFault) -> [String: JSONValue] {
        guard let members = object else { throw SnapshotFault(field, "is no object") }
        return members
    }
}

extension JSONValue? {
    /// A whole number in a range.
    func whole(_ field: String, _ range: ClosedRange<Int>) throws(SnapshotFault) -> Int {
        guard let self else { throw SnapshotFault(field, "is missing") }
        return try self.whole(field, range)
    }

    /// A text.
    func text(_ field: String) throws(SnapshotFault) -> String {
        guard let self else { throw SnapshotFault(field, "is missing") }
        guard let text = self.string else { throw SnapshotFault(field, "is no text") }
        return text
    }

    /// An array.
    func list(_ field: String) throws(SnapshotFault) -> [JSONValue] {
        guard let self else { throw SnapshotFault(field, "is missing") }
        guard let list = self.array else { throw SnapshotFault(field, "is no list") }
        return list
    }

    /// A hash of 64 hexadecimal digits.
    func digest(_ field: String) throws(SnapshotFault) -> Digest {
        guard let digest = try Digest(hex: text(field)) else {
            throw SnapshotFault(field, "is no SHA-256 in hexadecimal digits")
        }
        return digest
    }
}

extension JSONValue {
    /// A whole number in a range.
    func whole(_ field: String, _ range: ClosedRange<Int>) throws(SnapshotFault) -> Int {
        guard let number = integer, range.contains(number) else {
            throw SnapshotFault(
                field,
                "is \(excerpt), not a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The value's text, cut where it is long.
    private var excerpt: String {
        let text = canonical
        return text.count > 40 ? text.prefix(40) + "…" : text
    }
}
