import Dataset
import Symbolic
import Tensors

extension SegmentView {
    // MARK: Rolls

    /// The piano, velocity, onset and instrument rolls, and the pedals where one is down.
    func rollPanels() throws -> [PicturePanel] {
        let steps = try shard.steps()
        let painted = manifest.midi?.pitches ?? 0...127
        return try shard.withRows(of: place.index) { rows in
            func roll(_ width: Int, _ paint: (UnsafeMutableBufferPointer<UInt8>) -> Void) -> [UInt8] {
                [UInt8](unsafeUninitializedCapacity: steps * width) { buffer, count in
                    paint(UnsafeMutableBufferPointer(rebasing: buffer[..<(steps * width)]))
                    count = steps * width
                }
            }
            let used = rows.pitch.indices.filter { drumsArePainted || rows.program[$0] != Note.drumProgram }
                .map { rows.pitch[$0] }.filter { painted.contains($0) }
            // Whole octaves, at least two.
            let low = min(Int(used.min() ?? 60) / 12 * 12, 103)
            let high = min(127, max(Int(used.max() ?? 71) / 12 * 12 + 11, low + 23))
            let pitches = UInt8(low)...UInt8(high)
            let piano = roll(pitches.count) {
                DenseRolls.piano(rows, steps: steps, pitches: pitches, paintsDrums: drumsArePainted, into: $0)
            }
            let velocity = roll(pitches.count) {
                DenseRolls.velocity(
                    rows, steps: steps, pitches: pitches, paintsDrums: drumsArePainted, into: $0)
            }
            let onset = roll(pitches.count) {
                DenseRolls.onset(rows, steps: steps, pitches: pitches, paintsDrums: drumsArePainted, into: $0)
            }
            let instrument = roll(DenseRolls.instrumentCount) {
                DenseRolls.instrument(rows, steps: steps, pitches: painted, into: $0)
            }
            let ink = { (value: Float) in value > 0 ? ColourMap.colour(0.25) : Colour.white }
            let shade = { (value: Float) in
                value > 0 ? ColourMap.colour(Double(value) / 127) : Colour.white
            }
            var panels = [
                pitchPanel("piano roll", piano, pitches, steps, ink),
                pitchPanel("velocity roll", velocity, pitches, steps, shade, bar: ("0", "127")),
                pitchPanel("onset roll", onset, pitches, steps, ink),
                instrumentPanel(instrument, steps),
            ]
            if let pedals = try pedalPanel(steps) { panels.append(pedals) }
            return panels
        }
    }

    /// The transpose of a roll [steps, width] as rows from the bottom.
    private func transposed(_ roll: [UInt8], _ steps: Int, _ columns: [Int], width: Int) -> [Float] {
        columns.flatMap { column in (0..<steps).map { Float(roll[$0 * width + column]) } }
    }

    private func pitchPanel(
        _ title: String, _ roll: [UInt8], _ pitches: ClosedRange<UInt8>, _ steps: Int,
        _ colour: @escaping (Float) -> Colour, bar: (String, String)? = nil
    ) -> PicturePanel {
        let width = pitches.count
        var panel = PicturePanel(
            title: title, values: transposed(roll, steps, Array(0..<width), width: width), rows: width,
            rowHeight: Double(min(8, max(3, 240 / width))), colour: colour)
        panel.marks = stride(from: 0, to: width, by: 12).map { row in
            (row, Self.name(ofPitch: Int(pitches.lowerBound) + row), true)
        }
        panel.bar = bar.map { (low: $0.0, high: $0.1) }
        panel.isRoll = true
        return panel
    }

    private func instrumentPanel(_ roll: [UInt8], _ steps: Int) -> PicturePanel {
        let count = DenseRolls.instrumentCount
        let used = (0..<count).filter { family in (0..<steps).contains { roll[$0 * count + family] > 0 } }
        let rows = used.isEmpty ? [0] : used
        let greatest = max(roll.max() ?? 1, 1)
        var panel = PicturePanel(
            title: "instrument roll, notes at once", values: transposed(roll, steps, rows, width: count),
            rows: rows.count, rowHeight: 18,
            colour: { $0 > 0 ? ColourMap.colour(Double($0) / Double(greatest)) : .white })
        panel.marks = rows.enumerated().map { ($0.offset, GeneralMIDI.families[$0.element], true) }
        panel.bar = rows.count > 1 ? (low: "0", high: "\(greatest)") : nil
        return panel
    }

    private func pedalPanel(_ steps: Int) throws -> PicturePanel? {
        let first = place.index * steps * 3
        let pedal = try shard.file.withElements(of: "pedal", as: UInt8.self) {
            Array($0[first..<first + steps * 3])
        }
        let names = ["sustain", "sostenuto", "soft"]
        let used = (0..<3).filter { number in (0..<steps).contains { pedal[$0 * 3 + number] > 0 } }
        guard !used.isEmpty else { return nil }
        var panel = PicturePanel(
            title: "pedals", values: transposed(pedal, steps, used, width: 3), rows: used.count,
            rowHeight: 18,
            colour: { $0 > 0 ? ColourMap.colour(0.25) : .white })
        panel.marks = used.enumerated().map { ($0.offset, names[$0.element], true) }
        return panel
    }

    /// Beats, where the grid counts them, steps, and seconds.
    func rollTime() throws -> PictureTime {
        let steps = try shard.steps()
        var time = PictureTime(columns: steps, length: min(segment.length, steps))
        let first = Double(segment.start)
        let tempo = try shard.file.withElements(of: "tempo", as: Float.self) {
            Array($0[place.index * steps..<(place.index + 1) * steps])
        }
        switch manifest.midi?.grid {
        case .stepsPerBeat(let perBeat):
            let each = 1 / Double(perBeat)
            time.rulers.append(
                PictureTime.ruler("beats", first: first * each, perColumn: each, columns: steps))
            time.rulers.append(Self.seconds(tempo.map { 60 / Double(max($0, 1)) * each }))
        case .stepsPerSecond(let numerator, let denominator):
            time.rulers.append(PictureTime.ruler("steps", first: first, perColumn: 1, columns: steps))
            let each = Double(denominator) / Double(numerator)
            time.rulers.append(
                PictureTime.ruler("seconds", first: first * each, perColumn: each, columns: steps))
        case .stepsPerFirstBeat, nil:
            time.rulers.append(PictureTime.ruler("steps", first: first, perColumn: 1, columns: steps))
        }
        return time
    }

    /// Seconds from the segment's start, where steps last differently long.
    private static func seconds(_ lengths: [Double]) -> PictureTime.Ruler {
        let total = lengths.reduce(0, +)
        let step = PictureTime.roundStep(total / 10)
        var marks: [(column: Double, text: String)] = []
        var (now, next) = (0.0, 0.0)
        for (column, length) in lengths.enumerated() {
            while next <= now + length, length > 0 {
                marks.append((Double(column) + (next - now) / length, format(next, step >= 1 ? 0 : 1)))
                next += step
            }
            now += length
        }
        return PictureTime.Ruler(name: "seconds", marks: marks)
    }

    // MARK: Features

    /// A panel a feature.
    func featurePanels() throws -> [PicturePanel] {
        let columns = try featureTime().columns
        return try shard.featureNames.map { name in
            let entry = try shard.file.entry(name)
            let count = entry.shape.dropFirst().reduce(1, *)
            let values = try values(name, entry, count: count)
            guard entry.shape.count == 3 else { return curvePanel(values, columns) }
            let rows = entry.shape[1]
            let frames = entry.shape[2]
            let scale = ValueScale(values)
            // Features may have different numbers of frames only by what a waveform has more.
            var panel = PicturePanel(
                title: "\(name), \(rows) × \(frames)", values: frames == columns ? values : [], rows: rows,
                rowHeight: rows <= 40 ? 18 : 256 / Double(rows),
                colour: { ColourMap.colour(Double(scale?.level($0) ?? 0)) })
            if panel.values.isEmpty { panel = curvePanel([0], columns) }
            panel.marks = marks(name, rows)
            if let scale { panel.bar = (low: short(scale.low), high: short(scale.high)) }
            return panel
        }
    }

    private func curvePanel(_ samples: [Float], _ columns: Int) -> PicturePanel {
        // As many values as the axis has columns: of each stretch the one of the greatest magnitude.
        let values = (0..<columns).map { column -> Float in
            let range =
                column * samples.count
                / columns..<max(column * samples.count / columns + 1, (column + 1) * samples.count / columns)
            return samples[range.clamped(to: 0..<samples.count)].max { $0.magnitude < $1.magnitude } ?? 0
        }
        return PicturePanel(
            title: "waveform", values: values, rows: 1, rowHeight: 120, colour: { _ in .white }, isCurve: true
        )
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
            return (0..<12).map { ($0, String(Self.name(ofPitch: $0).dropLast(2)), false) }
        }
        return stride(from: 0, to: rows, by: 5).map { ($0, "\($0)", false) }
    }

    /// Frames and seconds.
    func featureTime() throws -> PictureTime {
        let frames = try shard.featureNames.compactMap { name -> Int? in
            let shape = try shard.file.entry(name).shape
            return shape.count == 3 ? shape[2] : nil
        }.first
        let rate = Double(manifest.audio?.sampleRate ?? 1)
        let samples = manifest.audio?.samples ?? 1
        let hop = manifest.audio?.stft.hop ?? 1
        let columns = frames ?? 1024
        let perColumn = frames == nil ? Double(samples) / Double(columns) : Double(hop)
        var time = PictureTime(
            columns: columns, length: min(columns, Int((Double(segment.length) / perColumn).rounded(.up)) + 1)
        )
        time.rulers = [
            PictureTime.ruler(
                "seconds", first: Double(segment.start) / rate, perColumn: perColumn / rate, columns: columns)
        ]
        if frames != nil {
            time.rulers.append(PictureTime.ruler("frames", first: 0, perColumn: 1, columns: columns))
        }
        return time
    }
}
