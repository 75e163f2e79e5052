import Dataset
import Foundation
import Loading
import Tensors

/// Packing and feeding: over a dataset that is built of the music first, in a folder of its own.
final class DatasetKernels {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
        "reprise-kernels-\(UUID().uuidString)")
    private let sources: [SegmentKind: [String]]
    private var label = 0

    init(midi: [String], audio: [String]) throws {
        sources = [.midi: midi, .audio: audio]
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    var all: [Kernel] {
        var kernels: [Kernel] = []
        if sources[.midi]?.isEmpty == false {
            let rolls: [LoaderView] = [
                .roll("piano", .piano, as: .u8), .roll("velocity", .velocity, as: .u8),
                .roll("onset", .onset, as: .u8), LoaderView("instrument", .instrument(.u8)),
            ]
            kernels += [pack(.midi), batch(.midi, "4 rolls 64 x 128, U8", rolls)]
        }
        if sources[.audio]?.isEmpty == false {
            kernels += [pack(.audio), batch(.audio, "mel", [.feature("mel")])]
        }
        return kernels
    }

    /// Every shard, packed again from the parts in the cache.
    ///
    /// A build of files that are all known, with another label: finding the parts, hashing, flushing and the snapshot
    /// are in it.
    private func pack(_ kind: SegmentKind) -> Kernel {
        Kernel(name: "pack, \(kind == .midi ? "notes" : "mel")", unit: "byte", call: "shard") { [self] in
            _ = try build(kind)
            return { [self] in
                let shards = try build(kind).snapshot.shards.values.joined()
                return Kernel.Work(calls: shards.count, units: shards.reduce(0) { $0 + $1.bytes })
            }
        }
    }

    /// An epoch in batches of 64, made by the thread that asks for them.
    private func batch(_ kind: SegmentKind, _ name: String, _ views: [LoaderView]) -> Kernel {
        Kernel(name: "batch, \(name)", unit: "byte", call: "batch") { [self] in
            let plan = LoaderPlan(kind: kind, views: views, batchSize: 64, threads: 0)
            let loader = try Loader(build(kind), plan)
            return {
                var work = Kernel.Work()
                while let batch = try loader.next() {
                    work.calls += 1
                    work.units += batch.names.reduce(0) { sum, name in
                        sum + batch.withBytes(of: name) { $0.count }
                    }
                    let isLast = batch.endsEpoch
                    batch.giveBack()
                    if isLast { break }
                }
                return work
            }
        }
    }

    /// Builds the dataset, each time with another label.
    private func build(_ kind: SegmentKind) throws -> DatasetReader {
        label += 1
        let paths = (sources[kind] ?? []).map {
            "  - {path: '\($0.replacing("'", with: "''"))', labels: {pass: '\(label)'}}"
        }
        let block =
            kind == .midi
            ? "midi: {segment: {steps: 64}}"
            : "audio: {segment: {samples: 131072, drop_last: true}, features: {mel: {bands: 256, power: 1}}, normalize: log}"
        let manifest = folder.appendingPathComponent("\(kind.rawValue).yaml").path
        let text = """
            version: 1
            dataset: \(kind.rawValue)
            sources:
            \(paths.joined(separator: "\n"))
            \(block)
            splits: {train: 1, validation: 0, test: 0}
            """
        try Data(text.utf8).write(to: URL(fileURLWithPath: manifest))
        let cache = folder.appendingPathComponent("cache").path
        _ = try DatasetBuild(manifestPath: manifest).run(.init(cachePath: cache, jobs: 1))
        return try DatasetReader(kind.rawValue, cachePath: cache)
    }
}
