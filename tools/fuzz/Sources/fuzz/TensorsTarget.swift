internal import Glibc
internal import Symbolic
internal import Tensors

/// Safetensors files, and the kind that is read as more than arrays: segments.
///
/// Beside "a value or a `TensorFileError`": each tensor's bytes are in the file; segments that were read
/// are written, and read as the same; rows are painted without a step outside the roll.
func fuzzTensors(_ bytes: [UInt8]) -> Int32 {
    typed {
        let file = try TensorFile(bytes: bytes)
        law(file.byteCount == bytes.count, "the file has its own size")
        for (name, entry) in file.entries {
            law(
                entry.bytes.lowerBound >= 8 && entry.bytes.upperBound <= bytes.count,
                "'\(name)' lies in the file")
            let sum = try file.withBytes(of: name) { $0.reduce(0) { $0 &+ UInt64($1) } }
            _ = sum
            typed { _ = try file.tensor(name, as: Float.self) }
            typed { _ = try file.tensor(name, as: Int64.self) }
        }
        typed { try fuzzSegments(RollSegments(decoding: file)) }
    }
    return 0
}

/// Runs what may throw `TensorFileError` and no other.
private func typed(_ body: () throws -> Void) {
    do {
        try body()
    } catch {
        law(
            (error as? TensorFileError)?.code.rawValue.hasPrefix("tensors.") == true,
            "the error is of its kind: \(error)")
    }
}

private func fuzzSegments(_ segments: RollSegments) {
    let object = segments.encode()
    do {
        let again = try RollSegments(decoding: TensorFile(bytes: object))
        // Not `==`: a tempo may be no number.
        law(again.encode() == object, "segments are kept by their object")
    } catch {
        law(false, "the object of segments is read: \(error)")
    }
    guard segments.steps <= 4096 else { return }
    var roll = [UInt8](repeating: 0, count: segments.steps * 128)
    for segment in 0..<min(segments.count, 64) {
        segments.withRows(of: segment) { rows in
            roll.withUnsafeMutableBufferPointer { buffer in
                let steps = segments.steps
                let all = UnsafeMutableBufferPointer(rebasing: buffer[..<(steps * 128)])
                let some = UnsafeMutableBufferPointer(rebasing: buffer[..<(steps * 57)])
                let families = UnsafeMutableBufferPointer(
                    rebasing: buffer[..<(steps * DenseRolls.instrumentCount)])
                DenseRolls.piano(rows, steps: steps, into: all)
                DenseRolls.velocity(rows, steps: steps, pitches: 32...88, paintsDrums: true, into: some)
                DenseRolls.onset(rows, steps: steps, into: all)
                DenseRolls.instrument(rows, steps: steps, into: families)
            }
        }
    }
}

/// Writes the object of a MIDI file's segments: a seed for `tensors`.
func writeSeeds(of path: String, to folder: String) {
    guard let file = fopen(path, "r") else { return }
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
    guard let score = try? Score(midi: bytes) else { return }
    let parameters = RollParameters(steps: 8, voices: 2, controls: .all)
    let segments = try? RollSegments(score: score, parameters: parameters)
    let name = path.split(separator: "/").last ?? ""
    guard let object = segments?.encode(), object.count < 1 << 14,
        let out = fopen("\(folder)/segments-\(name)", "w")
    else { return }
    fwrite(object, 1, object.count, out)
    fclose(out)
}
