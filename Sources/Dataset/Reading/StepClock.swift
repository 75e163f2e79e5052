public import Loading
public import Manifest
public import Symbolic

/// When steps of a source's grid begin, in seconds from the start of the music.
public struct StepClock: Sendable {
    /// The grid; nil without MIDI.
    public let grid: Grid?
    /// The timeline as its file gives it; nil where the grid needs none and none was asked for, or where the score's file
    /// is gone or has other bytes.
    public let content: Timeline?

    /// Reads the score's file again, where the grid counts beats.
    ///
    /// - Parameters:
    ///   - files: the dataset's raw files.
    ///   - source: the segment's entry.
    ///   - timeline: the segment's timeline.
    ///   - midi: the manifest's block.
    ///   - readsAlways: also where the grid's steps are seconds.
    /// - Throws: `BuildError` of the cache.
    public init(
        _ files: SourceFiles, source: Snapshot.Source?, timeline: Int, midi: Manifest.MIDI?,
        readsAlways: Bool = false
    ) throws {
        let grid = midi.map { RollParameters($0).grid }
        self.grid = grid
        var needsScore = readsAlways && grid != nil
        switch grid {
        case .stepsPerSecond, nil: break
        case .stepsPerBeat, .stepsPerFirstBeat: needsScore = true
        }
        let timelines =
            try needsScore
            ? source.flatMap { $0.kind == .midi ? try files.score(of: $0) : nil }?.timelines : nil
        content = timelines.flatMap { $0.indices.contains(timeline) ? $0[timeline] : nil }
    }

    /// The second at which a step begins; nil if no tempo is known.
    public func seconds(at step: Int) -> Double? {
        guard let grid else { return nil }
        // A clock needs no tempo.
        if case .stepsPerSecond(let rate) = grid {
            return Double(step) * Double(rate.denominator) / Double(rate.numerator)
        }
        guard let content else { return step == 0 ? 0 : nil }
        return grid.seconds(at: step, in: content.tempoMap)
    }
}
