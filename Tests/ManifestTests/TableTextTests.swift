import Foundation
import Manifest
import TestSupport
import Testing

@testable import Listing

/// Tables as spreadsheets and corpora save them: no cell changes or disappears without a word.
@Suite struct TableTextTests {
    /// Each entry's labels by path, from a table of these bytes.
    private func labels(
        _ bytes: [UInt8], named name: String = "t.csv", _ more: String = ""
    ) throws -> [String: [String: String]] {
        let folder = try TestFolder(["a.wav", "b.wav", "c.wav"])
        try Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
        return try EntriesTableTests.described(folder, "{table: \(name)\(more)}").mapValues(\.labels)
    }

    private func fault(_ bytes: [UInt8], named name: String = "t.csv") throws -> String? {
        do {
            _ = try labels(bytes, named: name)
            return nil
        } catch let error as ManifestError {
            return error.faults.map(\.description).joined(separator: "\n")
        }
    }

    private static let text = "path,style\na.wav,café\nb.wav,rock\nc.wav,München\n"
    private static let expected = [
        "a.wav": ["style": "café"], "b.wav": ["style": "rock"], "c.wav": ["style": "München"],
    ]

    @Test func unicodeIsReadWithOrWithoutAMark() throws {
        #expect(try labels(Array(Self.text.utf8)) == Self.expected)
        #expect(try labels([0xEF, 0xBB, 0xBF] + Array(Self.text.utf8)) == Self.expected)
        let units = Array(("\u{FEFF}" + Self.text).utf16)
        #expect(try labels(units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }) == Self.expected)
        #expect(try labels(units.flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }) == Self.expected)
    }

    /// Every byte from 0x80 on, alone between ASCII letters, is no UTF-8.
    @Test func otherEncodingsAreFaultsWithLineAndByte() throws {
        for byte in UInt8(0x80)...0xFF {
            let fault = try #require(
                try fault(Array("path,style\nb.wav,rock\na.wav,x".utf8) + [byte, 0x79, 0x0A]))
            #expect(
                fault.hasPrefix("t.csv:3: the byte 0x\(String(byte, radix: 16, uppercase: true))"), "\(fault)"
            )
            #expect(fault.contains("iconv"))
        }
        let german = try fault(Array("path,style\na.wav,M".utf8) + [0xFC] + Array("nchen\n".utf8))
        #expect(german?.contains("(ü in Windows-1252)") == true)
        let euro = try fault(Array("path,style\na.wav,".utf8) + [0x80, 0x0A])
        #expect(euro?.contains("(€ in Windows-1252)") == true)
        let unmarked = Self.text.utf16.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
        #expect(try fault(unmarked)?.contains("zero byte") == true)
        #expect(
            try fault([0xFF, 0xFE, 0x61]) == "t.csv:1: the table is damaged UTF-16; save the table as UTF-8")
    }

    /// IANA's text/tab-separated-values has no quoting: every line is a row, whatever quotes are in it.
    @Test func tabsHaveNoQuoting() throws {
        let sentences = ["\"one", "plain", "last\"", "\"He said so,\" she said.", "\"\"", "a \"b\" c", " x "]
        for first in sentences {
            for second in sentences {
                let text = "path\tsentence\tlocale\na.wav\t\(first)\ten\nb.wav\t\(second)\tde\n"
                let found = try labels(Array(text.utf8), named: "t.tsv")
                #expect(
                    found == [
                        "a.wav": ["sentence": first, "locale": "en"],
                        "b.wav": ["sentence": second, "locale": "de"],
                    ])
                #expect(try labels(Array(text.utf8), named: "t.csv") == found)
            }
        }
        #expect(
            try fault(Array("path\tx\na.wav\n".utf8), named: "t.tsv")
                == "t.tsv:2: this row has 1 field, the header 2; remove tabs and line breaks inside fields")
    }

    @Test(arguments: [
        "path, style\na.wav, rock\n", "path ,style\na.wav , rock \n", "path,style\n\"a.wav\" , \"rock\" \n",
        "path;style\na.wav;rock\n", "path; style\r\na.wav;\"rock\"\r\n", "style;path\nrock;a.wav\n",
    ])
    func spacesAndSemicolonsAreTheFormsOwn(_ text: String) throws {
        #expect(try labels(Array(text.utf8)) == ["a.wav": ["style": "rock"]])
    }

    @Test func aQuotedFieldKeepsItsSpacesAndDelimiters() throws {
        #expect(
            try labels(Array("path, style\na.wav, \" a, b \"\n".utf8)) == ["a.wav": ["style": " a, b "]])
        #expect(try labels(Array("path;style\na.wav;\"a;b\"\n".utf8)) == ["a.wav": ["style": "a;b"]])
        #expect(try labels(Array("path;style\na.wav;1,5\n".utf8)) == ["a.wav": ["style": "1,5"]])
    }

    @Test(arguments: [
        "LJ001-0001|Printing, in the only sense|Printing, in the only sense\nLJ001-0002|in being modern|in being modern\n",
        "path|style\na.wav|rock\n",
    ])
    func pipesAreNamed(_ text: String) throws {
        let fault = try #require(try fault(Array(text.utf8)))
        #expect(fault.hasPrefix("t.csv:1: fields are separated by '|'"))
    }

    /// A column of splits is not a label, and the scan says so; other columns of that name are labels.
    @Test func aColumnOfSplitsIsNoLabel() throws {
        let folder = try TestFolder(["a.wav", "b.wav"])
        try folder.write("t.csv", "path,style,split\na.wav,x,train\nb.wav,y,validation\n")
        let unused = try EntriesTests.entries(folder, "  - table: t.csv")
        #expect(try unused.described().map(\.labels) == [["style": "x"], ["style": "y"]])
        #expect(
            unused.warnings.count == 1
                && unused.warnings[0].hasPrefix("m.yaml:6: the column 'split' of t.csv"))
        let used = try EntriesTests.entries(folder, "  - table: t.csv", splits: "splits: {column: split}")
        #expect(used.warnings == [])
        #expect(try used.described().map(\.split) == ["train", "validation"])
        let asked = try EntriesTests.entries(folder, "  - {table: t.csv, labels: [split]}")
        #expect(asked.warnings == [])
        #expect(try asked.described()[0].labels == ["split": "train"])
        try folder.write("t.csv", "path,style,split\na.wav,x,wood\nb.wav,y,train\n")
        let wood = try EntriesTests.entries(folder, "  - table: t.csv")
        #expect(wood.warnings == [])
        #expect(try wood.described()[0].labels == ["style": "x", "split": "wood"])
    }

    /// A letter and its composition are one value, and one piece.
    @Test func compositionMakesNoSecondValue() throws {
        let folder = try TestFolder(["a.wav", "b.wav"])
        try folder.write("t.csv", "path,style,work\na.wav,caf\u{E9},\u{E9}\nb.wav,cafe\u{301},e\u{301}\n")
        let found = try EntriesTests.entries(folder, "  - {table: t.csv, piece: '{work}'}").described()
        #expect(Set(found.map { Array($0.labels["style", default: ""].utf8) }).count == 1)
        #expect(Set(found.map { Array(($0.piece ?? "").utf8) }).count == 1)
    }
}
