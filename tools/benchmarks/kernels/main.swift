// The kernels by themselves, in memory: one pass each over a corpus, timed inside.
//
//   Kernels parse|rolls|paint|hash FOLDER        MIDI files
//
// Prints JSON: seconds, processor seconds, and how much there was.

import Build
import Foundation
import Symbolic
import Tensors

/// The files below a folder, sorted.
func files(below folder: String) throws -> [String] {
    try FileManager.default.subpathsOfDirectory(atPath: folder).filter { $0.hasSuffix(".mid") }.sorted()
        .map { "\(folder)/\($0)" }
}

func bytes(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { return [] }
    defer { fclose(file) }
    fseek(file, 0, SEEK_END)
    let size = ftell(file)
    rewind(file)
    return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        count = fread(buffer.baseAddress, 1, size, file)
    }
}

/// Seconds of a clock.
func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Runs a body once; tells how long it took and what it counted.
func measure(_ what: String, _ body: () throws -> Int) rethrows {
    let (wall, cpu) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    let count = try body()
    let (wallEnd, cpuEnd) = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    print("{\"seconds\": \(wallEnd - wall), \"cpu\": \(cpuEnd - cpu), \"\(what)\": \(count)}")
}

/// Parses a file; a malformed one counts for nothing.
func score(_ bytes: [UInt8]) -> Score? { try? Score(midi: bytes) }

let words = CommandLine.arguments
guard words.count == 3 else {
    print("usage: Kernels parse|rolls|paint|hash FOLDER")
    exit(64)
}
let paths = try files(below: words[2])
switch words[1] {
case "parse":
    // As symusic's: reading is in the time.
    measure("notes") {
        paths.reduce(0) { sum, path in
            sum + (score(bytes(of: path))?.timelines.reduce(0) { $0 + $1.notes.count } ?? 0)
        }
    }
case "rolls":
    let scores = paths.compactMap { score(bytes(of: $0)) }
    let parameters = RollParameters(steps: 32, dropLast: true)
    measure("rows") {
        scores.reduce(0) { $0 + ((try? RollSegments(score: $1, parameters: parameters))?.pitch.count ?? 0) }
    }
case "paint":
    let parameters = RollParameters(steps: 64, dropLast: true)
    let all = paths.compactMap { path in
        score(bytes(of: path)).flatMap { try? RollSegments(score: $0, parameters: parameters) }
    }
    let roll = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 64 * 128)
    measure("bytes") {
        var painted = 0
        for segments in all {
            for segment in 0..<segments.count {
                segments.withRows(of: segment) { DenseRolls.velocity($0, steps: 64, into: roll) }
                painted += roll.count
            }
        }
        return painted
    }
    roll.deallocate()
case "hash":
    let contents = paths.map { bytes(of: $0) }
    measure("bytes") {
        contents.reduce(0) { $0 + $1.count + Int(Digest(of: $1).bytes[0] & 0) }
    }
default:
    print("no kernel '\(words[1])'")
    exit(64)
}
