import Audio
import Build
public import Files
import Foundation
import Loading
import SoundFiles
import Storage

/// Whether this machine, and a cache, are fit for work.
public struct Doctor: Sendable {
    /// What was looked at, and what to do about it.
    public struct Finding: Sendable, Hashable {
        /// How it is.
        public enum State: String, Sendable {
            /// As it should be.
            case ok
            /// Something that only some commands need is missing.
            case note
            /// Something that is needed does not work.
            case broken
        }

        /// What was looked at.
        public let name: String
        /// How it is.
        public let state: State
        /// What was found.
        public let text: String
        /// What to do; nil if nothing has to be done.
        public let help: String?
    }

    /// What was found.
    public let findings: [Finding]
    /// The versions of libraries, by name.
    public let libraries: [String: String]

    /// Whether nothing that is needed is broken.
    public var isFit: Bool { !findings.contains { $0.state == .broken } }

    /// Looks at everything; changes nothing.
    ///
    /// - Parameters:
    ///   - cachePath: the cache's folder, which need not exist.
    ///   - programs: the folder of this program, where its siblings are.
    ///   - environment: the variables, of which PATH and TMPDIR are used; nil: this process's.
    public init(cachePath: String, programs: String, environment: [String: String]? = nil) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        libraries = AudioLibraries.versions.merging(
            ["SQLite": CacheCondition.sqliteVersion ?? "does not start"]) { first, _ in first }
        findings =
            Self.machine() + [
                Self.ffmpeg(environment), Self.trainer(programs), Self.server(programs),
                Self.temporary(environment),
            ] + Self.cache(cachePath)
    }

    // MARK: Programs

    private static func machine() -> [Finding] {
        let memory = Int(ProcessInfo.processInfo.physicalMemory)
        return [
            Finding(
                name: "machine", state: .ok,
                text: "\(count(Workers.processors, "processor")), \(byteSize(memory)) of memory", help: nil)
        ]
    }

    private static func ffmpeg(_ environment: [String: String]) -> Finding {
        let help =
            "install ffmpeg to read m4a, AAC, WMA, WavPack and the sound of videos; everything else works"
        guard let program = ffmpegProgram(searching: environment["PATH"]) else {
            return Finding(name: "ffmpeg", state: .note, text: "not found", help: help)
        }
        guard let output = firstLine(of: program, ["-version"]), output.status == 0 else {
            return Finding(name: "ffmpeg", state: .note, text: "\(program) does not start", help: help)
        }
        let version = output.line.split(separator: " ").dropFirst(2).first.map(String.init) ?? ""
        return Finding(name: "ffmpeg", state: .ok, text: "\(version), \(program)", help: nil)
    }

    private static func trainer(_ programs: String) -> Finding {
        let program = programs + "/reprise-train"
        let help =
            "train, evaluate, transfer and classify need it: run 'swift build --product reprise-train' where the variable LIBTORCH names a folder of libtorch"
        guard FileManager.default.isExecutableFile(atPath: program) else {
            return Finding(name: "libtorch", state: .note, text: "\(program) is not there", help: help)
        }
        guard let output = firstLine(of: program, ["--version"]), output.status == 0 else {
            return Finding(
                name: "libtorch", state: .broken,
                text: "\(program) does not start; libtorch may have been moved",
                help: help)
        }
        return Finding(name: "libtorch", state: .ok, text: "reprise-train \(output.line) starts", help: nil)
    }

    private static func server(_ programs: String) -> Finding {
        let isThere = FileManager.default.isExecutableFile(atPath: programs + "/reprise-serve")
        return Finding(
            name: "explorer", state: isThere ? .ok : .note,
            text: isThere ? "reprise-serve is there" : "\(programs)/reprise-serve is not there",
            help: isThere ? nil : "'reprise serve' needs it: run 'swift build --product reprise-serve'")
    }

    /// The first line that a program prints, and its status; nil if it does not start.
    private static func firstLine(of program: String, _ arguments: [String]) -> (line: String, status: Int32)?
    {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return nil }
        let bytes = (try? pipe.fileHandleForReading.readToEnd()) ?? nil
        process.waitUntilExit()
        let text = String(decoding: bytes ?? Data(), as: UTF8.self)
        return (text.split(separator: "\n").first.map(String.init) ?? "", process.terminationStatus)
    }

    // MARK: Folders

    private static func temporary(_ environment: [String: String]) -> Finding {
        let folder = environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
        let isWritable = FileManager.default.isWritableFile(atPath: folder)
        return Finding(
            name: "temporary", state: isWritable ? .ok : .broken,
            text: isWritable ? "\(folder) can be written" : "cannot write in \(folder)",
            help: isWritable ? nil : "set TMPDIR to a folder that you can write")
    }

    private static func cache(_ path: String) -> [Finding] {
        func finding(_ state: Finding.State, _ text: String, _ help: String? = nil) -> Finding {
            Finding(name: "cache", state: state, text: text, help: help)
        }
        switch CacheCondition(path: path) {
        case .absent(let parent):
            return [finding(.ok, "none at \(path) yet; the first 'reprise build' makes one"), space(parent)]
        case .cannotBeMade(let reason):
            return [
                finding(
                    .broken, "none at \(path), and \(reason)",
                    "name another folder with --cache or REPRISE_CACHE")
            ]
        case .foreign(let reason):
            return [
                finding(
                    .broken, "\(path) is not a cache of Reprise: \(reason)",
                    "name a new or an empty folder with --cache or REPRISE_CACHE")
            ]
        case .readOnly(let reason):
            return [
                finding(
                    .note, "\(path) can only be read: \(reason)", "to build in it, change its permissions"),
                contents(path), space(path),
            ]
        case .usable: return [finding(.ok, "\(path) can be written"), contents(path), space(path)]
        }
    }

    private static func contents(_ path: String) -> Finding {
        do {
            let listings = try DatasetReader.list(cachePath: path)
            let unreadable = listings.filter { $0.snapshot == nil }
            guard unreadable.isEmpty else {
                return Finding(
                    name: "datasets", state: .broken,
                    text: "cannot read \(unreadable.map(\.name).joined(separator: ", "))",
                    help: "repair the cache with 'reprise verify --repair', or build again")
            }
            let names = Set(listings.map { $0.name.split(separator: "@")[0] })
            return Finding(
                name: "datasets", state: .ok,
                text: "\(count(names.count, "dataset")), \(count(listings.count, "snapshot"))", help: nil)
        } catch {
            let message = (error as? BuildError)?.message ?? "\(error)"
            // An empty folder is a cache that nothing has been built in.
            let isEmpty = (error as? BuildError)?.code == .noCache
            return Finding(
                name: "datasets", state: isEmpty ? .ok : .broken, text: isEmpty ? "none" : message,
                help: isEmpty ? nil : "check the cache with 'reprise verify'")
        }
    }

    private static func space(_ path: String) -> Finding {
        let values = try? FileManager.default.attributesOfFileSystem(forPath: path)
        guard let free = (values?[.systemFreeSize] as? NSNumber)?.intValue,
            let size = (values?[.systemSize] as? NSNumber)?.intValue
        else { return Finding(name: "disk", state: .note, text: "its free space cannot be read", help: nil) }
        let text = "\(byteSize(free)) of \(byteSize(size)) free at \(path)"
        let state: Finding.State = free < 256 << 20 ? .broken : free < 5 << 30 ? .note : .ok
        return Finding(
            name: "disk", state: state, text: text,
            help: state == .ok
                ? nil
                : "free some space ('reprise gc' removes what no dataset needs), or use another disk with --cache"
        )
    }

    // MARK: Output

    /// What was found as an object.
    public var json: JSONValue {
        [
            "fit": .bool(isFit), "libraries": .object(libraries.mapValues { .string($0) }),
            "findings": .array(
                findings.map { finding in
                    [
                        "name": .string(finding.name), "state": .string(finding.state.rawValue),
                        "text": .string(finding.text), "help": finding.help.map { .string($0) } ?? .null,
                    ]
                }),
        ]
    }

    /// What was found as lines for people.
    public var text: String {
        var text = ""
        for finding in findings {
            let name = finding.name.padded(to: 11)
            let state = finding.state == .ok ? "ok      " : finding.state == .note ? "note    " : "broken  "
            text += name + state + finding.text.shown + "\n"
            if let help = finding.help { text += String(repeating: " ", count: 19) + help.shown + "\n" }
        }
        text += "\nlibraries\n"
        for (name, version) in libraries.sorted(by: { utf8Order($0.key, $1.key) }) {
            text += "  \(name.padded(to: 15))\(version)\n"
        }
        text +=
            "\n" + (isFit ? "everything that a build needs works" : "something that is needed is broken")
            + "\n"
        return text
    }
}
