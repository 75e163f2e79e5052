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
    func setReference(_ dataset: String, to snapshot: Digest) throws(BuildError) {
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
    }

    /// The names in `refs`, temporary and set-aside files left out.
    func referenceNames() -> [String] {
        disk.names(in: "\(path)/refs").filter { !$0.hasSuffix(".bad") }
    }

    static func parts(ofReference name: String) -> (dataset: String, number: Int?) {
        guard let at = name.lastIndex(of: "@"), let number = Int(name[name.index(after: at)...]) else {
            return (name, nil)
        }
        return (String(name[..<at]), number)
    }

    func readReference(_ name: String) throws(BuildError) -> Digest? {
        guard let bytes = try disk.contents(of: "\(path)/refs/\(name)") else { return nil }
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
