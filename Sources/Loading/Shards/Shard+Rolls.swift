public import Symbolic
import Tensors

extension Shard {
    /// The steps of a segment of notes.
    ///
    /// - Throws: `TensorFileError` if the shard holds no notes.
    public func steps() throws -> Int { try file.entry("tempo").shape.last ?? 0 }

    /// Lends the note rows of one segment, straight from the mapping.
    ///
    /// - Throws: `TensorFileError` if the shard holds no notes; and what the body throws.
    public func withRows<Result>(of index: Int, _ body: (RollRows) throws -> Result) throws -> Result {
        let range = try noteRows(index)
        return try file.withElements(of: "notes.start", as: UInt16.self) { start in
            try file.withElements(of: "notes.length", as: UInt16.self) { length in
                try withBytes("notes.pitch", "notes.velocity", "notes.program", "notes.flags") { columns in
                    try body(
                        RollRows(
                            start: .init(rebasing: start[range]), length: .init(rebasing: length[range]),
                            pitch: .init(rebasing: columns[0][range]),
                            velocity: .init(rebasing: columns[1][range]),
                            program: .init(rebasing: columns[2][range]),
                            flags: .init(rebasing: columns[3][range])))
                }
            }
        }
    }

    /// The voice of each note of a segment, in the order of its rows; 255 is none.
    ///
    /// - Throws: `TensorFileError` if the shard holds no notes.
    public func noteVoices(_ index: Int) throws -> [UInt8] {
        let range = try noteRows(index)
        return try file.withElements(of: "notes.voice", as: UInt8.self) { Array($0[range]) }
    }

    private func withBytes<Result>(
        _ names: String..., body: ([UnsafeBufferPointer<UInt8>]) throws -> Result
    ) throws -> Result {
        func lend(_ rest: ArraySlice<String>, _ lent: [UnsafeBufferPointer<UInt8>]) throws -> Result {
            guard let name = rest.first else { return try body(lent) }
            return try file.withElements(of: name, as: UInt8.self) { try lend(rest.dropFirst(), lent + [$0]) }
        }
        return try lend(names[...], [])
    }
}
