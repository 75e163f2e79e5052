import Tensors

extension TensorFile {
    /// Lends segments of a feature's object, [segments, …], one after the other.
    ///
    /// Each is read into memory that is set aside once: of a mapped hour, all pages would stay in memory.
    ///
    /// - Throws: `TensorFileError`, and what `body` throws.
    func forEachSegment(
        of name: String, _ indices: some Sequence<Int>,
        _ body: (UnsafeMutableBufferPointer<Float>) throws -> Void
    ) throws {
        let size = try entry(name).shape.dropFirst().reduce(1, *)
        let scratch = UnsafeMutableBufferPointer<Float>.allocate(capacity: size)
        defer { scratch.deallocate() }
        for index in indices {
            try read(name, index * size..<(index + 1) * size, into: scratch)
            try body(scratch)
        }
    }
}
