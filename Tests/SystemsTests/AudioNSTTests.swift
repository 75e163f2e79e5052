import Dataset
import Files
import Foundation
import Loading
import Synchronization
import Tensors
import TestSupport
import Testing

@testable import Preparation
@testable import Systems
@testable import Torch
@testable import Training

/// Recordings to transfer: clicks in noise, chords, silence.
private final class Clips {
    let folder: TestFolder
    static let rate = 22050

    init() throws {
        folder = try TestFolder()
        try write("chords.wav", seconds: 1.2) { time in
            let root = [220.0, 277.2, 330][Int(time * 3) % 3]
            return [1, 2, 3, 5].reduce(0) { $0 + 0.1 * sin(2 * .pi * root * Double($1) * time) }
        }
        try write("clicks.wav", seconds: 1.5) { time in
            // Eight bursts of noise a second.
            let place = (time * 8).truncatingRemainder(dividingBy: 1)
            return exp(-12 * place) * 0.4 * sin(1e5 * sin(7e4 * time))
        }
    }

    func write(_ name: String, seconds: Double, _ value: (Double) -> Double) throws {
        let samples = (0..<Int(seconds * Double(Self.rate))).map { place in
            Int16(max(-1, min(1, value(Double(place) / Double(Self.rate)))) * 32_000)
        }
        try write(name, samples)
    }

    func write(_ name: String, _ samples: [Int16]) throws {
        try Data(MadeFile.wave(samples, rate: Self.rate)).write(
            to: URL(fileURLWithPath: folder.path + "/" + name))
    }

    func path(_ name: String) -> String { folder.path + "/" + name }

    func transfer(
        _ content: String = "chords.wav", to style: String? = "clicks.wav", _ assignments: [String] = [],
        dataset: String? = nil, cache: String? = nil, part: TransferPart = TransferPart(),
        stereo: Bool = false, log: @escaping @Sendable (String) -> Void = { _ in }
    ) throws -> Transferred {
        let file = try style.flatMap { name in
            name.hasSuffix(".wav") ? RawInput(path: path(name), bytes: try folder.contents(name)) : nil
        }
        return try Trainer(recipes: Recipe.all, cachePath: cache ?? folder.path + "/cache", log: log)
            .transfer(
                by: "audio-nst", dataset: dataset,
                assignments: ["backbone=random", "channels=2", "evaluations=12", "iterations=4"] + assignments
            ) { settings in
                TransferRequest(
                    content: [], path: path(content), style: file?.path ?? style, styleFile: file,
                    settings: settings, part: part, isStereo: stereo)
            }
    }
}

struct AudioNSTTests {
    /// Float64 within rounding of another order of sums, float32 within what its 24 bits leave after a few thousand.
    private static let limits: [(String, ElementType, Double)] = [("f64", .f64, 1e-9), ("f32", .f32, 1e-4)]

    // MARK: Against PyTorch

    /// Every term and its gradient for every cell, with direct sums of autocorrelations on the other side.
    @Test(
        arguments: [0, 1], ["published-picture", "published-layers", "relative-picture", "relative-layers"])
    func lossesArePyTorchs(_ precision: Int, _ name: String) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-002")
            let network = try VGG19(channels: 2, pooling: .average)
            try network.load(golden.weights(of: "vgg"))
            try network.convert(to: type)
            func input(_ part: String) throws -> TorchTensor {
                try golden.tensor("vgg/input.\(part)", type)
            }
            var plan = PictureObjective.Plan()
            plan.measure = name.hasPrefix("published") ? .published : .relative
            plan.depth = name.hasSuffix("layers") ? .layers : .picture
            plan.centring = name == "relative-layers" ? .line : .grey
            plan.joinsRows = name.hasPrefix("relative")
            plan.rowsOfContent = name == "relative-picture"
            plan.columnsOfContent = name == "published-layers"
            plan.weights = PictureWeights(content: 2, style: 3, row: 5, column: 7, variation: 11)
            let objective = try PictureObjective(
                ImageBackbone(network: network), content: input("content"), style: input("style"), plan)
            let picture = try input("picture").clone()
            try picture.requireGradient()
            let terms = try objective.terms(of: picture)
            let named = [
                ("content", terms.content), ("style", terms.style), ("row", terms.row),
                ("column", terms.column), ("variation", terms.variation),
            ]
            for (term, value) in named {
                let deviation = try golden.deviation(value, "vgg/\(name)/\(label)/\(term)")
                #expect(deviation <= limit, "\(term): \(deviation)")
                let gradient = try value.gradients(of: [picture], keepingGraph: true)[0].flattened()
                let slopes = try golden.deviation(gradient, "vgg/\(name)/\(label)/gradient.\(term)")
                #expect(slopes <= limit, "gradient of \(term): \(slopes)")
            }
            let sum = zip(named, [2.0, 3, 5, 7, 11]).reduce(0) { sum, pair in
                sum + ((try? pair.0.1.item()) ?? .nan) * pair.1
            }
            #expect(abs(try terms.total.item() - sum) <= 1e-5 * sum)
        }
    }

    /// By the Fourier transform as by direct sums, for lengths with other factors than 2, 3 and 5.
    @Test func autocorrelationsAreDirectSums() async throws {
        try await onTorch {
            let golden = try Golden("systems-002")
            let lines = try golden.tensor("autocorrelation/input", .f64)
            for direction in [Autocorrelation.Direction.row, .column] {
                let autocorrelation = try Autocorrelation(direction, like: lines)
                let powers = try autocorrelation.powers(of: lines)
                let name = "autocorrelation/\(direction.rawValue)"
                let mean = try TorchTensor(
                    autocorrelation.mean(powers), shape: [autocorrelation.length])
                #expect(try golden.deviation(mean, "\(name).mean") <= 1e-12)
                #expect(try golden.deviation(autocorrelation.size(powers), "\(name).size") <= 1e-12)
                let zero = try powers.fullLike(0)
                #expect(
                    try autocorrelation.distance(powers, zero).item() == autocorrelation.size(powers).item())
            }
        }
        #expect(Autocorrelation.transformLength(for: 1708) == 1728)
        #expect(Autocorrelation.transformLength(for: 7) == 8)
    }

    /// The filterbanks against numpy, and the picture of levels and its gradient against PyTorch.
    @Test(arguments: [0, 1], [SoundPicture.Kind.mel, .cqt, .chroma])
    func filtersAreTheOracles(_ precision: Int, _ kind: SoundPicture.Kind) async throws {
        try await onTorch {
            let (label, type, limit) = Self.limits[precision]
            let golden = try Golden("systems-002")
            let name = "filters/\(kind.rawValue)"
            let picture = try SoundPicture(kind, type: type)
            let levels = try golden.tensor("filters/input", type).clone()
            try levels.requireGradient()
            let shown = try picture.picture(levels)
            #expect(try golden.deviation(shown, "\(name)/\(label)/picture") <= limit)
            let weighted = try (shown * golden.tensor("\(name).weight", type)).sum()
            let gradient = try weighted.gradients(of: [levels])[0]
            #expect(try golden.deviation(gradient, "\(name)/\(label)/gradient") <= limit)
        }
        let width = 22050.0 / 2048
        let bank: FrequencyFilters =
            switch kind {
            case .cqt: .constantQ(96, perOctave: 16, from: 130.81, bins: 1024, width: width)
            case .chroma: .chroma(tiles: 4, 125...10000, bins: 1024, width: width)
            default: .mel(96, 125...10000, bins: 1024, width: width)
            }
        let rows = try Golden("systems-002").file.tensor("\(name(kind)).rows", as: Float.self)
        let own = stride(from: 0, to: bank.rows, by: 13).flatMap { row in
            bank.weights[row * 1024..<(row + 1) * 1024]
        }
        #expect(own.count == rows.elements.count)
        #expect(zip(own, rows.elements).allSatisfy { abs($0 - Double($1)) < 1e-7 })
        // No row is empty, and none hears what the band-pass removes.
        for row in 0..<bank.rows {
            let weights = bank.weights[row * 1024..<(row + 1) * 1024]
            #expect(abs(weights.reduce(0, +) - 1) < 1e-12, "row \(row)")
        }
    }

    private func name(_ kind: SoundPicture.Kind) -> String { "filters/\(kind.rawValue)" }

    /// A file's frames and levels by scipy's filter and numpy's transform, and its bands in the paper's picture.
    @Test func picturesOfFilesAreTheOracles() async throws {
        let clips = try Clips()
        let samples = try Golden("systems-002").file.tensor("signal/input", as: Float.self).elements
        try clips.write("signal.wav", samples.map { Int16($0 * 32768) })
        let path = clips.path("signal.wav")
        try await onTorch {
            let golden = try Golden("systems-002")
            let found = try RecordingSpectrum(path: path, RecordingPart(duration: 10), SoundPicture.transform)
            #expect(found.isWhole && found.length == 9000 && found.frames == 64)
            let picture = try SoundPicture(.logMel)
            let recording = try picture.recording(found.magnitudes, frames: found.frames)
            let places = try TorchTensor.range(to: 1024, step: 9)
            // Levels of numbers near the floor are differences of rounded sums.
            #expect(
                try golden.deviation(recording.levels.selected(0, at: places), "signal/levels") <= 1e-3)
            let bands = try recording.scale.values(picture.free(recording))
            #expect(try golden.deviation(bands, "signal/bands") <= 1e-4)
            #expect(try picture.free(recording).smallest().item() == 0)
            #expect(abs(try picture.free(recording).largest().item() - 255) < 1e-3)
        }
        withExtendedLifetime(clips) {}
    }

    // MARK: Pictures

    /// The paper's 10 s at 22,050 Hz.
    @Test(arguments: [
        (SoundPicture.Kind.spectrogram, 1, 1024, 1712), (.spectrogram, 2, 512, 856), (.logMel, 2, 96, 854),
        (.mfcc, 2, 96, 854), (.mel, 2, 96, 856), (.cqt, 2, 96, 856), (.chroma, 2, 48, 856),
    ])
    func tenSecondsHaveThePapersShapes(
        _ kind: SoundPicture.Kind, _ zoom: Int, _ rows: Int, _ columns: Int
    ) async throws {
        #expect(SoundPicture.transform.frameCount(length: 220_500) == 1712)
        try await onTorch {
            let picture = try SoundPicture(kind, zoom: zoom)
            let magnitudes = (0..<1025 * 1712).map { Float($0 % 977) }
            let free = try picture.free(picture.recording(magnitudes, frames: 1712))
            #expect(try picture.picture(free).shape == [1, rows, columns])
            #expect(picture.columns(of: 1712) == columns)
            #expect(picture.columns(of: picture.frames(for: 32)) == 32)
            #expect(picture.kind.isDirect || free.shape == [1024, 1712])
        }
    }

    /// No sample lies behind the last frame, and less than a frame and a hop is padding.
    @Test func framesCoverTheSignal() {
        let transform = SoundPicture.transform
        for length in [1, 127, 2047, 2048, 2049, 4095, 4096, 4097, 6144, 20_000, 220_500] {
            #expect((0..<2048 + 128).contains(transform.padding(length: length)), "\(length)")
        }
        #expect(transform.padding(length: 220_500) == 556)
    }

    /// What was not changed comes back: the content's magnitudes, but for those under the floor; of a direct picture without
    /// its detail, the picture itself.
    @Test(arguments: SoundPicture.Kind.allCases)
    func theWayBackKeepsWhatWasNotChanged(_ kind: SoundPicture.Kind) async throws {
        let clips = try Clips()
        let file = clips.path("chords.wav")
        try await onTorch {
            let found = try RecordingSpectrum(path: file, RecordingPart(duration: 10), SoundPicture.transform)
            let picture = try SoundPicture(kind)
            let recording = try picture.recording(found.magnitudes, frames: found.frames)
            let free = try picture.free(recording)
            let same = try picture.magnitudes(free, recording, keepsDetail: true)
            let bins = 1024 * found.frames
            for place in 0..<bins where found.magnitudes[place] > Float(recording.loudest) * 1.01e-4 {
                let ratio = same[place] / found.magnitudes[place]
                guard abs(ratio - 1) < 1e-3 else {
                    Issue.record("bin \(place / found.frames), frame \(place % found.frames): \(ratio)")
                    break
                }
            }
            #expect(same[bins...].allSatisfy { $0 == 0 })
            guard kind.isDirect else { return }
            let plain = try picture.magnitudes(free, recording, keepsDetail: false)
            let again = try picture.recording(plain, frames: found.frames, loudest: recording.loudest)
            let seen = try picture.picture(again, as: recording)
            let error = try (seen - picture.picture(free)).abs().mean().item()
            #expect(error < 12, "\(error) of 255")
        }
        withExtendedLifetime(clips) {}
    }

    // MARK: Transfers

    /// On a small clip every term that counts falls, from noise, for each picture; the sound is finite and not silent.
    @Test(arguments: SoundPicture.Kind.allCases)
    func everyTermFalls(_ kind: SoundPicture.Kind) async throws {
        try await onTorch {
            let clips = try Clips()
            let result = try clips.transfer(
                "chords.wav", to: "clicks.wav",
                ["representation=\(kind.rawValue)", "start=noise", "evaluations=40", "tv=1", "zoom=4"])
            let measures = Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            // Bands of noise in all bins are smooth already.
            for term in PictureTerms.names where kind.isDirect || term != "variation" {
                let (start, after) = (measures["\(term)_start"] ?? 0, measures["\(term)_after"] ?? .infinity)
                #expect(after < start, "\(term): \(start) to \(after)")
            }
            guard case .sound(let sound) = result.output else {
                Issue.record("no sound")
                return
            }
            #expect(sound.sampleRate == 22050 && sound.channelCount == 1)
            let samples = try sound.samples(0..<sound.length)[0]
            #expect(samples.count == Int(1.2 * 22050))
            #expect(samples.allSatisfy { $0.isFinite && abs($0) <= 1 })
            #expect(samples.reduce(0) { max($0, abs($1)) } > 0.01)
            #expect(
                result.figures.map(\.name)
                    == ["spectrograms"] + PictureTerms.names.map { "loss-\($0)" }
                    + ["autocorrelation-rows", "autocorrelation-columns"])
        }
    }

    /// The terms that ask for it bring rows and columns nearer to the recording that they name.
    @Test func rowsAndColumnsFollowTheirRecordings() async throws {
        try await onTorch {
            let clips = try Clips()
            func distances(_ assignments: [String]) throws -> [String: Double] {
                let result = try clips.transfer(
                    "chords.wav", to: "clicks.wav",
                    ["alpha=0", "beta=0.1", "evaluations=60"] + assignments)
                return Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            }
            let without = try distances(["row=0", "column=0"])
            let both = try distances(["row=10", "column=10"])
            let mixed = try distances(["row=10", "column=10", "beat=content"])
            func measure(_ measures: [String: Double], _ name: String) -> Double { measures[name] ?? .nan }
            for direction in ["row", "column"] {
                let name = "\(direction)_change_distance_result"
                #expect(measure(both, name) < measure(without, name) / 4, "\(name)")
            }
            #expect(
                measure(mixed, "row_change_distance_result_content")
                    < measure(both, "row_change_distance_result_content") / 2)
        }
    }

    /// The same seed gives the same sound; another draws other noise and other weights.
    @Test func theSeedDecides() async throws {
        try await onTorch {
            let clips = try Clips()
            func samples(_ seed: Int) throws -> [Float] {
                let result = try clips.transfer(
                    "chords.wav", to: "clicks.wav", ["start=noise", "evaluations=4", "seed=\(seed)"])
                guard case .sound(let sound) = result.output else { return [] }
                return try sound.samples(0..<sound.length)[0]
            }
            let first = try samples(1)
            #expect(try first == samples(1))
            #expect(try first != samples(2))
        }
    }

    /// The published preset is the paper's, and single values count after it.
    @Test func thePublishedPresetIsThePapers() throws {
        let settings = try Settings(transferBy: .audioNST, assignments: ["row=0", "preset=published"])
        #expect(
            settings.number("alpha") == 1e-3 && settings.number("beta") == 2e5 && settings.number("row") == 0
                && settings.number("column") == 1e-9 && settings.number("tv") == 1e-8)
        #expect(settings.word("representation") == "log-mel" && settings.word("measure") == "published")
        // 39 calls of 40 evaluations from noise.
        #expect(
            settings.integer("evaluations") == 39 * 40 && settings.integer("restart") == 40
                && settings.word("start") == "noise")
        #expect(PictureWeights.published.style == 2e5)
        #expect(throws: TrainingError.self) {
            try Settings(transferBy: .audioNST, assignments: ["preset=other"])
        }
    }

    /// L-BFGS and Adam keep to their budget; with restarts the value still falls, and the last loss is that of the end.
    @Test(arguments: [(StyleDescent.Method.lbfgs, 0), (.lbfgs, 7), (.adam, 0)])
    func theBudgetIsOfEvaluations(_ method: StyleDescent.Method, _ restart: Int) async throws {
        try await onTorch {
            // A valley with its least value 0 at (1, 1).
            var calls = 0
            func terms(_ point: TorchTensor) throws -> PictureTerms {
                calls += 1
                let (x, y) = (
                    try point.selected(0, 0).selected(0, 0), try point.selected(0, 0).selected(0, 1)
                )
                let (near, like) = (try (1 - x).square(), try (y - x * x).square())
                return PictureTerms(
                    content: near, style: like, row: near, column: near, variation: near,
                    total: try near + like * 100)
            }
            let descent = PictureDescent(method: method, evaluations: 30, restart: restart, rate: 0.1)
            let path = try descent.run(
                from: TorchTensor([-1.2, 1] as [Double], shape: [1, 2]), terms)
            // A line search that has begun may end first; the start, and Adam's end, are told without a gradient.
            #expect((30...50).contains(path.evaluations))
            #expect(calls == path.evaluations + (method == .adam ? 2 : 1))
            #expect(try terms(path.end).values == path.losses.last)
            #expect((path.losses.last?[5] ?? 1) < path.losses[0][5] / 4)
        }
    }

    // MARK: Backbones

    /// A run of mel-cnn is looked through, and told with its hash; autocorrelations of its layers can be compared.
    @Test func runsAreBackbones() async throws {
        let hiss = try Hiss()
        let cache = hiss.cache
        let lines = Lines()
        try await onTorch {
            let clips = try Clips()
            let run = try Hiss.train(in: cache, assignments: ["epochs=2", "batch=4"]).run
            let result = try clips.transfer(
                "chords.wav", to: "clicks.wav",
                ["backbone=\(run)", "start=noise", "depth=layers", "centring=grey", "evaluations=25"],
                cache: cache)
            let measures = Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            for term in ["content", "style", "row", "column", "loss"] {
                #expect((measures["\(term)_after"] ?? .nan) < (measures["\(term)_start"] ?? .nan), "\(term)")
            }
            #expect(result.foundations["backbone"]?["run"]?.string == run)
            #expect(result.foundations["backbone"]?["sha256"]?.string?.count == 64)
            // A label stands for a recording of the train split.
            let labelled = try clips.transfer(
                "chords.wav", to: "low", ["evaluations=2"], dataset: "hiss", cache: cache,
                log: { lines.add($0) })
            let name = try #require(labelled.foundations["style"]?["path"]?.string)
            #expect(name.hasPrefix("low-") && name.hasSuffix(".wav"))
            #expect(lines.all.contains { $0.contains(name) && $0.contains("train split") })
            #expect(lines.all.contains { $0.contains("is repeated") })
        }
    }

    /// The paper's manifest stores the spectrogram that the system sees, of the same shape, and its genres name styles.
    @Test func thePapersManifestFits() async throws {
        let made = try TestFolder()
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let text = try String(
            contentsOf: root.appendingPathComponent("manifests/paper-002-gtzan.yaml"), encoding: .utf8)
        try made.write(
            "gtzan.yaml", text.replacing("- path: ../data/gtzan/*/*.*", with: "- path: clips/*/*.*"))
        for (genre, hertz) in [("rock", 3.0), ("reggae", 1.5)] {
            var random = SplitMix(seed: UInt64(hertz * 2))
            let samples = (0..<220_500).map { place in
                let beat = (Double(place) / 22050 * hertz).truncatingRemainder(dividingBy: 1)
                return Int16((exp(-6 * beat) + 0.01) * (Double(random.next() % 20_000) - 10_000))
            }
            _ = try made.subfolder("clips/\(genre)")
            try Data(MadeFile.wave(samples, rate: 22050)).write(
                to: URL(fileURLWithPath: made.path + "/clips/\(genre)/\(genre).wav"))
        }
        let cache = made.path + "/cache"
        _ = try DatasetBuild(manifestPath: made.path + "/gtzan.yaml").run(.init(cachePath: cache, jobs: 1))
        let folder = made.path
        try await onTorch {
            let reader = try DatasetReader("paper-002-gtzan", cachePath: cache)
            let first = try #require(reader.snapshot.sources.first)
            #expect(first.path == "clips/reggae/reggae.wav" && first.split == .train)
            let plan = LoaderPlan(
                kind: .audio, views: [.feature("spectrogram"), .label("genre")], batchSize: 2,
                isShuffled: false, epochs: 1, threads: 0)
            let batch = try #require(try Loader(reader, plan).next())
            let stored = try batch.tensor(copying: "spectrogram")
            #expect(stored.shape == [2, 1024, 1712])
            let genres = try batch.tensor(copying: "genre").elements(as: Int64.self)
            let number = try #require(reader.snapshot.vocabularies["genre"]?.firstIndex(of: "reggae"))
            let row = try #require(genres.firstIndex(of: Int64(number)))
            let found = try RecordingSpectrum(
                path: folder + "/clips/reggae/reggae.wav", RecordingPart(duration: 10), SoundPicture.transform
            )
            let own = try TorchTensor(
                Array(found.magnitudes.prefix(1024 * 1712)), shape: [1024, 1712])
            let error = try (own - stored.selected(0, row)).abs().largest().item()
            #expect(try error < 1e-5 * own.largest().item(), "\(error)")
            let named = try reader.recording(where: "genre", is: "reggae")
            #expect(named?.name == "clips/reggae/reggae.wav" && named?.path.hasPrefix(folder) == true)
            #expect(try reader.recording(where: "genre", is: "jazz") == nil)
        }
    }

    // MARK: Hostile files

    /// What cannot be transferred is refused with its name and what to do.
    @Test func whatCannotBeUsedIsRefused() async throws {
        try await onTorch {
            let clips = try Clips()
            try clips.write("silent.wav", seconds: 1) { _ in 0 }
            try clips.write("blip.wav", seconds: 0.1) { sin(3000 * $0) }
            try Data([1, 2, 3, 4]).write(to: URL(fileURLWithPath: clips.path("bytes.wav")))
            let cases: [(content: String, style: String?, settings: [String], words: [String])] = [
                ("silent.wav", "clicks.wav", [], ["silent.wav", "is silent"]),
                ("chords.wav", "silent.wav", [], ["silent.wav", "is silent"]),
                ("blip.wav", "clicks.wav", [], ["blip.wav", "0.1 s", "needs at least"]),
                ("bytes.wav", "clicks.wav", [], ["bytes.wav"]),
                ("chords.wav", "bytes.wav", [], ["bytes.wav"]),
                ("chords.wav", nil, [], ["--style FILE"]),
                ("chords.wav", "jazz", [], ["--dataset"]),
                ("chords.wav", "clicks.wav", ["backbone=vgg19"], ["backbones/vgg19.safetensors"]),
                ("chords.wav", "clicks.wav", ["backbone=musicnn"], ["tools/fetch-weights"]),
                ("chords.wav", "clicks.wav", ["backbone=MTT_musicnn"], ["MTT_vgg"]),
                ("chords.wav", "clicks.wav", ["backbone=no-run-1"], ["no-run-1"]),
            ]
            for (content, style, settings, words) in cases {
                let error = #expect(throws: TrainingError.self) {
                    try clips.transfer(content, to: style, settings)
                }
                for word in words {
                    #expect(
                        error?.message.contains(word) == true,
                        "\(content) \(settings): \(error?.message ?? "nothing")")
                }
            }
        }
    }

    /// A part of the content is what the whole has there, and the result is as long; stereo, and a part that is too long or
    /// behind the end, are refused.
    @Test func aPartIsTransferred() async throws {
        try await onTorch {
            let clips = try Clips()
            let whole = try RecordingSpectrum(
                path: clips.path("chords.wav"), RecordingPart(), SoundPicture.transform)
            // Its frames begin on those of the whole: 40 · 128 samples.
            let start = 40.0 * 128 / 22050
            let part = try RecordingSpectrum(
                path: clips.path("chords.wav"), RecordingPart(start: start, duration: 0.5),
                SoundPicture.transform)
            #expect(part.length == 11_025 && whole.length == 26_460)
            for bin in stride(from: 0, to: 1024, by: 31) {
                #expect(part.magnitudes[bin * part.frames + 9] == whole.magnitudes[bin * whole.frames + 49])
            }
            let result = try clips.transfer(part: TransferPart(start: 0.3, duration: 0.8))
            guard case .sound(let sound) = result.output else {
                Issue.record("no sound")
                return
            }
            #expect(sound.length == 17_640)
            let cases: [(TransferPart, Bool, String)] = [
                (TransferPart(), true, "--stereo"),
                (try TransferPart(start: 0, duration: 61), false, "--duration"),
                (try TransferPart(start: 5, duration: nil), false, "ends before 5.0 s"),
            ]
            for (part, stereo, word) in cases {
                let error = #expect(throws: TrainingError.self) {
                    try clips.transfer(part: part, stereo: stereo)
                }
                #expect(error?.message.contains(word) == true, "\(error?.message ?? "nothing")")
            }
        }
    }

    /// A style of a tenth of a second is repeated, and that is said.
    @Test func aShortStyleIsRepeated() async throws {
        let lines = Lines()
        try await onTorch {
            let clips = try Clips()
            try clips.write("blip.wav", seconds: 0.1) { sin(3000 * $0) }
            let result = try clips.transfer("chords.wav", to: "blip.wav", log: { lines.add($0) })
            let measures = Dictionary(uniqueKeysWithValues: result.measures.map { ($0.name, $0.value) })
            #expect(abs((measures["style_seconds"] ?? 0) - 0.1) < 1e-3)
            #expect(abs((measures["seconds"] ?? 0) - 1.2) < 1e-3)
        }
        #expect(lines.all.contains { $0.contains("blip.wav") && $0.contains("0.1 s") })
    }

    /// Real recordings, an MP3 and a FLAC file: what is written is finite, as long as was asked, and not silent.
    @Test(.enabled(if: realRecordings != nil, "no real recordings: set REPRISE_TEST_DATA"))
    func realRecordingsAreTransferred() async throws {
        let folder = try #require(realRecordings)
        try await onTorch {
            let cache = try TestFolder()
            let style = folder + "/electronic/nebula.flac"
            let result = try Trainer(recipes: Recipe.all, cachePath: cache.path).transfer(
                by: "audio-nst",
                assignments: ["backbone=random", "channels=2", "evaluations=6", "seconds=2", "iterations=4"]
            ) { settings in
                TransferRequest(
                    content: [], path: folder + "/jazz_blues/sorohanro_-_solo-trumpet-06.hq.mp3",
                    style: style, styleFile: RawInput(path: style, bytes: []), settings: settings)
            }
            guard case .sound(let sound) = result.output else {
                Issue.record("no sound")
                return
            }
            let samples = try sound.samples(0..<sound.length)[0]
            #expect(samples.count == 44_100 && samples.allSatisfy(\.isFinite))
            let level = (samples.reduce(0) { $0 + Double($1) * Double($1) } / 44_100).squareRoot()
            #expect(level > 0.005)
        }
    }
}

/// Where the real recordings are: REPRISE_TEST_DATA, else ../shared/data beside the package.
private let realRecordings: String? = {
    let named = ProcessInfo.processInfo.environment["REPRISE_TEST_DATA"].flatMap { $0.isEmpty ? nil : $0 }
    let beside = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("../shared/data").path
    let folder = (named ?? beside) + "/audio"
    return FileManager.default.fileExists(atPath: folder + "/electronic/nebula.flac") ? folder : nil
}()

/// Lines that were said.
private final class Lines: Sendable {
    private let lines = Mutex([String]())
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
}
