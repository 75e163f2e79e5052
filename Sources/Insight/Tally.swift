public import Build
import Dataset

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

    /// Counts a source; its numbers are what `SourceRecord.numbers` gives.
    mutating func add(_ record: SourceRecord, _ numbers: [Double]) {
        sources += 1
        pieceIDs.insert(record.source.piece)
        segments += record.source.segments
        seconds += record.seconds
        notes += record.facts["notes"]?.integer ?? 0
        drums += record.facts["drums"]?.integer ?? 0
        switch record.source.kind {
        case .midi: midi.add(record, numbers)
        case .audio: audio.add(record, numbers)
        }
    }

    /// The tally as an object.
    public var json: JSONValue {
        var members: [String: JSONValue] = [
            "sources": JSONValue(sources), "pieces": JSONValue(pieces), "segments": JSONValue(segments),
            "hours": .number((seconds / 3600 * 1e6).rounded() / 1e6), "notes": JSONValue(notes),
            "drums": JSONValue(drums),
        ]
        if midi.sources > 0 { members["midi"] = midi.json }
        if audio.sources > 0 { members["audio"] = audio.json }
        return .object(members)
    }
}

extension SourceRecord {
    /// The numbers whose spread is shown, in the order of its kind's `measures`; NaN for what it does not have.
    func numbers(frequencies: [Double]?) -> [Double] {
        switch source.kind {
        case .midi: MIDITally.numbers(self)
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
