import Dataset
import Loading

/// A source that could not be used.
struct Quarantined: Sendable, Hashable {
    let path: String
    let code: String
    /// The reason in a sentence, with the place in the file; nil if only the code is known.
    let reason: String?
    /// The reason without the place.
    let cause: String?
    /// The place, in bytes or samples, if known.
    let offset: Int?

    /// `path: reason [code]`, as `build` prints it.
    var line: String { reason.map { "\(path): \($0) [\(code)]" } ?? "\(path): \(code)" }

    /// The quarantined sources of a snapshot by path.
    ///
    /// The last build knows more than its snapshot: the reasons, and the files that could not be read.
    static func all(of reader: DatasetReader) -> [Quarantined] {
        guard let problems = reader.lastQuarantine() else {
            return reader.snapshot.quarantine.map {
                Quarantined(path: $0.path, code: $0.code, reason: nil, cause: nil, offset: nil)
            }
        }
        return problems.map { problem in
            let place = problem.offset.map { " (at \($0))" } ?? ""
            return Quarantined(
                path: problem.path, code: problem.code, reason: problem.reason + place,
                cause: problem.reason, offset: problem.offset)
        }
    }
}
