import Audio
import Files
import Insight
import Runs
import SoundFiles

extension DatasetExplorer {
    func runs() throws -> [RunListing] { try RunListing.all(cachePath: cachePath) }

    /// The run that `name=<run>` names: one of those that are listed, so that no name reaches the disk.
    private func run(_ request: ExplorerRequest) throws -> RunListing {
        guard let run = try runs().first(where: { $0.name == request["name"] }) else {
            throw ExplorerError(.notFound, "no such run")
        }
        return run
    }

    func describeRun(_ request: ExplorerRequest) throws -> JSONValue {
        let run = try run(request)
        return [
            "run": run.details, "curves": RunMetrics(of: run, cachePath: cachePath)?.json ?? [],
            "transfers": .array(RunTransfer.all(of: run, cachePath: cachePath).map(\.json)),
        ]
    }

    /// What `reprise evaluate` kept of a run.
    ///
    /// Files of weights are read for it, so it is not a part of what a page asks for again and again.
    func describeEvaluations(_ request: ExplorerRequest) throws -> JSONValue {
        let evaluations = RunEvaluation.all(ofRun: try run(request).name, cachePath: cachePath)
        return [
            "evaluations": .array(
                evaluations.map { ["is_current": .bool($0.isCurrent), "evaluation": $0.json] })
        ]
    }

    /// The notes or the sound of a part of a transfer: `name=<run>`, `number=<n>`, `part=content|style|out`.
    func transfer(_ request: ExplorerRequest) throws -> ExplorerResponse {
        let transfers = RunTransfer.all(of: try run(request), cachePath: cachePath)
        guard let number = request["number"].flatMap({ Int($0) }), let name = request["part"],
            let path = transfers.first(where: { $0.number == number })?.parts[name]
        else { throw ExplorerError(.notFound, "no such transfer") }
        if let music = SoundingMusic(midiFile: path) { return .json(music.json) }
        guard let view = try? WaveView(path: path, frames: nil) else {
            throw ExplorerError(.notFound, "this part cannot be played")
        }
        return try ExplorerResponse(view, range: request.range)
    }
}
