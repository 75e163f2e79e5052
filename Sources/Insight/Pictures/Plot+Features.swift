public import Files
import Pictures

extension Plot {
    /// Numbers by row and frame to draw.
    public struct Spectrogram: Sendable {
        let title: String
        let values: [Float]
        let columns: Int

        /// Values [rows, columns], the lowest frequency first.
        public init(title: String, values: [Float], columns: Int) {
            precondition(
                columns > 0 && values.count % columns == 0, "\(values.count) cells in \(columns) columns")
            (self.title, self.values, self.columns) = (title, values, columns)
        }
    }

    /// Draws spectrograms, one above the other on one axis of frames and with one scale of colours, and writes the
    /// picture as PNG.
    ///
    /// - Throws: `BuildError` if the file cannot be written.
    public static func writeSpectrograms(
        _ spectrograms: [Spectrogram], title: String, to path: String
    ) throws(BuildError) {
        try picture(of: spectrograms, title: title).write(path)
    }

    static func picture(of spectrograms: [Spectrogram], title: String) -> Picture {
        let columns = spectrograms.map(\.columns).max() ?? 1
        // One scale, so that equal colours are equal numbers.
        let scale = ValueScale(spectrograms.flatMap(\.values))
        let panels = spectrograms.map { one in
            let rows = one.values.count / one.columns
            var values: [Float] = []
            for row in 0..<rows {
                values += one.values[row * one.columns..<(row + 1) * one.columns]
                values += [Float](repeating: .nan, count: columns - one.columns)
            }
            var panel = PicturePanel(
                title: one.title, values: values, rows: rows, rowHeight: max(1, 256 / Double(max(rows, 1))),
                colour: { value in
                    value.isNaN ? .white : ColourMap.colour(Double(scale?.level(value) ?? 0))
                })
            if let scale {
                panel.bar = (low: format(Double(scale.low), 2), high: format(Double(scale.high), 2))
            }
            return panel
        }
        var time = PictureTime(columns: columns, length: columns)
        time.rulers = [PictureTime.ruler("frame", first: 0, perColumn: 1, columns: columns)]
        return PictureLayout(title: [title], panels: panels, time: time).draw()
    }

    /// Draws numbers that follow each other, a line for each series, and writes the picture as PNG.
    ///
    /// - Parameters:
    ///   - series: Names and numbers; one that is not finite leaves a gap.
    ///   - horizontal: What is counted from left to right.
    ///   - title: A line above.
    ///   - path: The file.
    /// - Throws: `BuildError` if the file cannot be written.
    public static func writeCurves(
        _ series: [(name: String, values: [Double])], horizontal: String, title: String, to path: String
    ) throws(BuildError) {
        try OutputFile.write(curves(series, horizontal: horizontal, title: title).png(), to: path)
    }

    static func curves(
        _ series: [(name: String, values: [Double])], horizontal: String, title: String
    ) -> Canvas {
        let (left, top, width, height) = (130, 60 + 22 * series.count, 800, 400)
        var canvas = Canvas(
            width: max(left + width + 40, 24 + Canvas.width(of: title)), height: top + height + 60)
        canvas.write(title, 12, 10)
        let finite = series.flatMap(\.values).filter(\.isFinite)
        let (low, high) = (min(finite.min() ?? 0, 0), max(finite.max() ?? 1, (finite.min() ?? 0) + 1e-12))
        let range = max(high - low, 1e-12)
        func y(_ value: Double) -> Int {
            top + height - Int(((value - low) / range * Double(height)).rounded())
        }
        let step = PictureTime.roundStep(range / 5)
        var mark = (low / step).rounded(.up) * step
        while mark <= high {
            canvas.fill(left, y(mark), width, 1, .line)
            canvas.write(
                format(mark, step < 0.1 ? 3 : step < 1 ? 1 : 0), left - 8, y(mark) - 7, .right, .grey)
            mark += step
        }
        let last = max((series.map(\.values.count).max() ?? 1) - 1, 1)
        for (index, one) in series.enumerated() {
            let colour = ColourMap.colour((Double(index) + 0.5) / Double(max(series.count, 1)))
            canvas.fill(left, 42 + 22 * index, 14, 14, colour)
            canvas.write(one.name, left + 24, 42 + 22 * index)
            // From dot to dot, with a stroke as high as the way between two.
            var before: Int?
            for dot in 0...width {
                let place = Double(dot) / Double(width) * Double(last)
                guard Int(place) < one.values.count else { break }
                let (first, next) = (
                    one.values[Int(place)], one.values[min(Int(place) + 1, one.values.count - 1)]
                )
                let value = first + (next - first) * (place - place.rounded(.down))
                guard value.isFinite else {
                    before = nil
                    continue
                }
                let now = y(value)
                let from = before ?? now
                canvas.fill(left + dot, min(now, from), 2, abs(now - from) + 2, colour)
                before = now
            }
        }
        canvas.fill(left, top + height, width, 1, .grey)
        canvas.write("0", left, top + height + 12, .centre, .grey)
        canvas.write("\(last)", left + width, top + height + 12, .centre, .grey)
        canvas.write(horizontal, left + width / 2, top + height + 30, .centre)
        return canvas
    }
}
