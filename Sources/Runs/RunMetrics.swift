public import Files

/// The curves of a run, from its `metrics.jsonl`.
public struct RunMetrics: Sendable {
    /// A number over the steps of a training.
    public struct Curve: Sendable {
        /// `train` or `validation`.
        public let split: String
        /// What it is, such as `loss`.
        public let name: String
        /// The steps, rising; of several steps drawn together the last.
        public fileprivate(set) var steps: [Int] = []
        /// The values; of several steps drawn together the mean.
        public fileprivate(set) var values: [Double] = []
        /// When each step was made, in seconds after the first; empty where that is not recorded.
        public fileprivate(set) var seconds: [Double] = []
    }

    /// By split, then by name, with `loss` first.
    public let curves: [Curve]

    /// Reads a run's metrics; nil if it has none that can be read.
    ///
    /// - Parameters:
    ///   - run: the run.
    ///   - cachePath: the cache that it is in.
    ///   - points: a longer curve is drawn together to this many.
    public init?(of run: RunListing, cachePath: String, points: Int = 1000) {
        guard let bytes = RunFiles.contents("\(cachePath)/runs/\(run.name)/metrics.jsonl") else { return nil }
        var curves: [String: Curve] = [:]
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            // A last line that is just being written does not parse.
            guard let members = try? JSONValue(parsing: Array(line)).object,
                let step = members["step"]?.integer, let split = members["split"]?.string
            else { continue }
            for (name, value) in members where name != "step" && name != "epoch" && name != "split" {
                guard let value = value.double, value.isFinite else { continue }
                curves["\(split) \(name)", default: Curve(split: split, name: name)].append(step, value)
            }
        }
        let times = RunEvents.seconds(inFolder: "\(cachePath)/runs/\(run.name)")
        self.curves = curves.values.map { $0.drawnTogether(to: points).timed(by: times) }.sorted {
            left, right in
            if left.split != right.split { return left.split < right.split }
            if (left.name == "loss") != (right.name == "loss") { return left.name == "loss" }
            return left.name < right.name
        }
    }

    /// The last step that a run's metrics have; nil without metrics.
    static func lastStep(in folder: String) -> Int? {
        guard let bytes = RunFiles.contents("\(folder)/metrics.jsonl") else { return nil }
        // The last line may be a part of one.
        return bytes.suffix(1 << 16).split(separator: UInt8(ascii: "\n")).suffix(2)
            .compactMap { (try? JSONValue(parsing: Array($0)))?["step"]?.integer }.max()
    }

    /// The curves as an object.
    public var json: JSONValue {
        .array(
            curves.map { curve in
                [
                    "split": .string(curve.split), "name": .string(curve.name),
                    "steps": .array(curve.steps.map { JSONValue($0) }),
                    "values": .array(curve.values.map { .number($0) }),
                    "seconds": .array(curve.seconds.map { .number($0) }),
                ]
            })
    }
}

extension RunMetrics.Curve {
    fileprivate mutating func append(_ step: Int, _ value: Double) {
        steps.append(step)
        values.append(value)
    }

    fileprivate func timed(by times: [Int: Double]) -> Self {
        var curve = self
        let seconds = steps.compactMap { times[$0] }
        if seconds.count == steps.count { curve.seconds = seconds }
        return curve
    }

    fileprivate func drawnTogether(to points: Int) -> Self {
        guard steps.count > points else { return self }
        var curve = Self(split: split, name: name)
        for point in 0..<points {
            let range = point * steps.count / points..<(point + 1) * steps.count / points
            curve.append(
                steps[range.upperBound - 1], values[range].reduce(0, +) / Double(range.count))
        }
        return curve
    }
}
