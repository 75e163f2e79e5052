import Audio
import Build
import Files
import Loading
import Manifest
import Storage
import Symbolic

/// A part of a build that workers do.
public enum WorkPhase: String, Sendable, CaseIterable {
    /// The stage of each source.
    case sources
    /// The moments of each train source's bands, where the manifest normalises.
    case statistics
    /// The shards.
    case shards
}

/// An action as a plan gives it to a worker: all that the action's stage takes.
enum WorkTask: Sendable {
    /// The stage of the file at a path, with its size, and if it is one of a pair the offset of the score in microseconds.
    case source(path: String, bytes: Int, offset: Int?)
    /// The moments of a feature's bands.
    case bandMoments(TrainPart, feature: String, sigma: Double)
    /// A shard.
    case shard(Assembly.Bucketed, Statistics)

    var phase: WorkPhase {
        switch self {
        case .source: .sources
        case .bandMoments: .statistics
        case .shard: .shards
        }
    }

    /// What it is about, for people.
    var subject: String {
        switch self {
        case .source(let path, _, _): path
        case .bandMoments(let part, let feature, _): "\(part.path) \(feature)"
        case .shard(let bucket, _): bucket.name
        }
    }

    /// The sources' objects that it reads.
    var objects: [ObjectReference] {
        switch self {
        case .source: []
        case .bandMoments(let part, _, _): part.source.object.map { [$0] } ?? []
        case .shard(let bucket, _):
            bucket.parts.flatMap { [$0.source.object, $0.recording?.source.object].compactMap { $0 } }
        }
    }

    /// Roughly how long it takes on one core, in seconds; good enough to make slices alike.
    var cost: Double {
        switch self {
        case .source(let path, let bytes, _):
            Self.startCost + Double(bytes) * (Self.secondsPerByte(ofSource: path))
        case .bandMoments, .shard:
            Self.startCost + Double(objects.reduce(0) { $0 + $1.size }) * 5e-9
        }
    }

    private static let startCost = 1e-4

    /// Decoding and analysing a compressed byte costs what ten bytes of samples do.
    private static func secondsPerByte(ofSource path: String) -> Double {
        if SegmentKind.promised(byPath: path) == .midi { return 5e-8 }
        let isPlain = [".wav", ".aif", ".aiff", ".flac", ".au"].contains { path.lowercased().hasSuffix($0) }
        return isPlain ? 1e-7 : 1e-6
    }
}

/// The stages of a build, applied to tasks.
struct TaskStages: Sendable {
    let manifest: Manifest

    /// The action of a task other than a source's; nil if the manifest has none like it.
    func draft(_ task: WorkTask) -> ActionDraft? {
        switch task {
        case .source: return nil
        case .bandMoments(let part, let name, let sigma):
            return statistics(name).map { $0.stages.bandMoments(part, $0.feature, sigma: sigma) }
        case .shard(let bucket, let statistics):
            let stage = ShardStage(manifest, statistics)
            return bucket.draft(stage, bucket.lists(stage, isComplete: true), isComplete: true)
        }
    }

    /// Runs a task other than a source's, unless its result is there.
    func run(_ task: WorkTask, _ engine: Engine, _ readers: Workers) throws(BuildError) {
        guard let draft = draft(task) else {
            throw BuildError(
                .inputOutput, "\(task.subject) is no action of this manifest; plan again", canRetry: false)
        }
        _ = try ActionRunner.engine(engine).run(draft) { context in
            switch task {
            case .source: break
            case .bandMoments(let part, let name, let sigma):
                guard let (stages, feature) = statistics(name) else { break }
                try stages.runBandMoments(context, part, feature, sigma: sigma)
            case .shard(let bucket, let statistics):
                try ShardStage(manifest, statistics).run(
                    context, bucket.kind, bucket.parts, cache: engine.cache, readers)
            }
        }
    }

    private func statistics(_ name: String) -> (stages: StatisticsStages, feature: FeatureParameters)? {
        guard let block = manifest.audio else { return nil }
        let stages = StatisticsStages(block, rounds: manifest.statistics == .fit)
        return stages.features.first { $0.name == name }.map { (stages, $0) }
    }

    /// The stages of a phase, as this program and machine have them.
    func stages(_ phase: WorkPhase) -> [String] {
        let stages: [Stage] =
            switch phase {
            case .sources:
                (manifest.midi == nil ? [] : [Stages.read]) + (manifest.audio == nil ? [] : [Stages.spectrum])
            case .statistics: [Stages.bandMoments]
            case .shards: [Stages.shard]
            }
        return stages.map { "\($0.name) \($0.version) \($0.numerics ?? "")" }
    }
}
