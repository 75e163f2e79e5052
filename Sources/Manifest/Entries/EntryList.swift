public import Files
internal import Foundation
public import Listing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What a scan has to say beside its entries.
struct EntryRemarks: Sendable {
    /// Warnings with their places, each one line.
    var warnings: [String] = []
    /// Files that match but cannot be entries.
    var unusable: [(path: String, code: String, reason: String)] = []
}

/// The entries that a manifest's `sources` name, sorted by the bytes of their paths.
///
/// A scan opens each folder that a pattern can reach once and asks each matching file once for its status, which is
/// all that a build without changes needs; labels and pieces are made from paths and tables when asked for.
///
/// ```swift
/// let entries = try EntryList(manifest, file: "data.yaml", directory: folder)
/// for index in entries.indices where entries.status(index) != known[entries.path(index)] { … }
/// let described = try entries.described()
/// ```
public struct EntryList: Sendable {
    /// What a manifest or table says about an entry, beside its path.
    public struct Description: Hashable, Sendable {
        /// Values by label; a label without value (an empty cell) is absent, and several values are one text, as
        /// `LabelText` has it.
        ///
        /// A scan gives values and pieces in Unicode's normal form C, so that `é` is one value however it is composed.
        public var labels: [String: String]
        /// The explicit piece string; nil: the source is its own piece.
        public var piece: String?
        /// The part that a table's column says, with `splits: {column: …}`.
        public var split: String?
        /// Its other half, if it has one.
        public var pair: Pair?

        /// A description from its parts.
        public init(
            labels: [String: String] = [:], piece: String? = nil, split: String? = nil, pair: Pair? = nil
        ) {
            (self.labels, self.piece, self.split, self.pair) = (labels, piece, split, pair)
        }
    }

    /// The other half of an entry: the recording of a MIDI file, or the MIDI file of a recording.
    public struct Pair: Hashable, Sendable {
        /// The other's path, which need not be an entry.
        public var path: String
        /// When the score begins in the recording, in microseconds.
        public var offset: Int

        /// Names the other half.
        public init(path: String, offset: Int) { (self.path, self.offset) = (path, offset) }
    }

    private let sources: [SourceItem]
    private let tables: [Int: Table]
    private let splitColumn: String?
    private let file: String
    private let namedLabels: [Manifest.NamedLabel]
    private var remarks = EntryRemarks()
    private var found = FoundFiles()
    private var items: [Int32] = []
    private var rows: [Int32] = []
    /// The entries that another entry's `pair` names, with the path of that other.
    private var owners: [Int: String] = [:]

    /// Finds the entries.
    ///
    /// - Parameters:
    ///   - manifest: what to look for.
    ///   - file: the manifest's name as faults give it.
    ///   - directory: the manifest's folder, to which paths are relative.
    /// - Throws: every fault at once: globs that match nothing, tables that cannot be read, one path under two items
    ///   that disagree, folders that cannot be read.
    public init(_ manifest: Manifest, file: String, directory: String) throws(ManifestError) {
        sources = manifest.sources
        self.file = file
        namedLabels = manifest.namedLabels
        remarks.warnings = manifest.warnings
        splitColumn = if case .column(let name) = manifest.splits.division { name } else { nil }
        var faults: [ManifestFault] = []
        var tables: [Int: Table] = [:]
        let descriptor = open(directory.isEmpty ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ManifestError([
                ManifestFault(
                    kind: .environment, file: file, line: 1,
                    message: "the folder '\(directory)' cannot be read: \(String(cString: strerror(errno)))")
            ])
        }
        defer { close(descriptor) }
        var scans: [Scan] = []
        for (index, item) in sources.enumerated() {
            let scan = ItemScan(
                item: item, file: file, root: descriptor, directory: directory, splitColumn: splitColumn)
            switch item.place {
            case .glob(let pattern):
                var files = scan.walk(pattern, &remarks, &faults)
                _ = scan.select(&files, nil, &remarks, &faults)
                let owners = scan.addPartners(to: &files, from: nil, &faults)
                scans.append(Scan(item: index, files: files, rows: nil, owners: owners))
            case .table(let path, let headerRows, let entryPath):
                guard let table = scan.readTable(path, headerRows: headerRows, &remarks, &faults) else {
                    continue
                }
                tables[index] = table
                var (files, rows) = scan.lookUp(table, at: path, entryPath: entryPath, &faults)
                rows = scan.select(&files, rows, &remarks, &faults) ?? []
                let owners = scan.addPartners(to: &files, from: (table, rows), &faults)
                rows += owners.keys.sorted().compactMap { owners[$0] }.map { rows[$0] }
                scans.append(Scan(item: index, files: files, rows: rows, owners: owners))
            }
        }
        self.tables = tables
        if faults.isEmpty { faults += unknownLabels(manifest) }
        collect(scans, &faults)
        guard faults.isEmpty else { throw ManifestError(faults) }
    }

    /// Faults for labels that other keys name and no item has, now that the tables' columns are known.
    private func unknownLabels(_ manifest: Manifest) -> [ManifestFault] {
        var known: Set<String> = []
        for (index, item) in sources.enumerated() {
            known.formUnion(
                item.labelNames
                    ?? tables[index].map { item.otherColumns(of: $0, splitColumn: splitColumn) } ?? [])
        }
        return manifest.namedLabels.compactMap { label in
            label.fault(among: known).map { ManifestFault(file: file, line: label.line, message: $0) }
        }
    }

    /// Warnings about the manifest and the list as a whole, one line each with its place: old names of keys, files left
    /// out because of the case of their names, split columns that are not used.
    public var warnings: [String] { remarks.warnings }

    /// Files that match but cannot be entries: those whose names are not UTF-8, with a stable code and the reason.
    ///
    /// Bytes of a name that are not UTF-8 are written as `\xE9`.
    public var unusable: [(path: String, code: String, reason: String)] { remarks.unusable }

    /// The hashes of the tables that entries come from, in the manifest's order.
    public var tableDigests: [Digest] { tables.sorted { $0.key < $1.key }.map(\.value.digest) }

    /// The number of entries.
    public var count: Int { found.count }

    /// Every entry's index.
    public var indices: Range<Int> { 0..<count }

    /// An entry's path, relative to the manifest's folder, its folders parted by `/`.
    public func path(_ index: Int) -> String {
        String(decoding: found.paths[found.range(index)], as: UTF8.self)
    }

    /// Calls a body with the bytes of an entry's path.
    public func withPathBytes<Result>(_ index: Int, _ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result
    {
        found.paths.withUnsafeBufferPointer { body(UnsafeBufferPointer(rebasing: $0[found.range(index)])) }
    }

    /// The file's status, links followed; nil for a file that is not there or not regular: a row of a table, or a link
    /// that leads nowhere.
    public func status(_ index: Int) -> FileStat? { found.statuses[index] }

    /// The index in the manifest's `sources` of the item that an entry is from.
    public func item(_ index: Int) -> Int { Int(items[index]) }

    /// Everything told of all entries, in their order.
    ///
    /// - Parameter note: is given warnings: values that `map` names and no entry has.
    /// - Returns: the descriptions.
    /// - Throws: every path or row that a pattern does not fit; labels of several values where one is needed.
    public func described(_ note: (String) -> Void = { _ in }) throws(ManifestError) -> [Description] {
        var faults: [ManifestFault] = []
        var uses = MapUses()
        var result: [Description] = []
        result.reserveCapacity(count)
        for index in indices {
            do throws(ManifestError) {
                result.append(
                    try describe(
                        path: path(index), item: Int(items[index]), row: Int(rows[index]),
                        owner: owners[index],
                        &uses))
            } catch {
                faults += error.faults
                if faults.count >= 100 { break }
            }
        }
        if faults.isEmpty, !result.isEmpty {
            // Labels that no entry has would leave every entry in one group, or each in its own.
            for label in namedLabels where !result.contains(where: { $0.labels[label.name] != nil }) {
                faults.append(
                    ManifestFault(
                        file: file, line: label.line,
                        message:
                            "\(label.key) names the label '\(label.name)', which has no value in any row; fill it in, or remove the key"
                    ))
            }
            faults += severalValues(result)
        }
        guard faults.isEmpty else { throw ManifestError(faults) }
        for (index, item) in sources.enumerated() { uses.unused(of: index, item, in: file).forEach(note) }
        return result
    }

    /// Faults for labels of several values that other keys name, which group by one.
    private func severalValues(_ descriptions: [Description]) -> [ManifestFault] {
        namedLabels.compactMap { label in
            let index = descriptions.firstIndex { LabelText.isSeveral($0.labels[label.name] ?? "") }
            return index.map { index in
                let values = LabelText.shown(descriptions[index].labels[label.name] ?? "")
                return ManifestFault(
                    file: file, line: label.line,
                    message:
                        "\(label.key) names the label '\(label.name)', which has several values in '\(path(index))' (\(values)), and one is needed; drop the others with map, or name another label"
                )
            }
        }
    }

    /// What a manifest or table says about one entry.
    ///
    /// - Throws: `ManifestError` if its path or row does not fit a pattern.
    public func describe(_ index: Int) throws(ManifestError) -> Description {
        var uses = MapUses()
        return try describe(
            path: path(index), item: Int(items[index]), row: Int(rows[index]), owner: owners[index], &uses)
    }

    /// What is said of an entry; the other half of an entry, its owner, has that one's labels and piece.
    private func describe(
        path own: String, item: Int, row: Int, owner: String?, _ uses: inout MapUses
    ) throws(ManifestError) -> Description {
        let path = owner ?? own
        let source = sources[item]
        let table = tables[item]
        let place = table.map { (file: $0.file, line: $0.line(of: row)) } ?? (file: file, line: source.line)
        func cell(_ column: String) -> String? { table?.cell(row, column) }
        do throws(LabelPattern.Fault) {
            var description = Description(labels: [:])
            switch source.labels {
            case .patterns(let named):
                for label in named {
                    // Most labels have one pattern, and there may be a million entries.
                    let text =
                        label.patterns.count == 1
                        ? try label.patterns[0].text(path: path, cell: cell)
                        : LabelText.joined(
                            try label.patterns.map { (pattern) throws(LabelPattern.Fault) in
                                try pattern.text(path: path, cell: cell)
                            }.flatMap { LabelText.values($0) })
                    if !text.isEmpty { description.labels[label.name] = text }
                }
            case .columns(let names):
                for name in names { description.labels[name] = cell(name).flatMap { $0.isEmpty ? nil : $0 } }
            case .otherColumns:
                for name in table.map({ source.otherColumns(of: $0, splitColumn: splitColumn) }) ?? [] {
                    description.labels[name] = cell(name).flatMap { $0.isEmpty ? nil : $0 }
                }
            }
            description.labels = description.labels.mapValues(LabelText.composed)
            source.mapLabels(&description.labels, item, &uses)
            if let piece = try source.piece?.text(path: path, cell: cell), !piece.isEmpty {
                guard !LabelText.isSeveral(piece) else {
                    throw LabelPattern.Fault(
                        message:
                            "the piece of '\(path)' is several values (\(LabelText.shown(piece))); name one")
                }
                description.piece = LabelText.composed(piece)
            }
            if let splitColumn {
                let word = cell(splitColumn) ?? ""
                guard let split = SplitWord.split(word) else {
                    throw LabelPattern.Fault(
                        message:
                            "the split of '\(path)' in column '\(splitColumn)' is '\(word)'; write train, validation or test"
                    )
                }
                description.split = split
            }
            description.pair = try source.pair(of: path, table: table, row: row)
            if let owner { description.pair?.path = owner }
            return description
        } catch {
            throw ManifestError([ManifestFault(file: place.file, line: place.line, message: error.message)])
        }
    }

    private struct Scan {
        let item: Int
        let files: FoundFiles
        /// The table's row of each file; nil for a glob's.
        let rows: [Int]?
        /// By the number of a file that another's `pair` names, the number of that other.
        let owners: [Int: Int]

        func owner(_ index: Int) -> String? {
            owners[index].map { String(decoding: files.paths[files.range($0)], as: UTF8.self) }
        }
    }

    /// Brings the items' files together in the order of path bytes, each path once.
    private mutating func collect(_ scans: [Scan], _ faults: inout [ManifestFault]) {
        var order: [(scan: Int, index: Int)] = []
        for (number, scan) in scans.enumerated() { order += (0..<scan.files.count).map { (number, $0) } }
        func compare(_ left: (scan: Int, index: Int), _ right: (scan: Int, index: Int)) -> Int32 {
            let (a, b) = (scans[left.scan].files, scans[right.scan].files)
            let (first, second) = (a.range(left.index), b.range(right.index))
            return a.paths.withUnsafeBytes { a in
                b.paths.withUnsafeBytes { b in
                    guard let start = a.baseAddress, let other = b.baseAddress else { return 0 }
                    let result = memcmp(
                        start + first.lowerBound, other + second.lowerBound, min(first.count, second.count))
                    return result != 0 ? result : Int32(clamping: first.count - second.count)
                }
            }
        }
        // A walk finds paths in order (but for links), and sorting what is sorted costs one pass.
        order.sort { left, right in
            let result = compare(left, right)
            return result != 0 ? result < 0 : left < right
        }
        var disagreements: [[Int]: (count: Int, fault: ManifestFault)] = [:]
        var last: (scan: Int, index: Int)?
        for next in order {
            let scan = scans[next.scan]
            let row = scan.rows?[next.index] ?? -1
            let owner = scan.owner(next.index)
            if let last, compare(last, next) == 0 {
                checkAgreement(item: scan.item, row: row, owner: owner, &disagreements)
                continue
            }
            last = next
            if let owner { owners[count] = owner }
            found.append(scan.files.paths[scan.files.range(next.index)], scan.files.statuses[next.index])
            items.append(Int32(scan.item))
            rows.append(Int32(row))
        }
        for (count, fault) in disagreements.values {
            let more = count > 1 ? " (and \(count - 1) more)" : ""
            faults.append(ManifestFault(file: fault.file, line: fault.line, message: fault.message + more))
        }
    }

    /// The last entry's path was found once more: both items must tell the same of it.
    private func checkAgreement(
        item: Int, row: Int, owner: String?,
        _ disagreements: inout [[Int]: (count: Int, fault: ManifestFault)]
    ) {
        let (first, path) = (Int(items[count - 1]), path(count - 1))
        let key = [first, item]
        var uses = MapUses()
        // A pattern that does not fit is reported by `describe`.
        guard let one = try? describe(count - 1),
            let other = try? describe(path: path, item: item, row: row, owner: owner, &uses),
            one != other
        else { return }
        let differing =
            one.pair != other.pair
            ? "another pair"
            : one.labels != other.labels
                ? "labels" : one.piece != other.piece ? "another piece" : "another split"
        let firstLine = tables[first]?.line(of: Int(rows[count - 1])) ?? sources[first].line
        let place = tables[first].map { "line \(firstLine) of \($0.file)" } ?? "line \(firstLine)"
        let line =
            tables[item].map { (file: $0.file, line: $0.line(of: row)) } ?? (
                file: file, line: sources[item].line
            )
        let fault = ManifestFault(
            file: line.file, line: line.line,
            message:
                "'\(path)' is also found by \(place), with \(differing == "labels" ? "other labels" : differing); make them agree, or narrow one"
        )
        disagreements[key, default: (0, fault)].count += 1
    }
}
