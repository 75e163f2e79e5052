import ArgumentParser
import Build
import Console
import Files
import Insight
import Loading
import Runs
import Storage

struct DatasetsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "datasets", abstract: "List the datasets of a cache, or remove one.",
        discussion: """
            --remove takes a dataset's name away; 'reprise gc' then frees what nothing else needs. Runs keep the \
            snapshots that they learned from.
            """)

    @Option(help: ArgumentHelp("Remove a dataset, with its older snapshots.", valueName: "dataset"))
    var remove: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        if let remove { return try give(up: remove) }
        let listings = try DatasetReader.list(cachePath: common.cachePath)
        if common.json {
            print((["datasets": .array(listings.map(\.json))] as JSONValue).canonical)
            return
        }
        if listings.isEmpty {
            print("no datasets yet; build one with 'reprise build MANIFEST'")
            return
        }
        let rows = listings.map { listing in
            [listing.name, listing.digest.short]
                + (listing.snapshot.map { snapshot in
                    [grouped(snapshot.sources.count)]
                        + Split.allCases.map { grouped(snapshot.segmentCount($0)) }
                } ?? ["unreadable", "", "", ""])
                + [
                    byteSize(listing.bytes), listing.built.map { dateText($0) } ?? "",
                    briefly(listing.holders.map(\.description)),
                ]
        }
        print(
            table(
                [
                    "dataset", "snapshot", "sources", "train", "validation", "test", "size", "built",
                    "also held by",
                ], rows),
            terminator: "")
    }

    private func give(up dataset: String) throws {
        Cancellation.catchSignals()
        _ = try Cache(path: common.cachePath, for: .reading)
        let cache = try Cache(
            path: common.cachePath, for: .building(wait: true),
            log: { Terminal.standardError.write($0 + "\n") })
        let names = try cache.removeDataset(dataset)
        if common.json {
            let object: JSONValue = [
                "removed": .string(dataset), "references": .array(names.map { .string($0) }),
            ]
            print(object.canonical)
        } else {
            print("removed  \(names.joined(separator: ", ")); 'reprise gc' frees what nothing else needs")
        }
    }
}

extension DatasetReader.Listing {
    /// The dataset as `reprise datasets --json` lists it.
    fileprivate var json: JSONValue {
        [
            "name": .string(name), "snapshot": JSONValue(digest),
            "sources": snapshot.map { JSONValue($0.sources.count) } ?? .null,
            "segments": snapshot.map { snapshot in
                .object(
                    Dictionary(
                        Split.allCases.map { ($0.rawValue, JSONValue(snapshot.segmentCount($0))) },
                        uniquingKeysWith: { $1 }))
            } ?? .null,
            "bytes": JSONValue(bytes), "built": built.map { JSONValue($0) } ?? .null,
            "held_by": .array(holders.map(\.json)),
        ]
    }
}

struct RunsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List the trainings of a cache, or remove one.",
        discussion: """
            A run keeps the snapshot that it learned from: 'reprise gc' never removes it. --remove takes the run's \
            files away, its checkpoints and transfers included; they cannot be brought back.
            """)

    @Option(help: ArgumentHelp("Remove a run.", valueName: "run"))
    var remove: String?

    @OptionGroup var common: CommonOptions

    func run() throws {
        if let remove { return try take(away: remove) }
        let runs = try RunListing.all(cachePath: common.cachePath)
        if common.json {
            print((["runs": .array(runs.map(\.json))] as JSONValue).canonical)
            return
        }
        if runs.isEmpty {
            print("no runs yet; start one with 'reprise train RECIPE --dataset DATASET'")
            return
        }
        print(
            table(
                ["run", "dataset", "snapshot", "epochs", "steps", "best", "size"],
                runs.map { run in
                    [
                        run.name, run.dataset, String(run.snapshot.prefix(12)), grouped(run.epochs),
                        grouped(run.steps),
                        run.best.map { "\($0.metric) \(format($0.value, 4))" } ?? "", byteSize(run.bytes),
                    ]
                }), terminator: "")
    }

    private func take(away run: String) throws {
        let removal = try RunRemoval.remove(run, cachePath: common.cachePath)
        if common.json {
            let object: JSONValue = [
                "removed": .string(removal.run), "bytes": JSONValue(removal.bytes),
                "left": .array(removal.left.map { .string($0) }),
            ]
            print(object.canonical)
            return
        }
        print(
            "removed  \(removal.run), \(byteSize(removal.bytes)); 'reprise gc' frees the snapshot that it held"
        )
        for file in removal.left { print("left     \(file): no training wrote it") }
    }
}
