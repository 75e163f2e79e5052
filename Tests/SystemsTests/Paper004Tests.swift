import Files
import Foundation
import Loading
import Tensors
import TestSupport
import Testing
import Torch
import Training

@testable import Systems

/// The most memory of this process that has been in RAM at once.
private func peakBytes() -> Int {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").compactMap { Int($0) }.first ?? 0) << 10
}

@Suite struct Paper004Tests {
    /// A case of `tools/oracles/paper004_golden.py`.
    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let kind: TwinKind
        var network = TwinParts.Network.published
        var asPublished = false
        var isMultiscale = false
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "cae", kind: .plain), Case(name: "cae-code", kind: .plain, asPublished: true),
        Case(name: "cae-patches", kind: .plain, network: .patches),
        Case(name: "vae", kind: .variational),
        Case(name: "vae-code", kind: .variational, asPublished: true),
        Case(name: "gan", kind: .adversarial),
        Case(name: "gan-code", kind: .adversarial, asPublished: true),
        Case(name: "gan-multiscale", kind: .adversarial, network: .patches, isMultiscale: true),
        Case(name: "vargan", kind: .multimodal),
        Case(name: "vargan-code", kind: .multimodal, asPublished: true),
    ]

    private static let (bands, frames) = (24, 27)

    private static func networks(_ example: Case) throws -> TwinNetworks {
        var parts = TwinParts(sizes: TwinSizes(bands: bands, frames: frames, halvings: 2))
        parts.network = example.network
        (parts.width, parts.blocks) = (8, 1)
        let coders = try (0..<2).map { _ -> any TwinCoder in
            switch example.kind {
            case .plain: try PlainTwinCoder(parts)
            case .variational: try VariationalTwinCoder(parts, isSigned: !example.asPublished)
            case .adversarial: try StyleTwinCoder(parts)
            case .multimodal:
                try MultimodalTwinCoder(parts, style: 3, asPublished: example.asPublished)
            }
        }
        let discriminators = try (0..<2).compactMap { _ -> (any TwinDiscriminator)? in
            guard example.kind.hasDiscriminators else { return nil }
            return example.isMultiscale
                ? try MultiscaleTwinDiscriminator(widths: [3, 4, 5])
                : try PublishedTwinDiscriminator(
                    bands: bands, frames: frames, isProbability: !example.asPublished)
        }
        return TwinNetworks(coders: coders, discriminators: discriminators)
    }

    /// One step of each system, in each variant: what is converted, every loss, every gradient.
    @Test(arguments: cases, [ElementType.f64, .f32])
    func aStepIsPyTorchs(_ example: Case, _ type: ElementType) async throws {
        try await onTorch {
            let golden = try Golden("systems-004")
            let limit = type == .f64 ? 1e-9 : 1e-4
            let networks = try Self.networks(example)
            try networks.load(golden.weights(of: example.name))
            try networks.convert(to: type)
            let mels = try (0..<2).map { try golden.tensor("\(example.name)/input.mel.\($0)", type) }
            var rules = TwinRules(kind: example.kind, asPublished: example.asPublished)
            (rules.code, rules.divergence, rules.style) = (0.7, 0.3, 0.2)
            (rules.adversarial, rules.cycle) = (0.4, 0.5)
            var draws = 0
            let pass = try TwinPass(mels, networks, rules) { like in
                defer { draws += 1 }
                let noise = try golden.tensor("\(example.name)/input.noise.\(draws)", type)
                return try noise.narrowed(0, from: 0, count: like.shape[0])
            }
            let losses = try pass.losses(networks, rules)
            var loss = try TwinPass.sum(losses, rules)
            if example.kind.hasDiscriminators { loss = try loss + pass.discriminatorLoss(networks) }
            try loss.backward()
            let converted = try TorchTensor.concatenated(pass.converted, axis: 1)
            #expect(try golden.deviation(converted, "\(example.name)/output") <= limit)
            #expect(try golden.deviation(loss, "\(example.name)/loss") <= limit)
            #expect(Set(losses.map(\.name)) == Set(golden.names(after: "\(example.name)/part.")))
            for part in losses {
                let deviation = try golden.deviation(part.value, "\(example.name)/part.\(part.name)")
                #expect(deviation <= limit, "\(part.name): \(deviation)")
            }
            let names = golden.names(after: "\(example.name)/gradient.")
            #expect(Set(names) == Set(networks.parameters.map(\.name)))
            for item in networks.parameters {
                let gradient = try #require(try item.tensor.gradient(), "\(item.name)")
                let name = "\(example.name)/gradient.\(item.name)"
                var deviation = try golden.deviation(gradient, name)
                if item.name.hasPrefix("discriminators."), item.name.hasSuffix(".bias") {
                    // The losses compare judgements with each other, so that what shifts all of them cancels: the
                    // terms that cancel are as large as the gradient of the layer's weight.
                    let weight = name.replacing(".bias", with: ".weight")
                    let whole = golden.file.entries[weight] == nil ? weight + "_orig" : weight
                    let scale = try golden.largest(name)
                    deviation *= scale / max(scale, try golden.largest(whole))
                }
                #expect(deviation <= limit, "\(item.name): \(deviation)")
            }
        }
    }

    /// 259 frames of 256 bands become a code of a quarter of the cells, as the paper has it.
    @Test(arguments: [TwinParts.Network.published, .patches])
    func codesAreAQuarter(_ network: TwinParts.Network) async throws {
        let shapes = try await onTorch {
            var parts = TwinParts(sizes: TwinSizes(bands: 256, frames: 259, halvings: 2))
            (parts.network, parts.width) = (network, 8)
            let coder = try PlainTwinCoder(parts)
            return try withoutGradients {
                let code = try coder.encode(.zeros([1, 1, 256, 259])).content
                return [code.shape, try coder.decode(code, style: nil).shape]
            }
        }
        #expect(shapes == [[1, 4, 64, 65], [1, 1, 256, 259]])
        #expect(4 * 64 * 65 == 16_640)
    }

    /// A training of some steps, evaluated beside what needs none, and a whole file converted either way.
    @Test(arguments: [TwinKind.plain, .variational, .adversarial, .multimodal])
    func recordingsAreConverted(_ kind: TwinKind) async throws {
        let hiss = try Hiss(normalize: "per: style")
        let cache = hiss.cache
        try hiss.write("content.wav", Hiss.file(isHigh: true, seed: 5))
        let content = hiss.folder.path + "/content.wav"
        let found = try await onTorch {
            let run = try Hiss.train(
                kind.rawValue, in: cache,
                assignments: ["epochs=20", "batch=4", "width=8", "patience=0", "rate=0.003"]
            ).run
            let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
            let evaluation = try trainer.evaluate(run, withFigures: true)
            func transfer(_ style: String) throws -> Transferred {
                try trainer.transfer(by: run, assignments: ["iterations=4"]) { settings in
                    TransferRequest(content: [], path: content, style: style, settings: settings)
                }
            }
            return (evaluation, try transfer("low"), try transfer("low"))
        }
        func l1(_ measures: [Measure]?) -> Double { measures?.first { $0.name == "l1" }?.value ?? .nan }
        // Hiss has no structure that a code of a quarter of its cells could hold, but a level.
        #expect(l1(found.0.metrics) < 0.8 * l1(found.0.baselines["silence"]))
        let mean = l1(found.0.baselines["mean of each band, of the style"])
        #expect(mean > 0 && mean < l1(found.0.baselines["silence"]))
        #expect(found.0.figures.map(\.name) == ["spectrograms-high", "spectrograms-low"])
        guard case .sound(let sound) = found.1.output, case .sound(let again) = found.2.output else {
            Issue.record("no sound")
            return
        }
        // Three segments of 2048 samples, the whole piece as one signal.
        #expect(sound.sampleRate == 8000 && sound.channelCount == 1 && sound.length == 3 * 2048)
        let samples = try sound.samples(0..<sound.length)[0]
        #expect(samples.allSatisfy(\.isFinite) && samples.contains { abs($0) > 0.01 })
        #expect(try again.samples(0..<again.length) == [samples])
    }

    /// A part of a recording, in stereo, through a network; and what cannot be converted.
    @Test func partsAndSidesAreConverted() async throws {
        let hiss = try Hiss(normalize: "per: style")
        let cache = hiss.cache
        let frames = (0..<24_000).flatMap { i -> [Int16] in
            let (left, right) = (Int16(i * 7919 % 6000 - 3000), Int16(i * 104_729 % 2000 - 1000))
            return [left, right]
        }
        try hiss.write("content.wav", MadeFile.wave(frames, rate: 8000, channels: 2))
        let content = hiss.folder.path + "/content.wav"
        let folder = hiss.folder.path
        let (sound, measures, mono, late) = try await onTorch {
            let run = try Hiss.train(
                "twin-cae", in: cache, assignments: ["epochs=1", "batch=4", "width=8", "patience=0"]
            ).run
            let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
            func transfer(_ part: TransferPart, stereo: Bool) throws -> Transferred {
                try trainer.transfer(by: run, assignments: ["iterations=2"]) { settings in
                    TransferRequest(
                        content: [], path: content, style: "low", settings: settings, part: part,
                        isStereo: stereo, folder: folder)
                }
            }
            let part = try TransferPart(start: 1, duration: 1.5)
            let late = #expect(throws: TrainingError.self) {
                try transfer(TransferPart(start: 3, duration: nil), stereo: false)
            }
            let stereo = try transfer(part, stereo: true)
            return (stereo.output, stereo.measures, try transfer(part, stereo: false).output, late)
        }
        guard case .sound(let sound) = sound, case .sound(let mono) = mono else {
            Issue.record("no sound")
            return
        }
        #expect(sound.channelCount == 2 && sound.length == 12_000 && mono.channelCount == 1)
        #expect(measures.first { $0.name == "seconds" }?.value == 1.5)
        let (planes, middle) = (try sound.samples(0..<12_000), try mono.samples(0..<12_000)[0])
        #expect(planes[0] != planes[1])
        // The mid is the mono result, but for its level.
        let mid = zip(planes[0], planes[1]).map { 0.5 * ($0 + $1) }
        func product(_ a: [Float], _ b: [Float]) -> Double {
            zip(a, b).reduce(0) { $0 + Double($1.0 * $1.1) }
        }
        let cosine = product(mid, middle) / (product(mid, mid) * product(middle, middle)).squareRoot()
        #expect(cosine > 0.9999)
        #expect(late?.code == .file && late?.message.contains("lasts 3.0 s") == true)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).allSatisfy { !$0.hasSuffix(".part") })
    }

    @Test func timesThatAreNoneAreRefused() {
        let times: [(Double?, Double?)] = [
            (-1, nil), (.nan, nil), (.infinity, nil), (nil, 0), (nil, -2), (nil, .nan), (nil, .infinity),
        ]
        for (start, duration) in times {
            let error = #expect(throws: TrainingError.self) {
                try TransferPart(start: start, duration: duration)
            }
            #expect(error?.code == .usage)
        }
    }

    /// A recording ten times as long needs no more memory at its peak.
    ///
    /// In memory, its samples, spectra and result took 85 KB a second here.
    @Test func memoryIsFlat() async {
        await #expect(processExitsWith: .success) {
            let hiss = try Hiss(normalize: "per: style")
            let (cache, folder) = (hiss.cache, hiss.folder.path)
            for (name, seconds) in [("short", 25), ("long", 250)] {
                let samples = (0..<8000 * seconds).map {
                    Int16(truncatingIfNeeded: $0 &* 40_503 % 9001 - 4500)
                }
                try hiss.write("\(name).wav", MadeFile.wave(samples, rate: 8000))
            }
            let peaks = try await onTorch {
                let run = try Hiss.train(
                    "twin-cae", in: cache, assignments: ["epochs=1", "batch=4", "width=4", "blocks=1"]
                ).run
                let trainer = Trainer(recipes: Recipe.all, cachePath: cache)
                return try ["short", "long"].map { name in
                    let transferred = try trainer.transfer(by: run, assignments: ["iterations=1"]) {
                        settings in
                        TransferRequest(
                            content: [], path: "\(folder)/\(name).wav", style: "low", settings: settings,
                            folder: folder)
                    }
                    guard case .sound(let sound) = transferred.output else { return 0 }
                    let last = try sound.samples(sound.length - 100..<sound.length)
                    precondition(last[0].contains { $0 != 0 } && sound.length > 190_000, "no sound")
                    return peakBytes()
                }
            }
            precondition(peaks[0] > 0, "no peak is known here")
            let growth = peaks[1] - peaks[0]
            precondition(growth < 4 << 20, "\(growth) bytes more for the long recording")
        }
    }

    /// A run that is stopped and resumed has the bytes of one that is not.
    @Test func itResumesToTheSameBytes() async throws {
        let hiss = try Hiss(normalize: "per: style")
        let cache = hiss.cache
        try await onTorch {
            let settings = ["epochs=3", "batch=4", "width=8", "discriminator=multiscale"]
            _ = try Hiss.train("twin-vargan", in: cache, assignments: settings)
            let part = try Hiss.train(
                "twin-vargan", in: cache, TrainingLimits(steps: 4), assignments: settings)
            _ = try Hiss.train(in: cache, resume: part.run)
        }
        #expect(try hiss.metrics("twin-vargan-1") == hiss.metrics("twin-vargan-2"))
        let (whole, resumed) = (try hiss.weights("twin-vargan-1"), try hiss.weights("twin-vargan-2"))
        try expectSameTensors(whole, resumed)
    }

    /// A drawn code begins with a deviation of 0.05: behind one of 1 the decoder would learn to do without it.
    @Test func aDrawnCodeBeginsNarrow() async throws {
        let hiss = try Hiss(normalize: "per: style")
        let cache = hiss.cache
        try await onTorch {
            _ = try Hiss.train(
                "twin-vae", in: cache, TrainingLimits(steps: 1), assignments: ["width=8", "rate=0.0001"])
        }
        let file = try hiss.weights("twin-vae-1")
        try await onTorch {
            for coder in 0..<2 {
                let logVariance = try TorchTensor(
                    reading: "network.coders.\(coder).variance.output.bias", from: file)
                #expect(try ((logVariance * 0.5).exp() - 0.05).abs().largest().item() < 0.001)
            }
        }
    }

    @Test func datasetsTheyCannotLearnFromAreRefused() throws {
        func fault(_ snapshot: Snapshot) -> String? {
            #expect(throws: TrainingError.self) { try Recipe.twinCAE.check(snapshot) }?.message
        }
        #expect(
            fault(try snapshot(steps: 32))?.contains("write 'audio: features: {mel: {bands: 96}}'") == true)
    }
}
