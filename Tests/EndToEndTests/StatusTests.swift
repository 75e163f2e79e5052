import Foundation
import Testing

/// The exit statuses that need a cache in trouble; the others are in `CommandLineTests`.
struct StatusTests {
    let place: Workplace

    init() throws {
        place = try Workplace()
        try place.addMusic()
    }

    @Test func damageIs12UntilItIsRepaired() throws {
        #expect(try place.run("build", "styles.yaml").status == 0)
        #expect(try place.run("verify").status == 0)
        let objects = try place.contents("cache/objects").filter { $0.count == 65 }
        let object = try #require(objects.first)
        var bytes = try Data(contentsOf: place.folder.appendingPathComponent("cache/objects/\(object)"))
        bytes[bytes.count / 2] ^= 1
        // Objects are read-only: a damaged one takes its place.
        try bytes.write(to: place.folder.appendingPathComponent("cache/objects/\(object)"), options: .atomic)
        let found = try place.run("verify")
        #expect(found.status == 12)
        #expect(found.output.contains("objects/\(object)"))
        let repair = try place.run("verify", "--repair")
        #expect(repair.status == 0)
        #expect(repair.output.contains("rebuilt  styles"), "\(repair.output)")
        #expect(try place.run("verify").status == 0)
        let null = try place.run("build", "styles.yaml", "--json").json()
        #expect((null["actions"] as? [String: Int])?["run"] == 0, "a repair leaves nothing to the next build")
    }

    @Test func damageThatCannotBeMadeAnewStays12() throws {
        #expect(try place.run("build", "styles.yaml").status == 0)
        let objects = place.folder.appendingPathComponent("cache/objects")
        try FileManager.default.removeItem(at: objects)
        try FileManager.default.createDirectory(at: objects, withIntermediateDirectories: true)
        try FileManager.default.removeItem(at: place.folder.appendingPathComponent("styles.yaml"))
        let repair = try place.run("verify", "--repair")
        #expect(repair.status == 12)
        #expect(repair.output.contains("not rebuilt  styles"), "\(repair.output)")
    }

    @Test func aLockedCacheIs11AndWaitingCanBeInterrupted() throws {
        #expect(try place.run("build", "styles.yaml").status == 0)
        // Another steps count, so that there is something to build.
        let manifest = place.folder.appendingPathComponent("styles.yaml")
        let text = try String(contentsOf: manifest, encoding: .utf8)
        try Data((text + "\ndedupe: true\n").utf8).write(to: manifest)
        let lock = open(
            place.folder.appendingPathComponent("cache/lock").path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)
        let refused = try place.run("build", "styles.yaml", "--no-wait")
        #expect(refused.status == 11)
        #expect(refused.errors.split(separator: "\n").count == 1, "an error is one line: \(refused.errors)")

        let waiting = Process()
        waiting.executableURL = URL(fileURLWithPath: Workplace.binary)
        waiting.arguments = ["build", "styles.yaml", "--cache", "cache"]
        waiting.currentDirectoryURL = place.folder
        let errors = Pipe()
        waiting.standardError = errors
        waiting.standardOutput = FileHandle.nullDevice
        try waiting.run()
        defer { if waiting.isRunning { kill(waiting.processIdentifier, SIGKILL) } }
        let message = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
        #expect(message.contains("waiting"))
        waiting.interrupt()
        for _ in 0..<200 where waiting.isRunning { usleep(50_000) }
        try #require(!waiting.isRunning, "Ctrl-C was not heard")
        #expect(waiting.terminationStatus == 130)
    }

    @Test func aCacheThatCannotBeMadeIs1() throws {
        let outcome = try place.run("build", "styles.yaml", "--cache", "styles.yaml")
        #expect(outcome.status == 1)
        #expect(outcome.errors.split(separator: "\n").count == 1, "an error is one line: \(outcome.errors)")
    }
}
