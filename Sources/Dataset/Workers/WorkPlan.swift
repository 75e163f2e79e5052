public import Files
import Foundation

/// A file that lists due actions in slices, for workers that see nothing else of each other.
///
/// JSON lines: a header, a line for each slice, then a line for each action. A worker reads the first two, and of the
/// actions those of its slice alone, however long the file is.
public struct WorkPlan: Sendable {
    /// Some actions, to be run by one worker.
    public struct Slice: Sendable, Hashable {
        /// Its number, from 0.
        public let number: Int
        /// Its actions.
        public let actions: Int
        /// Roughly how long it takes on one core, in seconds.
        public let cost: Double
        /// Where its lines begin, from the first action's.
        fileprivate let offset: Int
        /// The length of its lines.
        fileprivate let length: Int
    }

    /// The file.
    public let path: String
    /// Stands for the file's contents.
    public let id: String
    /// The dataset's name.
    public let dataset: String
    /// The absolute path of the manifest.
    public let manifestPath: String
    /// What it plans.
    public let phase: WorkPhase
    /// All actions.
    public let actions: Int
    /// The slices, by number; none is empty.
    public let slices: [Slice]
    /// Stands for the manifest's meaning.
    let manifest: Digest
    /// The stages with their versions and numerics tags.
    let stages: [String]
    /// The time of the cache's youngest journal line, in milliseconds since 1970.
    let youngest: Int
    /// Where the first action's line begins.
    private let start: Int

    /// The slices of a new plan when nobody says how many: so that each takes some 20 seconds, but 64 at least, so that a
    /// few workers end together, and no more than an engine or a file system likes to hold.
    private static func sliceCount(cost: Double) -> Int { min(max(64, Int(cost / 20)), 16_384) }

    /// An action of a new plan.
    struct Item {
        /// Decides the slice, with all others.
        let order: Digest
        let cost: Double
        /// The action's line: an object.
        let line: [UInt8]
    }

    /// Makes the file's bytes.
    ///
    /// Actions are sorted by their hashes and cut where the sum of their costs says: slices are alike.
    static func encode(
        _ items: [Item], slices wanted: Int?, header: [String: JSONValue]
    ) -> [UInt8] {
        let items = items.sorted { $0.order < $1.order }
        let cost = items.reduce(0) { $0 + $1.cost }
        let count = Double(min(wanted ?? sliceCount(cost: cost), items.count))
        var slices: [JSONValue] = []
        var body: [UInt8] = []
        var (begun, rest) = (0.0, items[...])
        while let first = rest.first {
            // The share in which the middle of an action lies.
            func share(_ start: Double, _ item: Item) -> Double {
                ((start + item.cost / 2) * count / cost).rounded(.down)
            }
            let (current, offset, start, left) = (share(begun, first), body.count, begun, rest.count)
            while let item = rest.first, share(begun, item) == current {
                body += "{\"slice\":\(slices.count),".utf8
                body += item.line.dropFirst()
                body.append(0x0A)
                begun += item.cost
                rest = rest.dropFirst()
            }
            slices.append([
                "slice": JSONValue(slices.count), "actions": JSONValue(left - rest.count),
                "cost": .rounded(begun - start), "offset": JSONValue(offset),
                "length": JSONValue(body.count - offset),
            ])
        }
        var header = header
        header["reprise_plan"] = 1
        header["slices"] = JSONValue(slices.count)
        header["actions"] = JSONValue(items.count)
        header["cost"] = .rounded(cost)
        header["id"] = .string(Digest(of: JSONValue.object(header).canonicalBytes + body).short)
        return ([.object(header)] + slices).flatMap { $0.canonicalBytes + [0x0A] } + body
    }

    /// Reads a plan's header and slices.
    ///
    /// - Throws: `build.io` for a file that cannot be read, or is no plan.
    public init(path: String) throws(BuildError) {
        self.path = path
        let file = try Self.open(path)
        var bytes: [UInt8] = []
        var lines: [JSONValue] = []
        var (used, count) = (0, 1)
        while lines.count < count {
            guard let part = try? file.read(upToCount: 1 << 16), !part.isEmpty else {
                throw Self.noPlan(path)
            }
            bytes += part
            while lines.count < count, let end = bytes[used...].firstIndex(of: 0x0A) {
                guard let line = try? JSONValue(parsing: Array(bytes[used..<end])) else {
                    throw Self.noPlan(path)
                }
                lines.append(line)
                used = end + 1
                if lines.count == 1 {
                    guard line["reprise_plan"]?.integer == 1, let slices = line["slices"]?.integer,
                        slices >= 0
                    else { throw Self.noPlan(path) }
                    count = slices + 1
                }
            }
        }
        start = used
        let header = lines[0]
        slices = lines.dropFirst().enumerated().compactMap { number, line in
            guard line["slice"]?.integer == number, let actions = line["actions"]?.integer,
                let cost = line["cost"]?.double, let offset = line["offset"]?.integer, offset >= 0,
                let length = line["length"]?.integer, (0...1 << 32).contains(length)
            else { return nil }
            return Slice(number: number, actions: actions, cost: cost, offset: offset, length: length)
        }
        guard slices.count == count - 1, let dataset = header["dataset"]?.string,
            let phase = header["phase"]?.string.flatMap(WorkPhase.init(rawValue:)),
            let actions = header["actions"]?.integer, let id = header["id"]?.string,
            Digest(hex: id + String(repeating: "0", count: 64 - min(id.utf8.count, 64))) != nil,
            let manifestPath = header["manifest"]?.string, let youngest = header["youngest"]?.integer,
            let manifest = header["effective"]?.string.flatMap({ Digest(hex: $0) }),
            let stages = header["stages"]?.array
        else { throw Self.noPlan(path) }
        self.dataset = dataset
        self.phase = phase
        self.actions = actions
        self.id = id
        self.manifestPath = manifestPath
        self.youngest = youngest
        self.manifest = manifest
        self.stages = stages.compactMap(\.string)
    }

    /// The tasks of a slice, and where the objects lie that they read.
    func tasks(of slice: Slice) throws(BuildError) -> (tasks: [WorkTask], places: [JSONValue]) {
        let file = try Self.open(path)
        guard (try? file.seek(toOffset: UInt64(start + slice.offset))) != nil,
            let bytes = try? file.read(upToCount: slice.length), bytes.count == slice.length
        else { throw Self.noPlan(path) }
        var tasks: [WorkTask] = []
        var places: [JSONValue] = []
        for line in [UInt8](bytes).split(separator: 0x0A) {
            guard let json = try? JSONValue(parsing: Array(line)), json["slice"]?.integer == slice.number,
                let task = WorkTask(json: json, phase: phase)
            else { throw Self.noPlan(path) }
            tasks.append(task)
            places += json["places"]?.array ?? []
        }
        return (tasks, places)
    }

    private static func open(_ path: String) throws(BuildError) -> FileHandle {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw BuildError(
                .inputOutput, "cannot read the plan \(path); name a file that 'reprise plan' wrote",
                canRetry: false)
        }
        return file
    }

    private static func noPlan(_ path: String) -> BuildError {
        BuildError(
            .inputOutput, "\(path) is not a whole plan of this version; make it with 'reprise plan'",
            canRetry: false)
    }
}

extension WorkPlan {
    /// Numbers of slices as Slurm's `--array` takes them: `0-3,7,9-12`.
    ///
    /// - Parameters:
    ///   - numbers: ascending.
    ///   - limit: one more than the largest index of an array, which is Slurm's `MaxArraySize`.
    /// - Returns: an expression for each `limit` numbers there may be, with what is to be added to its indices.
    public static func arrayExpressions(
        _ numbers: [Int], limit: Int = 1001
    ) -> [(offset: Int, indices: String)] {
        let groups = Dictionary(grouping: numbers) { $0 / limit * limit }
        return groups.sorted { $0.key < $1.key }.map { offset, numbers in
            var runs: [ClosedRange<Int>] = []
            for index in numbers.map({ $0 - offset }) {
                if let last = runs.last, last.upperBound == index - 1 {
                    runs[runs.count - 1] = last.lowerBound...index
                } else {
                    runs.append(index...index)
                }
            }
            let texts = runs.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
            return (offset, texts.joined(separator: ","))
        }
    }
}
