import Foundation
import Judging
import Tensors
import TestSupport
import Testing

/// Held against mir_eval, muspy, pretty_midi, librosa, scipy and numpy (tools/oracles/judging_golden.py).
@Suite struct NotesGoldenTests {
    @Test func madePiecesMeasureAsInOtherLibraries() throws {
        let file = try golden("judging-notes")
        var oracle = try NoteOracle(file) { number in
            try (file.tensor("piece.\(number).midi") as Tensor<UInt8>).elements
        }
        #expect(oracle.pieces.count == 6)
        #expect(oracle.pieces.map(\.notes.count).reduce(0, +) > 1000)
        try oracle.compare()
        #expect(oracle.largest.count > 25)
    }
}

/// What `judging_parity.py` wrote of real files.
private let parity = ProcessInfo.processInfo.environment["REPRISE_JUDGING_ORACLE"]

@Suite(.enabled(if: parity != nil, "set REPRISE_JUDGING_ORACLE to the file that judging_parity.py wrote"))
struct NotesParityTests {
    @Test func realPiecesMeasureAsInOtherLibraries() throws {
        let file = try TensorFile(path: #require(parity))
        let folder = URL(filePath: try #require(file.metadata["folder"]))
        var oracle = try NoteOracle(file) { number in
            // Altered copies are in the file itself.
            if file.entries["piece.\(number).midi"] != nil {
                return (try file.tensor("piece.\(number).midi") as Tensor<UInt8>).elements
            }
            let path: Tensor<UInt8> = try file.tensor("piece.\(number).path")
            let name = String(decoding: path.elements, as: UTF8.self)
            return Array(try Data(contentsOf: folder.appending(path: name)))
        }
        #expect(!oracle.pieces.isEmpty)
        try oracle.compare()
        for (name, difference) in oracle.largest.sorted(by: { $0.key < $1.key }) {
            print("\(name): \(difference)")
        }
    }
}
