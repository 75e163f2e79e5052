import Build
import Dataset

extension DatasetStatistics {
    /// The statistics as text for a terminal.
    public var text: String {
        var text = "dataset    \(dataset) (\(snapshot.short))\n"
        text += "shards     \(grouped(shards.count)), \(byteSize(shards.bytes)) in all\n\n"
        let splitRows = Split.allCases.compactMap { split in
            splits[split].map { row(split.rawValue, $0) }
        }
        text += table(header("split"), splitRows + [row("all", total)])
        for (label, values) in labels.sorted(by: { $0.key < $1.key }) {
            let largest = values.sorted { ($1.value.segments, $0.key) < ($0.value.segments, $1.key) }
            text +=
                "\n"
                + table(
                    header(label),
                    largest.prefix(20).map { row($0.key.isEmpty ? "(unknown)" : $0.key, $0.value) })
            if largest.count > 20 { text += "… and \(grouped(largest.count - 20)) more; --json has all\n" }
        }
        if let midi { text += "\n" + describe(midi) }
        if let audio { text += "\n" + describe(audio) }
        if !warnings.isEmpty { text += "\nread leniently (sources)\n" + list(warnings) }
        if !quarantine.isEmpty { text += "\nquarantined (sources)\n" + list(quarantine) }
        return text
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

    private func describe(_ midi: MIDI) -> String {
        var text = ""
        if let bpm = midi.bpm {
            text += "tempo      \(number(bpm.lowerBound)) to \(number(bpm.upperBound)) beats a minute\n"
        }
        if let pitches = midi.pitches {
            text += "pitches    \(pitches.lowerBound) to \(pitches.upperBound) "
            text += "(\(SegmentView.name(ofPitch: pitches.lowerBound)) to "
            text += "\(SegmentView.name(ofPitch: pitches.upperBound)))\n"
        }
        let most = midi.programs.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(8)
        let programs = most.map { "\(GeneralMIDI.name(ofProgram: $0.key)) \($0.value)" }
        if !programs.isEmpty { text += "programs   \(programs.joined(separator: ", ")) (sources)\n" }
        return text
    }

    private func describe(_ audio: Audio) -> String {
        func counts<Key>(_ counts: [Key: Int], _ name: (Key) -> String) -> String {
            counts.sorted { ($1.value, name($0.key)) < ($0.value, name($1.key)) }.prefix(6)
                .map { "\(name($0.key)) (\($0.value))" }.joined(separator: ", ")
        }
        var text = "rates      \(counts(audio.rates) { "\(grouped($0)) Hz" })\n"
        text += "channels   \(counts(audio.channels) { "\($0)" })\n"
        text += "formats    \(counts(audio.formats) { $0 })\n"
        if let loudness = audio.loudness {
            text += "loudness   \(number(loudness.lowerBound)) to \(number(loudness.upperBound)) LUFS\n"
        }
        if let gain = audio.gain {
            text += "gain       \(number(gain.lowerBound)) to \(number(gain.upperBound)) dB\n"
        }
        if audio.silent > 0 { text += "silent     \(audio.silent) sources\n" }
        if audio.clipped > 0 { text += "clipped    \(audio.clipped) sources\n" }
        return text
    }

    private func list(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "  \($0.key.padded(to: 28))\(grouped($0.value))\n" }.joined()
    }

    private func number(_ value: Double) -> String { "\((value * 10).rounded() / 10)" }

    private func clock(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return whole < 3600
            ? "\(whole / 60):\(two(whole % 60))"
            : "\(whole / 3600):\(two(whole % 3600 / 60)):\(two(whole % 60))"
    }
}
