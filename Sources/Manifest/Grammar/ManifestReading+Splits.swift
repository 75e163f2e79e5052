import Files
internal import Yams

extension Manifest.Splits {
    static let keys = [
        "train", "validation", "test", "by", "method", "stratify", "seed", "folds", "fold", "column",
        "near_duplicates",
    ]

    init(_ section: Section) {
        switch section.text("by") {
        case nil, "piece": unit = .piece
        case "segment": unit = .segment
        case let label?: unit = .label(label)
        }
        method = section.word("method", default: .hash)
        stratify = section.text("stratify")
        seed = section.integer("seed", 0...Int.max, default: 0)
        nearDuplicates = section.word("near_duplicates", default: .ignore)
        readDivision(section)
        if stratify != nil, method != .exact {
            section.fault("stratify", "needs method: exact, since a hash alone keeps no counts; add it")
        }
        if nearDuplicates == .together, unit == .segment {
            section.fault("near_duplicates", "cannot keep pieces together with by: segment; remove one")
        }
        if stratify != nil, unit == .segment {
            section.fault("stratify", "cannot be combined with by: segment; remove one")
        }
    }

    private mutating func readDivision(_ section: Section) {
        let shares = ["train", "validation", "test"].filter(section.has)
        let folds = ["folds", "fold"].filter(section.has)
        if section.has("column") {
            if let column = section.text("column") { division = .column(column) }
            for key in section.values.keys.sorted() where !["column", "near_duplicates"].contains(key) {
                section.fault(key, "cannot be combined with column, which alone decides; remove one")
            }
            return
        }
        guard shares.isEmpty || folds.isEmpty else {
            section.fault(
                folds[0],
                "cannot be combined with \(shares.joined(separator: ", ")); keep folds or proportions")
            return
        }
        if !folds.isEmpty {
            for key in ["folds", "fold"] where !section.has(key) {
                section.faults.add(section.line, "\(section.path(key)) is missing; write {folds: 5, fold: 0}")
            }
            guard folds.count == 2 else { return }
            let count = section.integer("folds", 3...1000, default: 1000)
            division = .folds(count: count, test: section.integer("fold", 0...count - 1, default: 0))
        } else if !shares.isEmpty {
            let before = section.faults.faults.count
            let values = ["train", "validation", "test"].map { section.number($0, 0...1, default: 0) }
            let sum = values.reduce(0, +)
            if section.faults.faults.count == before, (sum - 1).magnitude > 1e-9 {
                section.fault(
                    shares[shares.count - 1],
                    "makes train + validation + test = \(sum.brief); they must add up to 1")
            }
            division = .proportions(train: values[0], validation: values[1], test: values[2])
        }
    }
}
