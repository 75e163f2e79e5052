import ArgumentParser
import Console
import Files
import Systems
import Torch
import Training

struct ClassifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "classify", abstract: "Classify audio files with a run of mel-cnn.",
        discussion: """
            Each file is prepared as those of the run's dataset were. Shown are the class of the greatest mean \
            probability over its segments, that probability, and the segments.

            Exit status: 0 done; 3 done, but some files could not be used.
            """)

    @Argument(help: ArgumentHelp("The run; 'reprise runs' lists them.", valueName: "run"))
    var name: String

    @Argument(help: ArgumentHelp("Audio files.", valueName: "file"), completion: .file())
    var files: [String]

    @OptionGroup var torch: TorchOptions

    /// What a file is taken for, or why it could not be used.
    private struct Answer: Sendable {
        let path: String
        var classes: [Double] = []
        var segments = 0
        var fault: String?
    }

    func run() throws {
        let (name, files) = (name, files)
        let (classes, answers) = try torch.onTorch { trainer, device in
            let classifier = try SoundClassifier(trainer.open(name, device: device))
            let answers = try files.map { path in
                do {
                    let (classes, segments) = try classifier.probabilities(ofFileAt: path)
                    return Answer(path: path, classes: classes, segments: segments)
                } catch let error as BuildError where error.exitStatus == .quarantined {
                    return Answer(path: path, fault: error.message)
                }
            }
            return (classifier.classes, answers)
        }
        let faults = answers.compactMap(\.fault)
        if torch.common.json {
            print(Self.json(name, classes, answers).canonical)
        } else if faults.count < answers.count {
            let rows = answers.filter { $0.fault == nil }.map { answer in
                let greatest = answer.classes.max() ?? 0
                let place = answer.classes.firstIndex(of: greatest) ?? 0
                return [answer.path.shown, classes[place].shown, format(greatest, 2), "\(answer.segments)"]
            }
            print(table(["file", "class", "probability", "segments"], rows), terminator: "")
        }
        if !faults.isEmpty { end(.quarantined, saying: faults) }
    }

    private static func json(_ run: String, _ classes: [String], _ answers: [Answer]) -> JSONValue {
        let files = answers.map { answer -> JSONValue in
            if let fault = answer.fault { return ["path": .string(answer.path), "error": .string(fault)] }
            let shares = zip(classes, answer.classes.map { JSONValue.number($0) })
            return [
                "path": .string(answer.path), "segments": JSONValue(answer.segments),
                "probabilities": .object(Dictionary(uniqueKeysWithValues: shares)),
            ]
        }
        return ["run": .string(run), "files": .array(files)]
    }
}
