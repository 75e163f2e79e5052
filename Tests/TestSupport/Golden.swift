internal import Foundation
public import Tensors

/// A golden file of this package.
///
/// - Parameter name: the file's name before `.safetensors`.
/// - Returns: its tensors.
/// - Throws: what reading it meets.
public func golden(_ name: String) throws -> TensorFile {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return try TensorFile(path: tests.appending(path: "Fixtures/Golden/\(name).safetensors").path)
}
