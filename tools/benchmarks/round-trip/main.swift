// A recording to mel spectra and back to sound, by the module Audio, as a transfer does it: what a dataset's features
// sound like, and how long the way back takes. Prints JSON.
//
//   InversionRoundTrip FILE [--out FILE] [--bands N | --magnitudes] [--iterations N] [--block N] [--seconds S]
//                      [--phases random|content] [--alone] [--spectra FILE]
//
// FILE          a recording; mono at 44,100 Hz is made of it
// --out         the sound, WAV of 32-bit floats; the content is written beside it, as `<name>.content.wav`
// --bands       of the mel spectrum of powers, in segments of 131,072 samples that share 16 frames (default: 256)
// --magnitudes  starts from the true magnitudes instead
// --block       frames that Griffin-Lim has at once (default: 1024)
// --phases      where it starts (default: random)
// --alone       inverts each block by itself and cross-fades: what the carried phases are compared with
// --spectra     writes the mel spectra and the magnitudes made of them: safetensors, `mel` and `magnitudes` [row, frame]

import Audio
import Foundation
import SoundFiles
import Tensors

/// Why nothing was measured.
struct Fault: Error, CustomStringConvertible {
    let description: String
}

/// The words behind the program's name.
struct Options {
    var file = ""
    var values: [String: String] = [:]
    var flags: Set<String> = []

    init(_ words: [String]) throws {
        var words = words[...]
        while let word = words.popFirst() {
            switch word {
            case "--magnitudes", "--alone": flags.insert(word)
            case let name where name.hasPrefix("--"):
                guard let value = words.popFirst() else { throw Fault(description: "\(name): no value") }
                values[name] = value
            default: file = word
            }
        }
        guard !file.isEmpty else { throw Fault(description: "usage: InversionRoundTrip FILE [--out FILE] …") }
    }

    func integer(_ name: String, _ otherwise: Int) throws -> Int {
        guard let text = values[name] else { return otherwise }
        guard let value = Int(text), value > 0 else {
            throw Fault(description: "\(name) is \(text); write a number")
        }
        return value
    }
}

/// The time a body takes, in seconds of this thread's processor.
func processorSeconds<Result>(_ body: () throws -> Result) rethrows -> (Result, Double) {
    func now() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
    let start = now()
    return (try body(), now() - start)
}

let (rate, stft) = (44100, STFTParameters())

/// Magnitudes of the whole piece, from mel spectra of its segments.
func magnitudes(_ samples: [Float], bands: Int, _ mels: inout [[Float]]) throws -> (values: [Float], Double) {
    let size = 131_072
    let segment = SegmentParameters(samples: size, hop: size - 16 * stft.hopLength)
    let mel = MelParameters(bands: bands)
    let parameters = AudioParameters(sampleRate: rate, segment: segment, stft: stft, features: [.mel(mel)])
    let join = try SegmentJoin(stft, segment, length: samples.count)
    mels = try (0..<join.segments).map { index in
        let start = index * segment.hop
        var part = Array(samples[start..<min(samples.count, start + size)])
        part += [Float](repeating: 0, count: size - part.count)
        return try parameters.features(of: part)["mel"] ?? []
    }
    let inverse = try MelInversion(mel, sampleRate: rate, nFFT: stft.nFFT)
    let (found, seconds) = try processorSeconds { try mels.map { try inverse.magnitudes(mel: $0) } }
    return (join.magnitudes(of: 0..<join.frames) { found[$0] }, seconds)
}

/// Columns of [bin, frame].
func columns(_ values: [Float], _ range: Range<Int>) -> [Float] {
    let frames = values.count / stft.binCount
    return (0..<stft.binCount).flatMap {
        values[$0 * frames + range.lowerBound..<$0 * frames + range.upperBound]
    }
}

/// Blocks that know nothing of each other, cross-faded over the frames they share.
func separate(
    _ values: [Float], _ parameters: GriffinLimParameters, block: Int, overlap: Int, length: Int
) throws -> [Float] {
    let frames = values.count / stft.binCount
    let griffinLim = try GriffinLim(stft, parameters)
    var result = [Float](repeating: 0, count: length)
    var (first, seed) = (0, UInt64(0))
    while first < frames {
        let last = first + block + overlap >= frames ? frames : first + block
        let start = first * stft.hopLength
        let end = last == frames ? length : (last - 1) * stft.hopLength
        let part = try griffinLim.invert(
            magnitudes: columns(values, first..<last), initialPhase: .random(seed: seed), length: end - start)
        let fade = first == 0 ? 0 : (overlap - 1) * stft.hopLength
        for (offset, value) in part.enumerated() {
            let weight = offset < fade ? Float(offset) / Float(fade) : 1
            result[start + offset] = (1 - weight) * result[start + offset] + weight * value
        }
        if last == frames { break }
        (first, seed) = (last - overlap, seed + 1)
    }
    return result
}

func write(_ samples: [Float], to path: String) throws {
    let writer = try SoundFileWriter(
        path: path, format: SoundFileFormat(.wav, .float32), sampleRate: rate, channels: 1)
    try writer.write([samples])
    _ = try writer.finish()
}

func run() throws {
    let options = try Options(Array(CommandLine.arguments.dropFirst()))
    var source = AudioParameters(sampleRate: rate)
    source.stft = stft
    let most = try options.values["--seconds"].map { _ in try options.integer("--seconds", 1) * rate } ?? .max
    let samples = try source.signal(ofFileAt: options.file, most: most).samples
    let parameters = GriffinLimParameters(iterations: try options.integer("--iterations", 32))
    let (block, overlap) = (try options.integer("--block", 1024), 16)
    var mels: [[Float]] = []
    let (wanted, melSeconds) =
        options.flags.contains("--magnitudes")
        ? (try STFT(stft).forward(samples).magnitudes, 0)
        : try magnitudes(samples, bands: options.integer("--bands", 256), &mels)
    var joins: [Int] = []
    let isContent = options.values["--phases"] == "content"
    let (result, seconds) = try processorSeconds { () -> [Float] in
        if options.flags.contains("--alone") {
            return try separate(wanted, parameters, block: block, overlap: overlap, length: samples.count)
        }
        var result: [Float] = []
        let content: ((Range<Int>) throws -> [Float])? = isContent ? { Array(samples[$0]) } : nil
        try PieceInversion(stft, parameters, blockFrames: block, overlapFrames: overlap).invert(
            length: samples.count, content: content,
            magnitudes: {
                if $0.lowerBound > 0 { joins.append($0.lowerBound) }
                return columns(wanted, $0)
            }, sink: { result.append(contentsOf: $0) })
        return result
    }
    if let path = options.values["--out"] {
        try write(result, to: path)
        try write(samples, to: path.replacingOccurrences(of: ".wav", with: "") + ".content.wav")
    }
    if let path = options.values["--spectra"], let first = mels.first {
        let bands = try options.integer("--bands", 256)
        let frames = first.count / bands
        let inverse = try MelInversion(MelParameters(bands: bands), sampleRate: rate, nFFT: stft.nFFT)
        let bytes = TensorFile.encode([
            NamedTensor("mel", Tensor(shape: [bands, frames], elements: first)),
            NamedTensor(
                "magnitudes",
                Tensor(shape: [stft.binCount, frames], elements: try inverse.magnitudes(mel: first))),
        ])
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    let answer: [String: Any] = [
        "seconds_of_sound": Double(samples.count) / Double(rate),
        "frames": stft.frameCount(length: samples.count),
        "mel_seconds": melSeconds, "griffin_lim_seconds": seconds, "joins": joins, "overlap": overlap,
    ]
    print(
        String(
            decoding: try JSONSerialization.data(withJSONObject: answer, options: .sortedKeys), as: UTF8.self)
    )
}

do {
    try run()
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
