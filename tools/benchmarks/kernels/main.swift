// The hot kernels by themselves, over real music: units a second, nanoseconds a unit, allocations a call.
//
//   Kernels MUSIC… [--only NAME] [--once] [--json]
//
// MUSIC   MIDI and audio files, or folders of them
// --only  only the kernels whose name begins so
// --once  one pass of each, cold, with no count of allocations
// --json  one JSON object, on one line
//
// A pass goes over all the music. The first warms up, the second's allocations are counted (every malloc of the
// process; glibc only), and the median of three more is told.

import Foundation

/// Why there is nothing to measure.
struct Fault: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

func run() throws {
    var (places, only, isOnce, isJSON): ([String], String?, Bool, Bool) = ([], nil, false, false)
    var words = CommandLine.arguments.dropFirst()
    while let word = words.popFirst() {
        switch word {
        case "--only":
            only = words.popFirst()
            if only == nil { throw Fault("--only wants a kernel's name") }
        case "--once": isOnce = true
        case "--json": isJSON = true
        default:
            if word.hasPrefix("-") {
                throw Fault("no option '\(word)'; usage: Kernels MUSIC… [--only NAME] [--once] [--json]")
            }
            places.append(word)
        }
    }
    let files = try places.flatMap(files)
    func named(_ endings: String...) -> [String] {
        files.filter { file in endings.contains { file.lowercased().hasSuffix(".\($0)") } }
    }
    let (midi, audio) = (named("mid", "midi"), named("wav", "flac", "ogg", "mp3"))
    guard !midi.isEmpty || !audio.isEmpty else {
        throw Fault(
            "no MIDI or audio files \(places.isEmpty ? "named" : "in \(places.joined(separator: ", "))"); "
                + "usage: Kernels MUSIC… [--only NAME] [--once] [--json]")
    }
    let datasets = try DatasetKernels(midi: midi, audio: audio)
    defer { datasets.remove() }
    // Made one group after the other, since some hold the music that they work on.
    let groups: [() throws -> [Kernel]] = [
        { midi.isEmpty ? [] : MIDIKernels(paths: midi).all },
        { audio.isEmpty ? [] : try AudioKernels(paths: audio).all },
        { datasets.all },
    ]
    var found: [Measurement] = []
    for group in groups {
        for kernel in try group() where only.map(kernel.name.hasPrefix) ?? true {
            let measurement = try isOnce ? kernel.once() : kernel.measured()
            guard measurement.work.units > 0 else {
                throw Fault("'\(kernel.name)' found nothing to do in this music")
            }
            found.append(measurement)
        }
    }
    guard !found.isEmpty else { throw Fault("no kernel's name begins with '\(only ?? "")' for this music") }
    try isJSON ? printJSON(found) : printTable(found)
}

/// A file, or the files below a folder, sorted.
func files(_ place: String) throws -> [String] {
    let manager = FileManager.default
    func isFolder(_ path: String) -> Bool? {
        var isFolder: ObjCBool = false
        return manager.fileExists(atPath: path, isDirectory: &isFolder) ? isFolder.boolValue : nil
    }
    switch isFolder(place) {
    case nil: throw Fault("\(place) is not there")
    case false: return [place]
    default:
        let folder = URL(fileURLWithPath: place).resolvingSymlinksInPath().path
        return try manager.subpathsOfDirectory(atPath: folder).sorted().map { "\(folder)/\($0)" }
            .filter { isFolder($0) == false }
    }
}

func printJSON(_ found: [Measurement]) throws {
    let all: [String: Any] = [
        "seconds": found.reduce(0) { $0 + $1.time.seconds }, "cpu": found.reduce(0) { $0 + $1.time.cpu },
        "kernels": found.map(\.json),
    ]
    print(
        String(decoding: try JSONSerialization.data(withJSONObject: all, options: .sortedKeys), as: UTF8.self)
    )
}

func printTable(_ found: [Measurement]) {
    let lines = [Measurement.heading] + found.map(\.cells)
    for (number, line) in lines.enumerated() {
        let cells = line.indices.map { column in
            let width = lines.map(\.[column].count).max() ?? 0
            return line[column].padding(toLength: width, withPad: " ", startingAt: 0)
        }
        print("| " + cells.joined(separator: " | ") + " |")
        if number == 0 {
            print("|" + cells.map { String(repeating: "-", count: $0.count + 2) + "|" }.joined())
        }
    }
}

do {
    try run()
} catch {
    let message = (error as? Fault)?.message ?? "\(error)"
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    exit(1)
}
