// The loader beside memcpy, in one run and in turn: how much of the memory's own speed is left.
//
//   LoaderSpeed [--work FOLDER] [--midi FOLDER] [--rounds N]
//
// --work  where the datasets are built, and found again by the next run (a fresh folder, removed, if not said)
// --midi  MIDI files to rasterise (else made up: 400 notes of mean length 4 in 256 steps)
//
// "Own thread" fills batches in `next`, and both sides are timed by the thread's processor time; "1 thread ahead" by the
// clock. The loader lends the buffer that came back last, while it is in the cache; "in turn" rows hold all others.
// Targets: mel batches of 64 at 0.7 times memcpy, four rolls of 64 steps and 128
// pitches at 0.5 times (1 thread, warm).

import Foundation
import Loading
import Tensors

let arguments = CommandLine.arguments
func option(_ name: String) -> String? {
    arguments.firstIndex(of: name).flatMap { $0 + 1 < arguments.count ? arguments[$0 + 1] : nil }
}
let rounds = option("--rounds").flatMap { Int($0) } ?? 7
let kept = option("--work").map { URL(fileURLWithPath: $0) }
let folder = kept ?? FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }

let corpus = try Corpus(folder, midi: option("--midi"))
let copy = MemoryCopy()
var lines: [String] = []

/// Feeds batches for a while, some of them held at any time; gives seconds a byte and segments per second.
func feed(_ loader: Loader, _ clock: Clock, held: Int, seconds: Double) throws -> (
    perByte: Double, segments: Double
) {
    var (bytes, segments) = (0, 0)
    var holding: [LoaderBatch] = []
    let start = clock.now
    var elapsed = 0.0
    repeat {
        guard let batch = try loader.next() else { break }
        for name in batch.names { bytes += batch.withBytes(of: name) { $0.count } }
        segments += batch.count
        holding.append(batch)
        if holding.count > held { holding.removeFirst().giveBack() }
        elapsed = clock.now - start
    } while elapsed < seconds
    return (elapsed / Double(bytes), Double(segments) / elapsed)
}

@MainActor
func measure(_ name: String, _ reader: DatasetReader, _ plan: LoaderPlan, held: Int = 0, target: Double?)
    throws
{
    let loader = try Loader(reader, plan)
    // The work of one thread is told by its own time: neighbours on the machine only make it wait.
    let clock: Clock = plan.threads == 0 ? .thread : .wall
    // Warm: every shard is hashed and mapped, every page touched.
    while let batch = try loader.next(), !batch.endsEpoch { batch.giveBack() }
    var ratios: [Double] = []
    var speeds: [(loader: Double, copy: Double, segments: Double)] = []
    let sample = try loader.next()
    let batchBytes = sample.map { batch in
        batch.names.reduce(0) { $0 + batch.withBytes(of: $1) { $0.count } }
    }
    sample?.giveBack()
    for _ in 0..<rounds {
        // In turn, so that a neighbour on the machine slows both.
        let before = copy.secondsPerByte(batch: batchBytes ?? 1, clock, seconds: 0.15)
        let own = try feed(loader, clock, held: held, seconds: 0.3)
        let after = copy.secondsPerByte(batch: batchBytes ?? 1, clock, seconds: 0.15)
        let reference = (before + after) / 2
        ratios.append(reference / own.perByte)
        speeds.append((1e-9 / own.perByte, 1e-9 / reference, own.segments))
    }
    ratios.sort()
    let middle = { (values: [Double]) in values.sorted()[values.count / 2] }
    let format = { (value: Double, digits: Int) in String(format: "%.\(digits)f", value) }
    lines.append(
        [
            name, format(middle(speeds.map(\.loader)), 2), format(middle(speeds.map(\.copy)), 2),
            format(middle(speeds.map(\.segments)), 0), format(middle(ratios), 2),
            "\(format(ratios.first ?? 0, 2)) to \(format(ratios.last ?? 0, 2))",
            target.map { format($0, 1) } ?? "",
        ].joined(separator: " | "))
}

func mel(_ threads: Int, buffers: Int = 4) -> LoaderPlan {
    LoaderPlan(
        kind: .audio, views: [.feature("mel")], batchSize: 64, dropsLast: true, threads: threads,
        buffers: buffers)
}
func rolls(_ element: ElementType, _ threads: Int, buffers: Int = 4) -> LoaderPlan {
    LoaderPlan(
        kind: .midi,
        views: [
            .roll("piano", .piano, as: element), .roll("velocity", .velocity, as: element),
            .roll("onset", .onset, as: element), LoaderView("instrument", .instrument(element)),
        ], batchSize: 64, dropsLast: true, threads: threads, buffers: buffers)
}

try measure("mel, batches of 64, own thread", corpus.audio, mel(0), target: 0.7)
try measure("the same, 255 MiB of buffers in turn", corpus.audio, mel(0, buffers: 15), held: 14, target: 0.7)
try measure("mel, batches of 64, 1 thread ahead", corpus.audio, mel(1), target: nil)
try measure("4 rolls 64 x 128, U8, own thread", corpus.midi, rolls(.u8, 0), target: 0.5)
try measure(
    "the same, 256 MiB of buffers in turn", corpus.midi, rolls(.u8, 0, buffers: 161), held: 160, target: 0.5)
try measure("4 rolls 64 x 128, F32, own thread", corpus.midi, rolls(.f32, 0), target: 0.5)
try measure("4 rolls 64 x 128, F32, 1 thread ahead", corpus.midi, rolls(.f32, 1), target: nil)

print("what | GB/s | memcpy GB/s | segments/s | ratio (median of \(rounds)) | spread | target")
for line in lines { print(line) }
