import Files

/// Dots in rows from the top, to be filled with rectangles and words and written as PNG.
package struct Canvas {
    package let width: Int
    package let height: Int
    /// Three bytes a dot: red, green, blue.
    private(set) var bytes: [UInt8]

    package init(width: Int, height: Int, _ colour: Colour = .white) {
        precondition(width > 0 && height > 0, "a canvas of \(width) × \(height) dots")
        self.width = width
        self.height = height
        bytes = [UInt8](repeating: 255, count: width * height * 3)
        fill(0, 0, width, height, colour)
    }

    /// Fills a rectangle; what lies outside is skipped.
    package mutating func fill(_ x: Int, _ y: Int, _ width: Int, _ height: Int, _ colour: Colour) {
        let columns = max(x, 0)..<max(min(x + width, self.width), max(x, 0))
        for row in max(y, 0)..<max(min(y + height, self.height), max(y, 0)) {
            var place = (row * self.width + columns.lowerBound) * 3
            for _ in columns {
                bytes[place] = colour.red
                bytes[place + 1] = colour.green
                bytes[place + 2] = colour.blue
                place += 3
            }
        }
    }

    /// The colour of a dot.
    package func colour(_ x: Int, _ y: Int) -> Colour {
        let place = (y * width + x) * 3
        return Colour(bytes[place], bytes[place + 1], bytes[place + 2])
    }

    /// The dots that a text is wide.
    package static func width(of text: String, scale: Int = 2) -> Int {
        max(0, text.count * (BitmapFont.width + 1) - 1) * scale
    }

    /// The dots that a text is high.
    package static func height(scale: Int = 2) -> Int { BitmapFont.height * scale }

    package enum Side { case left, centre, right }

    /// Writes a line of text, its top at y, and at x its left end, its middle or its right end, as `side` says.
    package mutating func write(
        _ text: String, _ x: Int, _ y: Int, _ side: Side = .left, _ colour: Colour = .ink, scale: Int = 2
    ) {
        var left =
            switch side {
            case .left: x
            case .centre: x - Self.width(of: text, scale: scale) / 2
            case .right: x - Self.width(of: text, scale: scale)
            }
        for character in text {
            for (row, dots) in BitmapFont.rows(of: character).enumerated() {
                for column in 0..<BitmapFont.width where dots >> (BitmapFont.width - 1 - column) & 1 == 1 {
                    fill(left + column * scale, y + row * scale, scale, scale, colour)
                }
            }
            left += (BitmapFont.width + 1) * scale
        }
    }
}
