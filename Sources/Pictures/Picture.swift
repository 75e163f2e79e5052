public import Files

/// A drawn picture, and where on it time runs.
public struct Picture: Sendable {
    package let canvas: Canvas
    /// Dots from the left edge to the first column of time.
    public let left: Int
    /// Dots from the first column of time to the end of the last.
    public let plotWidth: Int
    /// The second at which each column of time begins, from the first, and at which the last one ends; ascending.
    public let seconds: [Double]

    /// Its width in dots.
    public var width: Int { canvas.width }
    /// Its height in dots.
    public var height: Int { canvas.height }

    /// The picture as a PNG file of 8 bits a channel.
    ///
    /// - Throws: `BuildError` if libpng refuses.
    public func png() throws(BuildError) -> [UInt8] { try canvas.png() }

    /// Writes the picture as a PNG file.
    ///
    /// - Throws: `BuildError` if it cannot be written.
    public func write(_ path: String) throws(BuildError) { try OutputFile.write(canvas.png(), to: path) }
}

/// The axis of time that all panels share.
package struct PictureTime {
    /// Steps, frames or samples from left to right.
    package let columns: Int
    /// Where the segment's true length ends, in columns; the rest is padding.
    package let length: Int
    /// Scales under the axis: beats, steps, seconds.
    package var rulers: [Ruler] = []
    /// The second at which each column begins, and the last one ends.
    package var seconds: [Double] = []

    package init(columns: Int, length: Int, rulers: [Ruler] = [], seconds: [Double] = []) {
        self.columns = columns
        self.length = length
        self.rulers = rulers
        self.seconds = seconds
    }

    /// Marks under the axis.
    package struct Ruler {
        package let name: String
        package let marks: [(column: Double, text: String)]
    }

    /// Marks at round numbers of a unit that is `first` at column 0 and rises by `perColumn` a column.
    package static func ruler(_ name: String, first: Double, perColumn: Double, columns: Int) -> Ruler {
        let last = first + perColumn * Double(columns)
        let step = roundStep((last - first) / 12)
        var marks: [(column: Double, text: String)] = []
        var value = (first / step).rounded(.up) * step
        while value <= last + step * 1e-9 {
            marks.append(((value - first) / perColumn, format(value, step >= 1 ? 0 : step >= 0.1 ? 1 : 2)))
            value += step
        }
        return Ruler(name: name, marks: marks)
    }

    /// Marks at round seconds where columns last differently long: the second at which each begins, and the last ends.
    ///
    /// - Parameters:
    ///   - name: what the marks count.
    ///   - lengths: the seconds from the first column to each, and to the end of the last.
    ///   - first: the second of the music at which the first column begins.
    /// - Returns: the ruler.
    package static func ruler(_ name: String, _ lengths: [Double], from first: Double) -> Ruler {
        let step = roundStep((lengths.last ?? 0) / 10)
        let seconds = lengths.map { $0 + first }
        var marks: [(column: Double, text: String)] = []
        var next = (first / step - 1e-9).rounded(.up) * step
        for (column, (begin, end)) in zip(seconds, seconds.dropFirst()).enumerated() {
            while next <= end, end > begin {
                marks.append(
                    (Double(column) + (next - begin) / (end - begin), format(next, step >= 1 ? 0 : 1)))
                next += step
            }
        }
        return Ruler(name: name, marks: marks)
    }

    /// The smallest of 1, 2, 5 times a power of ten that is at least a length.
    package static func roundStep(_ length: Double) -> Double {
        var power = 1e-3
        while power * 10 <= length { power *= 10 }
        for factor in [1.0, 2, 5] where power * factor >= length { return power * factor }
        return power * 10
    }
}

/// A roll or a feature.
package struct PicturePanel {
    package let title: String
    /// [rows, columns], row 0 at the bottom.
    package let values: [Float]
    package let rows: Int
    /// Dots a row.
    package let rowHeight: Double
    /// The colour of each value.
    package let colour: (Float) -> Colour
    /// The marks beside the axis: a row, its text, and whether a line runs across.
    package var marks: [(row: Int, text: String, isLine: Bool)] = []
    /// The values at the ends of the colour bar; nil: none is drawn.
    package var bar: (low: String, high: String)?
    /// Whether most of it is empty, so that lines of time show where nothing is.
    package var isRoll = false
    /// Whether the values, the greatest of each column and then the least of each, are drawn as a curve.
    package var isCurve = false

    package init(
        title: String, values: [Float], rows: Int, rowHeight: Double, colour: @escaping (Float) -> Colour,
        marks: [(row: Int, text: String, isLine: Bool)] = [], bar: (low: String, high: String)? = nil,
        isRoll: Bool = false, isCurve: Bool = false
    ) {
        self.title = title
        self.values = values
        self.rows = rows
        self.rowHeight = rowHeight
        self.colour = colour
        self.marks = marks
        self.bar = bar
        self.isRoll = isRoll
        self.isCurve = isCurve
    }

    package var height: Int { max(1, Int(Double(rows) * rowHeight)) }
}

/// Panels on one axis of time.
package struct PictureLayout {
    package let title: [String]
    package let panels: [PicturePanel]
    package let time: PictureTime

    private let left = 130
    /// Room for the colour bars and the values beside them.
    private var right: Int {
        let texts = panels.compactMap(\.bar).flatMap { [$0.low, $0.high] }
        return max(120, 46 + (texts.map { Canvas.width(of: $0) }.max() ?? 0))
    }
    private let top = 60
    private let gap = 44

    package init(title: [String], panels: [PicturePanel], time: PictureTime) {
        self.title = title
        self.panels = panels
        self.time = time
    }

    private var plotWidth: Int {
        let columns = time.columns
        return columns >= 1024 ? 1024 : columns * max(1, 1024 / columns)
    }

    package func draw() -> Picture {
        let rulers = time.rulers.count * 26 + 16
        let height = top + panels.reduce(0) { $0 + $1.height + gap } + rulers
        var canvas = Canvas(width: left + plotWidth + right, height: height)
        let room = (canvas.width - 24) / 12
        for (row, line) in title.enumerated() {
            let text = line.count > room ? "…" + line.suffix(room - 1) : line
            canvas.write(text, 12, 10 + row * 22, .left, row == 0 ? .ink : .grey)
        }
        var y = top
        for panel in panels {
            canvas.write(panel.title, left, y + 8, .left, .ink)
            draw(panel, &canvas, y + gap - 14)
            y += panel.height + gap
        }
        y += 4 - 14
        for ruler in time.rulers {
            canvas.write(ruler.name, left - 30, y + 12, .right, .grey)
            var end = 0
            for mark in ruler.marks {
                let x = left + Int(mark.column * Double(plotWidth) / Double(time.columns))
                let half = Canvas.width(of: mark.text) / 2
                guard x <= left + plotWidth, x - half >= end else { continue }
                canvas.fill(x, y + 2, 1, 6, .grey)
                canvas.write(mark.text, x, y + 12, .centre, .ink)
                end = x + half + 12
            }
            y += 26
        }
        return Picture(canvas: canvas, left: left, plotWidth: plotWidth, seconds: time.seconds)
    }

    private func draw(_ panel: PicturePanel, _ canvas: inout Canvas, _ y: Int) {
        let height = panel.height
        canvas.fill(left - 1, y - 1, plotWidth + 2, height + 2, .line)
        let frame = Canvas.Frame(x: left, y: y, width: plotWidth, height: height)
        if panel.isCurve {
            canvas.fill(left, y, plotWidth, height, .white)
            canvas.drawCurve(
                highs: panel.values[..<time.columns], lows: panel.values[time.columns...], in: frame)
        } else {
            canvas.drawCells(
                panel.values, rows: panel.rows, columns: time.columns, rowHeight: panel.rowHeight, in: frame,
                colour: panel.colour)
        }
        for mark in time.rulers.first?.marks ?? [] where panel.isRoll {
            let x = left + Int(mark.column * Double(plotWidth) / Double(time.columns))
            for row in y..<y + height where x < left + plotWidth && canvas.colour(x, row) == .white {
                canvas.fill(x, row, 1, 1, .line)
            }
        }
        var end = y + height + 20
        for mark in panel.marks.sorted(by: { $0.row < $1.row }) {
            let bottom = y + height - Int(Double(mark.row) * panel.rowHeight)
            let middle = bottom - Int(panel.rowHeight / 2)
            if mark.isLine { canvas.fill(left, bottom, plotWidth, 1, Colour(190, 190, 200)) }
            canvas.fill(left - 6, middle, 5, 1, .grey)
            guard middle + 7 <= end else { continue }
            canvas.write(mark.text, left - 10, middle - 7, .right)
            end = middle - 9
        }
        // Padding is hatched.
        let pad = left + time.length * plotWidth / time.columns
        for x in stride(from: pad, to: left + plotWidth, by: 6) { canvas.fill(x, y, 1, height, .grey) }
        if let bar = panel.bar {
            let x = left + plotWidth + 14
            for row in 0..<height {
                let share = 1 - Double(row) / Double(max(height - 1, 1))
                canvas.fill(x, y + row, 14, 1, ColourMap.colour(share))
            }
            canvas.write(bar.high, x + 20, y)
            canvas.write(bar.low, x + 20, y + max(height - 14, 16))
        }
    }
}
