public import Files
public import Storage

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Who needs an object of the cache, with all that it reaches: the one notion by which `gc` keeps, `verify` looks and
/// `datasets` lists.
public struct Holder: Sendable, Hashable {
    /// What holds.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// `refs/<dataset>`, or `refs/<dataset>@<n>` for an older snapshot.
        case reference
        /// `runs/<run>/run.json`, whose member `snapshot` is the object's hash.
        case run
        /// A process that works with it right now, by its file in `holders`.
        case process
        /// The caller's own choice.
        case pin
    }

    /// What holds.
    public let kind: Kind
    /// The reference, the run, or what the process does, such as `serve piano`.
    public let name: String
    /// What is held.
    public let snapshot: Digest

    /// The file that reports about it, relative to the cache.
    var path: String {
        switch kind {
        case .reference: "refs/\(name)"
        case .run: "runs/\(name)/run.json"
        case .process, .pin: "holders"
        }
    }

    /// The holder for people, such as `run velocity-cnn-1`.
    public var description: String {
        switch kind {
        case .reference: name
        case .run: "run \(name)"
        case .process: "process '\(name)'"
        case .pin: "pin \(name)"
        }
    }

    /// The holder as an object.
    public var json: JSONValue {
        ["kind": .string(kind.rawValue), "name": .string(name), "snapshot": JSONValue(snapshot)]
    }
}

/// Keeps a snapshot from being collected for as long as it lives.
///
/// It is a locked file in `holders`; the system gives up the lock when the process ends, however it ends.
public final class Hold: Sendable {
    private let disk: Disk
    private let path: String
    private let descriptor: Int32

    fileprivate init(_ disk: Disk, path: String, descriptor: Int32) {
        self.disk = disk
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // Before the lock is given up: the process that takes it next sees that the file has gone.
        _ = disk.calls.unlink(path)
        disk.close(descriptor)
    }
}

extension Cache {
    /// Keeps a snapshot, and all that it reaches, from being collected while this process works with it.
    ///
    /// - Parameters:
    ///   - snapshot: which.
    ///   - name: what the process does, for people, such as `train velocity-cnn-1`.
    /// - Returns: lets go when it is released; nil where the cache may not be written.
    /// - Throws: `build.object-missing` when the snapshot has been collected; `build.interrupted`, `build.io`.
    public func hold(_ snapshot: Digest, for name: String) throws(BuildError) -> Hold? {
        let hold: Hold?
        do throws(BuildError) {
            hold = try register(snapshot, name)
        } catch {
            guard error.code == .readOnly || error.code == .diskFull else { throw error }
            log("\(path)/holders cannot be written: a gc meanwhile may remove what '\(name)' uses")
            hold = nil
        }
        guard holds(snapshot) || store.isPending(snapshot) else {
            throw BuildError(
                .objectMissing, "snapshot \(snapshot) is not in the cache any more; build the dataset again",
                canRetry: true)
        }
        return hold
    }

    private func register(_ snapshot: Digest, _ name: String) throws(BuildError) -> Hold {
        try disk.makeDirectories("\(path)/holders")
        // A collection that is under way has listed the holders already: wait for its end.
        let gate = try Lock(
            "\(path)/holders/lock", disk: disk, isShared: true, wait: true, cancellation: cancellation,
            waiting: { log("gc is at work in \(path); waiting for it to end") })
        defer { withExtendedLifetime(gate) {} }
        let file = "\(path)/holders/\(getpid())-\(FileStat.now)-\(UInt32.random(in: 0...UInt32.max))"
        let descriptor = try disk.open(file, O_RDWR | O_CREAT | O_EXCL)
        let hold = Hold(disk, path: file, descriptor: descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw .system("lock", file, errno) }
        let json: JSONValue = ["name": .string(name), "snapshot": JSONValue(snapshot)]
        try (json.canonicalBytes + [0x0A]).span.withUnsafeBytes { (raw) throws(BuildError) in
            try disk.write(raw, to: descriptor, at: 0, path: file)
        }
        return hold
    }

    /// Keeps new holders out while it lives; nil where there is no room for its file.
    func closeHolders() throws(BuildError) -> Lock? {
        do throws(BuildError) {
            try disk.makeDirectories("\(path)/holders")
            return try Lock(
                "\(path)/holders/lock", disk: disk, wait: true, cancellation: cancellation, waiting: {})
        } catch {
            guard error.code == .diskFull else { throw error }
            return nil
        }
    }

    /// Everything that holds a snapshot, references first.
    ///
    /// - Throws: `build.damaged` for a reference that is no hash, and for a run whose `run.json` cannot be read;
    ///   `build.foreign-file`; `build.io`.
    public func holders() throws(BuildError) -> [Holder] {
        var holders: [Holder] = []
        for reference in try references() {
            let name = reference.number.map { "\(reference.dataset)@\($0)" } ?? reference.dataset
            holders.append(Holder(kind: .reference, name: name, snapshot: reference.snapshot))
        }
        for name in runNames() {
            if let snapshot = try snapshot(ofRun: name) {
                holders.append(Holder(kind: .run, name: name, snapshot: snapshot))
            }
        }
        return holders + liveProcesses()
    }

    /// The folders in `runs`.
    func runNames() -> [String] {
        disk.names(in: "\(path)/runs").filter { Self.isName($0) && disk.isFolder("\(path)/runs/\($0)") }
    }

    /// What a run learned from; nil for a folder without `run.json`, which is no run yet.
    func snapshot(ofRun name: String) throws(BuildError) -> Digest? {
        let file = "\(path)/runs/\(name)/run.json"
        guard let bytes = try disk.contents(of: file) else { return nil }
        guard let digest = (try? JSONValue(parsing: bytes))?["snapshot"]?.string.flatMap({ Digest(hex: $0) })
        else {
            throw BuildError(
                .damaged,
                "\(file) does not name a snapshot, so what the run needs is not known; restore it, or remove the run with 'reprise runs --remove \(name)'",
                canRetry: false)
        }
        return digest
    }

    /// What living processes hold; files that dead ones left are skipped.
    private func liveProcesses() -> [Holder] {
        var holders: [Holder] = []
        for file in holderFiles() {
            guard let descriptor = try? disk.open(file, O_RDONLY) else { continue }
            defer { disk.close(descriptor) }
            guard flock(descriptor, LOCK_SH | LOCK_NB) != 0,
                let bytes = try? disk.contents(of: file, limit: 1 << 16),
                let json = try? JSONValue(parsing: bytes), let name = json["name"]?.string,
                let snapshot = json["snapshot"]?.string.flatMap({ Digest(hex: $0) })
            else { continue }
            holders.append(Holder(kind: .process, name: name, snapshot: snapshot))
        }
        return holders
    }

    /// Removes the files of processes that are no more.
    func sweepHolders() throws(BuildError) {
        for file in holderFiles() {
            guard let descriptor = try? disk.open(file, O_RDONLY) else { continue }
            defer { disk.close(descriptor) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { try disk.remove(file) }
        }
    }

    private func holderFiles() -> [String] {
        disk.names(in: "\(path)/holders").filter { name in
            let parts = name.split(separator: "-", omittingEmptySubsequences: false)
            return parts.count == 3
                && parts.allSatisfy { part in
                    !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                }
        }.map { "\(path)/holders/\($0)" }
    }
}
