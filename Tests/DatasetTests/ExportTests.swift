import Build
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

    /// An export that ends in the middle leaves no archive that begins like a whole one.
    @Test func aCutExportLeavesNothing() throws {
        let fixture = try LoaderFixture.shared.get()
        let folder = try TestFolder()
        let files = try fixture.reader.exportNPZ(to: "\(folder.path)/whole", splits: [.train])
        #expect(files.count > 2 && files.allSatisfy { FileManager.default.fileExists(atPath: $0) })
        // A folder stands where the second archive would be named.
        let second = try #require(files.dropFirst().first).replacing("/whole/", with: "/cut/")
        try FileManager.default.createDirectory(atPath: second, withIntermediateDirectories: true)
        #expect(throws: BuildError.self) {
            try fixture.reader.exportNPZ(to: "\(folder.path)/cut", splits: [.train])
        }
        let left = try FileManager.default.subpathsOfDirectory(atPath: "\(folder.path)/cut")
        #expect(left.count == 3 && !left.contains { $0.hasSuffix(".part") }, "\(left)")
    }
}
