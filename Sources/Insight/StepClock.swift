import Dataset
import Symbolic

/// When steps of a source's grid begin, in seconds from the start of the music.
struct StepClock {
    private let grid: Manifest.MIDI.Grid?
    /// nil where the grid does not need it, or where the score is gone from the cache.
    private let tempoMap: TempoMap?

    /// - Throws: `BuildError` of the cache.
    init(_ reader: DatasetReader, source: Snapshot.Source?, timeline: Int, grid: Manifest.MIDI.Grid?) throws {
        self.grid = grid
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
        switch grid {
        case nil: return nil
        case .stepsPerSecond(let numerator, let denominator):
            return Double(step) * Double(denominator) / Double(numerator)
        case .stepsPerFirstBeat(let perBeat):
            guard let tempoMap else { return step == 0 ? 0 : nil }
            return Double(step) * Double(tempoMap.firstMicrosecondsPerBeat) / 1e6 / Double(perBeat)
        case .stepsPerBeat(let perBeat):
            guard let tempoMap else { return step == 0 ? 0 : nil }
            let beat = tempoMap.division.ticksPerBeat
            let place =
                Double(step) * Double(beat.numerator) / (Double(beat.denominator) * Double(perBeat))
            let tick = Int(place)
            let (below, above) = (tempoMap.seconds(at: tick), tempoMap.seconds(at: tick + 1))
            return below + (above - below) * (place - Double(tick))
        }
    }
}
