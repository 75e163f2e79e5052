import Files
import Foundation
import Loading
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Export

struct ExportTests {
    /// The check value of CRC-32/ISO-HDLC, as catalogued for "123456789"; whole and in parts of every length.
    @Test func checksumIsISO3309s() {
        let text = Array("123456789".utf8)
        for cut in 0...text.count {
            var checksum = CRC32()
            text[..<cut].withUnsafeBytes { checksum.update($0) }
            text[cut...].withUnsafeBytes { checksum.update($0) }
            #expect(checksum.value == 0xCBF4_3926)
        }
    }

    /// The archive by PKWARE's APPNOTE: every member's bytes lie where the directory says, under its checksum.
    @Test func archiveHoldsItsArrays() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).npz")
            .path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try NPZFile(path: path)
        try file.add("label.style", Tensor<Int32>(shape: [3], elements: [0, -1, 2]))
        try file.add("mel", Tensor<Float>(shape: [1, 2, 2], elements: [1, 2, 3, 4]))
        try file.close()
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
        }
        let end = bytes.count - 22
        #expect(number(end, 4) == 0x0605_4B50)
        let end64 = number(end - 20 + 8, 8)
        #expect(number(end64, 4) == 0x0606_4B50)
        #expect(number(end64 + 32, 8) == 2)
        var entry = number(end64 + 48, 8)
        var arrays: [String: [UInt8]] = [:]
        for _ in 0..<2 {
            #expect(number(entry, 4) == 0x0201_4B50)
            let nameCount = number(entry + 28, 2)
            let name = String(decoding: bytes[entry + 46..<entry + 46 + nameCount], as: UTF8.self)
            let extra = entry + 46 + nameCount
            let (size, offset) = (number(extra + 4, 8), number(extra + 20, 8))
            let start = offset + 30 + number(offset + 26, 2) + number(offset + 28, 2)
            let array = Array(bytes[start..<start + size])
            var checksum = CRC32()
            array.withUnsafeBytes { checksum.update($0) }
            #expect(number(entry + 16, 4) == Int(checksum.value))
            #expect(number(offset + 14, 4) == Int(checksum.value))
            arrays[name] = array
            entry = extra + number(entry + 30, 2)
        }
        let style = try #require(arrays["label.style.npy"])
        #expect(style.prefix(8) == [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0])
        #expect(style.count % 64 == 12)
        #expect(
            String(decoding: style, as: UTF8.self).contains(
                "'descr': '<i4', 'fortran_order': False, 'shape': (3,)"))
        #expect(style.suffix(12) == [0, 0, 0, 0, 255, 255, 255, 255, 2, 0, 0, 0])
        #expect(arrays["mel.npy"]?.count == 128 + 16)
    }

    /// A compressed member's bytes are DEFLATE's (RFC 1951): a text of one run is far shorter, and its sizes are told apart.
    @Test func compressedArchivesSayBothSizes() throws {
        let folder = try TestFolder()
        let file = try NPZFile(path: "\(folder.path)/a.npz", isCompressed: true)
        try file.add("zeros", Tensor<UInt8>(repeating: 0, shape: [100_000]))
        try file.close()
        let bytes = try folder.contents("a.npz")
        #expect(bytes.count < 1000)
        func number(_ at: Int, _ count: Int) -> Int {
            (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
        }
        #expect(number(8, 2) == 8)
        let extra = 30 + number(26, 2)
        #expect(number(extra + 4, 8) == 128 + 100_000)
        #expect(number(extra + 12, 8) < 500)
    }

    /// NumPy's UTF-32, in scalars: what is one character to Swift may be two.
    @Test func textsAreUTF32() {
        let (descriptor, bytes) = NPYFormat.texts(["e\u{301}", "", "𝄞"])
        #expect(descriptor == "<U2")
        #expect(
            bytes == [
                0x65, 0, 0, 0, 0x01, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x1E, 0xD1, 0x01, 0, 0, 0, 0, 0,
            ])
        #expect(NPYFormat.texts([]).descriptor == "<U1")
    }

    /// Cells by RFC 4180; nothing and an empty text differ.
    @Test func cellsAreQuotedWhereTheyMust() {
        let cells: [(ParquetValue, String)] = [
            (.null, ""), (.text(""), "\"\""), (.text("plain é"), "plain é"), (.text("a,b"), "\"a,b\""),
            (.text("say \"x\""), "\"say \"\"x\"\"\""), (.text("two\nlines"), "\"two\nlines\""),
            (.text("cr\r\nlf"), "\"cr\r\nlf\""), (.text(" led"), "\" led\""),
            (.list([.text("a"), .text("b,c")]), "\"a;b,c\""), (.list([.integer(1), .integer(2)]), "1;2"),
            (.text("\"\u{301}"), "\"\"\"\u{301}\""), (.integer(-7), "-7"), (.number(0.1), "0.1"),
            (.number(1e300), "1e+300"), (.number(.nan), ""),
        ]
        for (value, text) in cells { #expect(CSVFile.cell(value) == text) }
    }

    /// Of a label that some source has several values of, all values are lists.
    @Test func severalValuesAreLists() throws {
        func source(_ style: String?) -> Snapshot.Source {
            var labels = ["known": "x"]
            labels["style"] = style
            return Snapshot.Source(
                sha256: Digest(of: []), path: "p", kind: .midi, piece: "", split: .train, labels: labels,
                segments: 1, gainDB: nil, warnings: [])
        }
        let vocabulary = ["blues", "jazz", "live"]
        let texts = ["jazz\u{1F}live", "blues", nil]
        let labels = LabelValues(
            Snapshot(
                dataset: "d", manifest: [:], stages: [:], shards: [:], tables: [],
                sources: texts.map { source($0) }, vocabularies: ["style": vocabulary, "known": ["x"]],
                statistics: nil, quarantine: [], features: ["rolls": ["steps": 1, "pitches": [0, 1]]]))
        #expect(labels.names == ["known", "style"] && labels.isList("style") && !labels.isList("known"))
        let sources = texts.map { source($0).labels }
        #expect(
            sources.map { labels.text($0, "style") }
                == [.list([.text("jazz"), .text("live")]), .list([.text("blues")]), .null])
        #expect(
            sources.map { labels.number($0, "style") }
                == [.list([.integer(1), .integer(2)]), .list([.integer(0)]), .null])
        #expect(sources.map { labels.only($0, "style") } == [-1, 0, -1])
        #expect(
            sources.map { labels.flags($0, "style", vocabulary) } == [[0, 1, 1], [1, 0, 0], [0, 0, 0]])
        #expect(
            labels.text(sources[0], "known") == .text("x")
                && labels.number(sources[0], "known") == .integer(0))
    }

    /// A header of POSIX.1-1988, and GNU's sizes from 8 GiB on; both are read again.
    @Test func tarHeadersComeBack() throws {
        for size in [0, 511, 1 << 20, 1 << 33 - 1, 1 << 33, 1 << 40] {
            let header = TarFile.header("train-00000001.piano.npy", size)
            #expect(header.count == 512)
            #expect(String(decoding: header[257..<262], as: UTF8.self) == "ustar")
            let sum = Int(String(decoding: header[148..<154], as: UTF8.self), radix: 8)
            #expect(sum == TarFile.checksum(header))
            if size < 1 << 33 {
                #expect(Int(String(decoding: header[124..<135], as: UTF8.self), radix: 8) == size)
            } else {
                #expect(header[124] == 0x80)
                #expect(header[128..<136].reduce(0) { $0 << 8 | Int($1) } == size)
            }
        }
        let folder = try TestFolder()
        let tar = try TarFile("\(folder.path)/a.tar")
        let files: [(String, [UInt8])] = [
            ("a", []), ("b", [1, 2, 3]), ("c", [UInt8](repeating: 7, count: 1024)),
        ]
        for (name, bytes) in files { try tar.add(name, bytes) }
        try tar.close()
        let reader = try TarReader("\(folder.path)/a.tar")
        for (name, bytes) in files {
            let found = try #require(try reader.next())
            #expect(found.name == name && found.byteCount == bytes.count)
            if name != "b" { #expect(try reader.bytes() == bytes) }
        }
        #expect(try reader.next() == nil)
    }

    /// An export that ends in the middle leaves no file that begins like a whole one, and continues.
    @Test func aCutExportContinues() throws {
        let fixture = try LoaderFixture.shared.get()
        let folder = try TestFolder()
        let export = DatasetExport(.npz, splits: [.train])
        let whole = try export.run(fixture.reader, to: "\(folder.path)/whole")
        #expect(whole.written > 3 && whole.kept == 0)
        let names = try FileManager.default.subpathsOfDirectory(atPath: "\(folder.path)/whole").sorted()
        // A folder stands where the second archive would be named.
        let second = try #require(names.filter { $0.hasSuffix(".npz") }.dropFirst().first)
        let cut = "\(folder.path)/cut"
        var count = 0
        #expect(throws: BuildError.self) {
            try export.run(fixture.reader, to: cut) { _, _ in
                if count == 1 {
                    try? FileManager.default.createDirectory(
                        atPath: "\(cut)/\(second)", withIntermediateDirectories: true)
                }
                count += 1
            }
        }
        let left = try FileManager.default.subpathsOfDirectory(atPath: cut)
        #expect(!left.contains { $0.hasSuffix(".part") }, "\(left)")
        #expect(left.count { $0.hasSuffix(".npz") } == 2)
        try FileManager.default.removeItem(atPath: "\(cut)/\(second)")
        let rest = try export.run(fixture.reader, to: cut)
        #expect(rest.kept == 1 && rest.written == whole.written - 1 && rest.bytes == whole.bytes)
        for name in names where name.hasSuffix(".npz") {
            #expect(try folder.contents("cut/\(name)") == folder.contents("whole/\(name)"))
        }
        // Damage that changes a size is noticed, and so is a file that is gone.
        try folder.write("cut/\(second)", "short")
        try FileManager.default.removeItem(atPath: "\(cut)/dataset.json")
        #expect(try export.run(fixture.reader, to: cut).written == 2)
        #expect(try folder.contents("cut/\(second)") == folder.contents("whole/\(second)"))
    }

    /// A folder knows its own files, unfinished ones too, and refuses all others; one process writes to it at a time.
    @Test func foldersKnowTheirFiles() throws {
        let folder = try TestFolder()
        let path = "\(folder.path)/out"
        func open(_ number: Int = 1) throws -> ExportFolder {
            try ExportFolder(path, description: ["format": "x", "number": JSONValue(number)])
        }
        func refusal(_ number: Int = 1) -> String? {
            do {
                _ = try open(number)
                return nil
            } catch {
                return (error as? BuildError)?.message
            }
        }
        do {
            let target = try open()
            try target.make("a/b.txt") { try OutputFile.write([1, 2, 3], to: $0) }
            #expect(throws: BuildError.self) {
                try target.make("a/c.txt") { _ in throw BuildError(.inputOutput, "no", canRetry: true) }
            }
            #expect(refusal()?.contains("another process") == true)
        }
        try folder.write("out/a/c.txt.77.part", "unfinished")
        try folder.write("out/a/.c.txt.x9.part", "unfinished")
        #expect(refusal() == nil)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: path).sorted()
                == ["a", "a/b.txt", ExportFolder.listName])
        #expect(refusal(2)?.contains("number 1 instead of 2") == true)
        try folder.write("out/a/d.txt.77.part", "not ours")
        #expect(refusal()?.contains("a/d.txt.77.part") == true)
        try FileManager.default.removeItem(atPath: "\(path)/a/d.txt.77.part")
        // A line that was being written when the export was killed.
        let list = try folder.contents("out/\(ExportFolder.listName)")
        try folder.write("out/\(ExportFolder.listName)", String(decoding: list.dropLast(5), as: UTF8.self))
        #expect(refusal() == nil)
        try folder.write("mine/file", "")
        #expect(throws: BuildError.self) { try ExportFolder("\(folder.path)/mine", description: [:]) }
    }
}
