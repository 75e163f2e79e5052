import Files
import Loading
import Tensors

extension ExportJob {
    /// Writes `<split>-<number>.tar`: a sample a segment, whose files share the key `<split>-<number of the segment>`.
    ///
    /// `<key>.json` has the columns of `SegmentColumns`, with labels as texts and as classes; `<key>.<array>.npy` each array
    /// of `DenseArrays`, '.' in its name written as '_'. The last tar file of a split is shorter. `dataset.json` has the
    /// vocabularies, and how many segments each tar file has.
    ///
    /// - Parameter tarBytes: a tar file has about so many bytes at most, and at least one sample.
    /// - Throws: `BuildError`, `ManifestError`, `TensorFileError`.
    func writeWebDataset(tarBytes: Int) throws {
        let rows = try SegmentRows(reader)
        let columns = SegmentColumns(reader.snapshot, rows.manifest)
        var listed: [JSONValue] = []
        for split in splits {
            for (number, range) in try tarRanges(split, tarBytes).enumerated() {
                let name = "\(split.rawValue)-\(SegmentRow.padded(number, 6)).tar"
                var counted = 0
                try target.make(name) { path in
                    let tar = try TarFile(path)
                    var open: (shard: Shard, arrays: DenseArrays)?
                    try rows.forEach(in: split, range) { row, shard, index in
                        let arrays =
                            if let open, open.shard === shard { open.arrays } else {
                                try DenseArrays(shard, in: reader.snapshot)
                            }
                        open = (shard, arrays)
                        try tar.add("\(row.key).json", columns.json(row).canonicalBytes)
                        for item in arrays.items { try add(item, of: index, "\(row.key).", to: tar) }
                        counted += 1
                        advance(1)
                    }
                    try tar.close()
                }
                advance(range.count - counted)
                listed.append(
                    [
                        "file": .string(name), "split": .string(split.rawValue),
                        "segments": JSONValue(range.count),
                    ])
            }
        }
        var members = provenance.object ?? [:]
        members["tars"] = .array(listed)
        members["vocabularies"] = .object(
            reader.snapshot.vocabularies.mapValues { .array($0.map { .string($0) }) })
        try target.make("dataset.json") {
            try OutputFile.write(JSONValue.object(members).canonicalBytes, to: $0)
        }
    }

    private func add(_ item: DenseArrays.Item, of segment: Int, _ prefix: String, to tar: TarFile) throws {
        let header = NPYFormat.header(NPYFormat.descriptor(item.type), item.shape)
        let name = prefix + item.name.replacing(".", with: "_") + ".npy"
        try tar.add(name, byteCount: header.count + item.byteCount) { write in
            try header.withUnsafeBytes(write)
            try item.withBytes(of: segment, write)
        }
    }

    /// The segments of each tar file of a split, known before one is written.
    private func tarRanges(_ split: Split, _ tarBytes: Int) throws -> [Range<Int>] {
        var sizes: [SegmentKind: Int] = [:]
        var ranges: [Range<Int>] = []
        var (start, place, bytes) = (0, 0, 0)
        for described in reader.snapshot.shards[split] ?? [] {
            if sizes[described.kind] == nil {
                let block = TarFile.blockLength
                sizes[described.kind] = try DenseArrays(reader.open(described), in: reader.snapshot).items
                    // The text, and for each array the archive's header and NumPy's.
                    .reduce(4 * block) { $0 + ($1.byteCount + block - 1) / block * block + block + 128 }
            }
            let size = sizes[described.kind] ?? 0
            for _ in 0..<described.segments {
                if place > start, bytes + size > tarBytes {
                    ranges.append(start..<place)
                    (start, bytes) = (place, 0)
                }
                place += 1
                bytes += size
            }
        }
        return place > start ? ranges + [start..<place] : ranges
    }
}
