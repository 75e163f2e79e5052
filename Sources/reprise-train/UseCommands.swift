import ArgumentParser
import Build
import Console
import Dataset
import Insight
import Judging
import Loading
import Manifest
import SoundFiles
import Systems
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
        let (result, seconds) = try transfer(content, to: out, styleFile())
        if let pictures {
            try result.figures.write(to: pictures)
            for file in result.snapshots {
                try OutputFile.write(file.bytes, to: "\(pictures)/\(file.name)")
                Terminal.standardError.writeLine("snapshot \(pictures)/\(file.name)")
            }
        }
        if torch.common.json {
            print(json(result, out, seconds).canonical)
            return
        }
        let lines =
            [("out", out)]
            + result.measures.filter(\.value.isFinite).map {
                ($0.name.replacing("_", with: " "), Self.shown($0.value))
            }
            + [("time", "\(format(seconds, 2)) s")]
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
        let names = try FolderListing.files(below: content)
        guard !names.isEmpty else { throw TrainingError(.usage, "\(content) holds no files") }
        let styleFile = try styleFile()
        var converted: [JSONValue] = []
        var failed = 0
        for (number, name) in names.enumerated() {
            let target = Self.target(of: "\(content)/\(name)", "\(out)/\(name)")
            Terminal.standardError.writeLine("\(number + 1) of \(names.count): \(name)")
            do {
                if let slash = target.lastIndex(of: "/") {
                    try OutputFile.makeFolder(String(target[..<slash]))
                }
                let (result, seconds) = try transfer("\(content)/\(name)", to: target, styleFile)
                converted.append(json(result, target, seconds))
            } catch let error as TrainingError where error.code == .file {
                failed += 1
                Terminal.standardError.writeLine("skipped \(name): \(error.message)")
            }
        }
        if torch.common.json {
            print(JSONValue.array(converted).canonical)
        } else {
            print("out        \(out)")
            print(
                "files      \(grouped(converted.count)) converted"
                    + (failed > 0 ? ", \(grouped(failed)) skipped" : ""))
        }
        if failed > 0 { end(converted.isEmpty ? .failed : .quarantined) }
    }

    /// The file whose style to convert to.
    ///
    /// A run that knows styles by labels takes a file's name for a label; a recipe that is optimised takes the file.
    private func styleFile() throws -> RawInput? {
        try style.flatMap { name in
            RawFile.exists(name) ? RawInput(path: name, bytes: try RawFile.read(name)) : nil
        }
    }

    private func transfer(
        _ content: String, to out: String, _ styleFile: RawInput?
    ) throws -> (Transferred, seconds: Double) {
        let (name, set, begin) = (name, set, ContinuousClock.now)
        let (style, contentStyle, dataset, stereo) = (style, contentStyle, dataset, stereo)
        let part = try TransferPart(start: start, duration: duration)
        let bytes = try bytes(of: content, part, for: out)
        let result = try torch.onTorch { trainer, device in
            try trainer.transfer(by: name, dataset: dataset, assignments: set, device: device) { settings in
                TransferRequest(
                    content: bytes, path: content, style: style, styleFile: styleFile,
                    contentStyle: contentStyle, settings: settings, part: part, isStereo: stereo,
                    folder: RawFile.folder(of: out))
            } finish: { result, request, isRun in
                try Self.write(result.output, to: out)
                if isRun { try trainer.keep(result, writtenTo: out, of: request, by: name) }
            }
        }
        return (result, (ContinuousClock.now - begin) / .seconds(1))
    }

    /// Where the result of a folder's file goes: sound is written as WAV or FLAC only.
    private static func target(of content: String, _ path: String) -> String {
        if case .midi = FileStages.kind(ofFile: content) { return path }
        return SoundFileFormat(path: path, .pcm16) == nil ? OutputPair.stem(path) + ".wav" : path
    }

    /// The bytes of a score, or of its bars that hold the part; the first of a recording, which is read from its file.
    private func bytes(of content: String, _ part: TransferPart, for out: String) throws -> [UInt8] {
        guard case .midi = FileStages.kind(ofFile: content) else {
            // Minutes may pass before it is written. A file that is no music at all is for the recipe to refuse.
            if SoundFileFormat(path: out, .pcm16) == nil, !out.lowercased().hasSuffix(".mid") {
                throw Self.noSound(out)
            }
            return try RawFile.content(content, isScore: false)
        }
        guard !stereo else {
            throw TrainingError(.usage, "--stereo is for recordings; \(content) holds notes")
        }
        let bytes = try RawFile.content(content, isScore: true)
        if part.isWhole { return bytes }
        do {
            return try FileStages.excerpt(
                ofScore: bytes, path: content, start: part.start, duration: part.duration ?? .infinity)
        } catch {
            throw TrainingError(.file, error.message)
        }
    }

    /// Writes a file; sound as WAV or FLAC of 16 bits, by the path's ending.
    static func write(_ output: TransferOutput, to path: String) throws {
        switch output {
        case .file(let bytes): try OutputFile.write(bytes, to: path)
        case .sound(let sound):
            guard let format = SoundFileFormat(path: path, .pcm16) else { throw noSound(path) }
            let writer = try SoundFileWriter(
                path: path, format: format, sampleRate: sound.sampleRate, channels: sound.channelCount)
            let block = 1 << 16
            for start in stride(from: 0, to: sound.length, by: block) {
                try writer.write(sound.samples(start..<min(sound.length, start + block)))
            }
            _ = try writer.finish()
        }
    }

    private static func noSound(_ path: String) -> TrainingError {
        TrainingError(.usage, "\(path) is to hold sound; name a file that ends in .wav or .flac")
    }

    private func json(_ result: Transferred, _ out: String, _ seconds: Double) -> JSONValue {
        var object: [String: JSONValue] = [
            "out": .string(out), "run": .string(name), "seconds": .number(seconds),
            "measures": result.measures.json,
        ]
        if !result.foundations.isEmpty { object["foundations"] = .object(result.foundations) }
        return .object(object)
    }

    /// A count without decimals, another number with two.
    private static func shown(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? grouped(Int(value)) : format(value, 2)
    }
}

struct RecipesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recipes", abstract: "List the recipes, trained and optimised.")

    @OptionGroup var common: CommonOptions

    func run() throws {
        if common.json {
            print(JSONValue.array(Recipe.all.map(\.json)).canonical)
            return
        }
        for recipe in Recipe.all {
            let origin = recipe.paper == "none" ? "no paper" : "paper \(recipe.paper)"
            print("\(recipe.name)  (\(origin))  \(recipe.summary)")
            if case .optimised = recipe.kind { print("    optimised: 'reprise transfer' takes its name") }
            if !recipe.needs.isEmpty {
                print("    needs \(recipe.needs.map(\.summary).joined(separator: ", "))")
            }
            if !recipe.presets.isEmpty {
                print("    presets \(recipe.presets.keys.sorted().joined(separator: ", "))")
            }
            for parameter in recipe.parameters {
                let choices =
                    parameter.choices.isEmpty ? "" : " (\(parameter.choices.joined(separator: " | ")))"
                print("    \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)\(choices)")
            }
            for parameter in recipe.transferParameters {
                print("    transfer: \(parameter.name)=\(parameter.standard.canonical)  \(parameter.summary)")
            }
        }
    }
}
