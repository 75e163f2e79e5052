import Build
import Files
import Storage
import TestSupport
import Testing

@testable import Dataset
@testable import Loading

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whatever was done to sources, manifest and cache, a build ends as a clean one does, and the one after it does nothing.
@Suite struct BuildLawTests {
    @Test(arguments: [(1, UInt64(1)), (3, 2), (1, 3), (3, 4)])
    func afterAnyEditsIncrementalEqualsClean(jobs: Int, seed: UInt64) async throws {
        var random = LawGenerator(state: seed)
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        var log: [String] = []
        for _ in 1...6 {
            for _ in 1...Int.random(in: 1...3, using: &random) {
                log.append(try await LawEdit.any(&place, &random))
            }
            let comment: Comment = "seed \(seed), \(jobs) jobs: \(log.joined(separator: "; "))"
            guard case .snapshot(let snapshot) = try place.expectLaw(jobs: jobs, comment) else { continue }
            log.append(snapshot.short)
        }
    }

    // MARK: Single edits

    @Test func gainNormalisationAndSplitsRedoOnlyWhatIsPacked() throws {
        let edits: [(String, (inout LawManifest) -> Void)] = [
            ("loudness", { $0.loudness = "{rms_dbfs: -14}" }), ("loudness off", { $0.loudness = "none" }),
            ("by label", { $0.normalize = "{compress: log10_1p, per: style, epsilon: 0}" }),
            ("decibels", { $0.normalize = "log" }), ("raw", { $0.normalize = "none" }),
            ("exact", { $0.statistics = "exact" }), ("half floats", { $0.dtype = "float16" }),
            ("splits", { $0.splits = "{train: 0.5, validation: 0.5, test: 0, seed: 3}" }),
            ("shards", { $0.targetBytes = "1KiB" }), ("labels", { $0.label = "all" }),
            ("several values", { $0.label = "[\"{dir}\", live]" }),
            ("map", { $0.more = "map: {style: {jazz: blues, classical: null}}" }),
            ("exclude", { $0.more = "exclude: [data/jazz/1.mid, data/jazz/3.*]" }),
            ("limit", { $0.more = "limit: 7" }),
        ]
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        try place.build()
        for (name, edit) in edits {
            var edited = place
            edit(&edited.manifest)
            var snapshot: Digest?
            let ran = try edited.ran { snapshot = try edited.build().snapshot }
            #expect(
                Set(ran.keys).isSubset(of: [
                    "band-moments", "fit", "list", "shard", "sources", "snapshot",
                ]), "\(name)")
            #expect(ran["snapshot"] == 1, "\(name)")
            if name != "exact" { #expect(ran["shard"] != nil, "\(name)") }
            #expect(try edited.clean() == snapshot.map { .snapshot($0) }, "\(name)")
        }
        place.manifest = LawManifest()
        #expect(try place.ran { try place.build() } == [:], "what was computed before is found again")
    }

    @Test func parametersOfAudioLeaveMIDIAloneAndTheOtherWayRound() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        try place.build()
        let shards = try place.shards(.audio).count
        place.manifest.bands = 12
        let audio = try place.ran { try place.build() }
        #expect(audio["spectrum"] == 4)
        #expect(audio["read"] == nil)
        #expect(audio["shard"] == (try place.shards(.audio).count) && shards > 0)
        place.manifest.steps = 32
        let midi = try place.ran { try place.build() }
        let count = try place.shards(.midi).count
        #expect(midi == ["read": 6, "list": count, "shard": count, "sources": 1, "snapshot": 1])
    }

    @Test func anAddedFileRewritesOneShardOrSplitsItInTwo() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        place.manifest.normalize = "none"
        try place.build()
        var shards: [Int] = []
        for seed in 10..<22 {
            let before = Set(try place.shards().map(\.object))
            try place.write(midi: seed, to: "jazz", "added\(seed).mid")
            let ran = try place.ran { try place.build() }
            #expect(
                ran.filter { $0.key != "shard" && $0.key != "list" }
                    == ["read": 1, "sources": 1, "snapshot": 1])
            #expect((1...2).contains(ran["list"] ?? 0), "a list for each shard that is new")
            let after = Set(try place.shards().map(\.object))
            shards.append(ran["shard"] ?? 0)
            #expect(after.subtracting(before).count == ran["shard"])
            #expect(before.subtracting(after).count <= 1, "one shard at most is replaced")
        }
        #expect(Set(shards) == [1, 2], "some shard grew, and some was split: \(shards)")
        try place.write(audio: 10, to: "jazz", "added.wav")
        let ran = try place.ran { try place.build() }
        #expect(
            ran.filter { $0.key != "shard" && $0.key != "list" }
                == ["spectrum": 1, "sources": 1, "snapshot": 1])
        #expect((ran["shard"] ?? 0) <= 2)
    }

    @Test func renamedTouchedAndRemovedFiles() throws {
        let folder = try TestFolder()
        let place = try LawPlace(in: folder)
        let first = try place.build()
        rename("\(place.data)/jazz/1.mid", "\(place.data)/jazz/renamed.mid")
        rename("\(place.data)/jazz/1.wav", "\(place.data)/jazz/renamed.wav")
        #expect(
            try place.ran { try place.build() } == ["sources": 1, "snapshot": 1],
            "a renamed file runs only what lists the files")
        #expect(try place.build().snapshot != first.snapshot)
        utimensat(AT_FDCWD, "\(place.data)/jazz/3.mid", nil, 0)
        #expect(try place.ran { try place.build() } == [:])
        let before = Set(try place.shards().map(\.object))
        unlink("\(place.data)/jazz/renamed.mid")
        let ran = try place.ran { try place.build() }
        #expect(Set(ran.keys).isSubset(of: ["list", "shard", "sources", "snapshot"]))
        let after = Set(try place.shards().map(\.object))
        #expect(after.subtracting(before).count <= 1 && before.subtracting(after).count <= 2)
        #expect(try !place.snapshot().sources.contains { $0.path == "data/jazz/renamed.mid" })
    }

    /// A bit of every source's object has flipped, and nobody has looked: the build that reads them makes them again.
    @Test(arguments: [1, 3]) func damagedObjectsOfSourcesAreMadeAgainByTheBuildThatReadsThem(jobs: Int) throws
    {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        try place.build()
        var damaged = 0
        for object in try place.packedObjects() {
            var bytes = try LawPlace.read(object.pack)
            let text = String(decoding: bytes[object.range].prefix(4096), as: UTF8.self)
            guard text.contains("order.pitch") || text.contains("landmarks") else { continue }
            bytes[object.range.upperBound - 1] ^= 1
            chmod(object.pack, 0o644)
            try place.write(bytes, object.pack)
            damaged += 1
        }
        #expect(damaged == 10)
        place.manifest.label = "one"
        place.manifest.loudness = "none"
        var outcome: LawPlace.Outcome?
        let ran = try place.ran { outcome = try place.outcome(jobs: jobs) }
        #expect(try outcome == place.clean())
        #expect(ran["read"] == 6 && ran["spectrum"] == 4, "\(ran)")
        #expect(try place.ran { try place.build() } == [:])
    }

    @Test func placeOrderAndThreadsDoNotMatter() throws {
        let folder = try TestFolder()
        let place = try LawPlace(in: folder)
        let first = try place.build().snapshot
        for jobs in [1, 2, 8] { #expect(try place.clean(jobs: jobs) == .snapshot(first)) }
        // The same files elsewhere, made in another order.
        let other = try TestFolder()
        var moved = place
        moved.folder = try other.subfolder("checkout")
        for path in place.sources.reversed() {
            try moved.write(LawPlace.read(path), moved.folder + path.dropFirst(place.folder.count))
        }
        #expect(try moved.build(jobs: 3).snapshot == first)
        // The same files under another path, with the cache that knows them.
        rename(moved.folder, "\(other.path)/elsewhere")
        moved.folder = "\(other.path)/elsewhere"
        var snapshot: Digest?
        let ran = try moved.ran { snapshot = try moved.build().snapshot }
        #expect(ran == [:] && snapshot == first)
    }

    // MARK: Reasons

    @Test func explainNamesTheChange() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        place.manifest.targetBytes = "1MiB"
        place.manifest.normalize = "none"
        try place.build()
        func planned(_ edit: (inout LawPlace) throws -> Void) throws -> [String] {
            var edited = place
            try edit(&edited)
            let planned = try edited.explain()
            let ran = try edited.ranActions { try edited.build() }
            expectPlanned(planned, ran, "\(ran), \(planned)")
            try place.build()
            return planned.map { "\($0.stage) \($0.subject): \($0.reason)" }
        }
        // A loudness target.
        var lines = try planned { $0.manifest.loudness = "{rms_dbfs: -14}" }
        let stages = Set(lines.map { String($0.prefix { $0 != " " }) })
        #expect(stages == ["list", "shard", "sources", "snapshot"], "\(lines)")
        #expect(
            lines.contains { $0.hasPrefix("shard train/audio/*: parameters changed: gain_db.data/") },
            "\(lines)")
        #expect(
            lines.contains { $0.contains("manifest.audio.loudness.rms_dbfs -20.0 → -14.0") }, "\(lines)")
        // A mel parameter.
        lines = try planned { $0.manifest.bands = 12 }
        #expect(
            lines.count {
                $0.hasPrefix("spectrum ") && $0.contains("parameters changed: features.mel.bands 8 → 12")
            }
                == 4, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("shard train/audio/*: inputs changed: ") }, "\(lines)")
        #expect(lines.contains { $0.hasPrefix("snapshot law: ") }, "\(lines)")
        // A source's bytes.
        let old = Digest(of: LawMusic.midi(0)).short
        let new = Digest(of: LawMusic.midi(40)).short
        lines = try planned { try $0.write(midi: 40, to: "classical", "0.mid") }
        #expect(
            lines.contains("read data/classical/0.mid: inputs changed: source \(old) → \(new)"), "\(lines)")
        #expect(lines.count { $0.hasPrefix("shard ") } >= 1, "\(lines)")
        // A new source.
        lines = try planned { try $0.write(midi: 41, to: "classical", "added.mid") }
        #expect(lines.contains("read data/classical/added.mid: never built"), "\(lines)")
        // A lost object: a shard.
        let shard = try #require(try place.shards(.midi).first?.object)
        lines = try planned { place in
            unlink("\(place.cache)/objects/\(shard.hex.prefix(2))/\(shard.hex.dropFirst(2))")
        }
        #expect(lines.count == 1 && lines[0].hasSuffix(": output missing"), "\(lines)")
    }

    /// Before a source is read, it is not known which splits its segments go to; all of them are planned.
    @Test func explainNamesEverySplitThatSegmentsMayGoTo() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        place.manifest.splits = "{train: 0.5, validation: 0.25, test: 0.25, by: segment, seed: 5}"
        let planned = try place.explain()
        let ran = try place.ranActions { try place.build() }
        #expect(ran.contains { $0.hasPrefix("shard train/midi/") })
        expectPlanned(planned, ran, "\(ran), \(planned)")
        place.manifest.splits = "{train: 0.5, validation: 0.5, test: 0, by: segment, seed: 5}"
        place.manifest.steps = 24
        #expect(
            try !place.explain().contains { $0.subject.hasPrefix("test/") }, "the test split has no share")
    }

    /// Another dataset in the same cache, of the same files, has no part in a dataset's reasons.
    @Test func explainComparesWithTheDatasetsOwnLastBuild() throws {
        let folder = try TestFolder()
        var place = try LawPlace(in: folder)
        try place.build()
        var other = place
        other.manifest.dataset = "other"
        other.manifest.steps = 8
        other.manifest.bands = 6
        #expect(try other.explain().filter { $0.stage == "read" }.allSatisfy { $0.reason == .neverBuilt })
        try other.build()
        place.manifest.steps = 24
        let planned = try place.explain()
        let reads = planned.filter { $0.stage == "read" }
        #expect(reads.count == 6)
        #expect(
            reads.allSatisfy {
                $0.reason
                    == .parametersChanged([
                        .init(name: "segment.hop", old: "16", new: "24"),
                        .init(name: "segment.steps", old: "16", new: "24"),
                    ])
            }, "\(reads.map(\.reason))")
        #expect(!planned.contains { $0.stage == "spectrum" })
        let ran = try place.ranActions { try place.build() }
        expectPlanned(planned, ran, "\(ran)")
        // What the other dataset computed is a result like any: nothing runs, and nothing is to be explained.
        place.manifest.steps = 8
        #expect(
            try place.explain().allSatisfy { ["list", "shard", "sources", "snapshot"].contains($0.stage) })
    }
}

extension LawPlace {
    func snapshot() throws -> Snapshot {
        let cache = try Cache(path: cache, for: .reading)
        let digest = try #require(try cache.snapshot(of: "law"))
        return try Snapshot(digest, in: cache)
    }

    func shards(_ kind: SegmentKind? = nil) throws -> [Snapshot.Shard] {
        let snapshot = try snapshot()
        return Split.allCases.flatMap { snapshot.shards[$0] ?? [] }.filter { kind == nil || $0.kind == kind }
    }
}

/// Random edits of sources, manifest and cache.
enum LawEdit {
    static func any(_ place: inout LawPlace, _ random: inout LawGenerator) async throws -> String {
        switch Int.random(in: 0..<10, using: &random) {
        case 0...3: try source(place, &random)
        case 4...6: parameter(&place.manifest, &random)
        case 7, 8: try damage(place, &random)
        default: await kill(place, &random)
        }
    }

    private static func source(_ place: LawPlace, _ random: inout LawGenerator) throws -> String {
        let seed = Int.random(in: 0..<12, using: &random)
        let style = ["classical", "jazz"].randomElement(using: &random) ?? "jazz"
        let path = place.sources.randomElement(using: &random) ?? ""
        let name = path.dropFirst(place.folder.count)
        switch Int.random(in: 0..<9, using: &random) {
        case 8:
            // The same notes on another instrument.
            var bytes = LawMusic.midi(seed)
            bytes[24] ^= 1
            try place.write(bytes, "\(place.data)/\(style)/like\(seed).mid")
            return "add a near duplicate of \(seed) to \(style)"
        case 0, 1:
            try place.write(midi: seed, to: style, "new\(seed).mid")
            return "add MIDI \(seed) to \(style)"
        case 2:
            try place.write(audio: seed, to: style, "new\(seed).wav")
            return "add audio \(seed) to \(style)"
        case 3:
            try place.write(path.hasSuffix("mid") ? LawMusic.midi(seed) : LawMusic.audio(seed), path)
            return "change \(name) to \(seed)"
        case 4:
            try place.write(Array(LawPlace.read(path).dropLast(7)), path)
            return "cut \(name)"
        case 5:
            utimensat(AT_FDCWD, path, nil, 0)
            return "touch \(name)"
        case 6:
            let target = "\(place.data)/\(style)/renamed\(seed)\(path.suffix(4))"
            rename(path, target)
            return "rename \(name) to \(style)/renamed\(seed)"
        default:
            if place.sources.count > 4 { unlink(path) }
            return "remove \(name)"
        }
    }

    private static func parameter(_ manifest: inout LawManifest, _ random: inout LawGenerator) -> String {
        func pick(_ value: inout String, _ choices: [String]) -> String {
            value = choices.randomElement(using: &random) ?? value
            return value
        }
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            manifest.stepsPerBeat = [2, 3, 4].randomElement(using: &random) ?? 4
            return "\(manifest.stepsPerBeat) steps a beat"
        case 1:
            manifest.steps = [8, 16, 24].randomElement(using: &random) ?? 16
            return "\(manifest.steps) steps"
        case 2:
            return pick(&manifest.loudness, ["none", "{rms_dbfs: -20}", "{rms_dbfs: -14}", "{lufs: -23}"])
        case 3:
            return pick(
                &manifest.normalize,
                [
                    "none", "log", "{compress: log10_1p, per: dataset, epsilon: 0}",
                    "{compress: log10_1p, per: style, epsilon: 0.5}",
                ])
        case 4:
            manifest.bands = [6, 8, 12].randomElement(using: &random) ?? 8
            return "\(manifest.bands) bands"
        case 5, 6:
            return pick(
                &manifest.splits,
                [
                    "{train: 0.6, validation: 0.2, test: 0.2, seed: 1}",
                    "{train: 0.8, validation: 0.1, test: 0.1, seed: 2}",
                    "{train: 0.6, validation: 0.2, test: 0.2, method: exact, stratify: style}",
                    "{train: 0.5, validation: 0.25, test: 0.25, by: segment, seed: 5}", "{folds: 3, fold: 1}",
                    "{train: 0.6, validation: 0.2, test: 0.2, near_duplicates: together}",
                ])
        case 7: return pick(&manifest.targetBytes, ["2KiB", "8KiB", "1MiB"])
        case 8: return pick(&manifest.label, ["\"{dir}\"", "\"{stem}\"", "one", "[\"{dir}\", live]"])
        case 9:
            return pick(
                &manifest.more,
                ["", "exclude: [data/jazz/*.wav]", "limit: 6", "map: {style: {jazz: blues, live: null}}"])
        case 10: return pick(&manifest.statistics, ["fit", "exact"])
        default:
            manifest.dedupe.toggle()
            return "dedupe \(manifest.dedupe)"
        }
    }

    private static func damage(_ place: LawPlace, _ random: inout LawGenerator) throws -> String {
        guard let object = place.objects.randomElement(using: &random) else { return "no object yet" }
        let name = object.dropFirst(place.cache.count)
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            unlink(object)
            return "lose \(name)"
        case 1:
            unlink("\(place.cache)/index.sqlite")
            return "lose the index"
        case 2:
            let cache = try Cache(path: place.cache, for: .building(wait: false))
            do throws(BuildError) {
                _ = try cache.collectGarbage(keep: 0, grace: 0, isDryRun: false) {
                    (digest) throws(BuildError) in
                    try Snapshot.objects(of: digest, in: cache)
                }
            } catch {
                // The snapshot itself may have been lost before.
                guard error.code == .damaged else { throw error }
                return "collect, refused"
            }
            return "collect"
        default:
            var bytes = try LawPlace.read(object)
            let index = Int.random(in: 0..<bytes.count, using: &random)
            bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            try place.write(bytes, object)
            let repair = try CacheRepair.run(DatasetBuild.Options(cachePath: place.cache, jobs: 1))
            let isFound = repair.verification.findings.contains { object.hasSuffix($0.path) }
            // In a pack the bit may be one of bytes that are no object's any more.
            let isDead = object.contains("/packs/") || isStray(object, place)
            #expect(isFound || !repair.verification.isSound || isDead)
            return "flip \(name) and repair"
        }
    }

    /// Whether no record names an object: then it is never used, and its bytes are nobody's business.
    private static func isStray(_ object: String, _ place: LawPlace) -> Bool {
        let found = try? Cache(path: place.cache, for: .reading).verify(with: Workers(count: 1))
        return found?.findings.contains { $0.kind == .objectStray && object.hasSuffix($0.path) } ?? false
    }

    /// A build in a process of its own that is killed on its way, or at its end.
    private static func kill(_ place: LawPlace, _ random: inout LawGenerator) async -> String {
        let points = [
            "object.written:2", "pack.torn:2", "pack.appended:3", "pack.closed", "pack.flushed",
            "commit.unflushed", "commit.flushed", "commit.renamed:3", "commit.placed",
            "journal.torn", "journal.appended", "journal.flushed", "index.uncommitted", "index.committed",
            "replace.written", "replace.renamed",
        ]
        let point = points.randomElement(using: &random) ?? points[0]
        await #expect(processExitsWith: .signal(SIGKILL)) {
            [place = place as LawPlace, point = point as String] in
            setenv("REPRISE_FAILPOINT", point, 1)
            _ = try? place.build()
            Glibc.kill(getpid(), SIGKILL)
        }
        return "kill at \(point)"
    }
}
