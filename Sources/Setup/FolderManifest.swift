import Files
import Manifest

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The manifest that `reprise init` writes for a folder.
public struct FolderManifest: Sendable {
    /// What the folder holds.
    public let survey: FolderSurvey
    /// The manifest's file.
    public let path: String
    /// The manifest with its comments.
    public let text: String

    /// Makes the manifest of a folder; writes nothing.
    ///
    /// - Parameters:
    ///   - folder: the folder.
    ///   - path: the manifest's file; nil: beside the folder, under its name.
    /// - Throws: `BuildError` if the folder cannot be read, or holds neither MIDI nor audio.
    public init(of folder: String, path: String? = nil) throws {
        let absolute = try Self.realPath(of: folder)
        survey = try FolderSurvey(folder)
        guard !survey.midi.isEmpty || !survey.audio.isEmpty else {
            throw BuildError(
                .inputOutput,
                "\(folder) contains neither MIDI nor audio files; name the folder with the music",
                canRetry: false)
        }
        let name = absolute.split(separator: "/").last.map(String.init) ?? "music"
        let parent = absolute.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        // Beside the folder as the user named it, so that messages show a path that the user knows.
        let beside =
            folder.split(separator: "/").last.map(String.init) == name
            ? folder.split(separator: "/", omittingEmptySubsequences: false).reversed().drop { $0.isEmpty }
                .dropFirst().reversed().map { $0 + "/" }.joined() : parent + "/"
        self.path = path ?? "\(beside)\(name).yaml"
        let directory = try Self.directory(of: self.path)
        text = Self.text(
            survey, dataset: Self.datasetName(name), base: relativePath(from: directory, to: absolute))
    }

    /// Writes the manifest, if there is no such file yet.
    ///
    /// - Throws: `BuildError`; `ManifestError` if the manifest would not be read, which is a fault of this program.
    public func write() throws {
        let manifest = try Manifest(bytes: Array(text.utf8), file: path, directory: Self.directory(of: path))
        _ = try EntryList(manifest, file: path, directory: Self.directory(of: path)).described()
        try NewFile.write(text, to: path)
    }

    /// The absolute real path of a file's folder.
    static func directory(of path: String) throws(BuildError) -> String {
        try realPath(of: path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".")
    }

    private static func realPath(of folder: String) throws(BuildError) -> String {
        do throws(FileFailure) {
            return try Files.realPath(of: folder)
        } catch {
            throw BuildError(.inputOutput, "cannot open \(folder): \(error.message)", canRetry: false)
        }
    }

    /// A folder's name as a dataset's: other characters become '-'.
    static func datasetName(_ name: String) -> String {
        let kept = name.map { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") ? $0 : "-" }
        let parts = String(kept).split(separator: "-").joined(separator: "-")
        return parts.isEmpty ? "music" : String(parts.prefix(100))
    }
}

/// The path that leads from one absolute folder to another; empty if they are one.
func relativePath(from: String, to: String) -> String {
    let (a, b) = (from.split(separator: "/"), to.split(separator: "/"))
    let shared = zip(a, b).prefix { $0 == $1 }.count
    return (Array(repeating: "..", count: a.count - shared) + b[shared...].map(String.init)).joined(
        separator: "/")
}

/// A file that must not be there yet.
enum NewFile {
    /// Creates the file with a text.
    ///
    /// - Throws: `build.io`, also if there is a file of this name: nothing is overwritten.
    static func write(_ text: String, to path: String) throws(BuildError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else {
            let number = errno
            if number == EEXIST { throw exists(path) }
            throw BuildError(
                .inputOutput,
                "cannot write \(path): \(String(cString: strerror(number))); name another file with --out",
                canRetry: false)
        }
        defer { close(descriptor) }
        let isWritten = Array(text.utf8).withUnsafeBytes { writeAll($0, to: descriptor) }
        guard isWritten else {
            let reason = String(cString: strerror(errno))
            unlink(path)
            throw BuildError(.inputOutput, "cannot write \(path): \(reason)", canRetry: true)
        }
    }

    /// Says that a file is there already.
    static func exists(_ path: String) -> BuildError {
        BuildError(
            .inputOutput,
            "\(path) exists, and nothing is overwritten; remove it, or name another file with --out",
            canRetry: false)
    }
}
