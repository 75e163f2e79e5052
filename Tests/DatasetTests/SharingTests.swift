import Build
import Files
import Foundation
import Loading
import Storage
import TestSupport
import Testing

@testable import Export

/// Pushing a dataset, and pulling it into another cache; `tools/tests/test_exports.py` has many more hostile archives.
struct SharingTests {
    private let folder: TestFolder
    private let reader: DatasetReader

    init() throws {
        folder = try TestFolder()
        reader = try LoaderFixture.shared.get().reader
    }

    private func remote(_ name: String) -> Remote { Remote(path: "\(folder.path)/\(name)") }

    @Test(arguments: ["folder", "archive.tar"]) func aDatasetComesBack(name: String) throws {
        let remote = self.remote(name)
        let pushed = try remote.push(reader)
        #expect(pushed.copied == Set(reader.snapshot.objects).count + 1 && pushed.skipped == 0)
        #expect(try remote.push(reader).copied == 0)
        let cache = "\(folder.path)/cache"
        let pulled = try remote.pull("loader", into: cache)
        #expect(pulled.copied == pushed.copied && pulled.bytes == pushed.bytes)
        #expect(try remote.pull("loader", into: cache).copied == 0)
        let other = try DatasetReader("loader", cachePath: cache)
        #expect(other.digest == reader.digest)
        for shard in reader.snapshot.shards.values.joined() {
            #expect(try other.cache.bytes(of: shard.object) == reader.cache.bytes(of: shard.object))
            #expect(try other.open(shard).count == shard.segments)
        }
        let verified = try other.cache.verify(with: Workers(count: 1))
        #expect(verified.findings.isEmpty && verified.objects == pulled.copied)
        // Everything stays reachable, and a damaged object is pulled again.
        let builder = try Cache(path: cache, for: .building(wait: true))
        let collected = try builder.collectGarbage(keep: 0, grace: 0, isDryRun: true) {
            (digest) throws(BuildError) in try Snapshot.objects(of: digest, in: builder)
        }
        #expect(collected.removedObjects == 0)
    }

    @Test func damageInTheCacheIsPulledAgain() throws {
        let remote = self.remote("folder")
        _ = try remote.push(reader)
        let cache = "\(folder.path)/cache"
        _ = try remote.pull("loader", into: cache)
        let shard = try #require(reader.snapshot.shards[.train]?.first)
        let path = try DatasetReader("loader", cachePath: cache).cache.path(of: shard.object)
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[bytes.count / 2] ^= 1
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        try bytes.write(to: URL(fileURLWithPath: path))
        #expect(try remote.pull("loader", into: cache).copied == 1)
        let other = try DatasetReader("loader", cachePath: cache)
        #expect(try other.cache.bytes(of: shard.object) == reader.cache.bytes(of: shard.object))
    }

    /// No object with other bytes than its name says gets into the cache, and the dataset gets no name.
    @Test func otherBytesAreRefused() throws {
        let remote = self.remote("folder")
        _ = try remote.push(reader)
        let last = try #require(reader.snapshot.objects.last)
        let path = "\(remote.path)/\(Remote.name(of: last))"
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        bytes[0] ^= 1
        try bytes.write(to: URL(fileURLWithPath: path))
        let cache = "\(folder.path)/cache"
        let error = #expect(throws: BuildError.self) { try remote.pull("loader", into: cache) }
        #expect(error?.code == .untrusted)
        #expect(error?.message.contains("other bytes") == true, "\(error?.message ?? "")")
        let opened = try Cache(path: cache, for: .reading)
        #expect(try opened.snapshot(of: "loader") == nil)
        #expect(!opened.holds(last))
    }

    @Test func listsAreReadWithSuspicion() throws {
        let good = PushedDataset(
            dataset: "d", snapshot: Digest(of: [1]),
            objects: [.init(digest: Digest(of: [1]), size: 5), .init(digest: Digest(of: [2]), size: 0)],
            isComplete: true)
        #expect(try PushedDataset(good.encoded, place: "list") == good)
        let json = try JSONValue(parsing: Array(good.encoded.dropLast()))
        for (key, value) in [
            ("format", 2), ("dataset", "../d"), ("dataset", ""), ("snapshot", "00"), ("objects", []),
            ("objects", [["sha256": .string(Digest(of: [1]).hex), "bytes": -1]]),
            ("objects", [["sha256": .string(Digest(of: [2]).hex), "bytes": 5]]),
        ] as [(String, JSONValue)] {
            var members = json.object ?? [:]
            members[key] = value
            #expect(throws: BuildError.self, "\(key): \(value.canonical)") {
                try PushedDataset(JSONValue.object(members).canonicalBytes, place: "list")
            }
        }
    }

    @Test func foldersAndArchivesAreToldApart() {
        guard case .folder("a/b") = Remote(path: "a/b/"), case .archive("a/b.tar") = Remote(path: "a/b.tar")
        else {
            Issue.record("a folder and an archive")
            return
        }
    }
}
