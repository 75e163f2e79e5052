import Files
import Foundation

@testable import Dataset

/// The recorded hashes of what stages write for the inputs of `PinnedMusic`: `Tests/Fixtures/PinnedBytes.json`.
struct PinnedTable: Codable, Equatable {
    /// What the stages without floating point write, the same on every machine.
    var integer: Entry?
    /// What the others write, by numerics tag.
    var float: [String: Entry] = [:]

    /// The hashes of one build.
    struct Entry: Codable, Equatable {
        /// The hash of the source files and of the manifest with all its defaults.
        var inputs: String
        /// The version of every stage.
        var versions: [String: Int]
        /// The hash of all that a stage wrote; of all that it recorded beside it under `<stage> facts`.
        var hashes: [String: String]
    }

    static let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/PinnedBytes.json").path

    static func read() throws -> PinnedTable {
        guard let bytes = FileManager.default.contents(atPath: path) else { return PinnedTable() }
        return try JSONDecoder().decode(PinnedTable.self, from: bytes)
    }

    func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try (encoder.encode(self) + Data("\n".utf8)).write(to: URL(filePath: Self.path))
    }
}

/// How the hashes of a build compare with the recorded ones.
enum PinnedVerdict: Equatable {
    case same
    /// Nothing is recorded for this numerics tag.
    case unknown
    /// These hashes changed for a reason: a stage has another version, or the inputs of the test changed.
    case outdated(reason: String)
    /// These stages write other bytes though neither they nor a stage before them has another version.
    case forgotten([String])

    /// Which stages each stage's bytes depend on; on all of them where it is not named.
    private static let earlier: [String: [String]] = [
        "read": [], "spectrum": [], "band-moments": ["spectrum"], "fit": ["band-moments", "spectrum"],
        "shard": ["read", "spectrum", "fit"], "sources": ["read", "spectrum"],
        "list": ["read", "spectrum", "band-moments"],
    ]

    init(_ found: PinnedTable.Entry, recorded: PinnedTable.Entry?) {
        guard let recorded else {
            self = .unknown
            return
        }
        if found.inputs != recorded.inputs {
            self = .outdated(reason: "the sources or the manifest of the test changed")
            return
        }
        let raised = Set(found.versions.keys).union(recorded.versions.keys).filter {
            found.versions[$0] != recorded.versions[$0]
        }
        let changed = Set(found.hashes.keys).union(recorded.hashes.keys).filter {
            found.hashes[$0] != recorded.hashes[$0]
        }
        // A stage that is not part of this build changes nothing in it but the snapshot, which states its version.
        let present = Set(found.hashes.keys.map(Self.stage)).union(recorded.hashes.keys.map(Self.stage))
        func isExplained(_ stage: String) -> Bool {
            if raised.contains(stage) { return true }
            guard let earlier = Self.earlier[stage] else { return !raised.isEmpty }
            return earlier.contains { present.contains($0) && isExplained($0) }
        }
        let forgotten = changed.filter { !isExplained(Self.stage($0)) }.sorted()
        if !forgotten.isEmpty {
            self = .forgotten(forgotten)
        } else if !raised.isEmpty {
            let names = raised.sorted().map { name in
                let versions = [recorded.versions[name], found.versions[name]].map {
                    $0.map(String.init) ?? "none"
                }
                return "\(name) \(versions.joined(separator: " → "))"
            }
            self = .outdated(reason: "versions changed: \(names.joined(separator: ", "))")
        } else {
            self = .same
        }
    }

    private static func stage(_ name: String) -> String {
        name.hasSuffix(" facts") ? String(name.dropLast(6)) : name
    }

    /// What the engineer should do; nil if nothing.
    var advice: String? {
        switch self {
        case .same: nil
        case .unknown:
            "no hashes are recorded for the numerics tag \"\(Numerics.tag)\", so nothing was compared; "
                + "record them with: tools/record bytes"
        case .outdated(let reason):
            "\(reason). If that is meant, record the new hashes with: tools/record bytes"
        case .forgotten(let stages):
            "other bytes without another version: \(stages.joined(separator: ", ")). If the change is meant, raise "
                + "the version of the first stage whose code changed (Sources/Dataset/Stages/Stages.swift), say "
                + "under \"Rebuilds\" in CHANGELOG.md what is built again, then run: tools/record bytes"
        }
    }
}
