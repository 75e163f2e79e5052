public import Files

/// A name that the cache keeps for a snapshot.
public struct Reference: Sendable, Hashable {
    /// The dataset.
    public let dataset: String
    /// Nil for the newest snapshot; older ones are numbered in time, from 1.
    public let number: Int?
    /// The snapshot.
    public let snapshot: Digest
}

extension Cache {
    /// The newest snapshot of a dataset; nil when there is none.
    ///
    /// - Throws: `build.damaged` when the reference isn't a hash; `build.io`.
    public func snapshot(of dataset: String) throws(BuildError) -> Digest? {
        try readReference(dataset)
    }

    /// Every reference, by dataset; the newest snapshot first, then the older ones from new to old.
    ///
    /// - Throws: `build.damaged` when a reference isn't a hash; `build.io`.
    public func references() throws(BuildError) -> [Reference] {
        var references: [Reference] = []
        for name in referenceNames() {
            guard let snapshot = try readReference(name) else { continue }
            let (dataset, number) = Self.parts(ofReference: name)
            references.append(Reference(dataset: dataset, number: number, snapshot: snapshot))
        }
        return references.sorted {
            ($0.dataset, -($0.number ?? Int.max)) < ($1.dataset, -($1.number ?? Int.max))
        }
    }

    /// Makes a snapshot the newest of a dataset; the one before it becomes `<dataset>@<n>`.
    ///
    /// Nothing is written when it is the newest already.
    package func setReference(_ dataset: String, to snapshot: Digest) throws(BuildError) {
        precondition(Self.isName(dataset), "a dataset's name has letters, digits, '-', '_'; not '\(dataset)'")
        let current: Digest?
        do throws(BuildError) {
            current = try readReference(dataset)
        } catch  where error.code == .damaged {
            current = nil
        }
        if current == snapshot { return }
        if let current {
            let older = try references().filter { $0.dataset == dataset }.compactMap { reference in
                reference.number.map { (number: $0, snapshot: reference.snapshot) }
            }
            let last = older.max { $0.number < $1.number }
            // A build killed between the two writes has kept it already.
            if last?.snapshot != current {
                try write(current, asReference: "\(dataset)@\((last?.number ?? 0) + 1)")
            }
        }
        try write(snapshot, asReference: dataset)
        // What `verify --repair` set aside has been replaced.
        try disk.remove("\(path)/refs/\(dataset).bad")
    }

    /// Whether `refs` holds a dataset's reference, or one that was set aside.
    public func knowsDataset(_ dataset: String) -> Bool {
        !files(ofDataset: dataset).isEmpty
    }

    /// Removes a dataset's references and what its last build left; its objects stay until `gc` finds that nothing else
    /// holds them.
    ///
    /// - Returns: the references that were removed, such as `piano@3`.
    /// - Precondition: the cache was opened for building.
    /// - Throws: `build.no-dataset`; `build.io`.
    public func removeDataset(_ dataset: String) throws(BuildError) -> [String] {
        guard case .building = access else { preconditionFailure("removal in a cache opened for \(access)") }
        let names = files(ofDataset: dataset)
        guard !names.isEmpty else {
            let known = Set(try references().map(\.dataset)).sorted()
            let hint = known.isEmpty ? "it holds none" : suggestion(for: dataset, among: known)
            throw BuildError(
                .noDataset, "no dataset '\(dataset)' in the cache at \(path); \(hint)", canRetry: false)
        }
        for name in names { try disk.remove("\(path)/refs/\(name)") }
        try disk.remove("\(path)/state/\(dataset)")
        try disk.synchronise("\(path)/refs")
        return names
    }

    private func files(ofDataset dataset: String) -> [String] {
        guard Self.isName(dataset) else { return [] }
        return disk.names(in: "\(path)/refs").filter { name in
            let bare = name.hasSuffix(".bad") ? String(name.dropLast(4)) : name
            return Self.parts(ofReference: bare).dataset == dataset
        }
    }

    /// The names in `refs` that are those of references; set-aside ones are left out.
    func referenceNames() -> [String] {
        disk.names(in: "\(path)/refs").filter { !$0.hasSuffix(".bad") && Self.isReference($0) }
    }

    /// Whether a name is a dataset's, or that of an older snapshot.
    package static func isReference(_ name: String) -> Bool { isName(parts(ofReference: name).dataset) }

    /// The dataset, and the number of an older snapshot: up to nine digits, from 1.
    package static func parts(ofReference name: String) -> (dataset: String, number: Int?) {
        guard let at = name.lastIndex(of: "@") else { return (name, nil) }
        let digits = name[name.index(after: at)...].utf8
        guard (1...9).contains(digits.count), digits.first != UInt8(ascii: "0"),
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = Int(String(digits) ?? "")
        else { return (name, nil) }
        return (String(name[..<at]), number)
    }

    package func readReference(_ name: String) throws(BuildError) -> Digest? {
        guard let bytes = try disk.contents(of: "\(path)/refs/\(name)", limit: 4096) else { return nil }
        guard bytes.last == 0x0A, let digest = Digest(hex: String(decoding: bytes.dropLast(), as: UTF8.self))
        else {
            throw BuildError(
                .damaged,
                "refs/\(name) contains no hash; set it aside with 'reprise verify --repair', then build again",
                canRetry: false)
        }
        return digest
    }

    private func write(_ snapshot: Digest, asReference name: String) throws(BuildError) {
        try disk.replace(
            "\(path)/refs/\(name)", with: Array("\(snapshot.hex)\n".utf8), temporary: store.temporaryPath())
    }
}
