import Build
public import Loading
import Symbolic
import Tensors

extension DatasetReader {
    /// Writes dense arrays: for each shard, in the order of the snapshot, `<split>/<kind>-<number>.npz`; and
    /// `dataset.json` with the snapshot, the vocabularies that `label.*` index in all files, and the sources that
    /// `segment.source` indexes.
    ///
    /// Arrays, N segments: `piano`, `velocity`, `onset` U8 [N, steps, pitches]; `instrument` U8 [N, steps, 17];
    /// `pedal`, `tempo`; each feature of audio; `segment.source`, `segment.timeline`, `segment.start`,
    /// `segment.length`; of pairs `segment.audio`, which indexes the sources too, `segment.audio_start` and `frame.step`;
    /// `label.<name>` I32 [N], −1 where it is unknown.
    ///
    /// - Parameters:
    ///   - folder: where to write; made if it is not there. Files of the same names are replaced.
    ///   - splits: which splits to write.
    /// - Returns: the files' paths.
    /// - Throws: `BuildError`, `TensorFileError`. A file that could not be written whole is not there.
    public func exportNPZ(to folder: String, splits: [Split]) throws -> [String] {
        let digests = Set(snapshot.sources.map(\.sha256.hex)).sorted()
        let sources = Dictionary(uniqueKeysWithValues: digests.enumerated().map { ($1, Int32($0)) })
        let paintsDrums = snapshot.paintsDrums
        var files: [String] = []
        for split in splits {
            let shards = snapshot.shards[split] ?? []
            guard !shards.isEmpty else { continue }
            try OutputFile.makeFolder("\(folder)/\(split.rawValue)")
            for (number, shard) in shards.enumerated() {
                let path = "\(folder)/\(split.rawValue)/\(shard.kind.rawValue)-\(Self.padded(number)).npz"
                let file = try NPZFile(path: path)
                try export(open(shard), sources, paintsDrums, to: file)
                try file.close()
                files.append(path)
            }
        }
        let index: JSONValue = [
            "dataset": .string(snapshot.dataset), "snapshot": JSONValue(digest),
            "features": snapshot.features,
            "sources": .array(digests.map { .string($0) }),
            "vocabularies": .object(snapshot.vocabularies.mapValues { .array($0.map { .string($0) }) }),
        ]
        try OutputFile.makeFolder(folder)
        try OutputFile.write(index.canonicalBytes, to: "\(folder)/dataset.json")
        return files + ["\(folder)/dataset.json"]
    }

    private static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private func export(
        _ shard: Shard, _ sources: [String: Int32], _ paintsDrums: Bool, to file: NPZFile
    ) throws {
        if shard.holdsNotes { try exportRolls(shard, paintsDrums, to: file) }
        for name in shard.featureNames + [
            "pedal", "tempo", "segment.timeline", "segment.start", "segment.length", "segment.audio_start",
            "frame.step",
        ] {
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
        for (name, vocabulary) in snapshot.vocabularies.sorted(by: { utf8Order($0.key, $1.key) }) {
            let places = Dictionary(
                uniqueKeysWithValues: vocabulary.enumerated().map { (Array($1.utf8), Int32($0)) })
            let numbers = shard.labels.map { $0[name].flatMap { places[Array($0.utf8)] } ?? -1 }
            try exportMapped(shard, "label.\(name)", numbers, to: file)
            if snapshot.severalValues(of: name) != nil {
                try exportValues(shard, "label.\(name).values", vocabulary, of: name, to: file)
            }
        }
    }

    /// Writes which values of a label each segment has: 1 or 0, [N, values].
    private func exportValues(
        _ shard: Shard, _ name: String, _ vocabulary: [String], of label: String, to file: NPZFile
    ) throws {
        let rows = shard.labels.map { labels in
            vocabulary.map { LabelText.has($0, in: labels[label] ?? "") ? UInt8(1) : 0 }
        }
        let entries = try shard.file.tensor("segment.source", as: Int32.self).elements
        try file.add(
            name,
            Tensor(shape: [entries.count, vocabulary.count], elements: entries.flatMap { rows[Int($0)] }))
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

    private func exportRolls(_ shard: Shard, _ paintsDrums: Bool, to file: NPZFile) throws {
        let steps = try shard.steps()
        let pitches = snapshot.pitches
        typealias Paint = (RollRows, UnsafeMutableBufferPointer<UInt8>) -> Void
        let rolls: [(name: String, width: Int, paint: Paint)] = [
            (
                "piano", pitches.count,
                { DenseRolls.piano($0, steps: steps, pitches: pitches, paintsDrums: paintsDrums, into: $1) }
            ),
            (
                "velocity", pitches.count,
                {
                    DenseRolls.velocity(
                        $0, steps: steps, pitches: pitches, paintsDrums: paintsDrums, into: $1)
                }
            ),
            (
                "onset", pitches.count,
                { DenseRolls.onset($0, steps: steps, pitches: pitches, paintsDrums: paintsDrums, into: $1) }
            ),
            (
                "instrument", DenseRolls.instrumentCount,
                { DenseRolls.instrument($0, steps: steps, pitches: pitches, into: $1) }
            ),
        ]
        for roll in rolls {
            let buffer = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: steps * roll.width)
            defer { buffer.deallocate() }
            try file.add(roll.name, .u8, shape: [shard.count, steps, roll.width]) { write in
                for index in 0..<shard.count {
                    try shard.withRows(of: index) { roll.paint($0, buffer) }
                    try write(UnsafeRawBufferPointer(buffer))
                }
            }
        }
    }
}
