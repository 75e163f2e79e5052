import Dataset
public import Files
import Loading

/// What is in a dataset, counted over some of its sources.
public struct Tally: Sendable {
    /// Entries.
    public var sources = 0
    /// Works.
    public var pieces: Int { pieceIDs.count }
    /// Segments in all splits, or in the split that is counted.
    public var segments = 0
    /// Seconds of music, from the first to the last event of a MIDI file, or of the audio.
    public var seconds = 0.0
    /// Notes as their files have them.
    public var notes = 0
    /// Notes of drums among them.
    public var drums = 0
    /// The MIDI among the sources.
    public var midi = MIDITally()
    /// The audio among the sources.
    public var audio = AudioTally()

    private var pieceIDs: Set<String> = []

    /// Counts a source.
    mutating func add(_ source: MeasuredSource) {
        let entry = source.record.source
        sources += 1
        pieceIDs.insert(entry.piece)
        segments += entry.segments
        // A pair lasts as long as its recording.
        if entry.pair == nil || entry.kind == .audio { seconds += source.seconds }
        notes += source.notes
        drums += source.drums
        switch entry.kind {
        case .midi, .paired: midi.add(source)
        case .audio: audio.add(source)
        }
    }

    /// The tally as an object.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "sources": JSONValue(sources), "pieces": JSONValue(pieces), "segments": JSONValue(segments),
            "hours": .rounded(seconds / 3600), "notes": JSONValue(notes),
            "drums": JSONValue(drums),
        ]
        if midi.sources > 0 { members["midi"] = midi.json }
        if audio.sources > 0 { members["audio"] = audio.json }
        return .object(members)
    }
}

/// The record of a source, with the numbers that statistics need looked up once.
struct MeasuredSource: Sendable {
    let record: SourceRecord
    /// The numbers whose spread is shown, in the order of its kind's `measures`; NaN for what it does not have.
    let numbers: [Double]
    /// How long it is; 0 if that is not recorded.
    let seconds: Double
    /// Notes as the file has them.
    let notes: Int
    /// Notes of drums among them.
    let drums: Int
    /// The slowest and the fastest tempo in BPM.
    let bpm: ClosedRange<Double>?
    /// Steps of its segments, and those of them in which nothing sounds.
    let steps: (all: Int, empty: Int)

    init(_ record: SourceRecord, frequencies: [Double]?) {
        self.record = record
        let (facts, segments) = (record.facts, record.segments)
        numbers = record.numbers(frequencies: frequencies)
        seconds = record.seconds
        notes = facts["notes"]?.integer ?? 0
        drums = facts["drums"]?.integer ?? 0
        let empty = segments["empty_steps"]
        steps = (empty == nil ? 0 : segments["steps"]?.integer ?? 0, empty?.integer ?? 0)
        let ends = facts["bpm"]?.array?.compactMap(\.double) ?? []
        bpm = ends.count == 2 && ends[0] <= ends[1] ? ends[0]...ends[1] : nil
    }
}

extension SourceRecord {
    /// The numbers whose spread is shown, in the order of its kind's `measures`; NaN for what it does not have.
    func numbers(frequencies: [Double]?) -> [Double] {
        switch source.kind {
        case .midi, .paired: MIDITally.numbers(self)
        case .audio: AudioTally.numbers(self, frequencies: frequencies)
        }
    }

    /// How long the source is; 0 if that is not recorded.
    var seconds: Double {
        if let seconds = facts["seconds"]?.double { return seconds }
        guard let frames = facts["frames"]?.double, let rate = facts["rate"]?.double, rate > 0 else {
            return 0
        }
        return frames / rate
    }
}
