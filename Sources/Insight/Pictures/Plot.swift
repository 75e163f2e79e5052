public import Files
import Pictures

/// Pictures of numbers that are in no dataset, such as what a network says.
public enum Plot {
    /// A roll of velocities, or of other numbers by pitch, to draw.
    public struct Roll: Sendable {
        let title: String
        let values: [Float]
        let columns: Int
        let firstPitch: Int
        let greatest: Int

        /// Values [pitches, columns], 0 to `greatest`, the lowest pitch first.
        public init(title: String, values: [Float], columns: Int, firstPitch: Int, greatest: Int = 127) {
            precondition(
                columns > 0 && values.count % columns == 0, "\(values.count) cells in \(columns) columns")
            (self.title, self.values, self.columns) = (title, values, columns)
            (self.firstPitch, self.greatest) = (firstPitch, greatest)
        }
    }

    /// Draws rolls of velocities, one above the other on one axis of steps, and writes the picture as PNG.
    ///
    /// - Throws: `BuildError` if the file cannot be written.
    public static func writeRolls(_ rolls: [Roll], title: String, to path: String) throws(BuildError) {
        try picture(of: rolls, title: title).write(path)
    }

    static func picture(of rolls: [Roll], title: String) -> Picture {
        let columns = rolls.map(\.columns).max() ?? 1
        let panels = rolls.map { panel($0, columns: columns) }
        var time = PictureTime(columns: columns, length: columns)
        time.rulers = [PictureTime.ruler("step", first: 0, perColumn: 1, columns: columns)]
        return PictureLayout(title: [title], panels: panels, time: time).draw()
    }

    private static func panel(_ roll: Roll, columns: Int) -> PicturePanel {
        let rows = roll.values.count / roll.columns
        var values: [Float] = []
        for row in 0..<rows {
            values += roll.values[row * roll.columns..<(row + 1) * roll.columns]
            values += [Float](repeating: 0, count: columns - roll.columns)
        }
        var panel = PicturePanel(
            title: roll.title, values: values, rows: rows, rowHeight: 4,
            colour: { $0 > 0 ? ColourMap.colour(Double($0) / Double(roll.greatest)) : .white })
        panel.marks = (0..<rows).filter { (roll.firstPitch + $0) % 12 == 0 }.map { row in
            (row: row, text: SegmentView.name(ofPitch: roll.firstPitch + row), isLine: true)
        }
        panel.bar = (low: "0", high: "\(roll.greatest)")
        panel.isRoll = true
        return panel
    }

    /// Draws the shares of classes in several series, a group of bars a class, and writes the picture as PNG.
    ///
    /// - Throws: `BuildError` if the file cannot be written.
    public static func writeHistogram(
        classes: [String], series: [(name: String, shares: [Double])], title: String, to path: String
    ) throws(BuildError) {
        try OutputFile.write(histogram(classes: classes, series: series, title: title).png(), to: path)
    }

    static func histogram(
        classes: [String], series: [(name: String, shares: [Double])], title: String
    ) -> Canvas {
        let (bar, gap, left, top, height) = (16, 14, 90, 60 + 22 * series.count, 300)
        let group = max(bar * series.count, (classes.map { Canvas.width(of: $0) }.max() ?? 0)) + gap
        var canvas = Canvas(
            width: max(left + group * classes.count + 30, 24 + Canvas.width(of: title)),
            height: top + height + 50)
        canvas.write(title, 12, 10)
        func colour(_ index: Int) -> Colour {
            ColourMap.colour((Double(index) + 0.5) / Double(max(series.count, 1)))
        }
        for (index, one) in series.enumerated() {
            canvas.fill(left, 42 + 22 * index, 14, 14, colour(index))
            canvas.write(one.name, left + 24, 42 + 22 * index)
        }
        let greatest = max(series.flatMap(\.shares).filter(\.isFinite).max() ?? 0, 1e-9)
        let step = PictureTime.roundStep(greatest / 5)
        var mark = 0.0
        while mark <= greatest {
            let y = top + height - Int(mark / greatest * Double(height))
            canvas.fill(left, y, canvas.width - left - 20, 1, .line)
            canvas.write("\(format(mark * 100, step < 0.01 ? 1 : 0)) %", left - 8, y - 7, .right, .grey)
            mark += step
        }
        for place in classes.indices {
            let x = left + gap / 2 + place * group
            for (index, one) in series.enumerated()
            where place < one.shares.count && one.shares[place].isFinite {
                let dots = Int((one.shares[place] / greatest * Double(height)).rounded())
                canvas.fill(x + index * bar, top + height - dots, bar - 2, dots, colour(index))
            }
            canvas.write(classes[place], x + bar * series.count / 2, top + height + 12, .centre)
        }
        canvas.fill(left, top + height, canvas.width - left - 20, 1, .grey)
        return canvas
    }
}
