import Dataset
import Files
import TestSupport
import Testing

/// Keys that were renamed: the old name is read as the new one, with a warning that reaches the build's summary.
@Suite struct OldKeyTests {
    @Test func theBuildReportsAnOldName() throws {
        let folder = try TestFolder()
        let place = try LawPlace(in: folder)
        try place.write(SMFBytes.oneNote, "\(place.data)/one.mid")
        func build(_ midi: String) throws -> BuildSummary {
            let yaml =
                "version: 1\ndataset: d\nsources: [{path: 'data/one.mid'}]\n\(midi)splits: {train: 1}\n"
            try place.write(Array(yaml.utf8), "\(place.folder)/w.yaml")
            return try DatasetBuild(manifestPath: "\(place.folder)/w.yaml").run(
                DatasetBuild.Options(cachePath: place.cache, jobs: 1, waits: false))
        }
        let four = "midi: {require: {time_signature: 4/4}}\n"
        let first = try build(four)
        #expect(first.warnings == [])
        let second = try build("midi: {require: {metre: 4/4}}\n")
        #expect(second.warnings.count == 1, "\(second.warnings)")
        #expect(second.warnings.first?.contains("midi.require.metre is now called 'time_signature'") == true)
        #expect(second.run == 0 && second.snapshot == first.snapshot, "only the name of a key differs")
        // A build in which nothing changed prints the same warnings.
        #expect(try build("midi: {require: {metre: 4/4}}\n").warnings == second.warnings)
        #expect(try build(four).warnings == [])
    }
}

private enum SMFBytes {
    /// A file of format 0 with one quarter note.
    static let oneNote: [UInt8] =
        Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8) + [0, 0, 0, 12]
        + [0, 0x90, 60, 100, 96, 0x80, 60, 0, 0, 0xFF, 0x2F, 0]
}
