import Files

extension Canvas {
    /// A rectangle of dots.
    package struct Frame {
        package let x: Int
        package let y: Int
        package let width: Int
        package let height: Int

        package init(x: Int, y: Int, width: Int, height: Int) {
            self.x = x
            self.y = y
            self.width = width
            self.height = height
        }
    }

    /// Fills a frame with cells; a dot that covers several shows the greatest.
    ///
    /// - Parameters:
    ///   - values: [rows, columns], row 0 at the bottom.
    ///   - rows: how many.
    ///   - columns: how many, over the whole width.
    ///   - rowHeight: dots a row.
    ///   - frame: where.
    ///   - colour: the colour of each value.
    package mutating func drawCells(
        _ values: [Float], rows: Int, columns: Int, rowHeight: Double, in frame: Frame,
        colour: (Float) -> Colour
    ) {
        for line in 0..<frame.height {
            let low = Int(Double(frame.height - 1 - line) / rowHeight)
            let high = max(low + 1, Int(Double(frame.height - line) / rowHeight))
            for x in 0..<frame.width {
                let first = x * columns / frame.width
                let last = max(first + 1, (x + 1) * columns / frame.width)
                var value = -Float.infinity
                for row in low..<min(high, rows) {
                    for column in first..<min(last, columns) {
                        value = max(value, values[row * columns + column])
                    }
                }
                fill(frame.x + x, frame.y + line, 1, 1, colour(value))
            }
        }
    }

    /// Draws the stretch from the least to the greatest of what each column of dots covers, zero in the middle.
    ///
    /// - Parameters:
    ///   - highs: what the greatest are taken of.
    ///   - lows: what the least are taken of, as many.
    ///   - frame: where; the greatest magnitude reaches its edge.
    package mutating func drawCurve(highs: ArraySlice<Float>, lows: ArraySlice<Float>, in frame: Frame) {
        let count = highs.count
        guard count > 0 else { return }
        let greatest = max((highs + lows).map(\.magnitude).max() ?? 0, 1e-9)
        func dot(_ value: Float) -> Int { Int((1 - value / greatest) / 2 * Float(frame.height - 1)) }
        for x in 0..<frame.width {
            let first = x * count / frame.width
            let covered = min(max(first + 1, (x + 1) * count / frame.width), count) - first
            let upper = dot(highs.dropFirst(first).prefix(covered).max() ?? 0)
            let lower = dot(lows.dropFirst(first).prefix(covered).min() ?? 0)
            fill(frame.x + x, frame.y + upper, 1, lower - upper + 1, ColourMap.colour(0.3))
        }
    }
}
