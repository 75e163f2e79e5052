import Foundation
import TestSupport
import Testing

@testable import Export

/// Parquet files byte for byte as they were recorded.
///
/// `tools/tests/test_parquet.py` reads the recorded files with pyarrow and compares whole tables, so equal bytes are right
/// bytes.
struct ParquetTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/Parquet")

    /// Writes a table, and compares it with the recorded one; records it if `REPRISE_RECORD` is set.
    private func expectRecorded(
        _ name: String, _ columns: [ParquetColumn], groupRows: Int = 16_384, groupBytes: Int = 16 << 20,
        metadata: [(key: String, value: String)] = [], _ body: (ParquetFile) throws -> Void
    ) throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/table.parquet"
        let file = try ParquetFile(
            path, columns: columns, metadata: metadata, isCompressed: false, groupBytes: groupBytes,
            groupRows: groupRows)
        try body(file)
        #expect(!FileManager.default.fileExists(atPath: path), "the file has its name before it is whole")
        try file.close()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        let recorded = Self.fixtures.appendingPathComponent("\(name).parquet")
        if ProcessInfo.processInfo.environment["REPRISE_RECORD"] != nil {
            return try bytes.write(to: recorded)
        }
        #expect(try bytes == Data(contentsOf: recorded), "\(name) is not as it was recorded")
    }

    /// Every kind of value, with nulls in every third row and without.
    @Test func values() throws {
        let kinds = ParquetColumn.Kind.allCases
        let columns =
            kinds.map { ParquetColumn(name: "\($0)", kind: $0) }
            + kinds.map { ParquetColumn(name: "required_\($0)", kind: $0, isOptional: false) }
        func value(_ kind: ParquetColumn.Kind, _ row: Int) -> ParquetValue {
            switch kind {
            case .text: .text("text \(row % 5)")
            case .binary: .binary((0..<row % 4).map { UInt8(($0 * 100 + row) % 256) })
            case .uint8: .integer(Int64(row * 37 % 256))
            case .uint16: .integer(Int64(row * 4099 % 65536))
            case .int32: .integer(Int64(row * 123_457) * (row % 2 == 0 ? 1 : -1))
            case .int64: .integer(Int64(row) * 1_000_000_007 * (row % 2 == 0 ? 1 : -1))
            case .float: .number(Double(Float(row) / 8 - 3))
            case .double: .number(Double(row) / 3)
            }
        }
        try expectRecorded("values", columns) { file in
            for row in 0..<50 {
                try file.append(
                    kinds.map { row % 3 == 1 ? .null : value($0, row) } + kinds.map { value($0, row) })
            }
        }
    }

    /// Texts that are equal to Swift but differ in their bytes, and texts of several scripts, in seven row groups; with
    /// metadata.
    @Test func texts() throws {
        let texts = ["é", "e\u{301}", "", "日本語", "𝄞 🎵", "a\0b", "\"quoted\", and\nmore", "Ωmega"]
        let columns = [
            ParquetColumn(name: "texte, répétés", kind: .text), ParquetColumn(name: "single", kind: .text),
        ]
        try expectRecorded("texts", columns, groupRows: 15, metadata: [("key", "väl\"ue"), ("empty", "")]) {
            file in
            for row in 0..<100 {
                try file.append([
                    row % 9 == 8 ? .null : .text(texts[row % 9]), .text("\(texts[row % 8]) \(row)"),
                ])
            }
        }
    }

    /// Lists of numbers and of texts, one and two deep, with nulls, empty lists, and empty lists in lists.
    @Test func lists() throws {
        let columns = [
            ParquetColumn(name: "numbers", kind: .int64, listDepth: 1),
            ParquetColumn(name: "words", kind: .text, listDepth: 1, isOptional: false),
            ParquetColumn(name: "nested", kind: .uint8, listDepth: 2),
        ]
        try expectRecorded("lists", columns, groupRows: 11) { file in
            for row in 0..<40 {
                let numbers: ParquetValue =
                    row % 5 == 4 ? .null : .list((0..<row % 5).map { .integer(Int64(row * 10 + $0)) })
                let words = ParquetValue.list((0..<row % 3).map { .text("w\($0 + row % 2)") })
                let nested: ParquetValue =
                    row % 7 == 6
                    ? .null
                    : .list(
                        (0..<row % 7).map { outer in
                            .list((0..<(row + outer) % 3).map { .integer(Int64(row + outer + $0)) })
                        })
                try file.append([numbers, words, nested])
            }
        }
    }

    /// Arrays of one, two and three axes, of every kind that rolls and features have; row groups end by their bytes.
    @Test func arrays() throws {
        let columns = [
            ParquetColumn(name: "bytes", kind: .uint8, listDepth: 2),
            ParquetColumn(name: "steps", kind: .uint16, listDepth: 1),
            ParquetColumn(name: "floats", kind: .float, listDepth: 3),
        ]
        try expectRecorded("arrays", columns, groupBytes: 20_000) { file in
            for row in 0..<30 {
                try file.appendRow { chunks in
                    let bytes = (0..<20 * 31).map { UInt8($0 % 31 < row ? 0 : ($0 * row) % 7) }
                    bytes.withUnsafeBytes { chunks[0].append(array: $0, shape: [20, 31]) }
                    let steps = (0..<9).map { UInt16($0 * 7000 + row) }
                    if row % 4 == 3 {
                        chunks[1].append(.null)
                    } else {
                        steps.withUnsafeBytes { chunks[1].append(array: $0, shape: [9]) }
                    }
                    let floats = (0..<24).map { Float($0 * row) / 4 }
                    floats.withUnsafeBytes { chunks[2].append(array: $0, shape: [2, 3, 4]) }
                }
            }
        }
    }

    /// A structure of two members, some rows without it.
    @Test func groups() throws {
        let columns = [
            ParquetColumn(name: "id", kind: .int32),
            ParquetColumn(name: "bytes", kind: .binary, group: "audio"),
            ParquetColumn(name: "path", kind: .text, group: "audio"),
        ]
        try expectRecorded("groups", columns) { file in
            for row in 0..<10 {
                let isThere = row % 3 != 2
                try file.append([
                    .integer(Int64(row)), isThere ? .binary([UInt8(row), 0, 255]) : .null,
                    isThere ? .text("\(row).wav") : .null,
                ])
            }
        }
    }

    /// No rows, and rows of nulls and empty lists only.
    @Test func emptiness() throws {
        let columns = [
            ParquetColumn(name: "text", kind: .text), ParquetColumn(name: "byte", kind: .uint8),
            ParquetColumn(name: "list", kind: .uint8, listDepth: 1),
            ParquetColumn(name: "number", kind: .double),
        ]
        try expectRecorded("empty", columns) { _ in }
        try expectRecorded("nulls", columns) { file in
            for row in 0..<20 { try file.append([.null, .null, row % 2 == 0 ? .null : .list([]), .null]) }
        }
    }

    /// The hybrid of runs and packed bits, decoded as the specification says, for every short sequence and width.
    @Test func runLengthsComeBack() {
        var random = SplitMix(seed: 11)
        for width in 1...9 {
            for length in 0...70 {
                var numbers: [UInt32] = []
                while numbers.count < length {
                    let value = UInt32.random(in: 0..<(1 << width), using: &random)
                    // Runs of all lengths, around the eight at which they are kept as such.
                    numbers += repeatElement(
                        value, count: min(length - numbers.count, Int.random(in: 1...20, using: &random)))
                }
                #expect(Self.decoded(RunLengths.encode(numbers, bitWidth: width), width, length) == numbers)
            }
        }
    }

    private static func decoded(_ bytes: [UInt8], _ width: Int, _ count: Int) -> [UInt32] {
        var (place, result): (Int, [UInt32]) = (0, [])
        while place < bytes.count {
            var (header, shift) = (0, 0)
            repeat {
                header |= Int(bytes[place] & 0x7F) << shift
                shift += 7
                place += 1
            } while bytes[place - 1] & 0x80 != 0
            if header & 1 == 0 {
                let value = (0..<(width + 7) / 8).reduce(UInt32(0)) {
                    $0 | UInt32(bytes[place + $1]) << (8 * $1)
                }
                place += (width + 7) / 8
                result += repeatElement(value, count: header >> 1)
            } else {
                for index in 0..<(header >> 1) * 8 {
                    var value: UInt32 = 0
                    for bit in 0..<width {
                        let at = index * width + bit
                        value |= UInt32(bytes[place + at / 8] >> (at % 8) & 1) << bit
                    }
                    result.append(value)
                }
                place += (header >> 1) * width
            }
        }
        // A last group may be filled with zeros.
        guard result.count >= count, result[count...].allSatisfy({ $0 == 0 }) else { return result }
        return Array(result[..<count])
    }
}
