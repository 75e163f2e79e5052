public import Build

/// A file as it was given.
public struct RawInput: Sendable {
    /// Its path, for messages.
    public let path: String
    /// Its bytes.
    public let bytes: [UInt8]

    /// A file's bytes.
    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }
}

/// What to transfer, and how.
public struct TransferRequest: Sendable {
    /// The bytes of the content's file.
    public let content: [UInt8]
    /// Its path, from which a recording is read.
    public let path: String
    /// The style to convert to, a label; nil if not said.
    public let style: String?
    /// The file whose style to convert to, where the style is a file.
    public let styleFile: RawInput?
    /// The source style; nil if not said.
    public let contentStyle: String?
    /// The values of the recipe's `transferParameters`.
    public let settings: Settings

    /// The source style: the one that was said, or the only one beside the target; nil where neither tells.
    public func source(for target: String, among styles: [String]) -> String? {
        if let contentStyle, styles.contains(contentStyle) { return contentStyle }
        let others = styles.filter { $0 != target }
        return others.count == 1 ? others[0] : nil
    }

    /// Asks for a file in another style.
    public init(
        content: [UInt8], path: String, style: String?, styleFile: RawInput? = nil,
        contentStyle: String? = nil, settings: Settings
    ) {
        self.content = content
        self.path = path
        self.style = style
        self.styleFile = styleFile
        self.contentStyle = contentStyle
        self.settings = settings
    }

    /// The style to bring it to: the one asked for, else the only one that is not the content's.
    ///
    /// - Throws: `train.usage` when that is not one of the styles, or more than one.
    public func target(among styles: [String]) throws(TrainingError) -> String {
        for named in [style, contentStyle].compactMap({ $0 }) where !styles.contains(named) {
            throw TrainingError(
                .usage, "the run knows no style '\(named)'; it knows \(styles.joined(separator: ", "))")
        }
        if let style { return style }
        let others = styles.filter { $0 != contentStyle }
        guard others.count == 1, let other = others.first else {
            throw TrainingError(.usage, "choose a style: --style \(others.joined(separator: " or "))")
        }
        return other
    }
}

/// What a transfer gives.
public enum TransferOutput: Sendable {
    /// The bytes of a file.
    case file([UInt8])
    /// Sound, for a file of whatever format its name asks for.
    case sound(TransferredSound)
}

/// Samples of a transfer.
public struct TransferredSound: Sendable {
    /// Samples of each channel, full scale at ±1.
    public let channels: [[Float]]
    /// Samples per second.
    public let sampleRate: Int

    /// Samples at a rate.
    public init(channels: [[Float]], sampleRate: Int) {
        self.channels = channels
        self.sampleRate = sampleRate
    }
}

/// A file in another style.
public struct Transferred: Sendable {
    /// What is to be written.
    public let output: TransferOutput
    /// What can be said of it in numbers.
    public let measures: [Measure]
    /// Pictures of the content and of it.
    public let figures: [Figure]
    /// What it was after some steps of an optimisation: further files by their names.
    public let snapshots: [(name: String, bytes: [UInt8])]

    /// What it was made with beside a run's own weights, such as a backbone, with hashes.
    public let foundations: [String: JSONValue]

    /// The bytes of a file; none where the output is sound.
    public var bytes: [UInt8] {
        if case .file(let bytes) = output { bytes } else { [] }
    }

    /// A file, its numbers and pictures.
    public init(
        bytes: [UInt8], measures: [Measure], figures: [Figure] = [],
        snapshots: [(name: String, bytes: [UInt8])] = [], foundations: [String: JSONValue] = [:]
    ) {
        self.init(.file(bytes), measures, figures, snapshots, foundations)
    }

    /// Sound, its numbers and pictures.
    public init(
        sound: TransferredSound, measures: [Measure], figures: [Figure] = [],
        foundations: [String: JSONValue] = [:]
    ) {
        self.init(.sound(sound), measures, figures, [], foundations)
    }

    private init(
        _ output: TransferOutput, _ measures: [Measure], _ figures: [Figure],
        _ snapshots: [(name: String, bytes: [UInt8])], _ foundations: [String: JSONValue]
    ) {
        self.output = output
        self.measures = measures
        self.figures = figures
        self.snapshots = snapshots
        self.foundations = foundations
    }
}
