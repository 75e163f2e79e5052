public import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The removal of a run: its files go, and with `run.json` what it held for `gc`.
public struct RunRemoval: Sendable {
    /// The run's name.
    public let run: String
    /// The bytes that were freed.
    public let bytes: Int
    /// Files in the run's folder that no training wrote; they stay, and so does the folder.
    public let left: [String]

    /// Removes a run.
    ///
    /// Only files that a training, an evaluation or a transfer writes are removed (`docs/formats.md`, Run); `run.json` goes
    /// last, so that a removal that was interrupted can be done again.
    ///
    /// - Throws: `build.no-dataset` when there is no such run; `build.locked` while it is trained; `build.io` when
    ///   another run builds on it, or a file cannot be removed.
    public static func remove(_ name: String, cachePath: String) throws(BuildError) -> RunRemoval {
        let runs = try RunListing.all(cachePath: cachePath)
        let folder = "\(cachePath)/runs/\(name)"
        let isName = !name.isEmpty && !name.hasPrefix(".") && !name.contains("/")
        guard isName, isKind(S_IFDIR, folder) else {
            throw RunListing.missing(name, among: runs, cachePath: cachePath)
        }
        let others = runs.filter { $0.name != name && $0.foundations.contains(name) }.map(\.name)
        guard others.isEmpty else {
            throw BuildError(
                .inputOutput,
                "\(others.joined(separator: ", ")) \(others.count == 1 ? "builds" : "build") on \(name); remove \(others.count == 1 ? "it" : "them") first",
                canRetry: false)
        }
        let lock = open(folder + "/lock", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        defer { if lock >= 0 { close(lock) } }
        guard lock < 0 || flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            throw BuildError(
                .locked, "\(name) is being trained; stop the training first", canRetry: true)
        }
        let before = RunFiles.size(of: folder)
        for number in RunFiles.names(in: "\(folder)/transfers") where Int(number) != nil {
            let transfer = "\(folder)/transfers/\(number)"
            for file in RunFiles.names(in: transfer) where isOfTransfer(file) {
                try unlinkFile("\(transfer)/\(file)")
            }
            rmdir(transfer)
        }
        if isKind(S_IFDIR, "\(folder)/transfers") { rmdir("\(folder)/transfers") }
        for file in RunFiles.names(in: folder) where isOfTraining(file) {
            try unlinkFile("\(folder)/\(file)")
        }
        let left = RunFiles.names(in: folder).filter { $0 != "run.json" && $0 != "lock" }
        try unlinkFile("\(folder)/run.json")
        try unlinkFile("\(folder)/lock")
        rmdir(folder)
        return RunRemoval(
            run: name, bytes: before - RunFiles.size(of: folder),
            left: left.sorted().map { "\(folder)/\($0)" })
    }

    private static func isOfTraining(_ file: String) -> Bool {
        let whole = file.hasSuffix(".new") ? String(file.dropLast(4)) : file
        return ["last.safetensors", "metrics.jsonl"].contains(whole)
            || whole.hasPrefix("best.") && whole.hasSuffix(".safetensors")
            || whole.hasPrefix("evaluation.") && whole.hasSuffix(".json")
            || whole.hasPrefix("events.out.tfevents.") || file == "run.json.new"
    }

    private static func isOfTransfer(_ file: String) -> Bool {
        let whole = file.hasSuffix(".new") ? String(file.dropLast(4)) : file
        return whole == "transfer.json" || ["content", "style", "out"].contains(whole.prefix { $0 != "." })
    }

    private static func isKind(_ kind: mode_t, _ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == kind
    }

    private static func unlinkFile(_ path: String) throws(BuildError) {
        guard unlink(path) == 0 || errno == ENOENT else {
            throw BuildError(
                .inputOutput, "cannot remove \(path): \(String(cString: strerror(errno)))", canRetry: true)
        }
    }
}
