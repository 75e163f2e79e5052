import Dataset
import Foundation
import Tensors
import TestSupport
import Training

@testable import Systems

/// A dataset of hiss in two styles, three files of low and three of high frequencies for each split.
final class Hiss {
    let folder: TestFolder
    var cache: String { folder.path + "/cache" }

    init(normalize: String = "per: dataset", features: String = "mel: {bands: 24}") throws {
        folder = try TestFolder()
        for style in ["low", "high"] {
            for number in 0..<9 {
                try write("\(style)-\(number).wav", Self.file(isHigh: style == "high", seed: number))
            }
        }
        try folder.write(
            "hiss.yaml",
            """
            version: 1
            dataset: hiss
            sources:
              - path: "low-*.wav"
                labels: {style: low}
              - path: "high-*.wav"
                labels: {style: high}
            audio:
              sample_rate: 8000
              loudness: {rms_dbfs: -20}
              segment: {samples: 2048, hop: 2048, drop_last: true}
              stft: {n_fft: 256, hop: 128}
              features: {\(features)}
              normalize: {compress: log10_1p, \(normalize), epsilon: 0.001}
            splits: {train: 0.34, validation: 0.33, test: 0.33, by: piece, method: exact, stratify: style}
            """)
        let build = try DatasetBuild(manifestPath: folder.path + "/hiss.yaml")
        _ = try build.run(.init(cachePath: cache, jobs: 1))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    /// Noise and its sums or differences of neighbours; one to three segments.
    static func file(isHigh: Bool, seed: Int) -> [UInt8] {
        var random = SplitMix(seed: UInt64(seed) * 2 + (isHigh ? 1 : 0))
        var last = 0
        let samples = (0..<2048 * (1 + seed % 3)).map { _ in
            let now = Int(random.next() % 8000) - 4000
            defer { last = now }
            return Int16(isHigh ? now - last : now + last)
        }
        return MadeFile.wave(samples, rate: 8000)
    }

    static func train(
        _ recipe: String = "mel-cnn", in cache: String, _ limits: TrainingLimits = TrainingLimits(),
        assignments: [String] = ["epochs=12", "batch=4", "rate=0.01"], resume: String? = nil
    ) throws -> TrainingSummary {
        try Trainer(recipes: Recipe.all, cachePath: cache).train(
            TrainingRequest(
                recipe: resume == nil ? recipe : nil, dataset: resume == nil ? "hiss" : nil,
                assignments: resume == nil ? assignments : [], resume: resume, threads: 1, limits: limits))
    }

    func weights(_ run: String) throws -> TensorFile {
        try TensorFile(bytes: folder.contents("cache/runs/\(run)/last.safetensors"))
    }

    func metrics(_ run: String) throws -> [UInt8] { try folder.contents("cache/runs/\(run)/metrics.jsonl") }
}
