import ArgumentParser
import Console
import Files
import Insight
import Torch
import Training

struct TrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train", abstract: "Train a recipe on a dataset, or resume a run.",
        discussion: """
            A run is stored in <cache>/runs/<run>/: best.safetensors (weights by PyTorch's names), last.safetensors (all \
            that training needs to resume), metrics.jsonl, TensorBoard events, run.json.
            Exit status: 0 done, or a limit was met; 10 no such dataset or run; 11 another process trains the run; \
            64 the recipe cannot be trained on the dataset, or a parameter is wrong; 130 interrupted, the run is kept.
            """)

    @Argument(help: "The recipe; 'reprise recipes' lists them. With --resume it may be left out.")
    var recipe: String?

    @Option(help: ArgumentHelp("The dataset to train on.", valueName: "dataset"))
    var dataset: String?

    @Option(help: ArgumentHelp("The number of epochs (default: the recipe's).", valueName: "n"))
    var epochs: Int?

    @Option(help: ArgumentHelp("Stop at this step, and keep the run.", valueName: "n"))
    var maxSteps: Int?

    @Option(help: ArgumentHelp("Stop after this many minutes, and keep the run.", valueName: "m"))
    var maxMinutes: Double?

    @Option(
        help: ArgumentHelp(
            "The recipe's settings: as published, or for training without a GPU.", valueName: "preset"))
    var preset: String?

    @Option(help: ArgumentHelp("Resume this run from its last checkpoint.", valueName: "run"))
    var resume: String?

    @Option(help: ArgumentHelp("Set a parameter of the recipe; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp(
            "Steps between checkpoints (default: an epoch, or five minutes).", valueName: "n"))
    var checkpointSteps: Int?

    @OptionGroup var torch: TorchOptions

    func validate() throws {
        for (name, value) in [
            ("--epochs", epochs), ("--max-steps", maxSteps), ("--checkpoint-steps", checkpointSteps),
        ] {
            if let value, value < 1 { throw ValidationError("\(name) is \(value); write 1 or more") }
        }
        if let maxMinutes, !(maxMinutes > 0) {
            throw ValidationError("--max-minutes is \(maxMinutes); write more than 0")
        }
        if resume == nil, recipe == nil || dataset == nil {
            throw ValidationError("write 'reprise train RECIPE --dataset DATASET', or --resume RUN")
        }
    }

    func run() throws {
        Cancellation.catchSignals()
        let request = TrainingRequest(
            recipe: recipe, dataset: dataset, preset: preset, assignments: set, epochs: epochs,
            resume: resume, threads: torch.threads, device: torch.device,
            limits: TrainingLimits(
                steps: maxSteps, minutes: maxMinutes, stepsBetweenCheckpoints: checkpointSteps))
        let bar = TrainingBar()
        defer { bar.clear() }
        let summary = try torch.onTorch { trainer, _ in
            try trainer.train(request) { bar.report($0) }
        }
        bar.clear()
        if torch.common.json {
            print(summary.json.canonical)
            return
        }
        print("run        \(summary.run)")
        print("recipe     \(summary.recipe)")
        print("snapshot   \(summary.snapshot.short)")
        print("steps      \(grouped(summary.steps)), \(grouped(summary.epochs)) whole epochs")
        if let best = summary.best {
            print("best       \(best.metric) \(format(best.value, 4)) in epoch \(best.epoch)")
        }
        print(
            "time       \(format(summary.seconds, 1)) s, \(format(summary.waiting * 100, 1)) % of it waiting for batches"
        )
        if !summary.isOver { print("resume with   reprise train --resume \(summary.run)") }
    }
}
