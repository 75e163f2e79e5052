import Dataset
import Foundation
import Loading
import TestSupport
import Testing

/// A small dataset of two styles, built for a test and removed with the value.
final class BuiltDataset {
    let folder: TestFolder
    let reader: DatasetReader

    /// Builds the manifest's blocks over the files that `write` made below `classical/` and `jazz/`.
    init(_ blocks: String, _ files: [(path: String, bytes: [UInt8])]) throws {
        folder = try TestFolder()
        for (path, bytes) in files {
            let place = URL(fileURLWithPath: folder.path + "/" + path)
            try FileManager.default.createDirectory(
                at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: place)
        }
        try folder.write(
            "toy.yaml",
            """
            version: 1
            dataset: toy
            sources:
              - path: "*/*"
                labels: {style: "{dir}"}
            \(blocks)
            splits: {train: 0.7, validation: 0.15, test: 0.15, method: exact, seed: 3}
            shards: {target_bytes: 8KiB}
            """)
        let build = try DatasetBuild(manifestPath: folder.path + "/toy.yaml")
        _ = try build.run(.init(cachePath: folder.path + "/cache", jobs: 1))
        reader = try DatasetReader("toy", cachePath: folder.path + "/cache")
    }

    static func scores() -> [(path: String, bytes: [UInt8])] {
        var music = Music(seed: 11)
        return (0..<8).map { ("\($0 % 2 == 0 ? "classical" : "jazz")/\($0).mid", music.midi()) }
    }

    static func recordings() -> [(path: String, bytes: [UInt8])] {
        var music = Music(seed: 12)
        return (0..<8).map { number in
            (
                "\(number % 2 == 0 ? "classical" : "jazz")/\(number).wav",
                music.wave(
                    seconds: 0.5 + 0.13 * Double(number), level: number % 2 == 0 ? 9000 : 700 * number)
            )
        }
    }

    /// Every view of every segment as the loader feeds it, by source and start.
    func fed(_ kind: SegmentKind, _ views: [LoaderView]) throws -> [Segment: [[UInt8]]] {
        var segments: [Segment: [[UInt8]]] = [:]
        for split in Split.allCases where reader.snapshot.segmentCount(split) > 0 {
            let loader = try Loader(
                reader,
                LoaderPlan(
                    split: split, kind: kind, views: views, batchSize: 1, isShuffled: false, epochs: 1,
                    threads: 0))
            var number = 0
            while let batch = try loader.next() {
                let place = try #require(reader.place(number, in: split))
                let segment = try reader.open(place.shard).segment(place.index)
                let bytes = batch.names.map { name in batch.withBytes(of: name) { Array($0) } }
                segments[Segment(source: segment.source, start: segment.start)] = bytes
                batch.giveBack()
                number += 1
            }
        }
        return segments
    }

    struct Segment: Hashable {
        let source: String
        let start: Int
    }
}

extension LoaderBatch {
    /// Each segment's bytes, view by view.
    func segments() -> [[[UInt8]]] {
        (0..<count).map { index in
            names.map { name in
                withBytes(of: name) { bytes in
                    let size = bytes.count / count
                    return Array(bytes[index * size..<(index + 1) * size])
                }
            }
        }
    }
}
