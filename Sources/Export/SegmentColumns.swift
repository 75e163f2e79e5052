import Dataset
import Files
import Loading
import Manifest

/// The columns that describe a segment, in every format: where it comes from, its labels, its numbers.
struct SegmentColumns {
    /// One of them.
    struct Column {
        let column: ParquetColumn
        /// The classes' names, where it numbers them.
        var classes: [String]?
        let value: (SegmentRow) -> ParquetValue
    }

    let columns: [Column]

    /// The columns of a dataset: those of its kinds, and of its labels.
    init(_ snapshot: Snapshot, _ manifest: Manifest) {
        func text(_ name: String, _ value: @escaping (SegmentRow) -> String?) -> Column {
            Column(column: .init(name: name, kind: .text)) { ParquetValue(value($0)) }
        }
        func whole(_ name: String, _ value: @escaping (SegmentRow) -> Int?) -> Column {
            Column(column: .init(name: name, kind: .int64)) { ParquetValue(value($0)) }
        }
        func number(_ name: String, _ value: @escaping (SegmentRow) -> Double?) -> Column {
            Column(column: .init(name: name, kind: .double)) { ParquetValue(value($0)) }
        }
        var columns = [
            text("segment", \.name), text("split", \.split.rawValue), whole("number", \.number),
            text("kind", \.kind.rawValue), text("path", \.source.path), text("piece", \.source.piece),
            text("source", \.segment.source), whole("timeline", \.segment.timeline),
            whole("start", \.segment.start), whole("length", \.segment.length),
            number("start_seconds", \.startSecond), number("seconds", \.seconds),
        ]
        if manifest.midi != nil { columns.append(whole("notes", \.notes)) }
        if manifest.midi != nil, manifest.audio != nil {
            columns.append(text("recording") { $0.segment.recording == nil ? nil : $0.source.pair?.path })
        }
        for item in SegmentNumber.all where item.isOfNotes ? manifest.midi != nil : manifest.audio != nil {
            columns.append(
                number(item.name) { row in row.numbers.first { $0.name == item.name }?.value })
        }
        let labels = LabelValues(snapshot)
        for name in labels.names {
            let depth = labels.isList(name) ? 1 : 0
            columns.append(
                Column(column: .init(name: "label_\(name)", kind: .text, listDepth: depth)) {
                    labels.text($0.segment.labels, name)
                })
            columns.append(
                Column(
                    column: .init(name: "class_\(name)", kind: .int64, listDepth: depth),
                    classes: snapshot.vocabularies[name]
                ) { labels.number($0.segment.labels, name) })
        }
        self.columns = columns
    }

    /// The values of a row.
    func values(_ row: SegmentRow) -> [ParquetValue] { columns.map { $0.value(row) } }

    /// The row as an object: `labels` and `classes` by the labels' names, all else by the columns'.
    func json(_ row: SegmentRow) -> JSONValue {
        var members: [String: JSONValue] = [:]
        var (labels, classes): ([String: JSONValue], [String: JSONValue]) = ([:], [:])
        for column in columns {
            let name = column.column.name
            let value = column.value(row).json
            if name.hasPrefix("label_") {
                labels[String(name.dropFirst(6))] = value
            } else if name.hasPrefix("class_") {
                classes[String(name.dropFirst(6))] = value
            } else {
                members[name] = value
            }
        }
        members["labels"] = .object(labels)
        members["classes"] = .object(classes)
        return .object(members)
    }
}

extension ParquetValue {
    /// The value as JSON; a number that is not finite is null.
    var json: JSONValue {
        switch self {
        case .null: .null
        case .text(let text): .string(text)
        case .binary(let bytes): .array(bytes.map { JSONValue(Int($0)) })
        case .integer(let number): .integer(number)
        case .number(let number): number.isFinite ? .number(number) : .null
        case .list(let elements): .array(elements.map(\.json))
        }
    }
}
