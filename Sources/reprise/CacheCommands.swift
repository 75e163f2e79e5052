import ArgumentParser
import Build
import Console
import Dataset
import Files
import Insight
import Loading
import Storage

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Check every byte of the cache.",
        discussion: """
            Exit status: 0 sound; 12 damaged. With --repair, damaged files are set aside, and the datasets that need \
            them are built again from their manifests and sources; 0 repaired, 12 something could not be rebuilt.
            With --recompute, a sample of the results of each dataset's last build is computed once more, from its \
            manifest and sources: results of a remote, or of another machine, may have the right hash and be wrong.
            """)

    @Flag(help: "Set damaged files aside, and rebuild the datasets that need them.")
    var repair = false

    @Option(
        help: ArgumentHelp("Compute a sample of the results once more, and compare.", valueName: "percent"),
        transform: { text in
            let digits = text.hasSuffix("%") ? text.dropLast() : text[...]
            guard let percent = Double(digits), percent > 0, percent <= 100 else {
                throw ValidationError("--recompute is '\(text)'; write a part of the results, such as 1%")
            }
            return percent / 100
        })
    var recompute: Double?

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if repair, recompute != nil {
            throw ValidationError("write one of --repair and --recompute: first repair, then compare")
        }
    }

    func run() throws {
        Cancellation.catchSignals()
        let options = DatasetBuild.Options(
            cachePath: common.cachePath, log: { Terminal.standardError.writeLine($0) })
        if repair { return try mend(options) }
        let found = try Cache(path: common.cachePath, for: .reading, log: options.log).verify(with: Workers())
        var recomputed: [RecomputedDataset] = []
        if let recompute, found.isSound { recomputed = try RecomputedDataset.all(recompute, options) }
        if common.json {
            var members = members(found)
            if recompute != nil { members["recomputed"] = .array(recomputed.map(\.json)) }
            print(JSONValue.object(members).canonical)
        } else {
            show(found)
            print(
                "\(counts(found)): \(found.isSound ? "sound" : "damaged; 'reprise verify --repair' repairs it")"
            )
            for dataset in recomputed { print(dataset.text.shown) }
        }
        if !found.isSound || recomputed.contains(where: \.differs) { throw Ending(status: .damaged) }
    }

    private func mend(_ options: DatasetBuild.Options) throws {
        let done = try CacheRepair.run(options)
        let found = done.verification
        if common.json {
            var members = members(found)
            members["mended"] = .bool(done.isMended)
            members["rebuilt"] = .array(
                done.rebuilt.map { item in
                    [
                        "dataset": .string(item.dataset),
                        "snapshot": item.summary.map { JSONValue($0.snapshot) } ?? .null,
                        "run": item.summary.map { JSONValue($0.run) } ?? .null,
                        "failure": item.failure.map { .string($0) } ?? .null,
                    ]
                })
            members["lost"] = .array(done.lost.map(\.json))
            print(JSONValue.object(members).canonical)
        } else {
            show(found)
            for item in done.rebuilt {
                let what =
                    item.failure
                    ?? item.summary.map { summary in
                        let noun = summary.run == 1 ? "action" : "actions"
                        return "\(grouped(summary.run)) \(noun) run, snapshot \(summary.snapshot.short)"
                    }
                    ?? ""
                print("\(item.failure == nil ? "rebuilt" : "not rebuilt")  \(item.dataset): \(what)")
            }
            for finding in done.lost {
                print("lost  \(finding.path): only older snapshots needed it\(subject(finding))".shown)
            }
            let end =
                found.isSound
                ? "sound" : done.isMended ? "repaired" : "damage set aside, not everything rebuilt"
            print("\(counts(found)): \(end)")
        }
        if !done.isMended { throw Ending(status: .damaged) }
    }

    private func members(_ found: Verification) -> [String: JSONValue] {
        [
            "sound": .bool(found.isSound), "objects": JSONValue(found.objects),
            "bytes": JSONValue(found.bytes), "records": JSONValue(found.records), "repaired": .bool(repair),
            "findings": .array(found.findings.map(\.json)),
        ]
    }

    private func show(_ found: Verification) {
        for finding in found.findings {
            let label = finding.isDamage ? "damaged" : finding.kind == .runDangling ? "warning" : "left over"
            print("\(label)  \(finding.path): \(finding.detail)\(subject(finding))".shown)
        }
    }

    private func subject(_ finding: Finding) -> String { finding.subject.map { " (\($0))" } ?? "" }

    private func counts(_ found: Verification) -> String {
        "\(grouped(found.objects)) objects, \(byteSize(found.bytes)), \(grouped(found.records)) records"
    }
}

extension RecomputedDataset {
    /// Lines for people.
    fileprivate var text: String {
        guard let recomputation else { return "not recomputed  \(dataset): \(failure ?? "")" }
        let lines = recomputation.differences.map { item in
            "differs  \(item.stage) of \(item.subject): \(item.parts.joined(separator: ", ")) (ac/\(item.key.hex))"
        }
        let count = recomputation.differences.count
        let end =
            count == 0
            ? "all as recorded"
            : "\(grouped(count)) not as recorded; build into a new cache, without the remote that they came from"
        let checked = recomputation.checked
        let noun = checked == 1 ? "result" : "results"
        return (lines + ["recomputed  \(dataset): \(grouped(checked)) \(noun), \(end)"])
            .joined(separator: "\n")
    }
}

struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc", abstract: "Remove what no dataset, run or process needs.",
        discussion: """
            Kept: the newest snapshot of each dataset, --keep older ones, the snapshots that runs learned from or that \
            are trained on or served right now, and everything from which these were made. The next build therefore \
            has nothing more to do than before. Objects younger than the grace period stay too.
            A dataset's reference that leads nowhere stops gc with status 12; nothing is removed.
            """)

    @Option(help: ArgumentHelp("The number of older snapshots to keep for each dataset.", valueName: "n"))
    var keep = 1

    @Option(help: ArgumentHelp("Keep objects younger than this.", valueName: "seconds"))
    var grace = 3600

    @Flag(help: "Report what would be removed, and remove nothing.")
    var dryRun = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        if keep < 0 { throw ValidationError("--keep is \(keep); write 0 or more") }
        if grace < 0 { throw ValidationError("--grace is \(grace); write 0 or more seconds") }
    }

    func run() throws {
        Cancellation.catchSignals()
        // Where there is no cache, none is made.
        _ = try Cache(path: common.cachePath, for: .reading)
        let cache = try Cache(
            path: common.cachePath, for: dryRun ? .reading : .building(wait: true),
            log: { Terminal.standardError.writeLine($0) })
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
                    "transfers": JSONValue(result.removedTransfers),
                ],
                "kept": [
                    "objects": JSONValue(result.keptObjects), "bytes": JSONValue(result.keptBytes),
                    "records": JSONValue(result.keptRecords),
                ],
                "held_by": .array(result.holders.map(\.json)), "missing": .array(result.missing.map(\.json)),
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
        if result.removedTransfers > 0 {
            print("\(verb)  \(count(result.removedTransfers, "cached transfer"))")
        }
        print("kept  \(grouped(result.keptObjects)) objects, \(byteSize(result.keptBytes))")
        for holder in result.holders { print("kept for  \(holder.description): snapshot \(holder.snapshot)") }
        for holder in result.missing {
            print("missing  \(holder.description): snapshot \(holder.snapshot) is not in the cache")
        }
    }
}

struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index", abstract: "Maintain the cache's index.", subcommands: [Rebuild.self])

    struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rebuild", abstract: "Rebuild the index from the journals.",
            discussion: "The next build hashes every source again.")

        @OptionGroup var common: CommonOptions

        func run() throws {
            _ = try Cache(path: common.cachePath, for: .reading)
            let cache = try Cache(
                path: common.cachePath, for: .building(wait: true),
                log: { Terminal.standardError.writeLine($0) })
            try cache.rebuildIndex()
            print(common.json ? #"{"rebuilt":true}"# : "the index is rebuilt")
        }
    }
}
