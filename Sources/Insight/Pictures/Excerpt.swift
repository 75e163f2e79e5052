import Dataset
import Files
import Loading
import Manifest
import Symbolic
import Tensors

/// What a stretch of time holds, ready to be drawn: one segment, or the segments of a source joined.
///
/// Where segments overlap, each counts up to where the next begins.
struct Excerpt {
    /// A segment with its shard.
    struct Part {
        let shard: Shard
        let index: Int
        let segment: Shard.Segment

        /// Where it begins on the excerpt's axis, in steps or samples; in samples for pairs.
        var place: Int { segment.recording?.start ?? segment.start }
    }

    /// A feature of audio.
    struct Feature {
        let name: String
        let rows: Int
        /// [rows, columns of the excerpt], row 0 the lowest.
        var values: [Float]
    }

    let manifest: Manifest
    /// Where it begins, in steps or samples from the timeline's start; in samples for pairs.
    let start: Int
    /// How much of it is music, in columns; the rest is padding.
    let length: Int
    /// Steps, or frames.
    let columns: Int
    /// Samples a column; 1 for notes.
    let perColumn: Double
    /// When steps begin; nil for audio.
    var clock: StepClock?
    /// The second of the music at which the excerpt's notes begin; nil if no tempo before them is known, and for audio.
    var startSecond: Double? { isOnFrames ? nil : clock?.seconds(at: start) }
    /// U8 [columns, 128]: the three rolls.
    private(set) var piano: [UInt8] = []
    private(set) var velocity: [UInt8] = []
    private(set) var onset: [UInt8] = []
    /// U8 [columns, 17].
    private(set) var instrument: [UInt8] = []
    /// U8 [columns, 3].
    private(set) var pedal: [UInt8] = []
    /// [columns]: BPM.
    private(set) var tempo: [Float] = []
    private(set) var features: [Feature] = []

    var holdsNotes: Bool { !tempo.isEmpty }
    /// Whether columns are frames, or stretches of samples: of audio, and of pairs.
    let isOnFrames: Bool
    var drumsArePainted: Bool { manifest.midi?.drums == .include }
    /// The pitches that the manifest keeps.
    var kept: ClosedRange<UInt8> { manifest.midi?.pitches ?? 0...127 }

    /// Reads segments of one timeline in the order of their starts.
    ///
    /// - Precondition: there is at least one part.
    /// - Throws: `TensorFileError`.
    init(_ parts: [Part], manifest: Manifest) throws {
        precondition(!parts.isEmpty, "an excerpt of no segments")
        self.manifest = manifest
        let (first, last) = (parts[0], parts[parts.count - 1])
        start = first.place
        isOnFrames = !first.shard.holdsNotes || first.shard.isPaired
        if !isOnFrames {
            let steps = try first.shard.steps()
            perColumn = 1
            columns = last.segment.start - start + steps
            length = last.segment.start - start + min(last.segment.length, steps)
            try readNotes(parts, steps, width: steps)
        } else {
            let frames = try Self.frames(first.shard)
            let samples = manifest.audio?.samples ?? 1
            let all = last.place - start + samples
            let hop = manifest.audio?.frameHop ?? 1
            perColumn = frames == nil ? max(1, Double(all) / 1024) : Double(hop)
            let place = (Double(last.place - start) / perColumn).rounded()
            columns = Int(place) + (frames ?? max(1, Int((Double(samples) / perColumn).rounded(.up))))
            if first.shard.isPaired {
                length = columns
                try readNotes(parts, first.shard.steps(), width: frames ?? 0)
            } else {
                let music = Double(last.segment.start - start + last.segment.length) / perColumn
                length = min(columns, Int(music.rounded(.up)) + 1)
            }
            try readFeatures(parts)
        }
    }

    /// Where a part begins in columns, and how many columns of it count.
    private func span(_ parts: [Part], _ number: Int, _ width: Int) -> (first: Int, count: Int) {
        func column(_ part: Part) -> Int { Int((Double(part.place - start) / perColumn).rounded()) }
        let first = column(parts[number])
        let end = number + 1 < parts.count ? min(column(parts[number + 1]), columns) : columns
        return (first, max(0, min(width, end - first)))
    }

    // MARK: Notes

    /// Paints the notes of all parts: a column a step, or for pairs a column a frame, which shows the step it lies in.
    ///
    /// A part has `width` columns.
    private mutating func readNotes(_ parts: [Part], _ steps: Int, width: Int) throws {
        piano = [UInt8](repeating: 0, count: columns * 128)
        (velocity, onset) = (piano, piano)
        instrument = [UInt8](repeating: 0, count: columns * DenseRolls.instrumentCount)
        pedal = [UInt8](repeating: 0, count: columns * 3)
        tempo = [Float](repeating: 0, count: columns)
        let (drums, kept) = (drumsArePainted, kept)
        for (number, part) in parts.enumerated() {
            let (first, count) = span(parts, number, width)
            guard count > 0 else { continue }
            let shown = try isOnFrames ? part.shard.frameSteps(part.index) : (0..<steps).map { $0 }
            /// Puts the columns of a part, [steps, width], where they are shown.
            func show<Value>(_ values: some Collection<Value>, _ width: Int, in whole: inout [Value]) {
                let values = Array(values)
                for (column, step) in shown.prefix(count).enumerated() {
                    guard let step else { continue }
                    whole.replaceSubrange(
                        (first + column) * width..<(first + column + 1) * width,
                        with: values[step * width..<(step + 1) * width])
                }
            }
            try part.shard.withRows(of: part.index) { rows in
                func roll(
                    _ width: Int, _ whole: inout [UInt8], _ paint: (UnsafeMutableBufferPointer<UInt8>) -> Void
                ) {
                    let painted = [UInt8](unsafeUninitializedCapacity: steps * width) { buffer, size in
                        paint(UnsafeMutableBufferPointer(rebasing: buffer[..<(steps * width)]))
                        size = steps * width
                    }
                    show(painted, width, in: &whole)
                }
                roll(128, &piano) {
                    DenseRolls.piano(rows, steps: steps, pitches: 0...127, paintsDrums: drums, into: $0)
                }
                roll(128, &velocity) {
                    DenseRolls.velocity(rows, steps: steps, pitches: 0...127, paintsDrums: drums, into: $0)
                }
                roll(128, &onset) {
                    DenseRolls.onset(rows, steps: steps, pitches: 0...127, paintsDrums: drums, into: $0)
                }
                roll(DenseRolls.instrumentCount, &instrument) {
                    DenseRolls.instrument(rows, steps: steps, pitches: kept, into: $0)
                }
            }
            let place = part.index * steps
            try part.shard.file.withElements(of: "pedal", as: UInt8.self) { values in
                show(values[place * 3..<(place + steps) * 3], 3, in: &pedal)
            }
            try part.shard.file.withElements(of: "tempo", as: Float.self) { values in
                show(values[place..<place + steps], 1, in: &tempo)
            }
        }
    }

    // MARK: Features

    /// The frames of a segment; nil if only its waveform is stored.
    private static func frames(_ shard: Shard) throws -> Int? {
        try shard.featureNames.compactMap { name in
            let shape = try shard.file.entry(name).shape
            return shape.count == 3 ? shape[2] : nil
        }.first
    }

    private mutating func readFeatures(_ parts: [Part]) throws {
        for name in parts[0].shard.featureNames {
            let shape = try parts[0].shard.file.entry(name).shape
            // Of a waveform the greatest and the least sample of each column.
            let rows = shape.count == 3 ? shape[1] : 2
            var feature = Feature(
                name: name, rows: rows, values: [Float](repeating: 0, count: rows * columns))
            for (number, part) in parts.enumerated() {
                let values = try part.shard.feature(name, of: part.index)
                if shape.count == 3 {
                    let frames = shape[2]
                    let (first, count) = span(parts, number, frames)
                    for row in 0..<rows where count > 0 {
                        feature.values.replaceSubrange(
                            row * columns + first..<row * columns + first + count,
                            with: values[row * frames..<row * frames + count])
                    }
                } else {
                    let width = Int((Double(values.count) / perColumn).rounded(.up))
                    let (first, count) = span(parts, number, width)
                    for column in 0..<count {
                        let low = Int(Double(column) * perColumn)
                        let high = max(low + 1, Int(Double(column + 1) * perColumn))
                        let samples = values[(low..<high).clamped(to: 0..<values.count)]
                        feature.values[first + column] = samples.max() ?? 0
                        feature.values[columns + first + column] = samples.min() ?? 0
                    }
                }
            }
            features.append(feature)
        }
    }
}
