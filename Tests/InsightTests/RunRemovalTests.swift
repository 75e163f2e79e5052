import Files
import Foundation
import Runs
import Storage
import Testing

/// What `reprise runs --remove` takes away, and what it leaves.
@Suite struct RunRemovalTests {
    private let cache: URL

    init() throws {
        cache = FileManager.default.temporaryDirectory.appendingPathComponent(
            "reprise-runs-\(UUID().uuidString)")
        withExtendedLifetime(try Cache(path: cache.path, for: .building(wait: false))) {}
    }

    private func write(_ name: String, _ text: String = "x") throws {
        let file = cache.appendingPathComponent("runs/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    private func record(_ name: String, on foundation: String? = nil) throws {
        let digest = String(repeating: "ab", count: 32)
        let settings = foundation.map { #""base":"\#($0)""# } ?? ""
        let foundations = foundation == nil ? "" : #""base":"\#(digest)""#
        try write(
            "\(name)/run.json",
            #"{"recipe":"net","dataset":"d","snapshot":"\#(digest)","parameters":{\#(settings)},"foundations":{\#(foundations)}}"#
        )
    }

    private func names(_ folder: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: cache.path + "/runs/" + folder)) ?? [])
            .sorted()
    }

    @Test func onlyWhatATrainingWroteIsRemoved() throws {
        defer { try? FileManager.default.removeItem(at: cache) }
        try record("net-1")
        for file in [
            "best.safetensors", "best.auc.safetensors", "evaluation.test.json", "evaluation.test.auc.json",
            "last.safetensors", "last.safetensors.new", "metrics.jsonl", "lock",
            "events.out.tfevents.0.reprise", "transfers/1/transfer.json", "transfers/1/out.mid",
            "transfers/2/content.mid",
        ] { try write("net-1/\(file)") }
        try record("net-2")
        #expect(try RunListing.all(cachePath: cache.path).map(\.name) == ["net-1", "net-2"])
        let size = try #require(try RunListing.all(cachePath: cache.path).first).bytes
        let removal = try RunRemoval.remove("net-1", cachePath: cache.path)
        #expect(removal.left == [])
        #expect(removal.bytes == size)
        #expect(names() == ["net-2"])
        // Files that no training wrote stay, and with them the folder.
        try write("net-2/notes.txt", "mine")
        try write("net-2/transfers/diary/out.mid", "mine")
        let other = try RunRemoval.remove("net-2", cachePath: cache.path)
        #expect(
            other.left.map { String($0.dropFirst(cache.path.count)) } == [
                "/runs/net-2/notes.txt", "/runs/net-2/transfers",
            ])
        #expect(names("net-2") == ["notes.txt", "transfers"])
        #expect(names("net-2/transfers/diary") == ["out.mid"])
    }

    @Test func aRunThatIsBuiltOnOrNotThereIsRefused() throws {
        defer { try? FileManager.default.removeItem(at: cache) }
        try record("base-1")
        try record("net-1", on: "base-1")
        let needed = #expect(throws: BuildError.self) {
            try RunRemoval.remove("base-1", cachePath: cache.path)
        }
        #expect(needed?.message.contains("net-1 builds on base-1") == true)
        for name in ["net-9", "..", "", ".", "net-1/transfers"] {
            let error = #expect(throws: BuildError.self) {
                try RunRemoval.remove(name, cachePath: cache.path)
            }
            #expect(error?.code == .noDataset)
        }
        #expect(names() == ["base-1", "net-1"])
        // A link in place of a run's folder is no run.
        try FileManager.default.createSymbolicLink(
            atPath: cache.path + "/runs/linked-1", withDestinationPath: cache.path + "/runs/net-1")
        #expect(throws: BuildError.self) { try RunRemoval.remove("linked-1", cachePath: cache.path) }
        #expect(names("net-1") == ["run.json"])
    }
}
