internal import Preparation
internal import Tensors
internal import Torch
internal import Training

/// Content and style as a transfer looks at them.
struct Sight {
    /// Levels and scale of each.
    let content, style: SoundPicture.Recording
    /// What of the content is changed.
    let contentFree: TorchTensor
    /// The pictures, [1, rows, columns].
    let contentPicture, stylePicture: TorchTensor

    /// Looks at two recordings of the same length.
    init(_ content: RecordingSpectrum, _ style: RecordingSpectrum, _ picture: SoundPicture) throws {
        self.content = try picture.recording(content.magnitudes, frames: content.frames)
        self.style = try picture.recording(style.magnitudes, frames: style.frames)
        contentFree = try picture.free(self.content)
        contentPicture = try picture.picture(contentFree)
        stylePicture = try picture.picture(picture.free(self.style))
    }
}

/// What a transfer came to.
struct PictureOutcome {
    let sight: Sight
    let path: PictureDescent.Path
    /// The picture that was reached.
    let result: TorchTensor
    /// The magnitudes of the samples that are written, and the gain that these have beside the result's.
    let written: [Float]
    let writtenGain: Double
    /// The terms of the content's own picture.
    let contentTerms: [Double]
    /// The content's length, and the style's without its repetition.
    let seconds, styleSeconds: Double
    let secondsPerEvaluation: Double

    // MARK: Measures

    func measures(_ picture: SoundPicture, samples: [Float]) throws -> [Measure] {
        var measures = [
            Measure("seconds", seconds), Measure("style_seconds", styleSeconds),
            Measure("rows", Double(result.shape[1])), Measure("columns", Double(result.shape[2])),
            Measure("evaluations", Double(path.evaluations)), Measure("steps", Double(path.losses.count - 1)),
            Measure("seconds_per_evaluation", secondsPerEvaluation),
        ]
        for (number, name) in PictureTerms.names.enumerated() {
            measures += [
                Measure("\(name)_content", contentTerms[number]),
                Measure("\(name)_start", path.losses.first?[number] ?? .nan),
                Measure("\(name)_after", path.losses.last?[number] ?? .nan),
            ]
        }
        // What is written is looked at by the content's scale, as the result is.
        let heard = try picture.picture(
            picture.recording(
                written, frames: sight.content.levels.shape[1],
                loudest: sight.content.loudest * writtenGain), as: sight.content)
        let pictures = [
            ("content", sight.contentPicture), ("result", result), ("written", heard),
        ]
        for direction in [Autocorrelation.Direction.row, .column] {
            let line = direction.rawValue
            for (name, other) in pictures {
                func distance(_ aim: TorchTensor, _ centring: PictureObjective.Centring) throws -> Double {
                    try PictureObjective.distance(direction, other, from: aim, centring)
                }
                measures += [
                    Measure("\(line)_distance_\(name)", try distance(sight.stylePicture, .grey)),
                    Measure("\(line)_change_distance_\(name)", try distance(sight.stylePicture, .line)),
                    Measure("\(line)_slope_distance_\(name)", try slopeDistance(direction, other)),
                ]
                guard name != "content" else { continue }
                measures += [
                    Measure("\(line)_distance_\(name)_content", try distance(sight.contentPicture, .grey)),
                    Measure(
                        "\(line)_change_distance_\(name)_content",
                        try distance(sight.contentPicture, .line)),
                ]
            }
        }
        measures += [
            Measure("changed", try (result - sight.contentPicture).abs().mean().item() / SoundPicture.white),
            Measure(
                "content_from_style",
                try (sight.stylePicture - sight.contentPicture).abs().mean().item() / SoundPicture.white),
            Measure("result_from_written", try (result - heard).abs().mean().item() / SoundPicture.white),
            Measure("peak", Double(samples.reduce(0) { max($0, abs($1)) })),
        ]
        return measures
    }

    /// The squared distance of figure 4's curves from the style's, over the style's squared size.
    private func slopeDistance(_ direction: Autocorrelation.Direction, _ picture: TorchTensor) throws
        -> Double
    {
        let own = try slopes(direction, picture)
        let wanted = try slopes(direction, sight.stylePicture)
        let size = wanted.reduce(0) { $0 + $1 * $1 }
        return zip(own, wanted).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } / max(size, 1e-12)
    }

    private func slopes(_ direction: Autocorrelation.Direction, _ picture: TorchTensor) throws -> [Double] {
        let (autocorrelation, powers) = try PictureObjective.autocorrelation(direction, of: picture)
        return try autocorrelation.slopes(powers)
    }

    // MARK: Pictures

    func figures(_ title: String) throws -> [Figure] {
        func shown(_ name: String, _ picture: TorchTensor) throws -> Figure.Spectrogram {
            let inside = try picture.clamped(low: 0, high: SoundPicture.white).to(.cpu).to(.f32)
            return Figure.Spectrogram(
                title: name, values: try inside.contiguous().elements(as: Float.self),
                columns: picture.shape[2])
        }
        let pictures = [
            ("content", sight.contentPicture), ("style", sight.stylePicture), ("result", result),
        ]
        var figures = [
            Figure(
                name: "spectrograms", title: title,
                .spectrograms(try pictures.map { try shown($0.0, $0.1) }))
        ]
        let names = [
            "Distance from the content", "Distance from the style", "Distance of rows",
            "Distance of columns", "Total variation", "Loss",
        ]
        for (number, term) in PictureTerms.names.enumerated() {
            figures.append(
                Figure(
                    name: "loss-\(term)", title: names[number],
                    .curves(
                        horizontal: "step", [Figure.Curve(term, path.losses.map { $0[number] })])))
        }
        for (direction, axis) in [(Autocorrelation.Direction.row, "columns"), (.column, "rows")] {
            figures.append(
                Figure(
                    name: "autocorrelation-\(direction.rawValue)s",
                    title: "Slope of the mean autocorrelation of \(direction.rawValue)s",
                    .curves(
                        horizontal: "lag in \(axis)",
                        try pictures.map { Figure.Curve($0.0, try slopes(direction, $0.1)) })))
        }
        return figures
    }
}
