internal import Build
import Files
internal import Loading
internal import Torch

/// Runs that are trained once and used again.
extension Trainer {
    /// The runs of a recipe on a snapshot that have these settings, except for the free parameters; the newest first.
    func keptRuns(
        of recipe: Recipe, _ snapshot: Digest, _ settings: Settings, but free: Set<String> = []
    ) -> [RunRecord] {
        RunFolder.names(in: cachePath, startingWith: recipe.name + "-").compactMap { name in
            guard let record = try? RunRecord(RunFolder(named: name, in: cachePath)),
                record.recipe == recipe.name, record.snapshot == snapshot
            else { return nil }
            let agrees = recipe.parameters.allSatisfy { parameter in
                free.contains(parameter.name)
                    || (record.settings[parameter.name] ?? parameter.formerly)
                        == settings.values[parameter.name]
            }
            return agrees ? record : nil
        }
    }

    /// Refuses a request that cannot be trained, or whose run could not convert files, before anything is trained.
    ///
    /// - Throws: `train.usage`, `train.unfit`; errors of the dataset.
    public func checkTransfer(_ request: TrainingRequest) throws {
        if let name = request.recipe { try recipe(name).checkTransfers() }
        _ = try checked(request)
    }

    /// A run with the settings of a request, trained to its end: one that is kept, or a new one.
    ///
    /// A kept run is used if it agrees with the request in recipe, snapshot, all settings, seed included, and the
    /// weights that it builds on. One that has not ended is resumed, unless another one has.
    ///
    /// - Returns: The run's name.
    /// - Throws: as `train`; `train.locked` while another process trains it.
    public func run(
        as request: TrainingRequest, report: (TrainingProgress) -> Void = { _ in }
    ) throws -> String {
        let beginning = try settled(request, report)
        let kept = keptRuns(of: beginning.recipe, beginning.reader.digest, beginning.settings)
            .filter { $0.foundations == beginning.foundations }
        if let run = kept.first(where: \.isOver)?.run {
            log("\(run) has these settings")
            return run
        }
        guard let run = kept.first?.run else { return try begin(beginning, request, report).run }
        log("\(run) has these settings, and has not ended: resuming it")
        // A run may resume with its own number of threads; afterwards this process has its former number again.
        let threads = TorchRuntime.threadCount()
        var next = request
        (next.recipe, next.dataset, next.preset, next.assignments) = (nil, nil, nil, [])
        (next.epochs, next.resume) = (nil, run)
        defer { try? TorchRuntime.setThreadCount(threads) }
        return try train(next, report: report).run
    }
}
