/// One fault of a manifest, or of a table that it names.
public struct ManifestFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Who must act.
    public enum Kind: Hashable, Sendable {
        /// The manifest or table must be changed (exit status 64).
        case manifest
        /// A file or folder could not be read; the same manifest may work later (exit status 1).
        case environment
    }

    /// Who must act.
    public let kind: Kind
    /// The manifest or table, as the user named it.
    public let file: String
    /// The line, counted from 1.
    public let line: Int
    /// What is wrong, where, and what to do, in one line.
    public let message: String

    /// Describes a fault.
    public init(kind: Kind = .manifest, file: String, line: Int, message: String) {
        self.kind = kind
        self.file = file
        self.line = line
        self.message = message
    }

    /// The fault as a line for people: `file:line: message`.
    public var description: String { "\(file):\(line): \(message)" }
}

/// Every fault found at once, in order of file and line.
public struct ManifestError: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one fault.
    public let faults: [ManifestFault]

    /// Sorts faults by file and line; those of one line stay in the order found.
    public init(_ faults: [ManifestFault]) {
        self.faults = faults.enumerated()
            .sorted {
                ($0.element.file, $0.element.line, $0.offset) < ($1.element.file, $1.element.line, $1.offset)
            }
            .map(\.element)
    }

    /// A line for each fault.
    public var description: String { faults.map(\.description).joined(separator: "\n") }
}
