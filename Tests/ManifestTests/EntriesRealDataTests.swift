import Foundation
import Testing

@testable import Manifest

/// The folder of real music, if this machine has one.
private let realData: String? = {
    let named = ProcessInfo.processInfo.environment["REPRISE_TEST_DATA"]
    let beside = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared/data")
    return [named, beside.standardizedFileURL.path].compactMap(\.self).first {
        FileManager.default.fileExists(atPath: $0 + "/midi/pieces.csv")
    }
}()

@Suite(.enabled(if: realData != nil, "set REPRISE_TEST_DATA to the folder of real music"))
struct EntriesRealDataTests {
    @Test func globsAndTableFindTheSameFiles() throws {
        let folder = try #require(realData)
        func entries(_ items: String) throws -> EntryList {
            let text = "version: 1\ndataset: d\nmidi:\nsources:\n\(items)"
            let manifest = try Manifest(bytes: Array(text.utf8), file: "m", directory: folder)
            return try EntryList(manifest, file: "m", directory: folder)
        }
        let table = try entries("  - {table: midi/pieces.csv, labels: [label], piece: '{piece}'}")
        let globs = try entries("  - {path: 'midi/**/*.{mid,midi,MID}', labels: {label: '{dir}'}}")
        #expect(table.count == 933)
        #expect(table.indices.map(table.path) == globs.indices.map(globs.path))
        #expect(table.indices.map(table.status) == globs.indices.map(globs.status))
        let (one, other) = (try table.described(), try globs.described())
        #expect(one.map(\.labels) == other.map(\.labels))
        #expect(Set(one.map(\.piece)).count == 732)
    }
}
