import Files
import Foundation
import Symbolic

/// The kernels of MIDI, over the bytes of files; a malformed file counts for nothing.
struct MIDIKernels {
    let paths: [String]

    var all: [Kernel] { [readAndParse, parse, cut, rasterise, hash] }

    /// As peers parse: reading is in the time.
    private var readAndParse: Kernel {
        Kernel(name: "read, parse", unit: "note", call: "file") {
            {
                paths.reduce(into: Kernel.Work()) { work, path in
                    add(bytes(of: path).flatMap(score), to: &work)
                }
            }
        }
    }

    private var parse: Kernel {
        Kernel(name: "parse", unit: "note", call: "file") {
            let contents = contents
            return { contents.reduce(into: Kernel.Work()) { add(score($1), to: &$0) } }
        }
    }

    private func add(_ score: Score?, to work: inout Kernel.Work) {
        work.calls += 1
        work.units += score?.timelines.reduce(0) { $0 + $1.notes.count } ?? 0
    }

    private var cut: Kernel {
        Kernel(name: "cut to the grid", unit: "row", call: "file") {
            let scores = contents.compactMap(score)
            let parameters = RollParameters(steps: 32, dropLast: true)
            return {
                try scores.reduce(into: Kernel.Work()) { work, score in
                    work.calls += 1
                    work.units += try RollSegments(score: score, parameters: parameters).pitch.count
                }
            }
        }
    }

    private var rasterise: Kernel {
        Kernel(name: "rasterise, velocity 64 x 128", unit: "byte", call: "segment") {
            let parameters = RollParameters(steps: 64, dropLast: true)
            let all = contents.compactMap(score).compactMap {
                try? RollSegments(score: $0, parameters: parameters)
            }
            var roll = [UInt8](repeating: 0, count: 64 * 128)
            return {
                roll.withUnsafeMutableBufferPointer { roll in
                    all.reduce(into: Kernel.Work()) { work, segments in
                        for segment in 0..<segments.count {
                            segments.withRows(of: segment) { DenseRolls.velocity($0, steps: 64, into: roll) }
                        }
                        work.calls += segments.count
                        work.units += segments.count * roll.count
                    }
                }
            }
        }
    }

    private var hash: Kernel {
        Kernel(name: "hash", unit: "byte", call: "file") {
            let contents = contents
            return {
                contents.reduce(into: Kernel.Work()) { work, bytes in
                    // A digest is never empty: that it is asked for keeps the call.
                    work.calls += Digest(of: bytes).bytes.isEmpty ? 0 : 1
                    work.units += bytes.count
                }
            }
        }
    }

    private var contents: [[UInt8]] {
        paths.compactMap(bytes)
    }

    /// A whole file, read to where it stays.
    private func bytes(of path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let size = ftell(file)
        rewind(file)
        guard size >= 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            count = fread(buffer.baseAddress, 1, size, file)
        }
    }

    private func score(_ bytes: [UInt8]) -> Score? { try? Score(midi: bytes) }
}
