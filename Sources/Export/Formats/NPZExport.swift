import Files
import Loading
import Tensors

extension ExportJob {
    /// Writes dense arrays: for each shard, in the order of the snapshot, `<split>/<kind>-<number>.npz`; and
    /// `dataset.json` with the snapshot, the vocabularies that `label.*` index in all files, and the sources that
    /// `segment.source` indexes.
    ///
    /// Arrays, N segments: those of `DenseArrays`, N in front; `segment.source`, `segment.timeline`, `segment.start`,
    /// `segment.length`; of pairs `segment.audio`, which indexes the sources too, and `segment.audio_start`; `label.<name>`
    /// I32 [N], −1 where it is unknown or has several values. Texts [N]: `segment.path`, `segment.piece`;
    /// `label_text.<name>`, empty where it is unknown, several values with ';' between them. Of labels with several values
    /// `label.<name>.values` U8 [N, values of the vocabulary] too: which of them each segment has.
    func writeNPZ() throws {
        let digests = Set(reader.snapshot.sources.map(\.sha256.hex)).sorted()
        let sources = Dictionary(uniqueKeysWithValues: digests.enumerated().map { ($1, Int32($0)) })
        let rows = try SegmentRows(reader)
        let labels = LabelValues(reader.snapshot)
        for split in splits {
            var first = 0
            for (number, described) in (reader.snapshot.shards[split] ?? []).enumerated() {
                let name = "\(split.rawValue)/\(described.kind.rawValue)-\(SegmentRow.padded(number, 5)).npz"
                let range = first..<first + described.segments
                try target.make(name) { path in
                    let file = try NPZFile(path: path, isCompressed: isCompressed)
                    try export(reader.open(described), sources, labels, to: file)
                    let entries = try range.map { try rows.entry(of: $0, in: split) }
                    try file.add("segment.path", texts: entries.map(\.path))
                    try file.add("segment.piece", texts: entries.map(\.piece))
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

    private func export(
        _ shard: Shard, _ sources: [String: Int32], _ labels: LabelValues, to file: NPZFile
    ) throws {
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
        let own = try shard.file.tensor("segment.source", as: Int32.self).elements.map { Int($0) }
        for name in labels.names {
            try exportMapped(shard, "label.\(name)", shard.labels.map { labels.only($0, name) }, to: file)
            let texts = shard.labels.map {
                $0[name].map { LabelText.values($0).joined(separator: ";") } ?? ""
            }
            try file.add("label_text.\(name)", texts: own.map { texts[$0] })
            guard labels.isList(name), let vocabulary = reader.snapshot.vocabularies[name] else { continue }
            let flags = shard.labels.map { labels.flags($0, name, vocabulary) }
            try file.add(
                "label.\(name).values",
                Tensor(shape: [own.count, vocabulary.count], elements: own.flatMap { flags[$0] }))
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
