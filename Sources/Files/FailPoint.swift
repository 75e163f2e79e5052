internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Named places at which a test can have the process killed, as a power cut would.
///
/// `REPRISE_FAILPOINT=name` kills it at the first pass, `name:3` at the third. Without the variable a pass costs
/// one comparison.
package enum FailPoint {
    /// Every place there is, in the order in which a build passes them, then those of the other writers.
    package static let names = [
        "object.written", "pack.torn", "pack.appended", "pack.closed", "pack.flushed", "commit.unflushed",
        "commit.flushed", "commit.renamed", "commit.placed",
        "journal.torn", "journal.appended", "journal.flushed", "index.uncommitted", "index.committed",
        "replace.written", "replace.renamed", "gc.planned", "gc.repacked", "gc.moved", "gc.compacted",
        "gc.dropped", "gc.removed", "gc.swept",
    ]

    private struct Armed {
        let name: String
        let pass: Int
    }

    private static let armed: Armed? = {
        guard let text = getenv("REPRISE_FAILPOINT") else { return nil }
        let parts = String(cString: text).split(separator: ":")
        guard let name = parts.first else { return nil }
        return Armed(name: String(name), pass: parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }()
    private static let passes = Atomic<Int>(0)

    /// Whether the process is to die at this pass.
    package static func isDue(_ name: String) -> Bool {
        guard let armed, armed.name == name else { return false }
        return passes.add(1, ordering: .relaxed).newValue == armed.pass
    }

    /// Dies here if it is due.
    package static func pass(_ name: String) {
        if isDue(name) { die() }
    }

    /// Dies at once, with no handler run and no buffer flushed.
    package static func die() {
        kill(getpid(), SIGKILL)
    }
}
