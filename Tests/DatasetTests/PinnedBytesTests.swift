import Files
import Foundation
import Manifest
import Storage
import TestSupport
import Testing

@testable import Dataset
@testable import Loading

/// The bytes of every stage for fixed inputs are the recorded ones, so that nobody changes them without raising a
/// version: a cache would keep what the former code made.
@Suite(.serialized) struct PinnedBytesTests {
    /// Whether what is found is recorded, as `tools/record bytes` asks for.
    private static let records = ProcessInfo.processInfo.environment["REPRISE_RECORD"] != nil

    @Test func stagesWithoutFloatingPoint() throws {
        let entry = try Self.entry(
            of: PinnedMusic.midi, PinnedMusic.midiManifest, outputs: Set(Self.integerStages))
        #expect(Set(entry.hashes.keys) == Set(Self.integerStages), "every one of these stages ran")
        var table = try PinnedTable.read()
        let verdict = PinnedVerdict(entry, recorded: table.integer)
        if try Self.isRecorded(
            verdict,
            {
                table.integer = entry; try table.write()
            })
        {
            return
        }
        #expect(verdict == .same, "\(verdict.advice ?? "")")
    }

    @Test func stagesWithFloatingPoint() throws {
        var entry = try Self.entry(
            of: PinnedMusic.audio, PinnedMusic.audioManifest, outputs: Set(Self.floatStages),
            facts: ["spectrum"])
        let midi = try Self.entry(
            of: PinnedMusic.midi, PinnedMusic.midiManifest, outputs: [], facts: ["read"])
        // Entropies and mean tempi of a score are computed with libm.
        entry.hashes.merge(midi.hashes) { first, _ in first }
        entry.inputs = Digest(of: Array("\(entry.inputs) \(midi.inputs)".utf8)).hex
        #expect(
            Set(entry.hashes.keys) == Set(Self.floatStages + ["spectrum facts", "read facts"]),
            "every one of these stages ran")
        var table = try PinnedTable.read()
        let verdict = PinnedVerdict(entry, recorded: table.float[Numerics.tag])
        let isRecorded = try Self.isRecorded(verdict) {
            // What other machines recorded of other versions can no longer be compared with anything.
            table.float = table.float.filter {
                $0.value.versions == entry.versions && $0.value.inputs == entry.inputs
            }
            table.float[Numerics.tag] = entry
            try table.write()
        }
        if isRecorded { return }
        if verdict == .unknown {
            withKnownIssue("This machine has a numerics tag of its own.") {
                Issue.record("\(verdict.advice ?? "")")
            }
        } else {
            #expect(verdict == .same, "\(verdict.advice ?? "")")
        }
    }

    private static let integerStages = ["read", "list", "shard", "sources", "snapshot"]
    private static let floatStages = [
        "spectrum", "band-moments", "list", "fit", "shard", "sources", "snapshot",
    ]

    /// Writes what was found if that was asked for, unless a version was forgotten.
    private static func isRecorded(_ verdict: PinnedVerdict, _ write: () throws -> Void) throws -> Bool {
        if case .forgotten = verdict { return false }
        guard records else { return false }
        try write()
        return true
    }

    /// Builds sources in a new cache, and hashes what the named stages wrote and recorded.
    private static func entry(
        of sources: [(path: String, bytes: [UInt8])], _ yaml: String, outputs: Set<String>,
        facts: Set<String> = []
    ) throws -> PinnedTable.Entry {
        let folder = try TestFolder()
        let place = try LawPlace(in: folder)
        for source in sources { try place.write(source.bytes, "\(folder.path)/\(source.path)") }
        try place.write(Array(yaml.utf8), "\(folder.path)/pinned.yaml")
        let build = try DatasetBuild(manifestPath: "\(folder.path)/pinned.yaml")
        try _ = build.run(DatasetBuild.Options(cachePath: place.cache, jobs: 2, waits: false))
        var lines: [String: [String]] = [:]
        for record in try place.records() {
            let stage = record.stage.name
            if outputs.contains(stage) {
                lines[stage, default: []] += record.outputs.map { "\($0.key) \($0.value.digest.hex)" }
            }
            if facts.contains(stage) {
                lines["\(stage) facts", default: []].append(
                    "\(record.subject) \(record.json["facts"]?.canonical ?? "")")
            }
        }
        var inputs = build.manifest.effective.canonicalBytes
        for source in sources { inputs += Array("\(source.path) \(Digest(of: source.bytes).hex)\n".utf8) }
        return PinnedTable.Entry(
            inputs: Digest(of: inputs).hex,
            versions: Dictionary(uniqueKeysWithValues: Stages.inOrder.map { ($0.name, $0.version) }),
            hashes: lines.mapValues { Digest(of: Array($0.sorted().joined(separator: "\n").utf8)).hex })
    }

    // MARK: What is caught

    private func entry(
        _ hashes: [String: String],
        _ versions: [String: Int] = ["read": 2, "spectrum": 3, "list": 1, "shard": 2],
        inputs: String = "i"
    ) -> PinnedTable.Entry {
        PinnedTable.Entry(inputs: inputs, versions: versions, hashes: hashes)
    }

    @Test func aForgottenVersionIsCaught() {
        let recorded = entry(["read": "a", "read facts": "f", "shard": "b", "snapshot": "c"])
        func verdict(_ hashes: [String: String], _ versions: [String: Int]) -> PinnedVerdict {
            PinnedVerdict(
                entry(recorded.hashes.merging(hashes) { $1 }, recorded.versions.merging(versions) { $1 }),
                recorded: recorded)
        }
        #expect(verdict([:], [:]) == .same)
        #expect(verdict(["read": "x"], [:]) == .forgotten(["read"]))
        #expect(verdict(["read facts": "x"], [:]) == .forgotten(["read facts"]))
        #expect(verdict(["read": "x"], ["read": 3]) == .outdated(reason: "versions changed: read 2 → 3"))
        // What comes later changes with it; what comes before does not.
        #expect(
            verdict(["shard": "x", "snapshot": "x"], ["read": 3])
                == .outdated(reason: "versions changed: read 2 → 3"))
        #expect(verdict(["read": "x"], ["shard": 3]) == .forgotten(["read"]))
        // No stage of audio is a reason for other bytes of MIDI, but the snapshot states all versions.
        #expect(verdict(["shard": "x", "snapshot": "x"], ["spectrum": 4]) == .forgotten(["shard"]))
        #expect(
            verdict(["snapshot": "x"], ["spectrum": 4])
                == .outdated(reason: "versions changed: spectrum 3 → 4"))
        // A version that was raised asks for new hashes even if the bytes are the same.
        #expect(verdict([:], ["read": 3]) == .outdated(reason: "versions changed: read 2 → 3"))
        // A stage that is new, and one that is gone.
        #expect(
            verdict(["pairs": "x"], ["pairs": 1]) == .outdated(reason: "versions changed: pairs none → 1"))
        #expect(PinnedVerdict(recorded, recorded: nil) == .unknown)
        #expect(
            PinnedVerdict(entry(["read": "x"], inputs: "j"), recorded: recorded)
                == .outdated(reason: "the sources or the manifest of the test changed"))
    }

    @Test func adviceNamesTheCommand() {
        for verdict in [PinnedVerdict.unknown, .outdated(reason: "r"), .forgotten(["read"])] {
            #expect(verdict.advice?.contains("tools/record bytes") == true)
        }
        #expect(PinnedVerdict.same.advice == nil)
    }
}
