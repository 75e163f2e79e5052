import ArgumentParser
import Build
import Dataset
import Insight

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every byte of the cache.",
        discussion: """
            Exit status: 0 sound; 12 damaged. With --repair damaged things are set aside and what can be computed \
            again is forgotten, so that the next build makes it anew.
            """)

    @Flag(help: "Set damaged things aside, so that the next build makes them anew.")
    var repair = false

    @OptionGroup var common: CommonOptions

    func run() throws {
        Cancellation.catchSignals()
        let cache = try Cache(
            path: common.cachePath, for: repair ? .building(wait: true) : .reading,
            log: { Terminal.standardError.write($0 + "\n") })
        let found = repair ? try cache.repair(with: Workers()) : try cache.verify(with: Workers())
        if common.json {
            let object: JSONValue = [
                "sound": .bool(found.isSound), "objects": JSONValue(found.objects),
                "bytes": JSONValue(found.bytes),
                "records": JSONValue(found.records), "repaired": .bool(repair),
                "findings": .array(found.findings.map(\.json)),
            ]
            print(object.canonical)
        } else {
            for finding in found.findings {
                let subject = finding.subject.map { " (\($0))" } ?? ""
                print(
                    "\(finding.isDamage ? "damaged" : "left over")  \(finding.path): \(finding.detail)\(subject)"
                )
            }
            print(
                "\(grouped(found.objects)) objects, \(byteSize(found.bytes)), \(grouped(found.records)) records: "
                    + (found.isSound
                        ? "sound"
                        : repair ? "damage set aside; build again to make it anew" : "damaged; see --repair"))
        }
        if !found.isSound, !repair { throw Ending(status: .damaged) }
    }
}

struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove what no dataset needs any more.",
        discussion: """
            Kept: the newest snapshot of each dataset, --keep older ones, and everything from which they were made, so \
            that the next build has nothing more to do than before. What is younger than the grace stays too.
            """)

    @Option(help: ArgumentHelp("Older snapshots to keep of each dataset.", valueName: "n"))
    var keep = 1

    @Option(help: ArgumentHelp("Seconds for which new objects are left alone.", valueName: "seconds"))
    var grace = 3600

    @Flag(help: "Only say what would go.")
    var dryRun = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if keep < 0 { throw ValidationError("--keep is \(keep); write 0 or more") }
        if grace < 0 { throw ValidationError("--grace is \(grace); write 0 or more seconds") }
    }

    func run() throws {
        Cancellation.catchSignals()
        let cache = try Cache(
            path: common.cachePath, for: dryRun ? .reading : .building(wait: true),
            log: { Terminal.standardError.write($0 + "\n") })
        let result = try cache.collectGarbage(keep: keep, grace: grace, isDryRun: dryRun) {
            (digest) throws(BuildError) in
            try Snapshot.objects(of: digest, in: cache)
        }
        if common.json {
            let object: JSONValue = [
                "dry_run": .bool(dryRun),
                "removed": [
                    "objects": JSONValue(result.removedObjects), "bytes": JSONValue(result.removedBytes),
                    "records": JSONValue(result.removedRecords),
                    "snapshots": .array(result.removedReferences.map { .string($0) }),
                ],
                "kept": [
                    "objects": JSONValue(result.keptObjects), "bytes": JSONValue(result.keptBytes),
                    "records": JSONValue(result.keptRecords),
                ],
                "journal_bytes": [JSONValue(result.journalBytesBefore), JSONValue(result.journalBytesAfter)],
            ]
            print(object.canonical)
            return
        }
        let verb = dryRun ? "would remove" : "removed"
        print("\(verb)  \(grouped(result.removedObjects)) objects, \(byteSize(result.removedBytes))")
        if !result.removedReferences.isEmpty {
            print("\(verb)  snapshots \(result.removedReferences.joined(separator: ", "))")
        }
        print("kept  \(grouped(result.keptObjects)) objects, \(byteSize(result.keptBytes))")
    }
}

struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index", abstract: "Look after the cache's index.", subcommands: [Rebuild.self])

    struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebuild", abstract: "Make the index anew from the journals and the objects.")

        @OptionGroup var common: CommonOptions

        func run() throws {
            let cache = try Cache(
                path: common.cachePath, for: .building(wait: true),
                log: { Terminal.standardError.write($0 + "\n") })
            try cache.rebuildIndex()
            print(common.json ? #"{"rebuilt":true}"# : "the index is made anew")
        }
    }
}
