import Dataset
public import Files
public import Loading

/// The sources of a dataset: those that were built, and those that could not be.
public struct SourceList: Sendable {
    /// Which sources are wanted; all by default.
    public struct Filter: Sendable {
        /// Sources with segments in this split.
        public var split: Split?
        /// Sources with each of these values.
        public var labels: [(name: String, value: String)] = []
        /// Sources without segments because something failed.
        public var isFailed = false
        /// Sources whose paths contain this text.
        public var path: String?

        /// Wants all sources.
        public init() {}
    }

    /// A source that was built.
    public struct Row: Sendable {
        /// The entry.
        public let source: Snapshot.Source
        /// The splits that have segments of it.
        public let splits: [Split]
        /// Its length in seconds; 0 if that is not recorded.
        public let seconds: Double
    }

    /// A source that gave no segments.
    public struct Failure: Sendable, Hashable {
        /// The path, relative to the manifest.
        public let path: String
        /// The stable code of the reason.
        public let code: String
        /// The reason in a sentence; nil if only the code is known, since another build has run since.
        public let reason: String?
        /// Where in the file, in bytes (MIDI) or samples (audio), if known.
        public let offset: Int?
    }

    /// The dataset.
    public let dataset: String
    /// Its snapshot.
    public let snapshot: Digest
    /// The wanted sources, by path.
    public let rows: [Row]
    /// The wanted sources that failed, by path.
    ///
    /// They have neither split nor labels: a filter by these leaves them out.
    public let failures: [Failure]

    /// Finds the wanted sources.
    ///
    /// - Throws: `BuildError` (`build.no-dataset`) for a label or a value that the dataset does not have; `ManifestError`.
    public init(_ reader: DatasetReader, filter: Filter = Filter()) throws {
        dataset = reader.snapshot.dataset
        snapshot = reader.digest
        try Self.check(filter.labels, reader.snapshot)
        let runs = try SegmentTable(reader).runs
        let sources = reader.snapshot.sources
        let scores = Dictionary(
            sources.indices.filter { sources[$0].pair != nil && sources[$0].segments > 0 }
                .map { (sources[$0].path, $0) }, uniquingKeysWith: { first, _ in first })
        var rows: [Row] = []
        var failures = Quarantined.all(of: reader).map {
            Failure(path: $0.path, code: $0.code, reason: $0.cause, offset: $0.offset)
        }
        func isWanted(_ path: String) -> Bool { filter.path.map { path.contains($0) } ?? true }
        var number = 0
        try reader.forEachPart(finding: { ($0.source, $0.seconds) }) { part in
            for (source, seconds) in part {
                defer { number += 1 }
                // A recording of a pair has the segments of its score.
                let owner = source.segments > 0 ? number : source.pair.flatMap { scores[$0.path] } ?? number
                let splits = Split.allCases.filter { split in runs[owner].contains { $0.split == split } }
                if let excluded = source.warnings.first(where: { $0.hasPrefix("midi.excluded: ") }) {
                    failures.append(
                        Failure(
                            path: source.path, code: "midi.excluded",
                            reason: String(excluded.dropFirst("midi.excluded: ".count)), offset: nil))
                }
                guard !filter.isFailed, isWanted(source.path),
                    filter.split.map(splits.contains) ?? true,
                    filter.labels.allSatisfy({ LabelText.has($0.value, in: source.labels[$0.name] ?? "") })
                else { continue }
                rows.append(Row(source: source, splits: splits, seconds: seconds))
            }
        }
        self.rows = rows
        let hasFailures = filter.split == nil && filter.labels.isEmpty
        self.failures =
            hasFailures ? failures.filter { isWanted($0.path) }.sorted { utf8Order($0.path, $1.path) } : []
    }

    /// Refuses a label or a value that no source has, with the nearest that one has.
    private static func check(_ labels: [(name: String, value: String)], _ snapshot: Snapshot) throws {
        for (name, value) in labels {
            guard let vocabulary = snapshot.vocabularies[name] else {
                let known = snapshot.vocabularies.keys.sorted()
                throw BuildError(
                    .noDataset,
                    "dataset '\(snapshot.dataset)' has no label '\(name)'; \(known.isEmpty ? "it has none" : suggestion(for: name, among: known))",
                    canRetry: false)
            }
            guard vocabulary.contains(where: { $0.utf8.elementsEqual(value.utf8) }) else {
                throw BuildError(
                    .noDataset,
                    "no source of '\(snapshot.dataset)' has the \(name) '\(value)'; \(suggestion(for: value, among: vocabulary))",
                    canRetry: false)
            }
        }
    }

    /// The list as one object.
    public var json: JSONValue {
        [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot),
            "sources": .array(
                rows.map { row in
                    [
                        "path": .string(row.source.path), "kind": .string(row.source.kind.rawValue),
                        "splits": .array(row.splits.map { .string($0.rawValue) }),
                        "labels": LabelText.json(row.source.labels),
                        "segments": JSONValue(row.source.segments),
                        "seconds": .number((row.seconds * 1e3).rounded() / 1e3),
                        "sha256": JSONValue(row.source.sha256),
                        "pair": row.source.pair.map { .string($0.path) } ?? .null,
                        "warnings": .array(row.source.warnings.map { .string($0) }),
                    ]
                }),
            "failed": .array(
                failures.map { failure in
                    [
                        "path": .string(failure.path), "code": .string(failure.code),
                        "reason": failure.reason.map { .string($0) } ?? .null,
                        "offset": failure.offset.map { JSONValue($0) } ?? .null,
                    ]
                }),
        ]
    }

    /// The list for people.
    ///
    /// - Parameter width: paths are shortened so that rows fit into so many columns; nil: never.
    /// - Returns: lines of text.
    public func text(width: Int? = nil) -> String {
        var text = ""
        if !rows.isEmpty {
            text += table(
                ["path", "kind", "split", "labels", "segments", "seconds"],
                rows.map { row in
                    [
                        row.source.path, row.source.kind.rawValue,
                        row.splits.isEmpty ? "–" : row.splits.map(\.rawValue).joined(separator: ", "),
                        described(row.source.labels), grouped(row.source.segments), format(row.seconds, 1),
                    ]
                }, width: width)
        }
        if !failures.isEmpty {
            if !text.isEmpty { text += "\n" }
            text += "failed (\(grouped(failures.count)))\n"
            for failure in failures {
                let place = failure.offset.map { " (at \($0))" } ?? ""
                let reason = failure.reason.map { ": \($0)\(place)" } ?? ""
                text += "  \(failure.path)\(reason) [\(failure.code)]".shown + "\n"
            }
        }
        return text.isEmpty ? "no matches\n" : text
    }
}
