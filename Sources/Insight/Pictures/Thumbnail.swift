import Files
public import Loading
import Pictures
import Symbolic
import Tensors

/// A small picture of a segment for a page of many: its notes, or the first of its features.
public enum Thumbnail {
    /// Its width in dots.
    public static let width = 240
    /// Its height in dots.
    public static let height = 120
    private static let whole = Canvas.Frame(x: 0, y: 0, width: width, height: height)

    /// Draws a segment.
    ///
    /// Notes are bars on white over the pitches that the segment has, two octaves at least; drums are drawn below them,
    /// grey. Features are drawn as on larger pictures, a dot the greatest of its cells.
    ///
    /// - Parameters:
    ///   - index: the segment's number in the shard.
    ///   - shard: its shard.
    /// - Returns: a PNG file.
    /// - Throws: `TensorFileError`; `BuildError` if libpng refuses.
    public static func png(of index: Int, in shard: Shard) throws -> [UInt8] {
        try (shard.holdsNotes ? notes(index, shard) : feature(index, shard)).png()
    }

    static func notes(_ index: Int, _ shard: Shard) throws -> Canvas {
        var canvas = Canvas(width: width, height: height)
        let steps = max(1, try shard.steps())
        try shard.withRows(of: index) { rows in
            let isDrum = rows.start.indices.map { rows.program[$0] == Note.drumProgram }
            let pitched = rows.start.indices.filter { !isDrum[$0] }
            let drums = rows.start.indices.filter { isDrum[$0] }
            func draw(_ chosen: [Int], _ band: Range<Int>, least: Int, _ colour: (Int) -> Colour) {
                guard let low = chosen.map({ Int(rows.pitch[$0]) }).min(),
                    let high = chosen.map({ Int(rows.pitch[$0]) }).max()
                else { return }
                let lines = max(high - low + 3, least)
                let bottom = low - (lines - (high - low + 1)) / 2
                for row in chosen {
                    let first = Int(rows.start[row]) * width / steps
                    let end = min(width, (Int(rows.start[row]) + Int(rows.length[row])) * width / steps)
                    let line = lines - 1 - (Int(rows.pitch[row]) - bottom)
                    let (top, under) = (line * band.count / lines, (line + 1) * band.count / lines)
                    canvas.fill(
                        first, band.lowerBound + top, max(2, end - first - 1), max(2, under - top),
                        colour(row))
                }
            }
            let floor = drums.isEmpty ? height : pitched.isEmpty ? 0 : height * 4 / 5
            draw(pitched, 0..<floor, least: 24) { row in
                .mix(Colour(170, 184, 222), ColourMap.colour(0.25), Double(rows.velocity[row]) / 127)
            }
            draw(drums, floor..<height, least: 3) { _ in .grey }
        }
        return canvas
    }

    static func feature(_ index: Int, _ shard: Shard) throws -> Canvas {
        var canvas = Canvas(width: width, height: height)
        let names = shard.featureNames.filter { shard.file.entries[$0]?.shape.count == 3 }
        guard let name = names.first(where: { $0 == "mel" }) ?? names.first else {
            return try waveform(index, shard)
        }
        let shape = try shard.file.entry(name).shape
        let (rows, frames) = (shape[1], shape[2])
        let values = try shard.feature(name, of: index)
        guard let scale = ValueScale(values), rows > 0, frames > 0 else { return canvas }
        canvas.drawCells(
            values, rows: rows, columns: frames, rowHeight: Double(height) / Double(rows), in: whole
        ) { ColourMap.colour(Double(scale.level($0))) }
        return canvas
    }

    private static func waveform(_ index: Int, _ shard: Shard) throws -> Canvas {
        var canvas = Canvas(width: width, height: height)
        guard shard.file.entries["waveform"] != nil else { return canvas }
        let samples = try shard.feature("waveform", of: index)
        canvas.drawCurve(highs: samples[...], lows: samples[...], in: whole)
        return canvas
    }
}
