import Testing

@testable import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A run's folder may come from anyone: nothing in it leads a read or a write elsewhere, or blocks.
@Suite struct RunFolderTests {
    @Test func noLinkInARunIsFollowed() throws {
        let root = try Self.temporaryFolder()
        defer { Self.remove(root) }
        let victim = "\(root)/victim"
        try Self.write("precious", to: victim)
        mkdir("\(root)/outside", 0o755)
        let folder = try RunFolder(creatingFor: "net", in: root)
        symlink(victim, "\(folder.path)/run.json.new")
        try folder.replace("run.json", with: Array("{}".utf8))
        #expect(folder.has("run.json"))
        for file in ["metrics.jsonl", "lock", "best.safetensors"] {
            symlink(victim, "\(folder.path)/\(file)")
        }
        #expect(throws: TrainingError.self) { try GrowingFile(folder, "metrics.jsonl", length: 0) }
        #expect(throws: TrainingError.self) { try folder.acquire() }
        #expect(!folder.has("best.safetensors"))
        #expect(folder.contents("best.safetensors") == nil)
        symlink("\(root)/outside", "\(folder.path)/transfers")
        #expect(throws: TrainingError.self) { try RunFolder.makeFolder("\(folder.path)/transfers") }
        symlink(folder.path, "\(root)/runs/linked-1")
        for name in ["linked-1", ".", "..", "a/b", ""] {
            #expect(throws: TrainingError.self) { try RunFolder(named: name, in: root) }
        }
        var found = stat()
        #expect(stat(victim, &found) == 0)
        #expect(found.st_size == 8)
    }

    @Test func aFIFOInARunDoesNotBlock() throws {
        let root = try Self.temporaryFolder()
        defer { Self.remove(root) }
        let folder = try RunFolder(creatingFor: "net", in: root)
        for file in ["events", "last.safetensors"] { mkfifo("\(folder.path)/\(file)", 0o644) }
        #expect(throws: TrainingError.self) { try GrowingFile(folder, "events", length: 0) }
        #expect(!folder.has("last.safetensors"))
        #expect(folder.contents("last.safetensors") == nil)
    }

    private static func temporaryFolder() throws -> String {
        let root = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(root)/reprise-run-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        return String(cString: made)
    }

    private static func write(_ text: String, to path: String) throws {
        let file = try #require(fopen(path, "w"))
        fputs(text, file)
        fclose(file)
    }

    private static func remove(_ path: String) {
        guard let stream = opendir(path) else { return }
        defer { rmdir(path) }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            if unlink("\(path)/\(name)") != 0 { remove("\(path)/\(name)") }
        }
    }
}
