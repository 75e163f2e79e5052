// Griffin-Lim of segments by the module Audio, in one thread; prints JSON as the peers do.
//
//   InversionSpeed FILE [--momentum M] [--iterations N] [--mel]
//
// FILE        a safetensors file with `magnitudes`, F32 [segment, 1025, 257], and `mel`, F32 [segment, 256, 257]
// --mel       starts from `mel` (44,100 Hz, powers) instead of `magnitudes`
//
// The first segment is inverted once before the clock starts. `convergence` is the mean over the segments of
// 20 log10(‖|X| − S‖ / ‖S‖), in dB; 0 with --mel.

import Audio
import Foundation
import Tensors

func seconds(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// The segments of a tensor, rows of [row, frame].
func segments(_ name: String, _ file: TensorFile) throws -> [[Float]] {
    let tensor: Tensor<Float> = try file.tensor(name)
    let size = tensor.shape.dropFirst().reduce(1, *)
    return stride(from: 0, to: tensor.elements.count, by: size).map {
        Array(tensor.elements[$0..<($0 + size)])
    }
}

/// Runs `body` on each segment, the first once more before; prints the time and the mean error.
func measure(
    _ segments: [[Float]], _ body: ([Float]) throws -> [Float],
    error: ([Float], [Float]) throws -> Double
) throws {
    _ = try body(segments[0])
    let start = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    let results = try segments.map(body)
    let end = (seconds(CLOCK_MONOTONIC), seconds(CLOCK_PROCESS_CPUTIME_ID))
    let mean = try zip(results, segments).reduce(0.0) { try $0 + error($1.0, $1.1) } / Double(segments.count)
    let answer: [String: Any] = [
        "seconds": end.0 - start.0, "cpu": end.1 - start.1, "segments": segments.count, "convergence": mean,
    ]
    print(
        String(
            decoding: try JSONSerialization.data(withJSONObject: answer, options: .sortedKeys), as: UTF8.self)
    )
}

func run() throws {
    var (path, isMel): (String?, Bool) = (nil, false)
    var parameters = GriffinLimParameters()
    var words = CommandLine.arguments.dropFirst()
    while let word = words.popFirst() {
        switch word {
        case "--momentum": parameters.momentum = words.popFirst().flatMap(Double.init) ?? parameters.momentum
        case "--iterations":
            parameters.iterations = words.popFirst().flatMap(Int.init) ?? parameters.iterations
        case "--mel": isMel = true
        default: path = word
        }
    }
    guard let path else {
        throw Fault(message: "usage: InversionSpeed FILE [--momentum M] [--iterations N] [--mel]")
    }
    let file = try TensorFile(path: path)
    if isMel {
        let inversion = try MelInversion(MelParameters(), sampleRate: 44100, nFFT: 2048)
        try measure(segments("mel", file)) {
            try inversion.magnitudes(mel: $0)
        } error: { _, _ in
            0
        }
    } else {
        let inversion = try GriffinLim(STFTParameters(), parameters)
        let stft = try STFT(STFTParameters())
        try measure(segments("magnitudes", file)) {
            try inversion.invert(magnitudes: $0)
        } error: {
            try stft.spectralConvergence(of: $0, to: $1)
        }
    }
}

/// Why nothing was measured.
struct Fault: Error, CustomStringConvertible {
    let message: String
    var description: String { message }
}

do {
    try run()
} catch {
    FileHandle.standardError.write(Data("error: \(error)\n".utf8))
    exit(1)
}
