import Dataset
import Files
import Loading
import Manifest
import Tensors

extension ExportJob {
    /// Writes a folder that Hugging Face's `datasets` loads by split: `data/<split>-<number>-of-<count>.parquet`, a file per
    /// shard, and `README.md`, the dataset's card, whose header names files and features.
    ///
    /// Columns: those of `SegmentColumns`, `class_<label>` as `ClassLabel`; each array of `DenseArrays` as `Array2D` or
    /// `Sequence`, 16-bit floats as 32-bit ones; the waveform as `audio`, `Audio` with a WAV file of 32-bit floats in each
    /// row. Where a split has segments of several kinds, the columns of the other kinds are null.
    func writeHuggingFace() throws {
        let rows = try SegmentRows(reader)
        let table = try HuggingFaceTable(reader, rows.manifest, splits)
        let footer = (["info": ["features": table.features]] as JSONValue).canonical
        for split in splits {
            let shards = reader.snapshot.shards[split] ?? []
            var first = 0
            for (number, described) in shards.enumerated() {
                let (place, count) = (SegmentRow.padded(number, 5), SegmentRow.padded(shards.count, 5))
                let range = first..<first + described.segments
                first = range.upperBound
                var counted = 0
                try target.make("data/\(split.rawValue)-\(place)-of-\(count).parquet") { path in
                    let file = try ParquetFile(
                        path, columns: table.columns, metadata: [("huggingface", footer)],
                        isCompressed: isCompressed)
                    var arrays: DenseArrays?
                    try rows.forEach(in: split, range) { row, shard, index in
                        let own = try arrays ?? DenseArrays(shard, in: reader.snapshot)
                        arrays = own
                        try file.appendRow { try table.append(row, shard, index, own, to: &$0) }
                        counted += 1
                        advance(1)
                    }
                    try file.close()
                }
                advance(range.count - counted)
            }
        }
        let card = DatasetCard(reader, rows.manifest)
        try target.make("README.md", isRewritten: true) {
            try OutputFile.write(Array(card.huggingFace(splits, features: table.cardFeatures).utf8), to: $0)
        }
    }
}

/// The columns of a Hugging Face export, and what `datasets` calls them.
struct HuggingFaceTable {
    private let described: SegmentColumns
    /// The arrays of any kind of segment, in the order of their columns.
    private let arrays: [(name: String, type: ElementType, shape: [Int])]
    /// The audio's rate, if segments have a waveform.
    private let audioRate: Int?

    /// Collects what the segments of some splits have.
    ///
    /// - Throws: `BuildError`, `TensorFileError`.
    init(_ reader: DatasetReader, _ manifest: Manifest, _ splits: [Split]) throws {
        described = SegmentColumns(reader.snapshot, manifest)
        var arrays: [(name: String, type: ElementType, shape: [Int])] = []
        var hasWaveform = false
        var kinds: Set<SegmentKind> = []
        for shard in splits.flatMap({ reader.snapshot.shards[$0] ?? [] })
        where kinds.insert(shard.kind).inserted {
            for item in try DenseArrays(reader.open(shard), in: reader.snapshot).items {
                if item.name == "waveform" {
                    hasWaveform = true
                } else if !arrays.contains(where: { $0.name == item.name }) {
                    arrays.append((item.name, item.type, item.shape))
                }
            }
        }
        self.arrays = arrays
        audioRate = hasWaveform ? manifest.audio?.sampleRate : nil
    }

    private static func columnName(_ name: String) -> String { name.replacing(".", with: "_") }

    /// What the elements of an array become: 16-bit floats 32-bit ones.
    private static func kind(_ type: ElementType) -> ParquetColumn.Kind {
        switch type {
        case .u8: .uint8
        case .u16: .uint16
        default: .float
        }
    }

    /// The columns of the Parquet files.
    var columns: [ParquetColumn] {
        described.columns.map(\.column)
            + arrays.map { item in
                ParquetColumn(
                    name: Self.columnName(item.name), kind: Self.kind(item.type), listDepth: item.shape.count)
            }
            + (audioRate == nil
                ? []
                : [
                    ParquetColumn(name: "bytes", kind: .binary, group: "audio"),
                    ParquetColumn(name: "path", kind: .text, group: "audio"),
                ])
    }

    /// Appends the values of a segment to the columns.
    func append(
        _ row: SegmentRow, _ shard: Shard, _ index: Int, _ own: DenseArrays, to chunks: inout [ParquetChunk]
    ) throws {
        var place = 0
        for value in described.values(row) {
            chunks[place].append(value)
            place += 1
        }
        for array in arrays {
            if let item = own.items.first(where: { $0.name == array.name }) {
                try append(item, index, to: &chunks[place])
            } else {
                chunks[place].append(.null)
            }
            place += 1
        }
        guard let audioRate else { return }
        if let samples = try shard.waveform(index) {
            chunks[place].append(.binary(WaveBytes.file(samples, sampleRate: audioRate)))
            chunks[place + 1].append(.text("\(row.key).wav"))
        } else {
            chunks[place].append(.null)
            chunks[place + 1].append(.null)
        }
    }

    private func append(_ item: DenseArrays.Item, _ index: Int, to chunk: inout ParquetChunk) throws {
        try item.withBytes(of: index) { bytes in
            guard item.type == .f16 else { return chunk.append(array: bytes, shape: item.shape) }
            let floats = bytes.bindMemory(to: Float16.self).map { Float($0) }
            floats.withUnsafeBytes { chunk.append(array: $0, shape: item.shape) }
        }
    }

    // MARK: Features

    /// A feature as `datasets` writes it into schemas, and as cards spell it.
    private struct Feature {
        let name: String
        let json: JSONValue
        let card: [String]
    }

    private var list: [Feature] {
        var result = described.columns.map { Self.feature($0) }
        for array in arrays {
            let dtype = Self.dtype(Self.kind(array.type))
            let name = Self.columnName(array.name)
            let shape = array.shape.map(String.init)
            if array.shape.count == 2 {
                result.append(
                    Feature(
                        name: name,
                        json: [
                            "_type": "Array2D", "dtype": .string(dtype),
                            "shape": .array(array.shape.map { JSONValue($0) }),
                        ],
                        card: ["  dtype:", "    array2_d:", "      shape:"]
                            + shape.map { "      - \($0)" } + ["      dtype: \(dtype)"]))
            } else {
                result.append(
                    Feature(
                        name: name,
                        json: [
                            "_type": "Sequence", "length": JSONValue(array.shape.first ?? -1),
                            "feature": ["_type": "Value", "dtype": .string(dtype)],
                        ],
                        card: ["  sequence: \(dtype)", "  length: \(shape.first ?? "-1")"]))
            }
        }
        if let audioRate {
            result.append(
                Feature(
                    name: "audio", json: ["_type": "Audio", "sampling_rate": JSONValue(audioRate)],
                    card: ["  dtype:", "    audio:", "      sampling_rate: \(audioRate)"]))
        }
        return result
    }

    private static func feature(_ column: SegmentColumns.Column) -> Feature {
        let name = column.column.name
        let isList = column.column.listDepth > 0
        var (json, card): (JSONValue, [String])
        if let classes = column.classes {
            let names = classes.enumerated().map { "        '\($0)': \(YAML.quoted($1))" }
            json = ["_type": "ClassLabel", "names": .array(classes.map { .string($0) })]
            card = ["  \(isList ? "sequence" : "dtype"):", "    class_label:", "      names:"] + names
        } else {
            let dtype = dtype(column.column.kind)
            json = ["_type": "Value", "dtype": .string(dtype)]
            card = ["  \(isList ? "sequence" : "dtype"): \(dtype)"]
        }
        if isList { json = ["_type": "Sequence", "length": -1, "feature": json] }
        return Feature(name: name, json: json, card: card)
    }

    private static func dtype(_ kind: ParquetColumn.Kind) -> String {
        switch kind {
        case .text: "string"
        case .binary: "binary"
        case .uint8: "uint8"
        case .uint16: "uint16"
        case .int32: "int32"
        case .int64: "int64"
        case .float: "float32"
        case .double: "float64"
        }
    }

    /// The features as the schema's metadata have them.
    var features: JSONValue {
        .object(Dictionary(list.map { ($0.name, $0.json) }, uniquingKeysWith: { first, _ in first }))
    }

    /// The features as lines of the card's header.
    var cardFeatures: [String] { list.flatMap { ["- name: \(YAML.quoted($0.name))"] + $0.card } }
}

/// A WAV file in memory.
enum WaveBytes {
    /// One channel of 32-bit floats (WAVE_FORMAT_IEEE_FLOAT, with the `fact` chunk that it asks for).
    static func file(_ samples: [Float], sampleRate: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(58 + samples.count * 4)
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        bytes += "RIFF".utf8
        append(UInt32(50 + samples.count * 4))
        bytes += "WAVEfmt ".utf8
        append(18 as UInt32)
        append(3 as UInt16)
        append(1 as UInt16)
        append(UInt32(sampleRate))
        append(UInt32(sampleRate * 4))
        append(4 as UInt16)
        append(32 as UInt16)
        append(0 as UInt16)
        bytes += "fact".utf8
        append(4 as UInt32)
        append(UInt32(samples.count))
        bytes += "data".utf8
        append(UInt32(samples.count * 4))
        for sample in samples { append(sample.bitPattern) }
        return bytes
    }
}
