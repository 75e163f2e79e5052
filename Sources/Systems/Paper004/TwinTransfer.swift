internal import Build
internal import Loading
internal import Preparation
internal import Tensors
internal import Torch
internal import Training

/// Converts a recording to another style: figure 5 of paper 004, its encoder from the source's twin, its decoder from the
/// target's.
///
/// The whole recording is cut into segments that share frames, converted one by one, joined by cross-fades, and made
/// one signal whose phases begin as the recording's.
struct TwinTransfer {
    let system: Twins
    let run: TrainedRun

    /// Segments that the network sees at once.
    private static let batchSize = 16
    /// Segments of the train split that give the style of a label.
    private static let examples = 64

    static let parameters = [
        Parameter("iterations", 64, "iterations of Griffin-Lim, which finds the phases", in: 1...10_000),
        Parameter(
            "draw", false,
            "twin-vargan: whether the style is drawn from a normal distribution, as in training; else the mean style of the target's segments"
        ),
        Parameter("seed", 0, "of what is drawn"),
    ]

    init(_ run: TrainedRun) throws {
        self.run = run
        system = try run.system(of: run.recipe)
    }

    func run(_ request: TransferRequest) throws -> Transferred {
        let names = system.styles.names
        let style = try request.target(among: names)
        let preparation = try FilePreparation(run.reader, covering: .overlapping)
        let labels = try preparation.labels(contentStyle: request.contentStyle, target: style)
        guard let source = request.source(for: style, among: names) else {
            let others = names.filter { $0 != style }
            throw TrainingError(
                .usage, "choose the source style: --content-style \(others.joined(separator: " or "))")
        }
        let recording: PreparedRecording
        do {
            recording = try preparation.recording(path: request.path, labels: labels)
        } catch let error as BuildError where error.code == .sourceUnreadable {
            throw TrainingError(.file, error.message)
        }
        let mel = try preparation.batch(of: recording.shard, showing: [.mel])
            .tensor(copying: LoaderView.mel.name)
        try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
        let (from, to) = (names.firstIndex(of: source) ?? 0, names.firstIndex(of: style) ?? 0)
        let drawn = try self.style(of: to, isDrawn: request.settings.flag("draw"))
        let converted = try convert(mel, from: from, to: to, style: drawn)
        let rendering = try preparation.rendering(of: recording, style: labels.isEmpty ? nil : style)
        let samples = try rendering.samples(iterations: request.settings.integer("iterations")) { segment in
            try converted.selected(0, segment).contiguous().elements(as: Float.self)
        }
        let changed = try (converted - mel).abs().mean().item()
        return Transferred(
            sound: TransferredSound(channels: [samples], sampleRate: rendering.sampleRate),
            measures: [
                Measure("segments", Double(mel.shape[0])),
                Measure("seconds", Double(samples.count) / Double(rendering.sampleRate)),
                Measure("changed_share", changed / max(try mel.abs().mean().item(), 1e-12)),
            ],
            figures: [try figure(mel, converted, request.path, style)])
    }

    /// The style to convert to, of one segment, from those of the train split, or a drawn one; nil where codes have none.
    ///
    /// Of maps the mean level and the mean deviation of each channel count; of a few numbers the mean of each.
    private func style(of target: Int, isDrawn: Bool) throws -> TorchTensor? {
        guard system.rules.kind.hasDiscriminators else { return nil }
        let name = system.styles.names[target]
        let loader = try Loader(
            run.reader,
            LoaderPlan(
                kind: .audio, views: [.mel], sets: [.init(labels: [Styles.label: name])],
                batchSize: Self.batchSize, epochs: 1, threads: 0))
        return try withoutGradients {
            var styles: [TorchTensor] = []
            while styles.count * Self.batchSize < Self.examples, let batch = try loader.next() {
                let mel = try batch.tensor(copying: LoaderView.mel.name)
                batch.giveBack()
                if let style = try system.networks.coders[target].encode(mel.unsqueezed(1)).style {
                    styles.append(style)
                }
            }
            let all = try TorchTensor.concatenated(styles, axis: 0)
            let first = try all.narrowed(0, from: 0, count: 1)
            guard system.rules.kind == .adversarial else {
                return isDrawn ? try first.randomLike(.normal) : try all.mean([0], keep: true)
            }
            let cells = try all.flattened(from: 2)
            return try first.adaptiveInstanceNormalised(
                scale: cells.variance([2], correction: 0).sqrt().mean([0], keep: true),
                shift: cells.mean([2]).mean([0], keep: true))
        }
    }

    private func convert(
        _ mel: TorchTensor, from source: Int, to target: Int, style: TorchTensor?
    ) throws -> TorchTensor {
        try withoutGradients {
            let parts = try stride(from: 0, to: mel.shape[0], by: Self.batchSize).map { start in
                let part = try mel.narrowed(
                    0, from: start, count: min(Self.batchSize, mel.shape[0] - start))
                let own = try style?.expanded(
                    [part.shape[0]] + (style?.shape.dropFirst().map { $0 } ?? []))
                return try system.convert(part, from: source, to: target, style: own)
            }
            return try .concatenated(parts, axis: 0)
        }
    }

    private func figure(
        _ before: TorchTensor, _ after: TorchTensor, _ path: String, _ style: String
    ) throws -> Figure {
        func spectrogram(_ title: String, _ mel: TorchTensor) throws -> Figure.Spectrogram {
            let first = try mel.selected(0, min(1, mel.shape[0] - 1)).contiguous()
            return Figure.Spectrogram(
                title: title, values: try first.elements(as: Float.self), columns: first.shape[1])
        }
        return Figure(
            name: "spectrograms", title: "\(path) converted to \(style): one segment",
            .spectrograms([try spectrogram("content", before), try spectrogram("result", after)]))
    }
}
