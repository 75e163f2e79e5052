public import Files

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

/// A part of the content, in seconds.
public struct TransferPart: Sendable, Hashable {
    /// Where it begins, at least 0.
    public let start: Double
    /// How long it is at most, above 0; nil: to the end.
    public let duration: Double?
    /// Whether it is all of the content.
    public var isWhole: Bool { start == 0 && duration == nil }

    /// The whole, unless said otherwise.
    ///
    /// - Throws: `train.usage` for times that are none.
    public init(start: Double?, duration: Double?) throws(TrainingError) {
        if let start, !(start >= 0 && start < .infinity) {
            throw TrainingError(.usage, "--start is \(start); write seconds of at least 0")
        }
        if let duration, !(duration > 0 && duration < .infinity) {
            throw TrainingError(.usage, "--duration is \(duration); write seconds above 0")
        }
        self.start = start ?? 0
        self.duration = duration
    }

    /// The whole.
    public init() {
        start = 0
        duration = nil
    }
}

/// What to transfer, and how.
public struct TransferRequest: Sendable {
    /// The bytes of the content's file, or of that part of a score; of a recording no more than the first, since it is read
    /// from `path` and may be long.
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
    /// Which part of a recording to convert.
    public let part: TransferPart
    /// Whether a recording of two channels stays one.
    public let isStereo: Bool
    /// A folder for files that take more room than the memory has.
    public let folder: String

    /// The source style: the one that was said, or the only one beside the target; nil where neither tells.
    public func source(for target: String, among styles: [String]) -> String? {
        if let contentStyle, styles.contains(contentStyle) { return contentStyle }
        let others = styles.filter { $0 != target }
        return others.count == 1 ? others[0] : nil
    }

    /// Asks for a file in another style.
    public init(
        content: [UInt8], path: String, style: String?, styleFile: RawInput? = nil,
        contentStyle: String? = nil, settings: Settings, part: TransferPart = TransferPart(),
        isStereo: Bool = false, folder: String = "/tmp"
    ) {
        self.content = content
        self.path = path
        self.style = style
        self.styleFile = styleFile
        self.contentStyle = contentStyle
        self.settings = settings
        (self.part, self.isStereo, self.folder) = (part, isStereo, folder)
    }

    /// The style to bring it to: the one asked for, else the only one that is not the content's.
    ///
    /// - Throws: `train.usage` when that is not one of the styles, or more than one; `train.unknown-style` when the
    ///   content's is not one of them.
    public func target(among styles: [String]) throws(TrainingError) -> String {
        for (named, code) in [(style, TrainingError.Code.usage), (contentStyle, .unknownStyle)] {
            guard let named, !styles.contains(named) else { continue }
            throw TrainingError(
                code, "the run knows no style '\(named)'; it knows \(styles.joined(separator: ", "))")
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

/// Samples of a transfer, in memory or not.
public struct TransferredSound: Sendable {
    /// How many channels.
    public let channelCount: Int
    /// The samples of each channel.
    public let length: Int
    /// Samples per second.
    public let sampleRate: Int
    private let source: @Sendable (Range<Int>) throws -> [[Float]]

    /// Samples that are in memory: a plane a channel, full scale at ±1.
    public init(channels: [[Float]], sampleRate: Int) {
        self.init(channelCount: channels.count, length: channels.first?.count ?? 0, sampleRate: sampleRate) {
            range in channels.map { Array($0[range]) }
        }
    }

    /// Samples that are fetched when they are needed.
    ///
    /// - Parameters:
    ///   - channelCount: How many channels.
    ///   - length: The samples of each.
    ///   - sampleRate: Samples per second.
    ///   - source: Gives a range of samples, a plane a channel, full scale at ±1.
    public init(
        channelCount: Int, length: Int, sampleRate: Int,
        source: @escaping @Sendable (Range<Int>) throws -> [[Float]]
    ) {
        (self.channelCount, self.length, self.sampleRate) = (channelCount, length, sampleRate)
        self.source = source
    }

    /// Some of the samples.
    ///
    /// - Parameter range: Which, of 0..<length.
    /// - Returns: A plane a channel, full scale at ±1.
    /// - Throws: What their source throws.
    public func samples(_ range: Range<Int>) throws -> [[Float]] { try source(range) }
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
