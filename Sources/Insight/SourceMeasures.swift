public import Dataset
import Files
import Loading

/// A number that a source has, to filter and sort by.
public struct SourceMeasure: Sendable, Hashable {
    /// Its name, such as `notes_per_second`.
    public let name: String
    /// What it says, with its unit.
    public let title: String

    /// Every measure that any source may have, in the order in which people look at them.
    public static let all: [SourceMeasure] =
        ([("seconds", "length, s"), ("notes", "notes")] + MIDITally.measures
        + AudioTally.measures.filter { !$0.name.hasSuffix("_after") })
        .map { SourceMeasure(name: $0.0, title: $0.1) }
}

extension SourceRecord {
    /// The source's numbers by the names of `SourceMeasure.all`; one that it does not have is left out.
    ///
    /// - Parameter frequencies: of the mel's bands in Hz; nil without a mel.
    /// - Returns: numbers by name.
    public func measures(frequencies: [Double]?) -> [String: Double] {
        let measures = source.kind == .midi ? MIDITally.measures : AudioTally.measures
        var values = Dictionary(
            uniqueKeysWithValues: zip(measures.map(\.name), numbers(frequencies: frequencies)))
        values["seconds"] = seconds
        if source.kind == .midi { values["notes"] = facts["notes"]?.double }
        return values.filter { $0.value.isFinite }
    }
}
