// fuzz TARGET [libFuzzer's options] [corpora], or fuzz encode FOLDER MIDI…: see `run`.

internal import CFuzzer
internal import Glibc

/// The inputs of a target: a value or a typed error comes of each, and nothing else.
typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32

let targets: [String: Target] = [
    "midi": { fuzzMIDI(bytes($0, $1)) },
    "tensors": { fuzzTensors(bytes($0, $1)) },
    "manifest": { fuzzManifest(bytes($0, $1)) },
    "audio": { fuzzAudio(bytes($0, $1)) },
    "json": { fuzzJSON(bytes($0, $1)) },
]

func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: count))
}

/// Ends the process, so that libFuzzer keeps the input, when a law does not hold.
func law(_ holds: Bool, _ words: @autoclosure () -> String) {
    guard !holds else { return }
    say("a law does not hold: \(words())")
    abort()
}

private func say(_ text: String) {
    let line = Array((text + "\n").utf8)
    _ = write(2, line, line.count)
}

var arguments = CommandLine.arguments
if arguments.count > 3, arguments[1] == "encode" {
    for path in arguments[3...] { writeSeeds(of: path, to: arguments[2]) }
    exit(0)
}
guard arguments.count > 1, let target = targets[arguments.remove(at: 1)] else {
    say("usage: fuzz \(targets.keys.sorted().joined(separator: "|")) [libFuzzer's options] [corpora]")
    exit(64)
}
var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
words.withUnsafeMutableBufferPointer { buffer in
    var count = Int32(arguments.count)
    var start = buffer.baseAddress
    exit(LLVMFuzzerRunDriver(&count, &start, target))
}
