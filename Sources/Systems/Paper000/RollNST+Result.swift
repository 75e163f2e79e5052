internal import Loading
internal import Symbolic
internal import Tensors
internal import Torch
internal import Training

extension RollNST {
    /// The new file, what is measured of it, and its pictures.
    func result(
        _ content: PieceContent, _ style: StyleSource, _ outcome: StyleOutcome
    ) throws -> Transferred {
        let before = try content.notes
        let after = experiment.canvas.notes(of: outcome.rolls, as: before)
        let others = snapshots.compactMap { iteration in
            outcome.snapshots[iteration].map { (iteration, experiment.canvas.notes(of: $0, as: before)) }
        }
        return Transferred(
            bytes: file(after, content),
            measures: measures(content, style, before, after, others, outcome).filter(\.value.isFinite),
            figures: try figures(style, before, after, others, outcome),
            snapshots: others.map { ("iteration-\($0.0).mid", file($0.1, content)) },
            foundations: experiment.foundations)
    }

    private func file(_ notes: NoteRolls, _ content: PieceContent) -> [UInt8] {
        content.file(RollSegment(length: notes.steps, rows: notes.rows(program: content.program)))
    }

    // MARK: Measures

    private func measures(
        _ content: PieceContent, _ style: StyleSource, _ before: NoteRolls, _ after: NoteRolls,
        _ others: [(Int, NoteRolls)], _ outcome: StyleOutcome
    ) -> [Measure] {
        let (seconds, aligned) = (content.seconds, style.notes(count: before.steps))
        let changed = zip(before.velocities, after.velocities).count { ($0 > 0) != ($1 > 0) }
        let sounding = max(before.velocities.count { $0 > 0 }, 1)
        var measures = [
            Measure("notes_before", Double(before.count)), Measure("notes_after", Double(after.count)),
            Measure("changed_share", Double(changed) / Double(sounding)),
            Measure("overlap_content", after.overlap(with: before)),
            Measure("overlap_style", after.overlap(with: aligned)),
            Measure("overlap_content_style", before.overlap(with: aligned)),
        ]
        if experiment.canvas.stepsPerRow > 1 {
            let decoded = experiment.canvas.notes(of: outcome.decoded, as: before)
            measures.append(Measure("overlap_content_decoded", decoded.overlap(with: before)))
        }
        for (number, term) in StyleTerms.names.enumerated() {
            let name = term == "total" ? "loss" : term
            measures += [
                Measure("\(name)_before", outcome.mean(number) { outcome.ends[$0].content }),
                Measure("\(name)_start", outcome.mean(number) { outcome.losses[$0].first ?? [] }),
                Measure("\(name)_after", outcome.mean(number) { outcome.losses[$0].last ?? [] }),
                Measure("\(name)_written", outcome.mean(number) { outcome.ends[$0].written }),
            ]
        }
        let pieces =
            [("content", before, seconds), ("style", style.notes, style.seconds)]
            + others.map { ("iteration_\($0.0)", $0.1, seconds) } + [("result", after, seconds)]
        for (name, notes, seconds) in pieces {
            measures += [
                Measure("notes_per_second_\(name)", Double(notes.count) / seconds),
                Measure("cells_\(name)", notes.density),
            ]
        }
        return measures
    }

    // MARK: Pictures

    /// A path's last part.
    private static func name(_ path: String) -> String {
        path.split(separator: "/").last.map { String($0) } ?? path
    }

    private func figures(
        _ style: StyleSource, _ before: NoteRolls, _ after: NoteRolls, _ others: [(Int, NoteRolls)],
        _ outcome: StyleOutcome
    ) throws -> [Figure] {
        let shown = min(before.steps, 256)
        let rolls =
            [("content", before), ("style", style.notes(count: shown))]
            + others.map { ("iteration \($0.0)", $0.1) } + [("result", after)]
        var figures = [
            Figure(
                name: "rolls",
                title: "\(Self.name(request.path)) in the style of \(Self.name(request.style ?? ""))",
                .rolls(rolls.map { $0.1.figure($0.0, steps: shown) }))
        ]
        guard !outcome.losses.isEmpty else { return figures }
        let titles = ["Distance from the content", "Distance from the style", "Total variation", "Loss"]
        for (number, term) in StyleTerms.names.enumerated() {
            let windows = outcome.losses.prefix(6).enumerated().map { window, losses in
                Figure.Curve("window \(window + 1)", losses.map { $0[number] })
            }
            figures.append(
                Figure(
                    name: "loss-\(term)",
                    title: "\(titles[number]), experiment \(settings.integer("experiment"))",
                    .curves(
                        horizontal: "iteration",
                        [Figure.Curve("mean of all windows", outcome.curve(number))] + windows)))
        }
        if experiment.canvas.stepsPerRow > 1, let images = outcome.images {
            func rows(_ title: String, _ image: TorchTensor) throws -> Figure.Spectrogram {
                let values = try image.to(.cpu).to(.f32).squeezed(0).transposed(0, 1).contiguous()
                return Figure.Spectrogram(
                    title: title, values: try values.elements(as: Float.self), columns: image.shape[1])
            }
            figures.append(
                Figure(
                    name: "codes", title: "Codes of the first window, a row for each",
                    .spectrograms([
                        try rows("content", images.content), try rows("result", images.result),
                    ])))
        }
        return figures
    }
}

extension NoteRolls {
    /// The number of notes.
    var count: Int { rows(program: 0).count }

    /// The F1 of its notes and another's, both with the same steps: a note is the same where key and first step are.
    func overlap(with other: NoteRolls) -> Double {
        func begins(_ notes: NoteRolls) -> Set<Int> {
            Set(notes.rows(program: 0).map { $0.start * 128 + Int($0.pitch) })
        }
        let (mine, others) = (begins(self), begins(other))
        return 2 * Double(mine.intersection(others).count) / Double(mine.count + others.count)
    }

    /// The first steps as a picture.
    fileprivate func figure(_ title: String, steps: Int) -> Figure.Roll {
        let missing = [Float](repeating: 0, count: max(0, steps - self.steps) * 128)
        return Figure.Roll(title, timeFirst: velocities.prefix(steps * 128).map { Float($0) } + missing)
    }
}
