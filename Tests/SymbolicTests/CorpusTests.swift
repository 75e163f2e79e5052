import Foundation
import Tensors
import Testing

@testable import Symbolic

/// Inputs that once broke a law under `tools/fuzz`, or could have: a value or a typed error comes of each.
@Suite struct CorpusTests {
    private static func corpus(_ target: String) throws -> [String] {
        let folder = URL(filePath: #filePath).appending(path: "../../Fixtures/Corpus/\(target)")
            .standardizedFileURL.path
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { "\(folder)/\($0)" }
    }

    private static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path)))
    }

    @Test(arguments: try corpus("midi"))
    func midi(_ path: String) throws {
        let bytes = try Self.bytes(path)
        if let file = try? MIDIFile.read(bytes) {
            let written = file.write()
            #expect(try MIDIFile.read(written).write() == written)
        }
        do {
            let score = try Score(midi: bytes)
            _ = try RollSegments(score: score, parameters: RollParameters())
        } catch {
            #expect(error.code.hasPrefix("midi.") && !error.message.isEmpty, "\(error)")
        }
    }

    @Test(arguments: try corpus("tensors"))
    func tensors(_ path: String) throws {
        let file = try TensorFile(bytes: Self.bytes(path))
        func typed(_ body: () throws -> Void) {
            do { try body() } catch { #expect(error is TensorFileError, "\(error)") }
        }
        typed { _ = try RollSegments(decoding: file).encode() }
    }
}
