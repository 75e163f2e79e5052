#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A safetensors file, mapped into memory and checked as a whole before anything is read from it.
///
/// Layout (safetensors format, `safetensors/README.md`): a little-endian 64-bit header length, the header in
/// JSON, then the tensors without gaps or overlaps up to the end of the file. Tensors are little-endian and
/// row-major.
public final class TensorFile: Sendable {
    /// What the header says of one tensor.
    public struct Entry: Sendable, Equatable {
        /// The element type.
        public let type: ElementType
        /// The length of each axis.
        public let shape: [Int]
        /// Where its bytes lie, from the start of the file.
        public let bytes: Range<Int>
    }

    /// The strings under `__metadata__`.
    public let metadata: [String: String]
    /// Every tensor by its name.
    public let entries: [String: Entry]
    /// The size of the whole file in bytes.
    public var byteCount: Int { storage.withBytes { $0.count } }

    private let storage: Storage

    /// Maps the file at a path; the mapping lives as long as this object.
    ///
    /// - Throws: `TensorFileError`, also when the file is shorter than its header says.
    public convenience init(path: String) throws(TensorFileError) {
        try self.init(storage: Storage(mapping: path))
    }

    /// Reads a file that is in memory.
    ///
    /// - Throws: `TensorFileError`.
    public convenience init(bytes: [UInt8]) throws(TensorFileError) {
        try self.init(storage: Storage(bytes))
    }

    private init(storage: Storage) throws(TensorFileError) {
        self.storage = storage
        let header = try storage.withBytes { (bytes) throws(TensorFileError) in
            try TensorFileHeader(parsing: bytes)
        }
        metadata = header.metadata
        entries = header.entries
    }

    /// What the header says of a tensor.
    ///
    /// - Throws: `tensors.missing`.
    public func entry(_ name: String) throws(TensorFileError) -> Entry {
        guard let entry = entries[name] else {
            throw TensorFileError(.missing, "no tensor '\(name)'; there are \(entries.keys.sorted())")
        }
        return entry
    }

    /// Lends a tensor's elements without copying them.
    ///
    /// - Throws: `tensors.missing`, `tensors.mismatch`, and whatever the body throws.
    public func withElements<Element: TensorElement, Result>(
        of name: String, as type: Element.Type = Element.self,
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) throws -> Result {
        let entry = try entry(name)
        guard entry.type == Element.elementType else {
            throw TensorFileError(
                .mismatch,
                "tensor '\(name)' holds \(entry.type.rawValue), not \(Element.elementType.rawValue)")
        }
        return try storage.withBytes { bytes in
            let raw = UnsafeRawBufferPointer(rebasing: bytes[entry.bytes])
            // Files of other writers may leave tensors unaligned (safetensors#607): those are copied first.
            guard let base = raw.baseAddress,
                UInt(bitPattern: base) % UInt(MemoryLayout<Element>.alignment) != 0
            else { return try body(raw.bindMemory(to: Element.self)) }
            let copy = [Element](unsafeUninitializedCapacity: raw.count / MemoryLayout<Element>.size) {
                buffer, count in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(from: raw)
                count = raw.count / MemoryLayout<Element>.size
            }
            return try copy.withUnsafeBufferPointer(body)
        }
    }

    /// Lends a tensor's bytes, whatever its element type.
    ///
    /// - Throws: `tensors.missing`, and whatever the body throws.
    public func withBytes<Result>(
        of name: String, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) throws -> Result {
        let entry = try entry(name)
        return try storage.withBytes { try body(UnsafeRawBufferPointer(rebasing: $0[entry.bytes])) }
    }

    /// Copies a part of a tensor into the caller's memory, and gives the pages that it was read from back to the
    /// system: a pass over a file of any size so keeps only a part of it in memory.
    ///
    /// - Parameters:
    ///   - name: The tensor.
    ///   - range: Which of its elements, counted through all axes.
    ///   - memory: Where they go; as many as the range has.
    /// - Throws: `tensors.missing`, `tensors.mismatch`.
    public func read<Element: TensorElement>(
        _ name: String, _ range: Range<Int>, into memory: UnsafeMutableBufferPointer<Element>
    ) throws(TensorFileError) {
        let entry = try entry(name)
        let size = MemoryLayout<Element>.size
        guard entry.type == Element.elementType, range.lowerBound >= 0,
            range.upperBound <= entry.bytes.count / size
        else {
            throw TensorFileError(
                .mismatch,
                "tensor '\(name)' holds \(entry.bytes.count / size) \(entry.type.rawValue), not the "
                    + "\(Element.elementType.rawValue) \(range)")
        }
        precondition(memory.count == range.count, "room for \(memory.count) elements, not \(range.count)")
        let start = entry.bytes.lowerBound
        let bytes = (start + range.lowerBound * size)..<(start + range.upperBound * size)
        storage.withBytes {
            UnsafeMutableRawBufferPointer(memory).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: $0[bytes]))
        }
        storage.release(bytes)
    }

    /// Copies a tensor out.
    ///
    /// - Throws: `tensors.missing`, `tensors.mismatch`.
    public func tensor<Element: TensorElement>(
        _ name: String, as type: Element.Type = Element.self
    ) throws -> Tensor<Element> {
        let shape = try entry(name).shape
        return try withElements(of: name, as: type) { Tensor(shape: shape, elements: Array($0)) }
    }
}

/// The bytes of a file, mapped or in an array, fixed for the life of the object.
private final class Storage: @unchecked Sendable {
    private let mapping: UnsafeRawBufferPointer?
    private let array: [UInt8]

    init(mapping path: String) throws(TensorFileError) {
        array = []
        // A FIFO must not block.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw TensorFileError(.unreadable, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw TensorFileError(.unreadable, "\(path) is not a regular file")
        }
        let size = Int(status.st_size)
        if size == 0 {
            mapping = nil
            return
        }
        guard let base = mmap(nil, size, PROT_READ, MAP_PRIVATE, descriptor, 0), base != MAP_FAILED else {
            throw TensorFileError(.unreadable, "cannot map \(path): \(String(cString: strerror(errno)))")
        }
        mapping = UnsafeRawBufferPointer(start: base, count: size)
    }

    init(_ array: [UInt8]) {
        self.array = array
        mapping = nil
    }

    @inline(__always)
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let mapping else {
            let array = array
            return try array.span.withUnsafeBytes(body)
        }
        defer { withExtendedLifetime(self) {} }
        return try body(mapping)
    }

    /// Gives the pages of some bytes back to the system; they are read again if they are asked for again.
    ///
    /// It takes whole blocks of a megabyte, since the system maps more around a page that is touched.
    func release(_ range: Range<Int>) {
        guard let mapping, let base = mapping.baseAddress else { return }
        let block = 1 << 20
        let start = range.lowerBound / block * block
        let end = min(mapping.count, (range.upperBound + block - 1) / block * block)
        madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }

    deinit {
        if let mapping { munmap(UnsafeMutableRawPointer(mutating: mapping.baseAddress), mapping.count) }
    }
}
