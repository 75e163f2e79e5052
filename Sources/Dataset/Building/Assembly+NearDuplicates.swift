import Describing
import Files
import Loading
import Storage
import Tensors

extension Assembly {
    /// Pairs of sources that share passages: a pure function of the set of sources.
    ///
    /// Sources that a plan does not know yet are left out, and audio without a mel.
    func nearDuplicates(_ entries: [Entry]) throws -> [(first: Digest, second: Digest)] {
        func sources(_ kind: SegmentKind) -> [(sha256: Digest, object: Digest)] {
            let objects = entries.filter { $0.source.kind == kind }.compactMap { entry in
                entry.source.object.map { (entry.source.sha256, $0.digest) }
            }
            return Dictionary(objects) { first, _ in first }.sorted { $0.key < $1.key }.map { ($0, $1) }
        }
        return try pairs(sources(.midi), from: DatasetReader.duplicateShare, atLeast: 1) { file in
            try Shingles(PitchOrder(file).timelines, .pitches).hashes
        }
            + pairs(
                sources(.audio), from: DatasetReader.recordingShare, atLeast: DatasetReader.recordingCount
            ) { try $0.tensor("landmarks", as: UInt32.self).elements }
    }

    /// Pairs of sources whose sets of hashes share so much of the smaller one's, and so many.
    private func pairs(
        _ sources: [(sha256: Digest, object: Digest)], from leastShare: Double, atLeast leastCount: Int,
        _ hashes: @escaping @Sendable (TensorFile) throws -> [UInt32]
    ) throws -> [(first: Digest, second: Digest)] {
        let sets = try workers.map(sources) { (source) throws(BuildError) -> [UInt32] in
            try runner.cache.tensors(of: source.object, hashes)
        }
        return SharedHashes.counts(sets).compactMap { pair, count in
            let least = min(sets[pair.first].count, sets[pair.second].count)
            guard count >= leastCount, Double(count) >= leastShare * Double(least) else { return nil }
            return (sources[pair.first].sha256, sources[pair.second].sha256)
        }
    }
}

/// The pitches of a score in the order in which `Shingles` compares them, out of a `read` object.
struct PitchOrder {
    /// Each timeline's pitches.
    let timelines: [[UInt8]]

    init(_ file: TensorFile) throws {
        let pitches = try file.tensor("order.pitch", as: UInt8.self).elements
        let offsets = try file.tensor("order.offset", as: Int64.self).elements
        guard offsets.first == 0, offsets.last == Int64(pitches.count),
            zip(offsets, offsets.dropFirst()).allSatisfy({ $0 <= $1 })
        else { throw TensorFileError(.mismatch, "'order.offset' does not divide 'order.pitch'") }
        timelines = zip(offsets, offsets.dropFirst()).map { Array(pitches[Int($0)..<Int($1)]) }
    }
}

extension TensorFile {
    /// Opens an object of a cache.
    convenience init(_ contents: ObjectContents) throws(TensorFileError) {
        switch contents {
        case .bytes(let bytes): try self.init(bytes: bytes)
        case .file(let path): try self.init(path: path)
        }
    }
}

extension Cache {
    /// Opens a tensor file in the cache, its bytes checked.
    ///
    /// - Throws: as `withContents(of:)`; `build.damaged` for an object that does not hold what it should.
    func tensors<Result>(
        of digest: Digest, _ body: (TensorFile) throws -> Result
    ) throws(BuildError) -> Result {
        do {
            return try withContents(of: digest) { try body(TensorFile($0)) }
        } catch let error as BuildError {
            throw error
        } catch {
            throw BuildError(.damaged, "object \(digest): \(error); build the dataset again", canRetry: false)
        }
    }
}
