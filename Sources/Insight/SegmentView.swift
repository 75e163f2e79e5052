public import Dataset
public import Files
public import Loading
import Manifest
public import Pictures
import Storage
import Symbolic
import Tensors

/// One segment, as text, as a picture and as an object.
public struct SegmentView: Sendable {
    let reader: DatasetReader
    let place: DatasetReader.Place
    let shard: Shard
    /// The entry that the segment was cut from; of equal ones the first.
    let source: Snapshot.Source?
    let segment: Shard.Segment
    let path: String
    let manifest: Manifest
    /// Its notes or features on one axis of time; every view shows some of it.
    private(set) var excerpt: Excerpt
    var drumsArePainted: Bool { manifest.midi?.drums == .include }

    /// Opens the segment's shard.
    ///
    /// - Throws: `BuildError`, `TensorFileError`.
    public init(_ reader: DatasetReader, _ place: DatasetReader.Place) throws {
        self.reader = reader
        self.place = place
        shard = try reader.open(place.shard)
        let segment = try shard.segment(place.index)
        self.segment = segment
        let digest = Digest(hex: segment.source)
        let sources = reader.snapshot.sources.filter { $0.sha256 == digest }
        source = sources.first { $0.labels == segment.labels } ?? sources.first
        path = source?.path ?? segment.source
        manifest = try reader.manifest()
        excerpt = try Excerpt(
            [.init(shard: shard, index: place.index, segment: segment)], manifest: manifest)
        excerpt.clock = try clock(readsAlways: false)
    }

    /// When the grid's steps begin, and the file's timeline where the clock needs it or `readsAlways` is set.
    func clock(readsAlways: Bool) throws -> StepClock {
        try StepClock(
            SourceFiles(reader), source: source, timeline: segment.timeline, midi: manifest.midi,
            readsAlways: readsAlways)
    }

    /// When the score begins, in seconds from the start of a paired segment; nil for others.
    var recordingStart: Double? {
        guard let recording = segment.recording, let pair = source?.pair, let audio = manifest.audio else {
            return nil
        }
        return Double(pair.offset) / 1e6 - Double(recording.start) / Double(audio.sampleRate)
    }

    /// What the source's stage measured of it; nothing where its record or object cannot be read.
    public var numbers: [SegmentNumber] {
        let found = try? source.map { source in
            try reader.segmentNumbers(of: source, timeline: segment.timeline, start: segment.start)
        }
        return found ?? []
    }

    /// The segment as a picture: its rolls, or its features, one above the other on one axis of time.
    public func picture() -> Picture {
        return excerpt.picture(title: [
            "\(place.split.rawValue)/\(place.number)   \(described(segment.labels))", path,
        ])
    }

    /// The segment as an object.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "segment": .string("\(place.split.rawValue)/\(place.number)"),
            "kind": .string(place.shard.kind.rawValue),
            "path": .string(path), "source": .string(segment.source), "timeline": JSONValue(segment.timeline),
            "start": JSONValue(segment.start), "length": JSONValue(segment.length),
            "labels": LabelText.json(segment.labels),
            "shard": JSONValue(place.shard.object), "index": JSONValue(place.index),
            "numbers": .object(
                Dictionary(uniqueKeysWithValues: numbers.map { ($0.name, .number($0.value)) })),
            "tensors": .object(
                shard.file.entries.filter { !$0.key.hasPrefix("label.") && !$0.key.hasPrefix("segment.") }
                    .mapValues {
                        .string("\($0.type.rawValue) \($0.shape)")
                    }),
        ]
        if let recording = segment.recording {
            members["recording"] = [
                "source": .string(recording.source), "path": recordingPath.map { .string($0) } ?? .null,
                "start": JSONValue(recording.start),
            ]
        }
        return .object(members)
    }

    /// The segment as text.
    ///
    /// - Parameter width: columns to draw in.
    /// - Returns: lines of text.
    /// - Throws: `TensorFileError`.
    public func text(width: Int) throws -> String {
        var text = "segment    \(place.split.rawValue)/\(place.number), \(path.shown)\n"
        text += "position   \(try position())"
        text += segment.timeline > 0 ? " of timeline \(segment.timeline)\n" : "\n"
        if !segment.labels.isEmpty { text += "labels     \(described(segment.labels).shown)\n" }
        let numbers = numbers
        if !numbers.isEmpty {
            let shown = numbers.map { number in
                "\(number.title) \(format(number.value, number.decimals))"
                    + (number.unit.isEmpty ? "" : " \(number.unit)")
            }
            text += "numbers    \(shown.joined(separator: ", "))\n"
        }
        if shard.holdsNotes { text += try roll(width: width) }
        for name in shard.featureNames where name != "waveform" { text += try picture(name, width: width) }
        return text
    }

    /// Where the segment lies in its source, in steps or samples and in seconds.
    private func position() throws -> String {
        let unit = place.shard.kind == .audio ? "samples" : "steps"
        let text = "\(unit) \(grouped(segment.start)) to \(grouped(segment.start + segment.length))"
        guard let start = startSecond() else { return text }
        let length = lengthInSeconds()
        if let recording = segment.recording {
            return text
                + ", \(format(start, 2)) s to \(format(start + length, 2)) s of its recording \((recordingPath ?? recording.source).shown)"
        }
        return text + ", \(format(start, 2)) s to \(format(start + length, 2)) s"
    }

    /// The path of a paired segment's recording.
    var recordingPath: String? { segment.recording == nil ? nil : source?.pair?.path }

    // MARK: Rolls

    private static let names = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"]

    /// The name of a pitch; middle C (60) is C4.
    static func name(ofPitch pitch: Int) -> String { names[pitch % 12] + String(pitch / 12 - 1) }

    /// The notes: a row a pitch from high to low, `█` where a note begins, `▒` where it sounds on, `x` for drums.
    private func roll(width: Int) throws -> String {
        let steps = try shard.steps()
        return try shard.withRows(of: place.index) { rows in
            let count = rows.start.count
            guard count > 0 else { return "notes      none\n" }
            let perColumn = (steps + max(width - 7, 16) - 1) / max(width - 7, 16)
            let columns = (steps + perColumn - 1) / perColumn
            var lines: [Int: [Character]] = [:]
            for row in 0..<count {
                let pitch = Int(rows.pitch[row])
                let isDrum = rows.program[row] == 128 && !drumsArePainted
                let first = Int(rows.start[row])
                let last = min(first + Int(rows.length[row]), steps) - 1
                guard first <= last else { continue }
                var line = lines[pitch] ?? Array(repeating: "·", count: columns)
                for column in first / perColumn...last / perColumn {
                    let begins = column == first / perColumn && rows.flags[row] & RollFlags.onset != 0
                    switch (isDrum, line[column]) {
                    case (true, "·"): line[column] = "x"
                    case (true, _): break
                    case (false, let old): line[column] = begins || old == "█" ? "█" : "▒"
                    }
                }
                lines[pitch] = line
            }
            var text = "notes      \(count); a column is \(perColumn) \(perColumn == 1 ? "step" : "steps")"
            text += ", █ begins, ▒ sounds on, x drum\n"
            for (pitch, line) in lines.sorted(by: { $0.key > $1.key }) {
                let name = Self.name(ofPitch: pitch)
                text += String(repeating: " ", count: 5 - name.count) + name + " " + String(line) + "\n"
            }
            return text
        }
    }

    // MARK: Features

    /// A feature as a picture of a few lines, low rows at the bottom, each cell the mean of its values.
    private func picture(_ name: String, width: Int) throws -> String {
        let entry = try shard.file.entry(name)
        guard entry.shape.count == 3 else { return "" }
        let (rows, frames) = (entry.shape[1], entry.shape[2])
        let values = try shard.feature(name, of: place.index)
        let (height, across) = (min(rows, 16), min(frames, max(width - 7, 16)))
        let shades = Array(" ░▒▓█")
        var means: [Float] = []
        for line in stride(from: height - 1, through: 0, by: -1) {
            let rowRange = line * rows / height..<max(line * rows / height + 1, (line + 1) * rows / height)
            for column in 0..<across {
                let range =
                    column * frames
                    / across..<max(column * frames / across + 1, (column + 1) * frames / across)
                var sum: Float = 0
                for row in rowRange { for frame in range { sum += values[row * frames + frame] } }
                means.append(sum / Float(rowRange.count * range.count))
            }
        }
        guard let least = values.min(), let greatest = values.max(), let scale = ValueScale(means) else {
            return ""
        }
        var text =
            "\(name)".padded(to: 11) + "\(rows) × \(frames), from \(short(least)) to \(short(greatest))\n"
        for line in stride(from: 0, to: means.count, by: across) {
            let cells = means[line..<line + across].map { shades[min(4, Int(scale.level($0) * 5))] }
            text += "      " + String(cells) + "\n"
        }
        return text
    }
}
