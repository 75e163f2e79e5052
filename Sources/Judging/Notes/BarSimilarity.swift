/// How alike two pieces are bar by bar: MuseMorphose's measures of fidelity.
///
/// The bars are those of the content, for both pieces; after the last line more bars of its length are added. A bar is
/// divided into 16 steps, and an onset counts at the nearest, which may be the next bar's first. The cosines are
/// averaged over the bars in which either piece has an onset. Source: Wu and Yang, "MuseMorphose" (arXiv 2105.04090),
/// the metrics sim_chr and sim_grv, here 0 to 1 instead of 0 to 100.
public enum BarSimilarity {
    /// The steps of a bar.
    public static let stepCount = 16

    /// The mean cosine of the bars' vectors of 12 pitch classes, each the number of onsets, drums left out.
    ///
    /// - Returns: 0 to 1; nil if neither piece has notes.
    public static func chroma(of output: NotePiece, to content: NotePiece) -> Double? {
        similarity(output, content, size: 12) { note, _ in note.isDrum ? nil : Int(note.pitch) % 12 }
    }

    /// The mean cosine of the bars' vectors of 16 steps, each the number of onsets.
    ///
    /// - Returns: 0 to 1; nil if neither piece has notes.
    public static func onsets(
        of output: NotePiece, to content: NotePiece, includingDrums: Bool = false
    ) -> Double? {
        similarity(output, content, size: stepCount) { note, step in
            note.isDrum && !includingDrums ? nil : step
        }
    }

    private static func similarity(
        _ output: NotePiece, _ content: NotePiece, size: Int, entry: (NotePiece.Note, Int) -> Int?
    ) -> Double? {
        let lines = barLines(content.barLines, upTo: max(output.length, content.length))
        func bars(_ piece: NotePiece) -> [[Double]] {
            var bars = [[Double]](
                repeating: [Double](repeating: 0, count: size), count: lines.count)
            var bar = 0
            for note in piece.notes {
                while bar + 2 < lines.count, note.onset >= lines[bar + 1] - gridTolerance { bar += 1 }
                let position = (note.onset - lines[bar]) / (lines[bar + 1] - lines[bar])
                let step = gridStep(position * Double(stepCount) + 0.5)
                guard let index = entry(note, step % stepCount) else { continue }
                bars[bar + step / stepCount][index] += 1
            }
            return bars
        }
        let (first, second) = (bars(output), bars(content))
        return ChromaSimilarity.meanCosine(lines.indices.lazy.map { (first[$0], second[$0]) })
    }

    /// The lines, with more of the last distance until one is after `end`; at least two.
    private static func barLines(_ lines: [Double], upTo end: Double) -> [Double] {
        var lines = lines.isEmpty ? [0] : lines
        let bar = lines.count > 1 ? lines[lines.count - 1] - lines[lines.count - 2] : 4
        while lines.count < 2 || lines[lines.count - 1] <= end { lines.append(lines[lines.count - 1] + bar) }
        return lines
    }
}
