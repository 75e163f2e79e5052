import Files
import Loading

extension DatasetStatistics {
    /// The statistics as text.
    ///
    /// - Parameter width: tables and lists fit into so many columns; names of files are never cut.
    /// - Returns: lines of text.
    public func text(width: Int) -> String {
        var text = "dataset    \(dataset) (\(snapshot.short))\n"
        text += "shards     \(grouped(shards.count)), \(byteSize(shards.bytes)) in all\n\n"
        let splitRows = Split.allCases.compactMap { split in
            splits[split].map { row(split.rawValue, $0) }
        }
        text += table(header("split"), splitRows + [row("all", total)], width: width)
        for (label, values) in labels.sorted(by: { $0.key < $1.key }) {
            let largest = values.sorted { ($1.value.segments, $0.key) < ($0.value.segments, $1.key) }
            text +=
                "\n"
                + table(
                    header(label),
                    largest.prefix(20).map { row($0.key.isEmpty ? "(unknown)" : $0.key, $0.value) },
                    width: width)
            if largest.count > 20 { text += "… and \(grouped(largest.count - 20)) more; --json has all\n" }
        }
        if total.midi.sources > 0 { text += "\n" + describe(total.midi, width) }
        if total.audio.sources > 0 { text += "\n" + describe(total.audio, width) }
        if !warnings.isEmpty { text += "\nread with warnings (sources)\n" + list(warnings) }
        if !quarantine.isEmpty { text += "\nquarantined (sources)\n" + list(quarantine) }
        if !problems.isEmpty { text += "\nproblems\n" + problems.map(describe).joined() }
        return text
    }

    private func describe(_ problem: Problem) -> String {
        var text = "  \(problem.message.shown) (\(problem.code))\n"
        // The reasons are as many as the sources.
        let most = problem.code == "sources.quarantined" ? 20 : 3
        for source in problem.sources.prefix(most) { text += "    \(source.shown)\n" }
        if problem.sources.count > most {
            text += "    … and \(grouped(problem.sources.count - most)) more; --json and --html have all\n"
        }
        return text + "    → \(problem.help.shown)\n"
    }

    private func header(_ name: String) -> [String] {
        [name, "sources", "pieces", "segments", "time", "notes"]
    }

    private func row(_ name: String, _ tally: Tally) -> [String] {
        [
            name, grouped(tally.sources), grouped(tally.pieces), grouped(tally.segments),
            clock(tally.seconds),
            grouped(tally.notes),
        ]
    }

    private func describe(_ midi: MIDITally, _ width: Int) -> String {
        var text = ""
        if let bpm = midi.bpm {
            text += "tempo      \(number(bpm.lowerBound)) to \(number(bpm.upperBound)) BPM\n"
        }
        if let low = midi.pitches.firstIndex(where: { $0 > 0 }),
            let high = midi.pitches.lastIndex(where: { $0 > 0 })
        {
            text += "pitches    \(low) to \(high) (\(SegmentView.name(ofPitch: low)) to "
            text += "\(SegmentView.name(ofPitch: high)))\n"
        }
        let most = midi.programSources.enumerated().filter { $0.element > 0 }
            .sorted { ($1.element, $0.offset) < ($0.element, $1.offset) }.prefix(8)
        let programs = most.map { "\(GeneralMIDI.name(ofProgram: $0.offset)) \(grouped($0.element))" }
        if !programs.isEmpty { text += listed("programs", programs, width: width, note: " (sources)") }
        let timeSignatures = midi.timeSignatures.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(5)
        let beats = midi.timeSignatures.values.reduce(0, +)
        if beats > 0 {
            text += listed(
                "time sig.", timeSignatures.map { "\($0.key) \(share($0.value / beats))" }, width: width,
                note: " (of beats)")
        }
        if midi.steps > 0 {
            text += "empty      \(format(Double(midi.emptySteps) / Double(midi.steps) * 100, 1)) % of steps, "
            text += "\(format(Double(midi.emptyBars) / Double(max(midi.bars, 1)) * 100, 1)) % of bars\n"
        }
        return text + "\n" + spreads(MIDITally.measures, midi.spreads, width)
    }

    private func spreads(
        _ measures: [(name: String, title: String)], _ spreads: [String: Distribution], _ width: Int
    ) -> String {
        let rows = measures.compactMap { measure -> [String]? in
            guard let spread = spreads[measure.name], spread.count > 0 else { return nil }
            return [measure.title]
                + figures([spread.mean, spread.deviation] + spread.quantiles([0, 0.5, 1]))
        }
        return rows.isEmpty
            ? "" : table(["by source", "mean", "std", "min", "median", "max"], rows, width: width)
    }

    private func describe(_ audio: AudioTally, _ width: Int) -> String {
        func counts<Key>(_ counts: [Key: Int], _ name: (Key) -> String) -> [String] {
            counts.sorted { ($1.value, name($0.key)) < ($0.value, name($1.key)) }.prefix(6)
                .map { "\(name($0.key)) (\(grouped($0.value)))" }
        }
        var text = listed("rates", counts(audio.rates) { "\(grouped($0)) Hz" }, width: width)
        text += listed("channels", counts(audio.channels) { "\($0)" }, width: width)
        text += listed("formats", counts(audio.formats) { $0 }, width: width)
        if audio.silent > 0 { text += "silent     \(count(audio.silent, "source"))\n" }
        if audio.clipped > 0 { text += "clipped    \(count(audio.clipped, "source"))\n" }
        if hasChroma {
            text += "chroma     fixed tuning, A4 = 440 Hz; other tunings smear over two classes\n"
        }
        return text + "\n" + spreads(AudioTally.measures, audio.spreads, width)
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "  \($0.key.shown.padded(to: 28))\(grouped($0.value))\n" }.joined()
    }

    /// A tempo: whole where it is whole.
    private func number(_ value: Double) -> String {
        let tenths = (value * 10).rounded()
        return format(value, tenths.truncatingRemainder(dividingBy: 10) == 0 ? 0 : 1)
    }

    /// A share in percent; a small one is `< 1 %`, not 0.
    private func share(_ value: Double) -> String {
        value > 0 && value < 0.005 ? "< 1 %" : "\(format(value * 100, 0)) %"
    }

    private func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))"
            : "\(whole / 3600):\(two(whole % 3600 / 60)):\(two(whole % 60))"
    }
}
