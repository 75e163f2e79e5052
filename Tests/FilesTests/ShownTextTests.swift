import Foundation
import Testing

@testable import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Names of files on a terminal, and the times that file systems store.
@Suite struct ShownTextTests {
    @Test func noControlCharacterIsLeft() {
        let controls =
            Array(UInt32(0)..<0x20) + Array(0x7F..<0xA0) + Array(0x2028...0x202E) + Array(0x2066...0x2069)
        for value in controls {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let shown = "a\(scalar)b".shown
            #expect(!shown.unicodeScalars.contains(scalar) && shown.hasPrefix("a\\") && shown.hasSuffix("b"))
            #expect(
                "a\(scalar)b".shownLines.unicodeScalars.contains(scalar) == (value == 0x0A || value == 0x09))
        }
        #expect("x\u{1B}[2J\u{7}\nbuilt".shown == #"x\u001b[2J\u0007\nbuilt"#)
        for plain in ["", "a/b.mid", "é e\u{301} 日本 🎹 ♯ \u{200D}", "back\\slash"] {
            #expect(Array(plain.shown.utf8) == Array(plain.utf8))
        }
    }

    /// Seconds near both ends of what nanoseconds in 64 bits hold, and far beyond them.
    @Test func everyDateOfAFileIsRead() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
        try Data([1]).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        var found = stat()
        #expect(stat(path, &found) == 0)
        var seen: Set<Int64> = []
        for seconds in [
            0, -1, 1, 9_223_372_036, 9_223_372_037, -9_223_372_036, -9_223_372_037, 1 << 33, 1 << 40,
            -1 << 40,
            Int.max, Int.min,
        ] {
            #if os(Linux)
                found.st_mtim.tv_sec = seconds
                found.st_mtim.tv_nsec = 5
            #else
                found.st_mtimespec.tv_sec = seconds
                found.st_mtimespec.tv_nsec = 5
            #endif
            let read = FileStat(found)
            seen.insert(read.modified)
            for now in [0, FileStat.now, .max, .min] { #expect(read.unsettledTime(now: now) >= 0) }
            // As a table of times that any file system can give.
            for other in [Int64.min, -1, 0, .max] {
                let stat = FileStat(size: 1, modified: read.modified, changed: other, inode: 1)
                #expect(stat.unsettledTime(now: FileStat.now) >= 0)
            }
        }
        #expect(seen.count > 8)
    }
}
