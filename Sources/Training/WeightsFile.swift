public import Files
public import Tensors

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A file of weights by PyTorch's names, read whole.
public struct WeightsFile: Sendable {
    /// Its tensors.
    public let tensors: TensorFile
    /// The hash of its bytes.
    public let hash: Digest

    /// The most bytes of such a file.
    private static let limit = 4 << 30

    /// Whether a word names a file of weights, and no run.
    static func isNamed(_ word: String) -> Bool { word.hasSuffix(".safetensors") }

    /// Reads a file.
    ///
    /// - Throws: `train.file` if it cannot be read, or is no safetensors file.
    public init(_ path: String) throws(TrainingError) {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try contents(of: path, in: AT_FDCWD, limit: Self.limit)
        } catch {
            throw TrainingError(.file, "cannot read \(path): \(error.message)")
        }
        do throws(TensorFileError) {
            tensors = try TensorFile(bytes: bytes)
        } catch {
            throw TrainingError(.file, "\(path) is no safetensors file: \(error)")
        }
        hash = Digest(of: bytes)
    }
}
