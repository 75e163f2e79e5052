import Files
import Foundation
import Storage
import TestSupport
import Testing

@testable import Dataset

/// Builds by workers, each with a slice of a plan and without the index.
@Suite struct WorkerTests {
    private let folder: TestFolder

    init() throws { folder = try TestFolder() }

    /// Both halves of a build by workers: a manifest, its cache, and the plan that is under way.
    private struct Site {
        let manifest: String
        let cache: String
        let plan: String

        var options: DatasetBuild.Options { DatasetBuild.Options(cachePath: cache, jobs: 2, waits: false) }
        var dataset: DatasetBuild { get throws { try DatasetBuild(manifestPath: manifest) } }

        func plan(_ phase: WorkPhase, slices: Int? = nil) throws -> WorkPlan {
            let bytes = try dataset.plan(phase, slices: slices, options)
            try Data(bytes).write(to: URL(fileURLWithPath: plan))
            return try WorkPlan(path: plan)
        }

        func missing(_ plan: WorkPlan) throws -> [Int] {
            try dataset.missing(of: plan, options).map(\.slice.number)
        }

        func work(_ plan: WorkPlan, _ numbers: [Int]) throws -> WorkSummary {
            try dataset.work(on: numbers.map { plan.slices[$0] }, of: plan, options)
        }

        /// Does something while the index is a folder, which cannot be opened as one.
        func withoutIndex<Result>(_ body: () throws -> Result) throws -> Result {
            let (index, aside) = ("\(cache)/index.sqlite", "\(cache)/index.aside")
            #expect(rename(index, aside) == 0)
            #expect(mkdir(index, 0o700) == 0)
            defer {
                rmdir(index)
                rename(aside, index)
            }
            return try body()
        }

        var journals: [String] {
            LawPlace.names(in: "\(cache)/journals").filter { $0.hasPrefix("worker-") }.map {
                "\(cache)/journals/\($0)"
            }
        }

        /// All phases by workers: slices in any order, one twice, each after the next one's torn start.
        func workEverything() throws {
            for phase in WorkPhase.allCases {
                let plan = try plan(phase, slices: 5)
                #expect(plan.slices.count <= 5 && plan.phase == phase)
                #expect(try missing(plan) == Array(plan.slices.indices))
                try withoutIndex {
                    for number in plan.slices.indices.reversed() {
                        let summary = try work(plan, [number])
                        #expect(summary.run == summary.actions, "\(phase) \(number): \(summary)")
                    }
                    if let last = plan.slices.indices.last {
                        #expect(try work(plan, [last]).run == 0, "it was done before")
                    }
                }
                #expect(try missing(plan) == [])
                // When nothing is due for workers, the planner makes the rest: lists, tables, the snapshot.
                #expect(try self.plan(phase).actions == 0, "nothing is due any more")
            }
        }
    }

    private func site(_ place: LawPlace) throws -> Site {
        try place.write(Array(place.manifest.yaml.utf8), "\(folder.path)/law.yaml")
        return Site(
            manifest: "\(folder.path)/law.yaml", cache: place.cache, plan: "\(folder.path)/plan.jsonl")
    }

    @Test(arguments: [
        "{compress: log10_1p, per: dataset, epsilon: 0}", "{compress: log10_1p, per: style, epsilon: 0}",
        "none",
    ])
    func workersAndABuildMakeTheSnapshotOfOneBuild(normalize: String) throws {
        var place = try LawPlace(in: folder)
        place.manifest.normalize = normalize
        // Few shards, so that each split has both styles.
        place.manifest.splits = "{train: 1, validation: 0, test: 0}"
        try place.write([1, 2, 3], "\(place.data)/jazz/broken.mid")
        try place.write(LawMusic.midi(0), "\(place.data)/jazz/copy.mid")
        let site = try site(place)
        try site.workEverything()
        let clean = try place.build(in: "\(folder.path)/clean")
        let built = try place.build()
        #expect(built.snapshot == clean.snapshot)
        #expect(built.run == 0)
        #expect(built.written == 0 && built.reused == clean.written && clean.written > 1)
        #expect(built.unchanged == built.found, "workers hashed the files")
        #expect(built.quarantine == clean.quarantine && built.quarantine.count == 1)
        #expect(built.warnings == clean.warnings)
        #expect(try place.explain() == [])
    }

    @Test func segmentsThatAreDealtAndNearDuplicatesToo() throws {
        for splits in [
            "{train: 0.5, validation: 0.25, test: 0.25, by: segment, seed: 3}",
            "{train: 0.6, validation: 0.2, test: 0.2, seed: 1, near_duplicates: together}",
        ] {
            let folder = try TestFolder()
            var place = try LawPlace(in: folder)
            place.manifest.splits = splits
            place.manifest.dtype = "float16"
            try place.write(Array(place.manifest.yaml.utf8), "\(folder.path)/law.yaml")
            let site = Site(
                manifest: "\(folder.path)/law.yaml", cache: place.cache, plan: "\(folder.path)/plan.jsonl")
            try site.workEverything()
            let built = try place.build()
            #expect(built.run == 0, "\(splits)")
            #expect(Outcome(built) == Outcome(try place.build(in: "\(folder.path)/clean")), "\(splits)")
        }
    }

    /// What must not depend on who does the work.
    private struct Outcome: Equatable {
        let snapshot: Digest
        let warnings: [String]

        init(_ summary: BuildSummary) { (snapshot, warnings) = (summary.snapshot, summary.warnings) }
    }

    @Test func pairsToo() throws {
        let pairs = try PairFixture()
        try pairs.writePairs(4, delay: 0.25, offset: 0.25)
        // One half that cannot be used: its score is read again, for itself, by the planner.
        try pairs.write("3.wav", [1, 2, 3])
        try pairs.write("m.yaml", Array(pairs.manifest().utf8))
        let site = Site(
            manifest: pairs.folder.appendingPathComponent("m.yaml").path, cache: pairs.cache,
            plan: "\(folder.path)/plan.jsonl")
        try site.workEverything()
        let built = try pairs.build(pairs.manifest())
        #expect(built.run == 0 && built.written == 0)
        let clean = try site.dataset.run(DatasetBuild.Options(cachePath: "\(folder.path)/clean", jobs: 1))
        #expect(Outcome(built) == Outcome(clean))
        #expect(built.quarantine == clean.quarantine && built.quarantine.count == 1)
    }

    @Test func whatAKilledWorkerHadDoneIsFound() throws {
        let place = try LawPlace(in: folder)
        let site = try site(place)
        let plan = try site.plan(.sources, slices: 1)
        #expect(try site.work(plan, [0]).run == 10)
        // Its journal ends in the middle of a line.
        let journal = try #require(site.journals.first)
        let bytes = try LawPlace.read(journal)
        try place.write(Array(bytes.prefix(bytes.count * 3 / 5)), journal)
        #expect(try site.missing(plan) == [0])
        let again = try site.work(plan, [0])
        #expect(again.run > 0 && again.hit > 0 && again.run + again.hit == 10, "\(again)")
        #expect(site.journals.count == 2, "it does not write to the journal of another")
        #expect(try site.missing(plan) == [])
        #expect(try .snapshot(place.build().snapshot) == place.clean())
    }

    @Test func oneSliceOfManyWorkersAtOnce() throws {
        let place = try LawPlace(in: folder)
        let site = try site(place)
        for phase in WorkPhase.allCases {
            let plan = try site.plan(phase, slices: 2)
            // Beside a builder, which has the lock.
            let builder = try Cache(path: site.cache, for: .building(wait: false))
            let results = try Workers(count: 4).map(Array(0..<4)) { (_) throws(BuildError) in
                Result { try site.work(plan, Array(plan.slices.indices)) }
            }
            for result in results { _ = try result.get() }
            withExtendedLifetime(builder) {}
        }
        let built = try place.build()
        #expect(built.run == 1, "the snapshot itself")
        #expect(try .snapshot(built.snapshot) == place.clean())
    }

    /// Some workers, and the build does the rest.
    @Test func aBuildFinishesWhatWorkersLeft() throws {
        let place = try LawPlace(in: folder)
        let site = try site(place)
        let plan = try site.plan(.sources, slices: 3)
        _ = try site.work(plan, [1])
        #expect(try site.missing(plan) == [0, 2])
        let error = #expect(throws: BuildError.self) { try site.plan(.shards) }
        #expect(error?.message.contains("sources have no result yet; run the phase 'sources' first") == true)
        _ = try site.work(plan, [0, 2])
        let early = #expect(throws: BuildError.self) { try site.plan(.shards) }
        #expect(early?.message.contains("run the phase 'statistics' first") == true)
        #expect(try .snapshot(place.build().snapshot) == place.clean())
    }

    @Test func aPlanOfAnotherManifestOrProgramIsRefused() throws {
        var place = try LawPlace(in: folder)
        let site = try site(place)
        let plan = try site.plan(.sources, slices: 3)
        place.manifest.bands = 9
        try place.write(Array(place.manifest.yaml.utf8), site.manifest)
        for action in [{ try site.missing(plan) }, { try site.work(plan, [0]).slices }] {
            let error = #expect(throws: BuildError.self) { try action() }
            #expect(error?.message.contains("was made for another version of") == true)
        }
        place.manifest.bands = 8
        try place.write(Array(place.manifest.yaml.utf8), site.manifest)
        let text = String(decoding: try LawPlace.read(site.plan), as: UTF8.self)
        let other = try #require(text.firstRange(of: "read \(Stages.read.version) "))
        try place.write(Array(text.replacingCharacters(in: other, with: "read 0 ").utf8), site.plan)
        let error = #expect(throws: BuildError.self) { try site.work(WorkPlan(path: site.plan), [0]) }
        #expect(error?.message.contains("the plan is for 'read 0 ', and this machine has 'read") == true)
    }

    @Test func aPlanThatIsCutShortIsRefused() throws {
        let place = try LawPlace(in: folder)
        let site = try site(place)
        let plan = try site.plan(.sources, slices: 3)
        let bytes = try LawPlace.read(site.plan)
        let lines = bytes.split(separator: 0x0A)
        for count in [0, 10, lines[0].count + 1, lines[0].count + 30] {
            try place.write(Array(bytes.prefix(count)), site.plan)
            #expect(throws: BuildError.self) { try WorkPlan(path: site.plan) }
        }
        try place.write(Array(bytes.dropLast()), site.plan)
        let error = #expect(throws: BuildError.self) { try site.work(plan, [2]) }
        #expect(error?.message.contains("is not a whole plan") == true)
    }

    // MARK: Slices

    private func encoded(_ costs: [Double], slices: Int?) throws -> WorkPlan {
        let items = costs.enumerated().map { index, cost in
            let task = WorkTask.source(path: "\(index)", bytes: 1, offset: nil)
            return WorkPlan.Item(
                order: Digest(of: "\(index)".utf8), cost: cost, line: task.json.canonicalBytes)
        }
        let header: [String: JSONValue] = [
            "dataset": "d", "phase": "sources", "manifest": "/m.yaml", "youngest": 1, "stages": [],
            "effective": JSONValue(Digest(of: [])),
        ]
        let path = "\(folder.path)/encoded.jsonl"
        try Data(WorkPlan.encode(items, slices: slices, header: header)).write(to: URL(fileURLWithPath: path))
        return try WorkPlan(path: path)
    }

    @Test func slicesHoldEveryActionOnceAndAreAlike() throws {
        var random = LawGenerator(state: 7)
        let costs = (0..<3000).map { _ in Double.random(in: 0.1...2, using: &random) }
        for count in [1, 2, 7, 1000] {
            let plan = try encoded(costs, slices: count)
            let paths = try plan.slices.flatMap { try plan.tasks(of: $0).tasks.map(\.subject) }
            #expect(Set(paths) == Set((0..<3000).map(String.init)) && paths.count == 3000)
            #expect(plan.slices.count <= count && plan.slices.map(\.number) == Array(0..<plan.slices.count))
            let share = costs.reduce(0, +) / Double(count)
            #expect(plan.slices.allSatisfy { abs($0.cost - share) <= 2.1 }, "half an action at either end")
        }
        // Long actions fill slices of their own, and none is empty.
        let uneven = try encoded([100, 1, 1, 100, 1, 1, 100], slices: 5)
        #expect((3...5).contains(uneven.slices.count) && uneven.slices.allSatisfy { $0.actions > 0 })
        #expect(try encoded([], slices: nil).slices.isEmpty)
        #expect(try encoded([1], slices: 10).slices.count == 1)
        // By default 20 seconds a slice, 64 at least, and 16,384 at most.
        #expect(
            (50...64).contains(try encoded(Array(repeating: 0.001, count: 3000), slices: nil).slices.count))
        #expect(try encoded(Array(repeating: 20, count: 200), slices: nil).slices.count == 200)
        #expect(try encoded(Array(repeating: 1e6, count: 20_000), slices: nil).slices.count == 16_384)
    }

    @Test func arraysOfSlurm() {
        func text(_ numbers: [Int], _ limit: Int = 1001) -> [String] {
            WorkPlan.arrayExpressions(numbers, limit: limit).map { "\($0.indices)+\($0.offset)" }
        }
        #expect(text([]) == [])
        #expect(text([0, 1, 2, 3, 7, 9, 10, 11, 12]) == ["0-3,7,9-12+0"])
        #expect(text(Array(0..<2500)) == ["0-1000+0", "0-1000+1001", "0-497+2002"])
        #expect(text([1000, 1001, 1003, 5005]) == ["1000+0", "0,2+1001", "0+5005"])
        #expect(text([3, 4, 5, 6], 5) == ["3-4+0", "0-1+5"])
    }
}
