import Files
import TestSupport
import Testing

@testable import Listing
@testable import Manifest

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@Suite struct EntriesTests {
    static func manifest(_ items: String, splits: String = "") throws -> Manifest {
        try Manifest(
            bytes: Array("version: 1\ndataset: d\nmidi:\n\(splits)\nsources:\n\(items)\n".utf8),
            file: "m.yaml")
    }

    static func entries(_ folder: TestFolder, _ items: String, splits: String = "") throws -> EntryList {
        try EntryList(manifest(items, splits: splits), file: "m.yaml", directory: folder.path)
    }

    static func paths(_ folder: TestFolder, _ pattern: String) throws -> [String] {
        let entries = try entries(folder, "  - path: '\(pattern)'")
        return entries.indices.map(entries.path)
    }

    static func faults(_ folder: TestFolder, _ items: String, splits: String = "") -> [String] {
        do {
            _ = try entries(folder, items, splits: splits).described()
            return []
        } catch let error as ManifestError {
            return error.faults.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    @Test(arguments: [
        ("*.mid", ["a.mid", "é.mid"]),
        ("?.mid", ["a.mid", "é.mid"]),
        ("[a-c].mid", ["a.mid"]),
        ("[!a].mid", ["é.mid"]),
        ("[^b].mid", ["a.mid", "é.mid"]),
        ("**/*.mid", ["a.mid", "b.c/x.mid", "b/c/d/x.mid", "b/x.mid", "é.mid"]),
        ("b/**/x.mid", ["b/c/d/x.mid", "b/x.mid"]),
        ("b/**", ["b/c/d/x.mid", "b/x.MID", "b/x.mid"]),
        ("**/c/**/*.mid", ["b/c/d/x.mid"]),
        ("**/**/d/*", ["b/c/d/x.mid"]),
        ("b*/x.mid", ["b.c/x.mid", "b/x.mid"]),
        ("{a,b/x}.mid", ["a.mid", "b/x.mid"]),
        ("{b,**}/x.mid", ["b.c/x.mid", "b/c/d/x.mid", "b/x.mid"]),
        ("{a,{b/x,b/c/d/x}}.{mid,MID}", ["a.mid", "b/c/d/x.mid", "b/x.MID", "b/x.mid"]),
        ("./b//x.mid", ["b/x.mid"]),
        (".*.mid", [".h.mid"]),
        (".git/*", [".git/y.mid"]),
        ("{.git,b}/*.mid", [".git/y.mid", "b/x.mid"]),
        ("\\[z\\].txt", ["[z].txt"]),
        ("[[]z[]].txt", ["[z].txt"]),
        ("*z*", ["[z].txt"]),
        ("*.m*d", ["a.mid", "é.mid"]),
        ("b/x.mid", ["b/x.mid"]),
    ])
    func globsMatch(_ pattern: String, _ expected: [String]) throws {
        let folder = try TestFolder([
            "a.mid", "é.mid", ".h.mid", "b/x.mid", "b/x.MID", "b/c/d/x.mid", "b.c/x.mid", ".git/y.mid",
            "[z].txt",
            "empty/",
        ])
        #expect(try Self.paths(folder, pattern) == expected)
    }

    @Test func pathsBeginAboveTheManifest() throws {
        let folder = try TestFolder(["a.mid", "b/c.mid", "inner/deep/x"])
        let entries = try EntryList(
            Self.manifest("  - path: '../../**/*.mid'"), file: "m.yaml",
            directory: folder.path + "/inner/deep")
        #expect(entries.indices.map(entries.path) == ["../../a.mid", "../../b/c.mid"])
        // Up and down into the manifest's own folder again.
        let again = try EntryList(
            Self.manifest("  - path: '../deep/x'\n  - path: '../*/?'"), file: "m.yaml",
            directory: folder.path + "/inner/deep")
        #expect(again.indices.map(again.path) == ["../deep/x"])
    }

    @Test func linksAreFollowedAndCyclesEnd() throws {
        let folder = try TestFolder(["real/a.mid", "real/sub/b.mid"])
        try folder.link("file.mid", to: "real/a.mid")
        try folder.link("linked", to: "real")
        try folder.link("real/sub/up", to: "..")
        try folder.link("lost.mid", to: "nowhere")
        #expect(
            try Self.paths(folder, "**/*.mid") == [
                "file.mid", "linked/a.mid", "linked/sub/b.mid", "lost.mid", "real/a.mid", "real/sub/b.mid",
            ])
        let entries = try Self.entries(folder, "  - path: '*.mid'")
        #expect(
            entries.status(0)?.inode == (try Self.entries(folder, "  - path: real/a.mid")).status(0)?.inode)
        #expect(entries.status(1) == nil)
    }

    @Test func statusIsTheFiles() throws {
        let folder = try TestFolder()
        try folder.write("a.mid", "four")
        var expected = stat()
        #expect(stat(folder.path + "/a.mid", &expected) == 0)
        let status = try #require(try Self.entries(folder, "  - path: a.mid").status(0))
        #expect(status.size == 4)
        #expect(status.inode == UInt64(expected.st_ino))
        #if canImport(Glibc)
            #expect(
                status.modified == Int64(expected.st_mtim.tv_sec) * 1_000_000_000
                    + Int64(expected.st_mtim.tv_nsec))
            #expect(
                status.changed == Int64(expected.st_ctim.tv_sec) * 1_000_000_000
                    + Int64(expected.st_ctim.tv_nsec))
        #endif
    }

    /// The walk, which prunes, finds what a plain matcher finds among all paths; in the order of bytes.
    @Test func walkFindsWhatMatchesInOrder() throws {
        var generator = SplitMix(seed: 7)
        let names = ["a", "b", "ab", "a.b", "a-b", "b.mid", "a.mid", ".a"]
        for _ in 0..<25 {
            var all: Set<String> = []
            for _ in 0..<30 {
                let depth = Int.random(in: 1...4, using: &generator)
                let path = (0..<depth).map { _ in names.randomElement(using: &generator) ?? "a" }
                // A path that is a folder elsewhere cannot be a file too.
                let text = path.joined(separator: "/")
                let prefixes = (1..<max(1, depth)).map { path[..<$0].joined(separator: "/") }
                if all.contains(where: { $0.hasPrefix(text + "/") }) || !all.isDisjoint(with: prefixes) {
                    continue
                }
                all.insert(text)
            }
            let folder = try TestFolder(Array(all))
            for pattern in [
                "**", "**/a", "*/**/*.mid", "a/**", "**/a*/*", "?/?", "**/*b/**/*", "{a,*.b}/**", "**/.a/*",
            ] {
                let parts = pattern == "{a,*.b}/**" ? ["a/**", "*.b/**"] : [pattern]
                let expected = all.filter { path in
                    parts.contains {
                        Self.matches($0.split(separator: "/")[...], path.split(separator: "/")[...])
                    }
                }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                let found = (try? Self.paths(folder, pattern)) ?? []
                #expect(found == expected, "\(pattern)")
            }
        }
    }

    private static func matches(_ pattern: ArraySlice<Substring>, _ path: ArraySlice<Substring>) -> Bool {
        guard let first = pattern.first else { return path.isEmpty }
        guard first != "**" else {
            if pattern.count == 1 { return !path.isEmpty && path.allSatisfy { $0.first != "." } }
            return matches(pattern.dropFirst(), path)
                || (path.first.map { $0.first != "." } == true && matches(pattern, path.dropFirst()))
        }
        guard let name = path.first, name.first != "." || first.first == "." else { return false }
        return matchesName(first, name) && matches(pattern.dropFirst(), path.dropFirst())
    }

    private static func matchesName(_ pattern: Substring, _ name: Substring) -> Bool {
        switch pattern.first {
        case nil: name.isEmpty
        case "*":
            matchesName(pattern.dropFirst(), name)
                || (!name.isEmpty && matchesName(pattern, name.dropFirst()))
        case "?": !name.isEmpty && matchesName(pattern.dropFirst(), name.dropFirst())
        case let letter: name.first == letter && matchesName(pattern.dropFirst(), name.dropFirst())
        }
    }

    @Test(arguments: [
        ("data/clasical/**/*.mid", "the folder 'data' exists, 'data/clasical' does not"),
        ("data/classical/*.wav", "the folder 'data/classical' exists, but nothing in it fits the rest"),
        ("nowhere/*.mid", "the manifest's folder exists, 'nowhere' does not"),
        ("*.wav", "the manifest's folder exists, but nothing in it fits the rest"),
        (
            "data/classical",
            "it is a folder, so write what to take from it, such as 'data/classical/**/*.mid'"
        ),
        ("data/classical/a.mid/*", "the folder 'data/classical' exists, 'data/classical/a.mid' does not"),
    ])
    func globWithoutMatchNamesTheNearestFolder(_ pattern: String, _ rest: String) throws {
        let folder = try TestFolder(["data/classical/a.mid"])
        #expect(
            Self.faults(folder, "  - path: '\(pattern)'") == [
                "m.yaml:6: '\(pattern)' matches no file; \(rest)"
            ])
    }

    @Test func onePathUnderTwoItemsMustAgree() throws {
        let folder = try TestFolder(["a/x.mid", "a/y.mid"])
        let agreeing = try Self.entries(
            folder, "  - {path: a/*.mid, labels: {s: a}}\n  - {path: 'a/x*', labels: {s: '{dir}'}}")
        #expect(agreeing.indices.map(agreeing.path) == ["a/x.mid", "a/y.mid"])
        #expect(agreeing.item(0) == 0)
        #expect(
            Self.faults(folder, "  - {path: a/*.mid, labels: {s: a}}\n  - {path: 'a/*', labels: {s: b}}") == [
                "m.yaml:7: 'a/x.mid' is also found by line 6, with other labels; make them agree, or narrow one (and 1 more)"
            ])
        #expect(
            Self.faults(folder, "  - {path: a/x.mid}\n  - {path: 'a/*', piece: p}") == [
                "m.yaml:7: 'a/x.mid' is also found by line 6, with another piece; make them agree, or narrow one"
            ])
    }

    @Test func namesThatAreNotTextAreLeftOutAndReported() throws {
        let folder = try TestFolder(["a.mid"])
        let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        let name: [CChar] = [0x62, -1, 0x2E, 0x6D, 0x69, 0x64, 0]
        let file = openat(descriptor, name, O_CREAT | O_WRONLY, 0o644)
        guard file >= 0 else { return }
        close(file)
        let entries = try Self.entries(folder, "  - path: '*.mid'")
        #expect(entries.indices.map(entries.path) == ["a.mid"])
        #expect(entries.unusable.map(\.path) == [#"b\xFF.mid"#])
        #expect(entries.unusable.map(\.code) == ["entry.name-not-utf8"])
        #expect(try Self.entries(folder, "  - path: 'a*.mid'").unusable.isEmpty)
    }

    @Test func aMissingFolderIsTheEnvironments() throws {
        let manifest = try Self.manifest("  - path: a.mid")
        let error = #expect(throws: ManifestError.self) {
            try EntryList(manifest, file: "m.yaml", directory: "/nowhere/at/all")
        }
        #expect(error?.faults.map(\.kind) == [.environment])
    }
}
