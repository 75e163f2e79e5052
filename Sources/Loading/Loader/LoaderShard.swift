import Files
import Tensors

/// A shard, mapped, with the places of all columns that a plan reads.
///
/// The pointers hold as long as this object does, since it holds the mapping.
final class LoaderShard: @unchecked Sendable {
    /// The columns of notes.
    struct Notes {
        let offset: UnsafePointer<Int64>
        let start: UnsafePointer<UInt16>
        let length: UnsafePointer<UInt16>
        let pitch: UnsafePointer<UInt8>
        let velocity: UnsafePointer<UInt8>
        let program: UnsafePointer<UInt8>
        let voice: UnsafePointer<UInt8>
        let flags: UnsafePointer<UInt8>
        let pedal: UnsafePointer<UInt8>
        let tempo: UnsafePointer<Float>
        let rows: Int
        let steps: Int
    }

    /// The columns of control changes.
    struct Controls {
        let offset: UnsafePointer<Int64>
        let step: UnsafePointer<UInt16>
        let number: UnsafePointer<UInt8>
        let value: UnsafePointer<UInt8>
        let rows: Int
    }

    /// A feature's elements.
    struct Feature {
        let base: UnsafeRawPointer
        let isHalf: Bool
        /// Shape of one segment's.
        let shape: [Int]
    }

    /// A label of each segment's entry, as a number in the snapshot's vocabulary.
    struct Label {
        let entry: UnsafePointer<Int32>
        /// By entry; -1 where the label is unknown, or has several values.
        let numbers: [Int64]
        /// The numbers of the values of entries that have several.
        let several: [Int32: [Int64]]

        func value(_ index: Int) -> Int64 { numbers[Int(entry[index])] }

        /// Whether a segment has a value, also beside others.
        func has(_ value: Int64, _ index: Int) -> Bool {
            numbers[Int(entry[index])] == value || several[entry[index]]?.contains(value) == true
        }
    }

    let shard: Shard
    let notes: Notes?
    let controls: Controls?
    let start: UnsafePointer<Int64>
    let length: UnsafePointer<Int64>
    /// The step of each frame, where steps are not frames; [N, frames].
    let frameSteps: UnsafePointer<UInt16>?
    private(set) var features: [String: Feature] = [:]
    private(set) var labels: [String: Label] = [:]

    init(_ shard: Shard, vocabularies: [String: [String]]) throws {
        self.shard = shard
        let count = shard.count
        func column<Element: TensorElement>(
            _ name: String, _ elements: Int
        ) throws -> UnsafePointer<Element> {
            let entry = try shard.file.entry(name)
            guard entry.type == Element.elementType, entry.shape.reduce(1, *) == elements else {
                throw LoaderError(
                    .damaged,
                    "'\(name)' is \(entry.type.rawValue) \(entry.shape), not \(elements) of "
                        + "\(Element.elementType.rawValue); build the dataset again")
            }
            return try Self.base(name, shard).assumingMemoryBound(to: Element.self)
        }
        start = try column("segment.start", count)
        length = try column("segment.length", count)
        if shard.holdsNotes {
            let rows = try shard.file.entry("notes.start").shape.first ?? 0
            let steps = try shard.steps()
            notes = try Notes(
                offset: column("notes.offset", count + 1), start: column("notes.start", rows),
                length: column("notes.length", rows), pitch: column("notes.pitch", rows),
                velocity: column("notes.velocity", rows), program: column("notes.program", rows),
                voice: column("notes.voice", rows), flags: column("notes.flags", rows),
                pedal: column("pedal", count * steps * 3),
                tempo: column("tempo", count * steps), rows: rows, steps: steps)
            let changes = try shard.file.entry("controls.step").shape.first ?? 0
            controls = try Controls(
                offset: column("controls.offset", count + 1), step: column("controls.step", changes),
                number: column("controls.number", changes), value: column("controls.value", changes),
                rows: changes)
        } else {
            (notes, controls) = (nil, nil)
        }
        if let entry = shard.file.entries["frame.step"] {
            frameSteps = try column("frame.step", entry.shape.reduce(1, *))
        } else {
            frameSteps = nil
        }
        for name in shard.featureNames {
            let entry = try shard.file.entry(name)
            guard entry.type == .f32 || entry.type == .f16, entry.shape.first == count else {
                throw LoaderError(.damaged, "'\(name)' is \(entry.type.rawValue) \(entry.shape)")
            }
            features[name] = Feature(
                base: try Self.base(name, shard), isHalf: entry.type == .f16,
                shape: Array(entry.shape.dropFirst()))
        }
        let entry: UnsafePointer<Int32> = try column("segment.source", count)
        for (name, vocabulary) in vocabularies {
            let places = Dictionary(
                uniqueKeysWithValues: vocabulary.enumerated().map { (Array($1.utf8), Int64($0)) })
            labels[name] = Label(
                entry: entry,
                numbers: shard.labels.map { $0[name].flatMap { places[Array($0.utf8)] } ?? -1 },
                several: Dictionary(
                    shard.labels.enumerated().compactMap { number, labels in
                        guard let text = labels[name], LabelText.isSeveral(text) else { return nil }
                        return (Int32(number), LabelText.values(text).compactMap { places[Array($0.utf8)] })
                    }, uniquingKeysWith: { $1 }))
        }
    }

    /// The frames of a segment that holds notes and features; nil for others.
    var pairedFrames: Int? {
        guard notes != nil else { return nil }
        return features.values.first { $0.shape.count == 2 }?.shape[1]
    }

    /// The rows of a segment's notes.
    ///
    /// - Throws: `loader.damaged` if the column doesn't divide the rows.
    func rows(of index: Int) throws(LoaderError) -> Range<Int> {
        guard let notes else { return 0..<0 }
        return try Self.rows(of: index, "notes.offset", notes.offset, notes.rows)
    }

    /// The rows of a segment's control changes.
    ///
    /// - Throws: `loader.damaged` if the column doesn't divide the rows.
    func controlRows(of index: Int) throws(LoaderError) -> Range<Int> {
        guard let controls else { return 0..<0 }
        return try Self.rows(of: index, "controls.offset", controls.offset, controls.rows)
    }

    private static func rows(
        of index: Int, _ name: String, _ offset: UnsafePointer<Int64>, _ rows: Int
    ) throws(LoaderError) -> Range<Int> {
        let (first, end) = (Int(offset[index]), Int(offset[index + 1]))
        guard first >= 0, first <= end, end <= rows else {
            throw LoaderError(.damaged, "'\(name)' has \(first), \(end) for \(rows) rows")
        }
        return first..<end
    }

    /// Where a tensor begins; an empty one has some place that isn't read.
    private static func base(_ name: String, _ shard: Shard) throws -> UnsafeRawPointer {
        let size = try shard.file.entry(name).type.byteCount
        return try shard.file.withBytes(of: name) { bytes in
            guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(size) == 0 else {
                throw LoaderError(.damaged, "'\(name)' is not aligned; build the dataset again")
            }
            return base
        }
    }
}
