import Files
import Tensors

/// A view with all that the shards and the manifest say of it.
struct PlacedView: Sendable {
    let view: LoaderView
    let type: ElementType
    /// One segment's shape.
    let shape: [Int]
    /// The pitch of the first column, and the number of pitch columns; of rolls.
    var firstPitch: UInt8 = 0
    var pitches = 0
    /// The place of the first set's tensor in a batch's memory.
    var offset = 0

    /// The bytes of one segment.
    var stride: Int { shape.reduce(type.byteCount, *) }
}

/// Where each tensor of a batch lies in its memory: every one begins on a 64-byte boundary.
struct BatchLayout: Sendable {
    let views: [PlacedView]
    let byName: [String: Int]
    /// The bytes that all views of one set take.
    let setBytes: Int
    /// The steps of a window; 0 for audio.
    let steps: Int
    let paintsDrums: Bool

    /// - Throws: `loader.not-in-shards`, `loader.window-too-long`, `loader.unknown-label`, `loader.several-values`,
    ///   `loader.unaligned`.
    init(_ plan: LoaderPlan, _ sample: LoaderShard, _ snapshot: Snapshot, paintsDrums: Bool) throws {
        self.paintsDrums = paintsDrums
        var steps = 0
        if let notes = sample.notes {
            steps = plan.window?.steps ?? notes.steps
            guard steps <= notes.steps else {
                throw LoaderError(
                    .windowTooLong,
                    "segments have \(notes.steps) steps, not \(steps); set midi: {segment: {steps: \(steps)}} in the "
                        + "manifest")
            }
        }
        self.steps = steps
        let own = snapshot.pitches
        let pairedFrames = sample.pairedFrames
        if pairedFrames != nil {
            try Self.checkAligned(plan, snapshot, isWindow: steps != sample.notes?.steps)
        }
        for view in plan.views {
            if case .label(let label) = view.content { try snapshot.checkOneValue(of: label, in: plan.split) }
        }
        if let balance = plan.balance { try snapshot.checkOneValue(of: balance.label, in: plan.split) }
        var views = try plan.views.map { view in
            try Self.place(view, steps: steps, pitches: own, sample, snapshot)
        }
        var end = 0
        for index in views.indices {
            views[index].offset = end
            end += (views[index].stride * plan.batchSize + 63) / 64 * 64
        }
        self.views = views
        setBytes = end
        byName = Dictionary(uniqueKeysWithValues: views.enumerated().map { ($1.view.name, $0) })
    }

    /// Whether notes and features stay of the same instants, whatever the plan does to them.
    private static func checkAligned(
        _ plan: LoaderPlan, _ snapshot: Snapshot, isWindow: Bool
    ) throws(LoaderError) {
        let isChanged = plan.augmentation.stretch != 1...1 || plan.augmentation.transposition != 0...0
        for view in plan.views {
            switch view.content {
            case .feature(let name, let frames):
                let isCut = frames != nil || (isWindow && (!snapshot.stepsAreFrames || name == "waveform"))
                guard isCut || isChanged else { continue }
                throw LoaderError(
                    .unaligned,
                    isCut
                        ? "view '\(view.name)' would show other instants than the notes do; feed whole segments of pairs, or windows of steps that are frames (grid: {frames: mel})"
                        : "view '\(view.name)' cannot follow transposed or stretched notes; leave these out for pairs"
                )
            case .frameSteps where isWindow && !snapshot.stepsAreFrames:
                throw LoaderError(
                    .unaligned, "view '\(view.name)' is of whole segments; leave out the window")
            default: continue
            }
        }
    }

    private static func place(
        _ view: LoaderView, steps: Int, pitches: ClosedRange<UInt8>, _ sample: LoaderShard,
        _ snapshot: Snapshot
    ) throws -> PlacedView {
        func needNotes() throws(LoaderError) {
            guard sample.notes == nil else { return }
            throw LoaderError(
                .notInShards, "view '\(view.name)' needs notes; add MIDI sources and `midi:` to the manifest")
        }
        func checked(_ type: ElementType) -> ElementType {
            precondition(type == .u8 || type == .f32, "view '\(view.name)' of \(type.rawValue); u8 or f32")
            return type
        }
        switch view.content {
        case .roll(let roll):
            try needNotes()
            precondition(
                roll.scale == 1 || roll.element == .f32, "view '\(view.name)': only an f32 roll is scaled")
            let range = roll.pitches ?? pitches
            return PlacedView(
                view: view, type: checked(roll.element), shape: [steps, range.count + roll.pedals.count],
                firstPitch: range.lowerBound, pitches: range.count)
        case .transcription(_, let own):
            try needNotes()
            let range = own ?? pitches
            return PlacedView(
                view: view, type: .f32, shape: [steps, range.count], firstPitch: range.lowerBound,
                pitches: range.count)
        case .controls(let numbers):
            try needNotes()
            try checkControls(numbers, of: view, snapshot)
            return PlacedView(view: view, type: .f32, shape: [steps, numbers?.count ?? 128])
        case .voicePrograms(let voices):
            try needNotes()
            return PlacedView(view: view, type: .i64, shape: [voices])
        case .instrument(let type):
            try needNotes()
            return PlacedView(
                view: view, type: checked(type), shape: [steps, 17], firstPitch: pitches.lowerBound,
                pitches: pitches.count)
        case .pedal(let type):
            try needNotes()
            return PlacedView(view: view, type: checked(type), shape: [steps, 3])
        case .tempo:
            try needNotes()
            return PlacedView(view: view, type: .f32, shape: [steps])
        case .feature(let name, let frames):
            guard let feature = sample.features[name] else {
                throw LoaderError(
                    .notInShards,
                    "view '\(view.name)' needs '\(name)'; add it to audio: {features: {\(name): …}} in the manifest"
                )
            }
            var shape = feature.shape
            if sample.pairedFrames != nil, shape.count == 2, steps < sample.notes?.steps ?? 0 {
                shape[1] = steps
            }
            if let frames, let all = shape.last {
                guard frames.count <= all else {
                    throw LoaderError(
                        .windowTooLong,
                        "'\(name)' has \(all) frames a segment, not \(frames.count); lengthen audio: {segment: …} in "
                            + "the manifest")
                }
                shape[shape.count - 1] = frames.count
            }
            return PlacedView(view: view, type: .f32, shape: shape)
        case .frameSteps:
            guard let frames = sample.pairedFrames else {
                throw LoaderError(
                    .notInShards,
                    "view '\(view.name)' needs pairs; add 'pair' to an item of sources in the manifest")
            }
            return PlacedView(
                view: view, type: .i64, shape: [sample.frameSteps == nil ? steps : frames])
        case .label(let label):
            guard snapshot.vocabularies[label] != nil else {
                throw LoaderError.unknownLabel(label, snapshot.vocabularies)
            }
            return PlacedView(view: view, type: .i64, shape: [])
        case .segment:
            return PlacedView(view: view, type: .i64, shape: [])
        }
    }
    /// Refuses control changes that no shard has.
    private static func checkControls(
        _ numbers: [UInt8]?, of view: LoaderView, _ snapshot: Snapshot
    ) throws(LoaderError) {
        let stored = snapshot.manifest["midi"]?["controls"]
        if stored?.bool == true { return }
        let known = Set((stored?.array ?? []).compactMap(\.integer))
        let missing = (numbers ?? []).filter { !known.contains(Int($0)) }
        guard known.isEmpty || !missing.isEmpty else { return }
        let wanted =
            missing.isEmpty
            ? "true"
            : "[\((known.sorted() + missing.map { Int($0) }).map(String.init).joined(separator: ", "))]"
        throw LoaderError(
            .notInShards,
            "view '\(view.name)' needs control changes that are not stored; set midi: {controls: \(wanted)} in the manifest"
        )
    }
}
