import Dataset
import Loading
import Manifest
import Symbolic

/// When steps of a source's grid begin, in seconds from the start of the music.
struct StepClock {
    /// nil without MIDI.
    private let grid: Grid?
    /// nil where the grid does not need it, or where the score's file is gone or has other bytes.
    private let tempoMap: TempoMap?

    /// - Throws: `BuildError` of the cache.
    init(_ reader: DatasetReader, source: Snapshot.Source?, timeline: Int, midi: Manifest.MIDI?) throws {
        grid = midi.map { RollParameters($0).grid }
        switch grid {
        case .stepsPerSecond, nil: tempoMap = nil
        case .stepsPerBeat, .stepsPerFirstBeat:
            let timelines = try source.flatMap { $0.kind == .midi ? try reader.score(of: $0) : nil }?
                .timelines
            tempoMap = timelines.flatMap { $0.indices.contains(timeline) ? $0[timeline].tempoMap : nil }
        }
    }

    /// The second at which a step begins; nil if no tempo is known.
    func seconds(at step: Int) -> Double? {
        guard let grid else { return nil }
        // A clock needs no tempo.
        if case .stepsPerSecond(let rate) = grid {
            return Double(step) * Double(rate.denominator) / Double(rate.numerator)
        }
        guard let tempoMap else { return step == 0 ? 0 : nil }
        return grid.seconds(at: step, in: tempoMap)
    }
}
