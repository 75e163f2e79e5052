import Dataset
import Files
import Loading
import Manifest
import TestSupport
import Testing

@Suite struct SplitsTests {
    typealias Entry = (piece: Digest, description: EntryList.Description)

    static func id(_ number: Int) -> Digest { Digest(of: "piece \(number)".utf8) }

    static func rule(_ yaml: String) throws -> Manifest.Splits {
        try Manifest(
            bytes: Array("version: 1\ndataset: d\nmidi:\nsources: [{table: t.csv}]\nsplits: \(yaml)".utf8),
            file: "m"
        ).splits
    }

    static func entries(_ count: Int, _ labels: (Int) -> [String: String] = { _ in [:] }) -> [Entry] {
        (0..<count).map { (id($0), EntryList.Description(labels: labels($0))) }
    }

    static func counts(_ splits: [Split]) -> [Int] {
        Split.allCases.map { split in splits.count { $0 == split } }
    }

    // MARK: Hash

    @Test(arguments: ["{}", "{seed: 7}", "{train: 0.5, test: 0.5}", "{folds: 5, fold: 2}", "{by: composer}"])
    func aPieceNeverMovesBecauseOthersCome(_ yaml: String) throws {
        let rule = try Self.rule(yaml)
        let all = Self.entries(300) { ["composer": "c\($0 % 40)"] }
        let whole = try SplitAssignment(all, by: rule)
        #expect(Set(whole.splits).count >= 2)
        var generator = SplitMix(seed: 3)
        for count in [20, 50, 150] {
            let chosen = Array(all.indices.shuffled(using: &generator).prefix(count))
            let part = try SplitAssignment(chosen.map { all[$0] }, by: rule)
            #expect(part.splits == chosen.map { whole.splits[$0] })
        }
    }

    /// Pinned: a change here moves every user's pieces.
    @Test func hashIsTheDocumentedOne() throws {
        let rule = try Self.rule("{train: 0.5, validation: 0.25, test: 0.25, seed: 3}")
        let entries = Self.entries(64)
        let expected = entries.map { entry -> Split in
            let hash = Digest(of: [3, 0, 0, 0, 0, 0, 0, 0] + entry.piece.bytes).bytes
            // The first two bits are enough for quarters.
            return hash[0] < 128 ? .train : hash[0] < 192 ? .validation : .test
        }
        #expect(try SplitAssignment(entries, by: rule).splits == expected)
    }

    @Test func proportionsAreMetAndSeedsDiffer() throws {
        let entries = Self.entries(2000)
        let one = try SplitAssignment(entries, by: Self.rule("{}")).splits
        for (count, share) in zip(Self.counts(one), [0.8, 0.1, 0.1]) {
            // Six standard deviations of a binomial count.
            #expect((Double(count) - 2000 * share).magnitude < 6 * (2000 * share * (1 - share)).squareRoot())
        }
        #expect(try SplitAssignment(entries, by: Self.rule("{seed: 1}")).splits != one)
    }

    @Test func everyPieceIsTestedByOneFold() throws {
        let entries = Self.entries(100)
        let folds = try (0..<5).map {
            try SplitAssignment(entries, by: Self.rule("{folds: 5, fold: \($0)}")).splits
        }
        for index in entries.indices {
            #expect(Self.counts(folds.map { $0[index] }) == [3, 1, 1])
            for fold in 0..<5 where folds[fold][index] == .test {
                #expect(folds[(fold + 4) % 5][index] == .validation)
            }
        }
    }

    // MARK: Exact

    @Test(arguments: [
        (10, [8, 1, 1]), (1, [1, 0, 0]), (2, [2, 0, 0]), (3, [3, 0, 0]), (5, [4, 1, 0]), (7, [5, 1, 1]),
        (15, [12, 2, 1]),
        (100, [80, 10, 10]), (999, [799, 100, 100]),
    ])
    func exactCountsAreByLargestRemainder(_ count: Int, _ expected: [Int]) throws {
        let splits = try SplitAssignment(Self.entries(count), by: Self.rule("{method: exact}")).splits
        #expect(Self.counts(splits) == expected)
    }

    @Test func strataAreSplitAlone() throws {
        let entries = Self.entries(130) { ["style": $0 < 100 ? "jazz" : $0 < 120 ? "pop" : "rock"] }
        let rule = try Self.rule("{method: exact, stratify: style}")
        let assignment = try SplitAssignment(entries, by: rule)
        #expect(Self.counts(Array(assignment.splits[..<100])) == [80, 10, 10])
        #expect(Self.counts(Array(assignment.splits[100..<120])) == [16, 2, 2])
        #expect(Self.counts(Array(assignment.splits[120...])) == [8, 1, 1])
        #expect(assignment.warnings.isEmpty)
        let few = try SplitAssignment(Array(entries[..<122]), by: rule)
        #expect(
            few.warnings.map(\.message) == [
                "the validation split has no piece with style 'rock'",
                "the test split has no piece with style 'rock'",
            ])
    }

    @Test(arguments: [
        "{}", "{method: exact}", "{method: exact, stratify: style}", "{by: style}",
        "{folds: 4, fold: 0, method: exact}",
    ])
    func orderOfEntriesDoesNotMatter(_ yaml: String) throws {
        let rule = try Self.rule(yaml)
        // Three entries a piece, some of several styles.
        let entries = (0..<240).map { index in
            Entry(Self.id(index / 3), EntryList.Description(labels: ["style": "s\(index * index % 31)"]))
        }
        var generator = SplitMix(seed: 11)
        let order = entries.indices.shuffled(using: &generator)
        let (straight, shuffled) = (
            Result { try SplitAssignment(entries, by: rule).splits },
            Result { try SplitAssignment(order.map { entries[$0] }, by: rule).splits }
        )
        switch (straight, shuffled) {
        case (.success(let one), .success(let other)): #expect(order.map { one[$0] } == other)
        case (.failure, .failure): break
        default: Issue.record("one order fails, the other does not")
        }
    }

    // MARK: Units

    @Test func noUnitIsCut() throws {
        let entries = (0..<200).map { index in
            Entry(Self.id(index / 2), EntryList.Description(labels: ["composer": "c\(index / 20)"]))
        }
        for (yaml, size) in [("{}", 2), ("{by: composer}", 20)] {
            let splits = try SplitAssignment(entries, by: Self.rule(yaml)).splits
            for index in entries.indices { #expect(splits[index] == splits[index / size * size]) }
        }
    }

    @Test func aPieceOfTwoComposersJoinsThem() throws {
        let rule = try Self.rule("{by: composer, train: 0.5, test: 0.5}")
        var entries = Self.entries(60) { ["composer": "c\($0 % 20)"] }
        for first in 0..<19 {
            entries.append((Self.id(1000 + first), .init(labels: ["composer": "c\(first)"])))
            entries.append((Self.id(1000 + first), .init(labels: ["composer": "c\(first + 1)"])))
        }
        do {
            let assignment = try SplitAssignment(entries, by: rule)
            #expect(Set(assignment.splits) == [.train])
            #expect(assignment.warnings.map(\.code) == ["splits.labels-merged", "splits.empty"])
        } catch {
            #expect(error.diagnostic.code == "splits.train-empty")
        }
    }

    /// Swift calls both strings equal; which one came first must not matter.
    @Test func valuesAreToldApartByTheirBytes() throws {
        let rule = try Self.rule("{by: composer, train: 0.5, test: 0.5}")
        let names = (0..<40).flatMap { ["\($0)\u{E9}", "\($0)e\u{301}"] }
        let entries = Self.entries(80) { ["composer": names[$0]] }
        let splits = try SplitAssignment(entries, by: rule).splits
        #expect(try SplitAssignment(entries.reversed(), by: rule).splits == splits.reversed())
        #expect((0..<40).contains { splits[2 * $0] != splits[2 * $0 + 1] })
    }

    @Test func segmentsAreSplitOneByOne() throws {
        let rule = try Self.rule("{by: segment}")
        let ids = (0..<500).map { SplitAssignment.segmentID(source: Self.id(0), timeline: 0, start: $0 * 64) }
        #expect(Set(ids).count == 500)
        let splits = try SplitAssignment(segments: ids, by: rule).splits
        #expect(Self.counts(splits).allSatisfy { $0 > 20 })
        #expect(try SplitAssignment(segments: Array(ids.reversed()), by: rule).splits == splits.reversed())
    }

    // MARK: Columns, faults, warnings

    @Test func entriesWithoutTheLabelAreCounted() throws {
        let entries = Self.entries(20) { $0 < 5 ? [:] : ["style": "s\($0 % 3)"] }
        for (text, words) in [
            ("{by: style}", "dealt piece by piece"),
            ("{method: exact, stratify: style}", "a stratum of their own"),
        ] {
            let warnings = try SplitAssignment(entries, by: Self.rule(text)).warnings
            let missing = warnings.filter { $0.code == "splits.label-missing" }
            #expect(
                missing.count == 1 && missing[0].message.hasPrefix("5 of 20 files have no value of 'style'"))
            #expect(missing[0].message.contains(words))
        }
    }

    @Test func columnsDecide() throws {
        let rule = try Self.rule("{column: split}")
        let told: [(Int, Split)] = [
            (0, .train), (1, .train), (1, .test), (2, .validation), (2, .train), (3, .train),
        ]
        let entries = told.map {
            Entry(Self.id($0.0), EntryList.Description(labels: [:], split: $0.1.rawValue))
        }
        let assignment = try SplitAssignment(entries, by: rule)
        #expect(assignment.splits == [.train, .test, .test, .validation, .validation, .train])
        #expect(assignment.warnings.map(\.code) == ["splits.column-cuts-piece"])
        #expect(assignment.warnings[0].message.contains("puts 2 pieces in two splits"))
        let named = told.map {
            Entry(
                Self.id($0.0), EntryList.Description(labels: [:], piece: "Opus \($0.0)", split: $0.1.rawValue)
            )
        }
        #expect(try SplitAssignment(named, by: rule).warnings[0].message.contains("such as 'Opus "))
    }

    @Test func emptySplitsAreTold() throws {
        let error = #expect(throws: SplitAssignment.Failure.self) {
            try SplitAssignment([Entry](), by: Self.rule("{}"))
        }
        #expect(error?.diagnostic.message == "the train split is empty: there are 0 pieces")
        #expect(throws: SplitAssignment.Failure.self) {
            try SplitAssignment(Self.entries(9), by: Self.rule("{test: 1}"))
        }
        let one = try SplitAssignment(Self.entries(1), by: Self.rule("{method: exact}"))
        #expect(
            one.warnings.map(\.message) == [
                "the validation split is empty: there is 1 piece",
                "the test split is empty: there is 1 piece",
            ])
        // A split that was not asked for may be empty.
        #expect(try SplitAssignment(Self.entries(9), by: Self.rule("{train: 1}")).warnings == [])
    }

    // MARK: Pieces

    @Test func pieceIsItsStringOrItsSource() {
        let (a, b) = (Digest(of: "a".utf8), Digest(of: "b".utf8))
        let map = PieceMap([(a, nil), (b, "work"), (a, nil), (Digest(of: "c".utf8), "work")])
        #expect(map.ids == [a, Digest(of: "work".utf8), a, Digest(of: "work".utf8)])
        #expect(map.warnings.isEmpty)
    }

    @Test func piecesThatShareASourceAreOne() {
        let sources = (0..<4).map { Digest(of: "source \($0)".utf8) }
        let entries: [(source: Digest, piece: String?)] = [
            (sources[0], "one"), (sources[1], "one"), (sources[1], "two"), (sources[2], "two"),
            (sources[2], nil),
            (sources[3], "three"),
        ]
        let smallest = [Digest(of: "one".utf8), Digest(of: "two".utf8), sources[2]].min()
        var generator = SplitMix(seed: 5)
        for _ in 0..<20 {
            let order = entries.indices.shuffled(using: &generator)
            let map = PieceMap(order.map { entries[$0] })
            for (place, index) in order.enumerated() {
                #expect(map.ids[place] == (index == 5 ? Digest(of: "three".utf8) : smallest))
            }
            #expect(map.warnings.map(\.code) == ["splits.pieces-merged"])
            #expect(map.warnings == PieceMap(entries).warnings)
        }
    }
}
