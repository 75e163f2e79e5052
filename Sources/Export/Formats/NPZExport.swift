import Build
import Loading
import Tensors

extension ExportJob {
    /// Writes dense arrays: for each shard, in the order of the snapshot, `<split>/<kind>-<number>.npz`; and
    /// `dataset.json` with the snapshot, the vocabularies that `label.*` index in all files, and the sources that
    /// `segment.source` indexes.
    ///
    /// Arrays, N segments: those of `DenseArrays`, N in front; `segment.source`, `segment.timeline`, `segment.start`,
    /// `segment.length`; of pairs `segment.audio`, which indexes the sources too, and `segment.audio_start`; `label.<name>`
    /// I32 [N], −1 where it is unknown. Texts [N]: `segment.path`, `segment.piece`; `label_text.<name>`, empty where it is
    /// unknown.
    func writeNPZ() throws {
        let digests = Set(reader.snapshot.sources.map(\.sha256.hex)).sorted()
        let sources = Dictionary(uniqueKeysWithValues: digests.enumerated().map { ($1, Int32($0)) })
        let rows = try SegmentRows(reader, readsNumbers: false)
        for split in splits {
            var first = 0
            for (number, described) in (reader.snapshot.shards[split] ?? []).enumerated() {
                let name = "\(split.rawValue)/\(described.kind.rawValue)-\(SegmentRow.padded(number, 5)).npz"
                let range = first..<first + described.segments
                try target.make(name) { path in
                    let file = try NPZFile(path: path, isCompressed: isCompressed)
                    try export(reader.open(described), sources, to: file)
                    var (paths, pieces): ([String], [String]) = ([], [])
                    try rows.forEachEntry(in: split, range) {
                        paths.append($0.path)
                        pieces.append($0.piece)
                    }
                    try file.add("segment.path", texts: paths)
                    try file.add("segment.piece", texts: pieces)
                    try file.close()
                }
                first += described.segments
                advance(described.segments)
            }
        }
        let index: JSONValue = [
            "dataset": .string(reader.snapshot.dataset), "snapshot": JSONValue(reader.digest),
            "features": reader.snapshot.features,
            "sources": .array(digests.map { .string($0) }),
            "vocabularies": .object(
                reader.snapshot.vocabularies.mapValues { .array($0.map { .string($0) }) }),
        ]
        try target.make("dataset.json") { try OutputFile.write(index.canonicalBytes, to: $0) }
    }

    private func export(_ shard: Shard, _ sources: [String: Int32], to file: NPZFile) throws {
        for item in try DenseArrays(shard, in: reader.snapshot).items {
            try file.add(item.name, item.type, shape: [shard.count] + item.shape) { write in
                for segment in 0..<shard.count {
                    try Cancellation.bySignal.check()
                    try item.withBytes(of: segment, write)
                }
            }
        }
        for name in ["segment.timeline", "segment.start", "segment.length", "segment.audio_start"] {
            guard let entry = shard.file.entries[name] else { continue }
            try file.add(name, entry.type, shape: entry.shape) { write in
                try shard.file.withBytes(of: name, write)
            }
        }
        let numbers = shard.sources.map { sources[$0] ?? -1 }
        try exportMapped(shard, "segment.source", numbers, to: file)
        if shard.isPaired {
            try exportMapped(shard, "segment.audio", numbers, indexedBy: "segment.audio", to: file)
        }
        for (name, vocabulary) in reader.snapshot.vocabularies.sorted(by: { utf8Order($0.key, $1.key) }) {
            let classes = Classes(vocabulary)
            let numbers = shard.labels.map { $0[name].flatMap { classes[$0] }.map { Int32($0) } ?? -1 }
            try exportMapped(shard, "label.\(name)", numbers, to: file)
            let own = try shard.file.tensor("segment.source", as: Int32.self).elements
            try file.add("label_text.\(name)", texts: own.map { shard.labels[Int($0)][name] ?? "" })
        }
    }

    /// Writes a number of each segment's entry.
    private func exportMapped(
        _ shard: Shard, _ name: String, _ mapping: [Int32], indexedBy column: String = "segment.source",
        to file: NPZFile
    ) throws {
        let own = try shard.file.tensor(column, as: Int32.self)
        let mapped = own.elements.map { mapping.indices.contains(Int($0)) ? mapping[Int($0)] : -1 }
        try file.add(name, Tensor(shape: own.shape, elements: mapped))
    }
}
