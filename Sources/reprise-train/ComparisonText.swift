import Files
import Insight
import Judging
import Training

extension Comparison {
    /// The measures as people read them: a table a group, a row a system.
    var text: String {
        var text = heading + "\n"
        for group in MeasureGroup.allCases {
            let names = measures(of: group)
            guard !names.isEmpty else { continue }
            let shown = rows.map { row in
                [row.name]
                    + names.map { name in row.values.first { $0.name == name.name }.map(Judgement.cell) ?? ""
                    }
            }
            text += table([group.rawValue] + names.map(\.heading), shown) + "\n"
        }
        if !questions.isEmpty {
            let shown = rows.map { row in
                [row.name] + questions.map { heard(row.name)?[$0].map(\.cell) ?? "" }
            }
            text += table(["listening"] + questions, shown) + "\n"
        }
        if judge != nil {
            text += table(["", "verdict"], verdicts.map { [$0.name, $0.verdict] }) + "\n"
        }
        text += verdictNote + "\n"
        for remark in remarks { text += "note: \(remark)\n" }
        return text
    }

    private var rows: [(name: String, values: [Judgement.Value])] {
        systems.map { ($0.name, $0.judgement.outputs) } + common.baselines
    }

    private var verdicts: [(name: String, verdict: String)] {
        systems.map { ($0.name, verdict(of: $0.judgement).rawValue) }
    }

    private var verdictNote: String {
        guard let judge else { return "no verdict: no judge of this dataset supports a claim about style" }
        return
            "verdict: whether P \(judge.name) rises above the content's, and chroma stays above that of another piece of the style (target), by more than the intervals"
    }

    /// What limits the claims, each remark once.
    private var remarks: [String] {
        var seen: Set<String> = []
        return systems.flatMap(\.judgement.remarks).filter { seen.insert($0).inserted }
    }

    /// The heading of the text, and a line for each judge.
    private var heading: String {
        var text = common.heading("contents")
        for judge in common.judges {
            let accuracy = judge.balancedAccuracy.map { format($0, 2) } ?? "unknown"
            let word =
                judge.isNuisance
                ? "sees nothing of the style"
                : common.trustworthyJudges.contains(judge.name) ? "supports claims" : "supports no claim"
            text += "judge      \(judge.name), balanced accuracy \(accuracy): \(word)\n"
        }
        return text
    }

    /// The page of `--html`, without its pieces.
    func page(leftOut: [(piece: String, reason: String)]) -> ComparisonPage {
        var tables = MeasureGroup.allCases.compactMap { group -> ComparisonPage.Table? in
            let names = measures(of: group)
            guard !names.isEmpty else { return nil }
            return ComparisonPage.Table(
                name: group.rawValue, columns: names.map(\.heading),
                rows: rows.enumerated().map { place, row in
                    let cells = names.map { name in
                        row.values.first { $0.name == name.name }.map {
                            ComparisonPage.Cell(
                                text: Judgement.cell($0), value: $0.value, interval: $0.interval)
                        }
                    }
                    return (row.name, place >= systems.count, cells)
                })
        }
        if !questions.isEmpty {
            let shown = rows.enumerated().map { place, row in
                let cells = questions.map { question in
                    heard(row.name)?[question].map {
                        ComparisonPage.Cell(text: $0.cell, value: $0.share, interval: $0.interval)
                    }
                }
                return (row.name, place >= systems.count, cells)
            }
            tables.append(ComparisonPage.Table(name: "listening", columns: questions, rows: shown))
        }
        return ComparisonPage(
            title: "\(common.dataset) towards \(common.style)",
            facts: heading.split(separator: "\n").map(String.init), tables: tables,
            verdicts: judge == nil ? [] : verdicts, notes: [verdictNote] + remarks, failures: leftOut)
    }

    /// Each content, its outputs and the baselines' answers, read as they are asked for.
    func pieces(
        _ converted: Converted
    ) -> some Sequence<(name: String, versions: [ComparisonPage.Version])> {
        let (pairs, isScore) = (converted.pairs, converted.isScore)
        return pairs[0].indices.lazy.map { index in
            let outputs = zip(systems, pairs).map { system, pairs in
                ComparisonPage.Version(
                    name: system.name, source: .file(pairs[index].output),
                    measures: Self.shown(system.judgement.single[index].values),
                    picture: isScore ? nil : Self.picture(ofSoundAt: pairs[index].output))
            }
            let answers = converted.answers[index].map { answer in
                Self.version(of: answer, to: pairs[0][index].content, isScore: isScore)
            }
            return (pairs[0][index].name, answers.prefix(1) + outputs + answers.dropFirst())
        }
    }

    /// Measures as a card of the page lists them.
    private static func shown(_ measures: [(name: String, value: Double?)]) -> [(name: String, text: String)]
    {
        measures.compactMap { measure in
            measure.value.map { (measure.name.replacing("_", with: " "), format($0, 2)) }
        }
    }

    /// A baseline's answer to a content.
    private static func version(
        of answer: BaselineAnswer, to content: String, isScore: Bool
    ) -> ComparisonPage.Version {
        let measures = shown(answer.measures)
        switch answer.music {
        case .file(let path, let name):
            return ComparisonPage.Version(
                name: answer.name, source: .file(path), measures: measures,
                picture: isScore ? nil : picture(ofSoundAt: path),
                baseline: answer.name == "content" ? nil : ("a piece of the style: \(name)", true))
        case .notes(let piece):
            let music = (SoundingMusic(midiFile: content) ?? .silence).replacingNotes(
                with: piece.notes.map { note in
                    let length = note.offsetSeconds - note.onsetSeconds
                    return (
                        note.part,
                        SoundingNote(
                            start: note.onsetSeconds, duration: length, pitch: Int(note.pitch),
                            velocity: Int(note.velocity), program: Int(note.program))
                    )
                })
            return ComparisonPage.Version(
                name: answer.name, source: .notes(music), measures: measures, picture: nil,
                baseline: ("the content with the style's velocities and instruments", false))
        case .sound(let sound):
            return ComparisonPage.Version(
                name: answer.name,
                source: .recording { path in
                    let mono = TransferredSound(channels: [sound.samples], sampleRate: sound.sampleRate)
                    try Conversion.write(.sound(mono), to: path)
                }, measures: measures, picture: picture(of: sound),
                baseline: ("the content with the style's mean spectrum", false))
        }
    }

    /// The mel spectrogram of a recording's first 30 seconds; nil for a sound that is too short to have one.
    private static func picture(ofSoundAt path: String) -> Plot.Spectrogram? {
        (try? Sound(path: path, first: 30)).flatMap(picture)
    }

    private static func picture(of sound: Sound) -> Plot.Spectrogram? {
        guard let mel = try? MelImage(of: sound) else { return nil }
        return Plot.Spectrogram(title: "mel, first 30 s", values: mel.values, columns: mel.frames)
    }
}
