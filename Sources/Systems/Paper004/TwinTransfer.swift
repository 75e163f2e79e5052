internal import Files
internal import Loading
internal import Preparation
internal import Tensors
internal import Torch
internal import Training

/// Converts a recording to another style: figure 5 of paper 004, its encoder from the source's twin, its decoder from the
/// target's.
///
/// The whole recording, or the part that was asked for, is cut into segments that share frames, converted some at a time,
/// joined by cross-fades, and made one signal whose phases begin as the recording's. Memory does not grow with it.
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
        let recording: RecordingStream
        do {
            recording = try preparation.stream(
                ofRecordingAt: request.path, labels: labels,
                part: RecordingPart(start: request.part.start, duration: request.part.duration),
                stereo: request.isStereo, in: request.folder)
        } catch let error as BuildError where error.code == .sourceUnreadable {
            throw TrainingError(.file, error.message)
        }
        try RandomGenerator.seed(UInt64(request.settings.integer("seed")))
        let (from, to) = (names.firstIndex(of: source) ?? 0, names.firstIndex(of: style) ?? 0)
        let drawn = try self.style(of: to, isDrawn: request.settings.flag("draw"))
        var window = Window()
        let result = try recording.render(
            style: labels.isEmpty ? nil : style, iterations: request.settings.integer("iterations"),
            in: request.folder
        ) { segment in
            if !window.segments.contains(segment) {
                try window.move(to: segment, of: recording) {
                    try convert($0, from: from, to: to, style: drawn)
                }
            }
            return try window.converted(segment)
        }
        return Transferred(
            sound: TransferredSound(
                channelCount: result.channels, length: result.length, sampleRate: result.sampleRate,
                source: result.samples),
            measures: [
                Measure("segments", Double(recording.segments)),
                Measure("seconds", Double(result.length) / Double(result.sampleRate)),
                Measure("changed_share", window.change / max(window.level, 1e-12)),
            ],
            figures: try window.shown.map { [try figure($0.before, $0.after, request.path, style)] } ?? [])
    }

    /// The segments that the network has just seen at once.
    private struct Window {
        private(set) var segments = 0..<0
        /// Sums over all segments up to now, of each one's mean.
        private(set) var (change, level) = (0.0, 0.0)
        /// The second segment, or the only one.
        private(set) var shown: (before: TorchTensor, after: TorchTensor)?
        private var result: TorchTensor?

        mutating func move(
            to segment: Int, of recording: RecordingStream, _ convert: (TorchTensor) throws -> TorchTensor
        ) throws {
            segments = segment..<min(segment + TwinTransfer.batchSize, recording.segments)
            let mel = try recording.batch(of: segments, showing: [.mel])
                .tensor(copying: LoaderView.mel.name)
            let converted = try convert(mel)
            result = converted
            change += Double(segments.count) * (try (converted - mel).abs().mean().item())
            level += Double(segments.count) * (try mel.abs().mean().item())
            if segment == 0 {
                let second = min(1, segments.count - 1)
                shown = (try mel.selected(0, second), try converted.selected(0, second))
            }
        }

        func converted(_ segment: Int) throws -> [Float] {
            guard let result else { preconditionFailure("segment \(segment) before a window") }
            return try result.selected(0, segment - segments.lowerBound).contiguous().elements(as: Float.self)
        }
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
            let own = try style?.expanded([mel.shape[0]] + (style?.shape.dropFirst().map { $0 } ?? []))
            return try system.convert(mel, from: source, to: target, style: own)
        }
    }

    private func figure(
        _ before: TorchTensor, _ after: TorchTensor, _ path: String, _ style: String
    ) throws -> Figure {
        func spectrogram(_ title: String, _ mel: TorchTensor) throws -> Figure.Spectrogram {
            Figure.Spectrogram(
                title: title, values: try mel.contiguous().elements(as: Float.self), columns: mel.shape[1])
        }
        return Figure(
            name: "spectrograms", title: "\(path) converted to \(style): one segment",
            .spectrograms([try spectrogram("content", before), try spectrogram("result", after)]))
    }
}
