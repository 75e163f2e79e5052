import Files
import TestSupport
import Testing

/// A label that a key names and nothing has would leave every entry in one group, or each in its own, silently.
@Suite struct LabelNameTests {
    /// A table with the label `composer`, and another whose cells are all empty.
    private func folder() throws -> TestFolder {
        let folder = try TestFolder(["a.wav", "b.wav"])
        try folder.write("t.csv", "path,composer,nobody\na.wav,x,\nb.wav,y,\n")
        return folder
    }

    private static let keys: [(key: String, yaml: @Sendable (String) -> String)] = [
        ("splits.by", { "splits: {by: \($0)}" }),
        ("splits.stratify", { "splits: {method: exact, stratify: \($0)}" }),
        ("audio.normalize.per", { "audio: {normalize: {per: \($0)}}" }),
    ]

    @Test func unknownLabelsAreFaultsWithALineAndASuggestion() throws {
        let folder = try folder()
        for item in ["{table: t.csv}", "{table: t.csv, labels: [composer]}"] {
            for (key, yaml) in Self.keys {
                #expect(EntriesTests.faults(folder, "  - \(item)", splits: yaml("composer")) == [])
                #expect(
                    EntriesTests.faults(folder, "  - \(item)", splits: yaml("compozer")) == [
                        "m.yaml:4: \(key) names the label 'compozer', which no item of sources has; did you mean 'composer'?"
                    ])
            }
        }
    }

    @Test func labelsWithoutAnyValueAreFaults() throws {
        let folder = try folder()
        for (key, yaml) in Self.keys {
            #expect(
                EntriesTests.faults(folder, "  - table: t.csv", splits: yaml("nobody")) == [
                    "m.yaml:4: \(key) names the label 'nobody', which has no value in any row; fill it in, or remove the key"
                ])
        }
    }

    /// A path column is no label, nor is one that makes the piece.
    @Test func columnsThatAreTakenAreNoLabels() throws {
        let folder = try folder()
        #expect(EntriesTests.faults(folder, "  - table: t.csv", splits: "splits: {by: path}").count == 1)
        #expect(
            EntriesTests.faults(
                folder, "  - {table: t.csv, piece: '{composer}'}", splits: "splits: {by: composer}"
            )
            .count == 1)
    }
}
