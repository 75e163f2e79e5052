import Audio
import Files
import Foundation
import Loading
import Storage
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Manifest

/// A dataset of a constant-Q transform: it goes everywhere that a mel goes.
struct ConstantQDatasetTests {
    private static let cqt = CQTParameters(bins: 30, fMin: 110)

    /// Two styles, two tones each, with a build's options.
    private func build(_ place: LawPlace, _ options: String) throws -> DatasetReader {
        try? FileManager.default.removeItem(atPath: place.data)
        for (index, style) in ["classical", "jazz"].enumerated() {
            for tone in 0..<2 {
                try place.write(
                    AudioWarningsTests.tone(
                        9000 + 700 * index, rate: 8000, amplitude: 0.1 + 0.2 * Double(tone + index)),
                    "\(place.data)/\(style)/\(tone).wav")
            }
        }
        let yaml = """
            version: 1
            dataset: d
            sources: [{path: "data/*/*", labels: {style: "{dir}"}}]
            audio: {sample_rate: 8000, segment: {samples: 4096}, stft: {n_fft: 256, hop: 64}, \
            features: {cqt: {bins: 30, fmin: 110}, waveform: {}}, \(options)}
            splits: {train: 1}

            """
        try place.write(Array(yaml.utf8), "\(place.folder)/w.yaml")
        _ = try DatasetBuild(manifestPath: "\(place.folder)/w.yaml").run(
            .init(cachePath: place.cache, jobs: 1, waits: false))
        return try DatasetReader("d", cachePath: place.cache)
    }

    /// The transform and the samples of each segment, and its style.
    private func segments(
        _ reader: DatasetReader
    ) throws -> [(style: String, cqt: [Float], waveform: [Float])] {
        try (reader.snapshot.shards[.train] ?? []).flatMap { entry in
            let shard = try reader.open(entry)
            let cqt: Tensor<Float> = try shard.file.tensor("cqt")
            let waveform: Tensor<Float> = try shard.file.tensor("waveform")
            #expect(cqt.shape == [shard.count, 30, 65])
            return try (0..<shard.count).map { index in
                (
                    try shard.segment(index).labels["style"] ?? "",
                    Array(cqt.elements[index * 30 * 65..<(index + 1) * 30 * 65]),
                    Array(waveform.elements[index * 4096..<(index + 1) * 4096])
                )
            }
        }
    }

    private func expected(_ waveform: [Float]) throws -> [Float] {
        let parameters = AudioParameters(
            sampleRate: 8000, stft: STFTParameters(nFFT: 256, hopLength: 64), features: [.cqt(Self.cqt)])
        return try #require(try parameters.features(of: waveform)["cqt"])
    }

    /// With a gain: the stored magnitudes are those of the stored samples.
    @Test func magnitudesFollowTheGain() throws {
        let place = try LawPlace(in: TestFolder())
        let found = try segments(try build(place, "loudness: {rms_dbfs: -12}, normalize: none"))
        #expect(found.count == 12)
        for segment in found {
            let wanted = try expected(segment.waveform)
            let greatest = wanted.max() ?? 1
            #expect(zip(segment.cqt, wanted).allSatisfy { abs($0 - $1) < 2e-6 * greatest })
        }
    }

    /// y = c(x / σ) / (σ_row + ε), with the snapshot's own σ, for each style alone; and back.
    @Test func eachStyleIsNormalisedAlone() throws {
        let place = try LawPlace(in: TestFolder())
        let reader = try build(
            place, "loudness: none, normalize: {compress: log10_1p, per: style, epsilon: 0.01}")
        let object = try #require(reader.snapshot.statistics)
        let statistics = try StatisticsFile(decoding: TensorFile(bytes: reader.cache.bytes(of: object)))
        #expect(Set(statistics.values.keys) == ["classical", "jazz"])
        for segment in try segments(reader) {
            let fitted = try #require(statistics.values[segment.style]?["cqt"])
            #expect(fitted.sigmaBand.count == 30 && fitted.sigma > 0)
            let linear = try expected(segment.waveform)
            for (index, value) in segment.cqt.enumerated() {
                let wanted =
                    log10(1 + Double(linear[index]) / fitted.sigma) / (fitted.sigmaBand[index / 65] + 0.01)
                #expect(abs(Double(value) - wanted) <= 2e-5 * max(1, wanted))
            }
            let denormalizer = try reader.denormalizer(ofFeature: "cqt", labelValue: segment.style)
            #expect(denormalizer.power == 1)
            let back = denormalizer.linear(segment.cqt)
            let greatest = linear.max() ?? 1
            #expect(zip(back, linear).allSatisfy { abs($0 - $1) < 1e-5 * greatest })
        }
    }

    /// Decibels of amplitudes, in halves; and the loader gives what the shards hold.
    @Test func decibelsInHalvesReachTheLoader() throws {
        let place = try LawPlace(in: TestFolder())
        let reader = try build(
            place,
            "loudness: none, normalize: {compress: log, per: none, amin: 1e-3, top_db: none}, dtype: float16")
        let plain = try segments(try build(place, "loudness: none, normalize: none"))
        let plan = LoaderPlan(kind: .audio, views: [.feature("cqt")], batchSize: plain.count, epochs: 1)
        let batch = try #require(try Loader(reader, plan).next())
        let found = batch.tensor("cqt", as: Float.self)
        #expect(found.shape == [plain.count, 30, 65])
        // The order of an epoch is shuffled.
        let wanted = plain.map { $0.cqt.map { Float(20 * log10(max(1e-3, Double($0)))) } }
        for index in 0..<plain.count {
            let one = found.elements[index * 30 * 65..<(index + 1) * 30 * 65]
            // 11 bits of at most 64 dB.
            #expect(wanted.contains { zip($0, one).allSatisfy { abs($0 - $1) < 0.04 } })
        }
    }

    @Test func filtersLongerThanASegmentAreReported() throws {
        let place = try LawPlace(in: TestFolder())
        try? FileManager.default.removeItem(atPath: place.data)
        try place.write(
            AudioWarningsTests.tone(24000, rate: 8000, amplitude: 0.1), "\(place.data)/long.wav")
        func warnings(_ features: String) throws -> [String] {
            try AudioWarningsTests.build(place, loudness: "none", features: features).0.warnings
        }
        // A filter of Q = 17.33 periods is longer than a second below 17.33 Hz.
        #expect(
            try warnings("{cqt: {bins: 20, fmin: 10}}") == [
                "cqt: the lowest 10 filters are longer than a segment of 8000 samples, up to 13866, and blurred; "
                    + "raise fmin, or lengthen segment"
            ])
        #expect(try warnings("{cqt: {bins: 20, fmin: 17}}").first?.contains("the lowest filter is") == true)
        #expect(try warnings("{cqt: {bins: 20, fmin: 20}}") == [])
    }

    @Test func rowsHaveFrequencies() throws {
        let audio = try #require(
            try Manifest(
                bytes: Array(
                    "version: 1\ndataset: d\nsources: [{path: a.wav}]\naudio: {features: {cqt: {}}}".utf8),
                file: "m.yaml"
            ).audio)
        #expect(audio.frequencies(ofFeature: "cqt") == CQTParameters().frequencies)
        #expect(Normalizer.concerns(.cqt(CQTParameters())))
    }
}
