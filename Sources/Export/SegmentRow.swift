import Dataset
import Files
import Loading
import Manifest
import Symbolic
import Tensors

/// One segment of a dataset, as exports name and describe it.
struct SegmentRow {
    /// The split.
    let split: Split
    /// Its number in the split, from 0.
    let number: Int
    /// What it holds.
    let kind: SegmentKind
    /// The entry that it was cut from.
    let source: Snapshot.Source
    /// Its place in the source, and its labels.
    let segment: Shard.Segment
    /// When the steps of its timeline begin; nil for audio.
    let clock: StepClock?
    /// The second of its source, or of its recording, at which it begins; nil if no tempo is known.
    let startSecond: Double?
    /// Its length in seconds, without padding; nil if no tempo is known.
    let seconds: Double?
    /// The rows of its notes; nil for audio.
    let notes: Int?
    /// What the source's stage measured of it.
    let numbers: [SegmentNumber]

    /// `train/12`, as `inspect` takes it.
    var name: String { "\(split.rawValue)/\(number)" }
    /// `train-00000012`: the key of a sample, without a dot.
    var key: String { "\(split.rawValue)-\(Self.padded(number, 8))" }

    /// A number with zeros before it.
    static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}

/// Reads the segments of a dataset in the order of its shards: one shard, one source's numbers and one score are in
/// memory at a time.
final class SegmentRows {
    let reader: DatasetReader
    let manifest: Manifest
    let files: SourceFiles
    private let table: SegmentTable
    private let stored: SegmentNumberReader
    /// Whether scores are read again also where the grid needs no tempo.
    private let readsScores: Bool
    private var source = -1
    private var numbers: SourceNumbers?
    private var clock: (source: Int, timeline: Int, clock: StepClock)?

    /// Prepares to read.
    ///
    /// - Throws: `BuildError`, `ManifestError`.
    init(_ reader: DatasetReader, readsScores: Bool = false) throws {
        self.reader = reader
        self.readsScores = readsScores
        manifest = try reader.manifest()
        files = SourceFiles(reader)
        table = try SegmentTable(reader)
        stored = try SegmentNumberReader(reader)
    }

    /// Calls back with the segments of a split from one number up to another, in order.
    ///
    /// - Throws: `BuildError`, `TensorFileError`; `build.interrupted`; what the body throws.
    func forEach(
        in split: Split, _ range: Range<Int>, _ body: (SegmentRow, Shard, Int) throws -> Void
    ) throws {
        var first = 0
        for described in reader.snapshot.shards[split] ?? [] {
            let own = range.clamped(to: first..<first + described.segments)
            defer { first += described.segments }
            guard !own.isEmpty else { continue }
            let shard = try reader.open(described)
            for number in own {
                try Cancellation.bySignal.check()
                try body(row(number, in: split, shard, number - first, described.kind), shard, number - first)
            }
        }
    }

    /// The entry of a segment; no shard is opened.
    func entry(of number: Int, in split: Split) throws(BuildError) -> Snapshot.Source {
        reader.snapshot.sources[try place(number, in: split)]
    }

    /// The number of the source that a segment comes from.
    private func place(_ number: Int, in split: Split) throws(BuildError) -> Int {
        guard let place = table.source(of: number, in: split) else { throw lost(number, split) }
        return place.source
    }

    private func lost(_ number: Int, _ split: Split) -> BuildError {
        BuildError(
            .damaged,
            "the source tables do not lead to segment \(split.rawValue)/\(number); mend the cache with 'reprise verify --repair', or build the dataset again",
            canRetry: false)
    }

    private func row(
        _ number: Int, in split: Split, _ shard: Shard, _ index: Int, _ kind: SegmentKind
    ) throws -> SegmentRow {
        let segment = try shard.segment(index)
        let place = try place(number, in: split)
        let entry = reader.snapshot.sources[place]
        guard entry.sha256.hex == segment.source else { throw lost(number, split) }
        if source != place {
            source = place
            numbers = try stored.numbers(of: entry)
        }
        let clock = kind == .audio ? nil : try clock(place, entry, segment.timeline)
        let times = try times(shard, index, segment, kind, clock)
        return SegmentRow(
            split: split, number: number, kind: kind, source: entry, segment: segment, clock: clock,
            startSecond: times.start, seconds: times.length,
            notes: kind == .audio ? nil : try shard.noteRows(index).count,
            numbers: numbers?.numbers(timeline: segment.timeline, start: segment.start) ?? [])
    }

    private func clock(_ number: Int, _ source: Snapshot.Source, _ timeline: Int) throws -> StepClock {
        if let clock, clock.source == number, clock.timeline == timeline { return clock.clock }
        let made = try StepClock(
            files, source: source, timeline: timeline, midi: manifest.midi, readsAlways: readsScores)
        clock = (number, timeline, made)
        return made
    }

    /// Where a segment lies in seconds.
    ///
    /// Of notes by their score's tempo map, if its file is still there; else the length by the tempi that the shard holds.
    private func times(
        _ shard: Shard, _ index: Int, _ segment: Shard.Segment, _ kind: SegmentKind, _ clock: StepClock?
    ) throws -> (start: Double?, length: Double?) {
        if let audio = manifest.audio, kind != .midi {
            let rate = Double(audio.sampleRate)
            let samples = kind == .audio ? segment.length : audio.samples
            return (Double(segment.recording?.start ?? segment.start) / rate, Double(samples) / rate)
        }
        guard let clock else { return (nil, nil) }
        if let start = clock.seconds(at: segment.start),
            let end = clock.seconds(at: segment.start + segment.length)
        {
            return (start, end - start)
        }
        let start = clock.seconds(at: segment.start)
        guard case .stepsPerBeat(let perBeat) = clock.grid else { return (start, nil) }
        let steps = try shard.steps()
        let length = try shard.file.withElements(of: "tempo", as: Float.self) { tempi in
            tempi[index * steps..<index * steps + min(segment.length, steps)].reduce(0.0) {
                $0 + ($1 > 0 ? 60 / Double($1) / Double(perBeat) : .nan)
            }
        }
        return (start, length.isFinite ? length : nil)
    }
}
