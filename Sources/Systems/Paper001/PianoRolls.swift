internal import Build
import Loading
internal import Tensors
internal import Training

/// What the systems of paper 001 see of a segment: 57 pitches, then sustain and soft pedal.
enum PianoRolls {
    static let pitches: ClosedRange<UInt8> = 32...88
    static let columns = 59

    /// The views by name; pedals are columns of the sounding roll only.
    static func view(_ name: String, _ kind: RollView.Kind) -> LoaderView {
        .roll(
            name, kind, pitches: pitches, pedals: [.sustain, .soft],
            pedalCells: kind == .piano ? .states : .zeros)
    }

    static func plan(_ views: [LoaderView], sets: [LoaderPlan.SegmentSet] = [.init()]) -> LoaderPlan {
        // The trainer sets what a batch size is.
        LoaderPlan(kind: .midi, views: views, sets: sets, batchSize: 1)
    }

    /// The steps of a segment.
    static func steps(_ snapshot: Snapshot) -> Int {
        snapshot.features["rolls"]?["steps"]?.integer ?? 0
    }

    /// Notes of the pitches that are learned.
    static let needsNotes = Need("notes of pitches 32 to 88") { snapshot in
        guard let rolls = snapshot.features["rolls"] else {
            return "it holds no notes; build it from MIDI files"
        }
        let bounds = (rolls["pitches"]?.array ?? []).compactMap(\.integer)
        guard bounds.count == 2, bounds[0] <= 32, bounds[1] >= 88 else {
            return "it lacks pitches of 32 to 88; write 'midi: pitches: [32, 88]' in the manifest"
        }
        return nil
    }

    /// Segments of at least so many steps.
    static func needsSteps(_ steps: Int) -> Need {
        Need("segments of \(steps) steps or more") { snapshot in
            PianoRolls.steps(snapshot) >= steps
                ? nil
                : "its segments have \(PianoRolls.steps(snapshot)) steps; write 'midi: segment: {steps: \(max(steps, 480))}' in the manifest"
        }
    }
}
