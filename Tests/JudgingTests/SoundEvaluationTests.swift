import Dataset
import Foundation
import Loading
import TestSupport
import Testing

@testable import Judging

/// Judging folders of recordings by a dataset of two made timbres: the same melodies, `dull` with few overtones and
/// `bright` with many.
struct SoundEvaluationTests {
    private static let rate = 8000

    /// A melody of six notes in 0.9 seconds.
    private static func melody(_ style: String, seed: UInt64) -> [Int16] {
        var random = SplitMix(seed: seed)
        let overtones = style == "dull" ? 1...2 : 1...9
        var samples: [Int16] = []
        for _ in 0..<6 {
            let pitch = 220 * pow(2, Double(random.next() % 13) / 12)
            for index in 0..<rate * 3 / 20 {
                let time = Double(index) / Double(rate)
                let sum = overtones.reduce(0.0) { sum, overtone in
                    let frequency = pitch * Double(overtone)
                    guard frequency < 3800 else { return sum }
                    return sum + sin(2 * .pi * frequency * time)
                        / Double(style == "dull" ? overtone * overtone : 2)
                }
                samples.append(Int16(6000 * exp(-6 * time) * sum))
            }
        }
        return samples
    }

    /// The notes of a melody, and one long after its end.
    private static func score(seed: UInt64) -> [UInt8] {
        var random = SplitMix(seed: seed)
        var events: [(tick: Int, bytes: [UInt8])] = []
        for number in 0..<6 {
            let pitch = UInt8(57 + random.next() % 13)
            // 0.15 seconds are 28.8 ticks.
            let (start, end) = ((number * 288 + 5) / 10, (number * 288 + 250) / 10)
            events += [(start, [0x90, pitch, 64]), (end, [0x80, pitch, 0])]
        }
        return MadeFile.midi(events: events + [(2000, [0x90, 60, 64]), (2050, [0x80, 60, 0])])
    }

    @Test func recordingsAreJudged() throws {
        let folder = try TestFolder()
        for (index, style) in ["dull", "bright"].enumerated() {
            try FileManager.default.createDirectory(
                atPath: folder.path + "/" + style, withIntermediateDirectories: true)
            for number in 0..<10 {
                let bytes = MadeFile.wave(
                    Self.melody(style, seed: UInt64(100 * index + number)), rate: Self.rate)
                try Data(bytes).write(to: URL(fileURLWithPath: "\(folder.path)/\(style)/\(number).wav"))
            }
        }
        try folder.write(
            "timbres.yaml",
            """
            version: 1
            dataset: timbres
            sources:
              - path: "*/*.wav"
                labels: {style: "{dir}"}
            audio:
              sample_rate: 8000
              segment: {samples: 4096}
              stft: {n_fft: 512, hop: 128}
              features: {mel: {bands: 40}}
            splits: {train: 0.2, validation: 0.4, test: 0.4, method: exact, stratify: style, seed: 1}
            """)
        let cache = folder.path + "/cache"
        _ = try DatasetBuild(manifestPath: folder.path + "/timbres.yaml").run(
            .init(cachePath: cache, jobs: 1))
        let reader = try DatasetReader("timbres", cachePath: cache)
        func tested(_ style: String) -> [String] {
            reader.snapshot.sources.filter { $0.split == .test && $0.labels["style"] == style }.map {
                folder.path + "/" + $0.path
            }
        }
        let (dull, bright) = (tested("dull"), tested("bright"))
        #expect(dull.count == 4 && bright.count == 4)
        // The true answer: the same melodies with the other timbre.
        let outputs = try dull.map { path in
            let number = try #require(
                UInt64(path.split(separator: "/").last?.split(separator: ".").first ?? ""))
            let output = "\(folder.path)/out-\(number).wav"
            try Data(MadeFile.wave(Self.melody("bright", seed: number), rate: Self.rate)).write(
                to: URL(fileURLWithPath: output))
            // What a transcriber would write of the output and of the content, and the true notes of the content.
            let contents = path.dropLast(4)
            for place in [
                "\(folder.path)/out-\(number).transcribed.mid", "\(contents).transcribed.mid",
                "\(contents).mid",
            ] {
                try Data(Self.score(seed: number)).write(to: URL(fileURLWithPath: place))
            }
            return output
        }
        let evaluation = try TransferEvaluation(reader, cachePath: cache, style: "bright")
        let (judgements, answers) = try evaluation.evaluate(systems: [
            zip(outputs, dull).map { .init(name: $0, output: $0, content: $1) }
        ])
        let found = try #require(judgements.first)
        // The rule's sound is the content's, which took the way of an output first.
        #expect(answers.count == 4)
        for answer in answers {
            guard case .sound(let ruled) = answer[2].music, case .file(let target, _) = answer[1].music else {
                Issue.record("\(answer.map(\.music))")
                continue
            }
            #expect(answer[2].name == "rule" && ruled.rms > 0.01 && ruled.sampleRate == Sound.standardRate)
            #expect(target.contains("/bright/"))
        }
        func value(_ name: String, _ answer: String? = nil) throws -> Double {
            let values =
                try answer.map { answer in
                    try #require(found.baselines.first { $0.name == answer }).values
                } ?? found.outputs
            return try #require(values.first { $0.name == name }, "\(name)").value
        }
        #expect(try value("probability_mel") > 0.7 && value("probability_mel", "content") < 0.3)
        #expect(try value("probability_mel", "target") > 0.7)
        // The melodies are still there; those of other pieces are not.
        #expect(try value("chroma_similarity") > 0.8)
        #expect(try value("chroma_similarity", "target") < value("chroma_similarity") - 0.1)
        #expect(abs(try value("chroma_similarity", "content") - 1) < 1e-6)
        #expect(try value("onset_similarity", "content") > 0.999)
        #expect(try value("clipping") == 0)
        // Without weights it says so.
        #expect(found.remarks.contains { $0.contains("tools/fetch-weights") })
        #expect(!found.remarks.contains { $0.contains("tools/transcribe") })
        #expect(try value("note_f1") == 1 && value("note_f1", "content") == 1)
        // A target piece has its own notes; nobody has transcribed it.
        #expect(
            found.baselines.first { $0.name == "target" }?.values.contains { $0.name == "note_f1" } == false)
        #expect(found.judges.map(\.name) == ["mel", "nuisance"])
        #expect(found.outputs.allSatisfy { $0.value.isFinite })
    }
}
