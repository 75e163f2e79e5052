#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Manifest {
    /// Reads the manifest at a path.
    ///
    /// - Parameters:
    ///   - path: the file, as the user named it.
    ///   - directory: its folder.
    /// - Throws: `ManifestError` with every fault; of kind `environment` if the file cannot be read.
    public init(path: String, directory: String) throws(ManifestError) {
        guard let file = fopen(path, "rb") else {
            throw ManifestError([
                ManifestFault(
                    kind: .environment, file: path, line: 1,
                    message: "cannot be read: \(String(cString: strerror(errno)))")
            ])
        }
        defer { fclose(file) }
        let limit = Self.maximumByteCount + 1
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = fread(buffer.baseAddress, 1, limit, file)
        }
        if ferror(file) != 0 {
            throw ManifestError([
                ManifestFault(
                    kind: .environment, file: path, line: 1, message: "cannot be read: it is no regular file")
            ])
        }
        try self.init(bytes: bytes, file: path, directory: directory)
    }
}
