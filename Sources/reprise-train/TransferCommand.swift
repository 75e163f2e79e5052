import ArgumentParser
import Console
import Dataset
import Files
import SoundFiles
import Torch
import Training

struct TransferCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer", abstract: "Convert a raw file to another style.")

    @Argument(
        help: ArgumentHelp(
            "A run ('reprise runs' lists them), or an optimised recipe ('reprise recipes').",
            valueName: "run"))
    var name: String

    @Option(
        help: ArgumentHelp("The file to convert, or a folder of such files.", valueName: "file|dir"),
        completion: .file())
    var content: String

    @Option(help: ArgumentHelp("The style to convert to: a label, or a file.", valueName: "label|file"))
    var style: String?

    @Option(help: ArgumentHelp("The source style.", valueName: "label"))
    var contentStyle: String?

    @Option(help: ArgumentHelp("The dataset, if an optimised recipe needs one.", valueName: "dataset"))
    var dataset: String?

    @Option(
        help: ArgumentHelp(
            "The file to write; for a folder, the folder for files of the same paths.", valueName: "file|dir"),
        completion: .file())
    var out: String

    @Option(
        help: ArgumentHelp(
            "Convert from here on, in seconds; of MIDI, from the bar that holds it.", valueName: "seconds"))
    var start: Double?

    @Option(
        help: ArgumentHelp(
            "Convert so many seconds; of MIDI, the bars that hold them.", valueName: "seconds"))
    var duration: Double?

    @Flag(help: "Keep the stereo image of recordings (default: mono).")
    var stereo = false

    @Option(help: ArgumentHelp("Set a parameter of the transfer; may be repeated.", valueName: "key=value"))
    var set: [String] = []

    @Option(
        help: ArgumentHelp("Write pictures and intermediate results to this folder.", valueName: "dir"),
        completion: .directory)
    var pictures: String?

    @OptionGroup var torch: TorchOptions

    func run() throws {
        guard !RawFile.isSame(content, out) else {
            throw TrainingError(.usage, "--out is the content itself, which would be lost; name another file")
        }
        if RawFile.isFolder(content) {
            try runFolder()
            return
        }
        let (name, dataset, set, content, out) = (name, dataset, set, content, out)
        let (conversion, needsFigures) = (try conversion(), pictures != nil)
        let result = try torch.onTorch { trainer, device in
            let source = try conversion.source(content, for: out)
            let system = try TransferSystem(
                name, dataset: dataset, assignments: set, device: device, of: trainer)
            return try conversion.convert(source, to: out, by: system, needsFigures: needsFigures)
        }
        if let pictures {
            try result.transfer.figures.write(to: pictures)
            for file in result.transfer.snapshots {
                try OutputFile.write(file.bytes, to: "\(pictures)/\(file.name)")
                Terminal.standardError.writeLine("snapshot \(pictures)/\(file.name)")
            }
        }
        if torch.common.json {
            print(json(result).canonical)
            return
        }
        let lines =
            [("out", out)]
            + result.transfer.measures.map { ($0.name.replacing("_", with: " "), Self.shown($0.value)) }
            + (result.transfer.wasCached ? [("cached", "the same transfer was made before")] : [])
            + [("time", "\(format(result.seconds, 2)) s")]
        let width = max(11, (lines.map(\.0.count).max() ?? 0) + 2)
        for (name, value) in lines {
            print(name.padded(to: width) + value)
        }
    }

    /// Converts each file of a folder; one that fails is reported, and the others are converted.
    private func runFolder() throws {
        guard pictures == nil else {
            throw TrainingError(.usage, "--pictures belongs to the transfer of a single file")
        }
        let (name, dataset, set, content, out) = (name, dataset, set, content, out)
        let names = try RawFile.files(below: content)
        guard !names.isEmpty else { throw TrainingError(.usage, "\(content) holds no files") }
        let conversion = try conversion()
        let results = try torch.onTorch { trainer, device in
            let system = try TransferSystem(
                name, dataset: dataset, assignments: set, device: device, of: trainer)
            var batch = BatchProgress(of: names.count)
            return try names.compactMap { name -> Conversion.Result? in
                let target = Conversion.target(of: "\(content)/\(name)", "\(out)/\(name)")
                let progress = "\(batch.next()): \(name)"
                do {
                    try OutputFile.makeFolder(RawFile.folder(of: target))
                    let source = try conversion.source("\(content)/\(name)", for: target)
                    let result = try conversion.convert(source, to: target, by: system) {
                        Terminal.standardError.writeLine(progress)
                    }
                    if result.transfer.wasCached {
                        Terminal.standardError.writeLine(progress + " (cached)")
                    } else {
                        batch.count(result.seconds)
                    }
                    return result
                } catch let error as TrainingError where error.code == .file {
                    Terminal.standardError.writeLine("skipped \(name): \(error.message)")
                    return nil
                }
            }
        }
        let failed = names.count - results.count
        let cached = results.count { $0.transfer.wasCached }
        if torch.common.json {
            print(JSONValue.array(results.map(json)).canonical)
        } else {
            print("out        \(out)")
            print(
                "files      \(grouped(results.count)) converted"
                    + (cached > 0 ? ", \(grouped(cached)) of them from the cache" : "")
                    + (failed > 0 ? ", \(grouped(failed)) skipped" : ""))
        }
        if failed > 0 { end(results.isEmpty ? .failed : .quarantined) }
    }

    /// What is the same for all files.
    ///
    /// A run that knows styles by labels takes a file's name for a label; a recipe that is optimised takes the file.
    private func conversion() throws -> Conversion {
        let file = try style.flatMap { name in
            RawFile.exists(name) ? RawInput(path: name, bytes: try RawFile.read(name)) : nil
        }
        return Conversion(
            style: style, styleFile: file, contentStyle: contentStyle,
            part: try TransferPart(start: start, duration: duration), isStereo: stereo)
    }

    private func json(_ result: Conversion.Result) -> JSONValue {
        var object: [String: JSONValue] = [
            "out": .string(result.path), "run": .string(name), "seconds": .number(result.seconds),
            "cached": .bool(result.transfer.wasCached), "measures": result.transfer.measures.json,
        ]
        object["foundations"] = result.transfer.record["foundations"]
        return .object(object)
    }

    /// A count without decimals, another number with two.
    private static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? grouped(Int(value)) : format(value, 2)
    }
}
