import Dataset
import Files
import Manifest
import Pictures
import Symbolic

extension Excerpt {
    /// The picture: rolls, or features, one above the other on one axis of time.
    func picture(title: [String]) -> Picture {
        PictureLayout(title: title, panels: (holdsNotes ? rollPanels() : []) + featurePanels(), time: time())
            .draw()
    }

    // MARK: Rolls

    /// The piano, velocity, onset and instrument rolls, and the pedals where one is down.
    func rollPanels() -> [PicturePanel] {
        let used = kept.filter { pitch in
            stride(from: Int(pitch), to: piano.count, by: 128).contains { piano[$0] > 0 }
        }
        // Whole octaves, at least two.
        let low = min(Int(used.min() ?? 60) / 12 * 12, 103)
        let high = min(127, max(Int(used.max() ?? 71) / 12 * 12 + 11, low + 23))
        let ink = { (value: Float) in value > 0 ? ColourMap.colour(0.25) : Colour.white }
        let shade = { (value: Float) in
            value > 0 ? ColourMap.colour(Double(value) / 127) : Colour.white
        }
        var panels = [
            pitchPanel("piano roll", piano, low...high, ink),
            pitchPanel("velocity roll", velocity, low...high, shade, bar: ("0", "127")),
            pitchPanel("onset roll", onset, low...high, ink), instrumentPanel(),
        ]
        if let pedals = pedalPanel() { panels.append(pedals) }
        return panels
    }

    /// Columns of a roll [columns, width] as rows from the bottom.
    private func transposed(_ roll: [UInt8], _ rows: some Sequence<Int>, width: Int) -> [Float] {
        rows.flatMap { row in (0..<columns).map { Float(roll[$0 * width + row]) } }
    }

    private func pitchPanel(
        _ title: String, _ roll: [UInt8], _ pitches: ClosedRange<Int>,
        _ colour: @escaping (Float) -> Colour, bar: (low: String, high: String)? = nil
    ) -> PicturePanel {
        var panel = PicturePanel(
            title: title, values: transposed(roll, pitches, width: 128), rows: pitches.count,
            rowHeight: Double(min(8, max(3, 240 / pitches.count))), colour: colour)
        panel.marks = stride(from: 0, to: pitches.count, by: 12).map { row in
            (row, SegmentView.name(ofPitch: pitches.lowerBound + row), true)
        }
        panel.bar = bar
        panel.isRoll = true
        return panel
    }

    private func instrumentPanel() -> PicturePanel {
        let count = DenseRolls.instrumentCount
        let used = (0..<count).filter { family in
            (0..<columns).contains { instrument[$0 * count + family] > 0 }
        }
        let rows = used.isEmpty ? [0] : used
        let greatest = max(instrument.max() ?? 1, 1)
        var panel = PicturePanel(
            title: "instrument roll, notes at once", values: transposed(instrument, rows, width: count),
            rows: rows.count, rowHeight: 18,
            colour: { $0 > 0 ? ColourMap.colour(Double($0) / Double(greatest)) : .white })
        panel.marks = rows.enumerated().map { ($0.offset, GeneralMIDI.families[$0.element], true) }
        panel.bar = rows.count > 1 ? (low: "0", high: "\(greatest)") : nil
        return panel
    }

    private func pedalPanel() -> PicturePanel? {
        let names = ["sustain", "sostenuto", "soft"]
        let used = (0..<3).filter { number in (0..<columns).contains { pedal[$0 * 3 + number] > 0 } }
        guard !used.isEmpty else { return nil }
        var panel = PicturePanel(
            title: "pedals", values: transposed(pedal, used, width: 3), rows: used.count, rowHeight: 18,
            colour: { $0 > 0 ? ColourMap.colour(0.25) : .white })
        panel.marks = used.enumerated().map { ($0.offset, names[$0.element], true) }
        return panel
    }

    // MARK: Features

    /// A panel a feature.
    func featurePanels() -> [PicturePanel] {
        features.map { feature in
            guard feature.name != "waveform" else {
                return PicturePanel(
                    title: "waveform", values: feature.values, rows: 1, rowHeight: 120,
                    colour: { _ in .white }, isCurve: true)
            }
            let rows = feature.rows
            let scale = ValueScale(feature.values)
            var panel = PicturePanel(
                title: "\(feature.name), \(rows) × \(columns)", values: feature.values, rows: rows,
                rowHeight: rows <= 40 ? 18 : 256 / Double(rows),
                colour: { ColourMap.colour(Double(scale?.level($0) ?? 0)) })
            panel.marks = marks(feature.name, rows)
            if let scale { panel.bar = (low: short(scale.low), high: short(scale.high)) }
            return panel
        }
    }

    private func marks(_ name: String, _ rows: Int) -> [(row: Int, text: String, isLine: Bool)] {
        if let frequencies = manifest.audio?.frequencies(ofFeature: name), frequencies.count >= rows {
            return [50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000].compactMap { wanted in
                guard wanted >= frequencies[0], wanted <= frequencies[rows - 1],
                    let row = frequencies.firstIndex(where: { $0 >= wanted })
                else { return nil }
                return (row, wanted >= 1000 ? "\(Int(wanted / 1000)) kHz" : "\(Int(wanted)) Hz", false)
            }
        }
        if name == "chroma" {
            return (0..<12).map { ($0, String(SegmentView.name(ofPitch: $0).dropLast(2)), false) }
        }
        return stride(from: 0, to: rows, by: 5).map { ($0, "\($0)", false) }
    }

    // MARK: Time

    /// Beats, where the grid counts them, steps or frames, and seconds.
    func time() -> PictureTime {
        var time = PictureTime(columns: columns, length: length, seconds: seconds)
        func ruler(_ name: String, first: Double, perColumn: Double) {
            time.rulers.append(
                PictureTime.ruler(name, first: first, perColumn: perColumn, columns: columns))
        }
        guard !isOnFrames else {
            let rate = Double(manifest.audio?.sampleRate ?? 1)
            ruler("seconds", first: Double(start) / rate, perColumn: perColumn / rate)
            if features.contains(where: { $0.name != "waveform" }) { ruler("frames", first: 0, perColumn: 1) }
            return time
        }
        switch manifest.midi?.grid {
        case .stepsPerBeat(let perBeat):
            ruler("beats", first: Double(start) / Double(perBeat), perColumn: 1 / Double(perBeat))
            time.rulers.append(
                PictureTime.ruler(
                    startSecond == nil ? "from here, s" : "seconds", seconds, from: startSecond ?? 0))
        case .stepsPerSecond(let numerator, let denominator):
            let each = Double(denominator) / Double(numerator)
            ruler("steps", first: Double(start), perColumn: 1)
            ruler("seconds", first: Double(start) * each, perColumn: each)
        case .stepsPerFirstBeat, nil: ruler("steps", first: Double(start), perColumn: 1)
        }
        return time
    }

    /// The second, from the excerpt's start, at which each column begins, and the last one ends.
    var seconds: [Double] {
        let lengths: [Double] =
            if !isOnFrames {
                switch manifest.midi?.grid {
                case .stepsPerSecond(let numerator, let denominator):
                    [Double](repeating: Double(denominator) / Double(numerator), count: columns)
                case .stepsPerBeat(let perBeat):
                    // Where nothing was cut, between segments, no tempo is known.
                    tempo.map { 60 / Double($0 > 0 ? $0 : 120) / Double(perBeat) }
                case .stepsPerFirstBeat(let perBeat):
                    // One length throughout: the first beat's, whatever the tempo is here.
                    [Double](
                        repeating: clock?.seconds(at: 1)
                            ?? 60 / Double(tempo[0] > 0 ? tempo[0] : 120) / Double(perBeat),
                        count: columns)
                case nil: [Double](repeating: 0.125, count: columns)
                }
            } else {
                [Double](
                    repeating: perColumn / Double(manifest.audio?.sampleRate ?? 1), count: columns)
            }
        return lengths.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1) }
    }
}

/// A value with three decimals at most.
func short(_ value: Float) -> String { "\((Double(value) * 1000).rounded() / 1000)" }
