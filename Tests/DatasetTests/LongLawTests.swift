import Files
import Foundation
import Storage
import TestSupport
import Testing

@testable import Dataset

/// The build law with several datasets in one cache, for as long as wanted: `tools/law`.
@Suite(.serialized) struct LongLawTests {
    /// `REPRISE_LAW_SECONDS`: rounds begin until so much time has gone by; 0 is one round.
    private static let seconds = ProcessInfo.processInfo.environment["REPRISE_LAW_SECONDS"].flatMap(Int.init)
    /// `REPRISE_LAW_SEED`: the seed of the first round; without it a fresh one.
    private static let seed = ProcessInfo.processInfo.environment["REPRISE_LAW_SEED"].flatMap(UInt64.init)

    /// Always run, so that the long mode works when it is wanted.
    @Test(arguments: [UInt64(1), 2]) func aRound(seed: UInt64) async throws {
        var round = try LawRound(seed: seed)
        try await round.run(steps: 3)
        #expect(round.builds == 3)
    }

    /// Rounds in which the long mode found a fault: a source that was cut short decided how a trie is divided, and actions
    /// that it did away with had been called certain.
    @Test(arguments: [UInt64(3_755_100_809), 3_755_101_204]) func aRoundThatFoundAFault(seed: UInt64)
        async throws
    {
        var round = try LawRound(seed: seed)
        try await round.run(steps: 10)
    }

    @Test(.enabled(if: seconds != nil, "REPRISE_LAW_SECONDS is not set; tools/law sets it"))
    func roundsUntilTheTimeIsUp() async throws {
        let start = ContinuousClock.now
        let seconds = Self.seconds ?? 0
        let first = Self.seed ?? UInt64.random(in: 1...UInt64(UInt32.max))
        print("build law: the first seed is \(first); --seed \(first) repeats these rounds")
        var (seed, builds, snapshots, rounds) = (first, 0, 0, 0)
        repeat {
            var round = try LawRound(seed: seed)
            try await round.run(steps: 10)
            (builds, snapshots, rounds) = (builds + round.builds, snapshots + round.snapshots, rounds + 1)
            if rounds % 10 == 0 { print("build law: \(rounds) rounds, \(builds) builds") }
            seed += 1
        } while ContinuousClock.now - start < .seconds(seconds)
        print(
            "build law: \(rounds) rounds, \(builds) builds, \(snapshots) of them with a snapshot; seeds \(first) to \(seed - 1)"
        )
    }
}

/// One cache, three datasets of the same sources, and random edits of all.
struct LawRound {
    private let folder: TestFolder
    private let seed: UInt64
    private var random: LawGenerator
    private var places: [LawPlace] = []
    private var log: [String] = []
    /// Builds that were compared with clean ones, and how many of them gave a snapshot.
    private(set) var builds = 0
    private(set) var snapshots = 0

    init(seed: UInt64) throws {
        self.seed = seed
        random = LawGenerator(state: seed)
        folder = try TestFolder()
        for dataset in ["law", "second", "third"] {
            var place = try LawPlace(in: folder)
            place.manifest.dataset = dataset
            places.append(place)
        }
    }

    /// Edits one of the datasets and builds it, again and again.
    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            let index = Int.random(in: 0..<places.count, using: &random)
            let jobs = [1, 3].randomElement(using: &random) ?? 1
            for _ in 1...Int.random(in: 1...3, using: &random) { log.append(try await edit(index)) }
            let comment: Comment =
                "replay with: tools/law --seed \(seed) --seconds 0 (\(places[index].manifest.dataset), \(jobs) jobs: \(log.joined(separator: "; ")))"
            let outcome = try places[index].expectLaw(jobs: jobs, comment)
            builds += 1
            if case .snapshot(let snapshot) = outcome {
                snapshots += 1
                log.append("\(places[index].manifest.dataset) is \(snapshot.short)")
            } else {
                log.append("no \(places[index].manifest.dataset)")
            }
        }
    }

    private mutating func edit(_ index: Int) async throws -> String {
        let name = places[index].manifest.dataset
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            // What another dataset computed is found, under this one's name.
            let other = Int.random(in: 0..<places.count, using: &random)
            places[index].manifest = places[other].manifest
            places[index].manifest.dataset = name
            return "\(name) as \(places[other].manifest.dataset)"
        case 1:
            let stage = (Stages.inOrder.randomElement(using: &random) ?? Stages.read).name
            await Self.build(places[index], raising: stage)
            return "\(name) by a release with another \(stage)"
        default: return "\(name): \(try await LawEdit.any(&places[index], &random))"
        }
    }

    /// A build by a program in which a stage has a higher version: one of a later release.
    private static func build(_ place: LawPlace, raising stage: String) async {
        await #expect(processExitsWith: .success) {
            [place = place as LawPlace, stage = stage as String] in
            Stages.raised = stage
            let before = place.manifest.dataset
            _ = try? place.build()
            #expect(Stages.inOrder.contains { $0.name == stage }, "\(before)")
        }
    }
}
