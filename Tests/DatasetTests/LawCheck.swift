import TestSupport
import Testing

@testable import Dataset

extension LawPlace {
    /// Explains and builds, and demands what the build law promises.
    ///
    /// The build ends as one in an empty cache does; what ran was planned, and what was certain to run did; the build
    /// after it runs nothing and writes nothing, and then nothing is to be explained.
    func expectLaw(jobs: Int, _ comment: Comment) throws -> Outcome {
        let planned = try? explain()
        var outcome = Outcome.failure("")
        let ran = try ranActions { outcome = try self.outcome(jobs: jobs) }
        let clean = try clean()
        try #require(outcome == clean, comment)
        guard case .snapshot(let snapshot) = outcome else { return outcome }
        if let planned { expectPlanned(planned, ran, comment) }
        let before = try state()
        let null = try build(jobs: jobs)
        #expect(null.snapshot == snapshot && null.run == 0 && null.written == 0, comment)
        #expect(try state() == before, comment)
        #expect(try explain().isEmpty, comment)
        return outcome
    }
}

/// What ran was planned, and what was certain to run did.
///
/// How large a source's segments are is not known before it is read, so a shard's bucket may come out as a part of
/// the planned one, or as the whole of it; and so may a list.
func expectPlanned(_ planned: [PlannedAction], _ ran: [String], _ comment: Comment) {
    let named = Set(planned.map { "\($0.stage) \($0.subject)" })
    let leaves = named.filter { $0.hasPrefix("shard ") || $0.hasPrefix("list ") }.map { $0.dropLast() }
    let unplanned = ran.filter { name in
        if named.contains(name) { return false }
        return !leaves.contains { name.dropLast().hasPrefix($0) || $0.hasPrefix(name.dropLast()) }
    }
    #expect(unplanned.isEmpty, comment)
    let certain = planned.filter(\.isCertain).map { "\($0.stage) \($0.subject)" }
    #expect(Set(certain).subtracting(ran).isEmpty, comment)
}
