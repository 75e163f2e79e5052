internal import Files
internal import Loading
internal import Preparation
internal import Tensors
internal import Torch
public import Training

extension Recipe {
    /// Changes the picture of a recording until a network takes its style for another's: paper 002.
    ///
    /// `SoundPicture` has the pictures, `PictureObjective` the loss. The first seconds of content and style are used; a style
    /// that is shorter than the content begins again at its end.
    public static let audioNST = Recipe(
        name: "audio-nst", paper: "002",
        summary: "changes a recording until its spectrogram has another's style",
        transferParameters: [
            Parameter(
                "preset", "own", "published: what the paper and its code did; single values still count",
                choices: ["own", "published"]),
            Parameter(
                "representation", "log-mel",
                "the picture: spectrogram, log-mel (what the paper calls MFCC), mfcc (with the cosine transform of its text); or mel, chroma, cqt, computed from the spectrogram that is changed",
                choices: SoundPicture.Kind.allCases.map(\.rawValue)),
            Parameter(
                "zoom", 2, "spectrogram: how many bins and frames a cell of the picture is the mean of",
                in: 1...8),
            Parameter(
                "backbone", "auto",
                "random, vgg19, a file of torchvision's vgg19, auto (vgg19 if its weights are there, else random), musicnn (MTT_vgg), MSD_vgg, or a run of mel-cnn"
            ),
            Parameter(
                "channels", 16, "channels of a random backbone's first block; VGG-19 has 64", in: 1...64),
            Parameter("pooling", "average", "between the blocks of VGG-19", choices: ["average", "max"]),
            Parameter(
                "measure", "relative",
                "how terms are measured: published, or relative, each over the size of what it compares with",
                choices: ["relative", "published"]),
            Parameter("alpha", 1.0, "what the content counts", in: 0...1e12),
            Parameter("beta", 1.0, "what the style counts", in: 0...1e12),
            Parameter("row", 1.0, "what the autocorrelations of rows count: the beat", in: 0...1e12),
            Parameter("column", 1.0, "what those of columns count: the harmony", in: 0...1e12),
            Parameter("tv", 0.01, "what the total variation counts", in: 0...1e12),
            Parameter(
                "beat", "style", "the recording whose rows are wanted", choices: ["style", "content"]),
            Parameter(
                "harmony", "style", "the recording whose columns are wanted", choices: ["style", "content"]),
            Parameter(
                "depth", "picture",
                "whose autocorrelations are compared: those of the picture, or of the style layers too",
                choices: ["picture", "layers"]),
            Parameter(
                "centring", "line",
                "what autocorrelations are of: cells less their line's mean, or less one grey, as published",
                choices: ["line", "grey"]),
            Parameter(
                "join", true,
                "whether the mean of all rows must have the beat too, so that frequencies keep time with each other"
            ),
            Parameter("start", "content", "what the optimiser begins at", choices: ["content", "noise"]),
            Parameter("optimiser", "lbfgs", "what lowers the loss", choices: ["lbfgs", "adam"]),
            Parameter("evaluations", 200, "how often the loss is computed", in: 1...1_000_000),
            Parameter(
                "restart", 0, "evaluations after which L-BFGS forgets its steps; 0: never", in: 0...1_000_000),
            Parameter("rate", 2.0, "learning rate of Adam; the picture has 0 to 255", in: 1e-9...255),
            Parameter(
                "detail", true,
                "spectrogram, log-mel, mfcc: whether the picture's change is added to the content's spectrum; else the picture alone is spread over it, as published"
            ),
            Parameter(
                "seconds", 10.0, "how much of content and style is used, from the start", in: 0.1...600),
            Parameter("iterations", 64, "iterations of Griffin-Lim, which finds the phases", in: 0...10_000),
            Parameter("label", "style", "the label of which --style names a value, with --dataset"),
            Parameter("seed", 0, "of random weights and noise"),
        ],
        presets: [
            "published": [
                "representation": "log-mel", "measure": "published", "alpha": 1e-3, "beta": 2e5,
                "row": 1e-9, "column": 1e-9, "tv": 1e-8, "centring": "grey", "join": false, "start": "noise",
                "evaluations": 1560,
                "restart": 40, "detail": false, "iterations": 20,
            ]
        ],
        optimise: { request, context in try AudioNST(request, context).run() })
}

/// One transfer.
struct AudioNST {
    let request: TransferRequest
    let settings: Settings
    private let context: OptimisationContext
    private let picture: SoundPicture

    /// A picture is at least so many columns long, which the deepest layer needs.
    private static let leastColumns = 32

    init(_ request: TransferRequest, _ context: OptimisationContext) throws {
        (self.request, self.context, settings) = (request, context, request.settings)
        let kind = SoundPicture.Kind(rawValue: settings.word("representation")) ?? .logMel
        guard !request.isStereo else {
            throw TrainingError(.usage, "audio-nst writes one channel; leave --stereo out")
        }
        let longest = 60.0
        guard (request.part.duration ?? 0) <= longest else {
            throw TrainingError(
                .usage, "audio-nst holds a part in memory; write --duration \(longest) or less")
        }
        picture = try SoundPicture(kind, zoom: settings.integer("zoom"), on: context.device)
    }

    func run() throws -> Transferred {
        let style = try styleFile()
        let content = try recording(
            request.path,
            RecordingPart(
                start: request.part.start,
                duration: request.part.duration ?? settings.number("seconds")))
        let seconds = Double(content.length) / Double(content.transform.sampleRate)
        try checkLength(content, seconds)
        let other = try recording(
            style.path, RecordingPart(duration: max(settings.number("seconds"), seconds)),
            length: content.length)
        let styleSeconds = Double(other.readLength) / Double(other.transform.sampleRate)
        if other.readLength < content.length {
            context.log(
                "style: \(style.name) has \(Self.shown(styleSeconds)) s, and is repeated to the content's \(Self.shown(seconds)) s; its repetition is a beat too"
            )
        }
        if !content.isWhole {
            context.log("content: \(Self.shown(seconds)) s of it; write --duration for more")
        }
        let sight = try Sight(content, other, picture)
        let (backbone, source) = try PictureBackbone.named(
            settings, context, pictures: [sight.contentPicture, sight.stylePicture])
        let objective = try PictureObjective(
            backbone, content: sight.contentPicture, style: sight.stylePicture, plan)
        let start = ContinuousClock.now
        let path = try descent.run(
            from: settings.word("start") == "noise"
                ? picture.noise(like: sight.contentFree) : sight.contentFree,
            progress: reporter
        ) { free in try objective.terms(of: picture.picture(free)) }
        let took = (ContinuousClock.now - start) / .seconds(1)
        return try withoutGradients {
            let magnitudes = try picture.magnitudes(
                path.end, sight.content, keepsDetail: settings.flag("detail"))
            let (samples, gain) = try content.samples(
                magnitudes: magnitudes, iterations: settings.integer("iterations"))
            let outcome = PictureOutcome(
                sight: sight, path: path, result: try picture.picture(path.end),
                written: try content.spectrum(of: samples), writtenGain: gain,
                contentTerms: try objective.terms(of: sight.contentPicture).values,
                seconds: seconds, styleSeconds: styleSeconds,
                secondsPerEvaluation: took / Double(max(path.evaluations, 1)))
            return Transferred(
                sound: TransferredSound(
                    channels: [samples], sampleRate: content.transform.sampleRate),
                measures: try outcome.measures(picture, samples: samples).filter(\.value.isFinite),
                figures: try outcome.figures(
                    "\(Self.name(request.path)) in the style of \(Self.name(style.name))"),
                foundations: ["backbone": source, "style": ["path": .string(style.name)]])
        }
    }

    // MARK: Settings

    private var plan: PictureObjective.Plan {
        PictureObjective.Plan(
            measure: PictureObjective.Measure(rawValue: settings.word("measure")) ?? .relative,
            depth: PictureObjective.Depth(rawValue: settings.word("depth")) ?? .picture,
            centring: PictureObjective.Centring(rawValue: settings.word("centring")) ?? .line,
            joinsRows: settings.flag("join"),
            weights: PictureWeights(
                content: settings.number("alpha"), style: settings.number("beta"),
                row: settings.number("row"), column: settings.number("column"),
                variation: settings.number("tv")),
            rowsOfContent: settings.word("beat") == "content",
            columnsOfContent: settings.word("harmony") == "content")
    }

    private var descent: PictureDescent {
        PictureDescent(
            method: StyleDescent.Method(rawValue: settings.word("optimiser")) ?? .lbfgs,
            evaluations: settings.integer("evaluations"), restart: settings.integer("restart"),
            rate: settings.number("rate"))
    }

    /// Reports the losses some twenty times.
    private var reporter: (Int, [Double]) -> Void {
        let (context, all) = (context, settings.integer("evaluations"))
        var next = 0
        return { evaluations, values in
            guard evaluations >= next || evaluations >= all else { return }
            next = evaluations + max(1, all / 20)
            let words = zip(PictureTerms.names, values).map { "\($0) \(Self.shown($1))" }
            context.log("evaluation \(evaluations) of \(all): \(words.joined(separator: ", "))")
        }
    }

    // MARK: Files

    /// The style's recording: a file, or one of the train split that has a label.
    private func styleFile() throws -> (name: String, path: String) {
        guard let style = request.style else {
            throw TrainingError(.usage, "choose a style: --style FILE, or --dataset DATASET --style LABEL")
        }
        if let file = request.styleFile { return (file.path, file.path) }
        guard let reader = context.reader else {
            throw TrainingError(
                .usage, "there is no file '\(style)'; for a label name its dataset: --dataset DATASET")
        }
        let label = settings.word("label")
        guard let found = try reader.recording(where: label, is: style) else {
            throw TrainingError(
                .usage,
                "the train split of '\(reader.snapshot.dataset)' has no recording of the \(label) '\(style)' whose file is still there"
            )
        }
        context.log("style: \(found.name), the first recording of the \(label) '\(style)' in the train split")
        return found
    }

    private func recording(
        _ path: String, _ part: RecordingPart, length: Int? = nil
    ) throws -> RecordingSpectrum {
        let found: RecordingSpectrum
        do {
            found = try RecordingSpectrum(path: path, part, length: length, SoundPicture.transform)
        } catch let error as BuildError where error.code == .sourceUnreadable {
            throw TrainingError(.file, error.message)
        }
        guard !found.isSilent else {
            throw TrainingError(
                .file, "\(path) is silent (under -70 dBFS), so it has neither content nor style")
        }
        return found
    }

    /// Refuses a content whose picture is too small for the deepest layer.
    private func checkLength(_ content: RecordingSpectrum, _ seconds: Double) throws(TrainingError) {
        guard picture.columns(of: content.frames) < Self.leastColumns else { return }
        let transform = content.transform
        let needed = picture.frames(for: Self.leastColumns) * transform.hopLength + transform.nFFT
        throw TrainingError(
            .file,
            "\(request.path) has \(Self.shown(seconds)) s; a content needs at least \(Self.shown(Double(needed) / Double(transform.sampleRate))) s"
        )
    }

    /// A path's last part.
    private static func name(_ path: String) -> String {
        path.split(separator: "/").last.map { String($0) } ?? path
    }

    /// Four digits.
    static func shown(_ value: Double) -> String {
        guard value.isFinite, value != 0 else { return "\(value)" }
        var scale = 1.0
        while abs(value) * scale < 1000 { scale *= 10 }
        while abs(value) * scale >= 10_000 { scale /= 10 }
        return "\((value * scale).rounded() / scale)"
    }
}
