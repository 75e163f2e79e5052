internal import Files
import Listing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Finds the files of one item of the manifest's `sources`.
struct ItemScan {
    let item: SourceItem
    /// The manifest's name as faults give it.
    let file: String
    /// The manifest's folder, open, and its path.
    let root: Int32
    let directory: String
    let splitColumn: String?

    private func fault(_ kind: ManifestFault.Kind = .manifest, _ message: String) -> ManifestFault {
        ManifestFault(kind: kind, file: file, line: item.line, message: message)
    }

    func walk(
        _ pattern: GlobPattern, _ remarks: inout EntryRemarks, _ faults: inout [ManifestFault]
    ) -> FoundFiles {
        if let splitColumn {
            faults.append(
                fault(
                    .manifest,
                    "'\(pattern.source)' has no column '\(splitColumn)', which splits needs; name its files in a table"
                ))
        }
        let walk = FileWalk(pattern)
        walk.run(from: root)
        for (path, reason) in walk.unreadable {
            faults.append(fault(.environment, "the folder '\(path)' cannot be read: \(reason)"))
        }
        for path in walk.undecodable {
            remarks.unusable.append(
                (path: path, code: "entry.name-not-utf8", reason: "its name is not UTF-8; rename the file"))
        }
        let misses = walk.caseMisses
        if walk.found.count == 0, walk.unreadable.isEmpty, walk.undecodable.isEmpty {
            let reason =
                misses.count > 0
                ? "\(Self.caseMessage(misses)); write it so" : nearestFolder(of: pattern, cache: walk.cache)
            faults.append(fault(.manifest, "'\(pattern.source)' matches no file; \(reason)"))
        } else if misses.count > 0 {
            remarks.warnings.append(
                "\(file):\(item.line): '\(pattern.source)' leaves out \(misses.count) \(misses.count == 1 ? "file" : "files"): \(Self.caseMessage(misses)); to take both, write {mid,MID} or another item"
            )
        }
        return walk.found
    }

    private static func caseMessage(_ misses: (count: Int, first: String)) -> String {
        "'\(misses.first)' matches except for upper and lower case"
    }

    /// How far a pattern's folders exist.
    private func nearestFolder(of pattern: GlobPattern, cache: String?) -> String {
        var status = stat()
        if let literal = pattern.literal, fstatat(root, pattern.source, &status, 0) == 0,
            status.st_mode & S_IFMT == S_IFREG
        {
            return "there is a file of exactly this name: write '\(literal)'"
        }
        if let cache { return "the files of the cache '\(cache)' are never sources" }
        var names: [String] = []
        for component in pattern.branches[0].components.dropLast() {
            guard case .literal(let bytes) = component else { break }
            names.append(String(decoding: bytes, as: UTF8.self))
        }
        let isWhole = names.count == pattern.branches[0].components.count - 1
        if isWhole, case .literal(let bytes)? = pattern.branches[0].components.last {
            let path = (names + [String(decoding: bytes, as: UTF8.self)]).joined(separator: "/")
            var status = stat()
            if fstatat(root, path, &status, 0) == 0, status.st_mode & S_IFMT == S_IFDIR {
                return "it is a folder, so write what to take from it, such as '\(path)/**/*.mid'"
            }
        }
        return nearestFolder(of: names)
    }

    private func nearestFolder(of names: [String]) -> String {
        for count in stride(from: names.count, through: 0, by: -1) {
            let folder = count == 0 ? "." : names[..<count].joined(separator: "/")
            var status = stat()
            guard fstatat(root, folder, &status, 0) == 0, status.st_mode & S_IFMT == S_IFDIR else { continue }
            let shown = count == 0 ? "the manifest's folder" : "the folder '\(folder)'"
            return count == names.count
                ? "\(shown) exists, but nothing in it fits the rest"
                : "\(shown) exists, '\(names[...count].joined(separator: "/"))' does not"
        }
        return "the manifest's folder does not exist"
    }

    func readTable(
        _ path: String, headerRows: Int, _ remarks: inout EntryRemarks, _ faults: inout [ManifestFault]
    ) -> Table? {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try contents(of: path, in: root, limit: Table.maximumByteCount)
        } catch {
            let folders = path.split(separator: "/").dropLast().map(String.init)
            let hint = error.isAbsence ? "; \(nearestFolder(of: folders))" : ""
            faults.append(
                fault(
                    error.isAbsence || error.isUnfit ? .manifest : .environment,
                    "the table '\(path)' cannot be read: \(error.message)\(hint)"))
            return nil
        }
        let table: Table
        do throws(ManifestError) {
            table = try Table(bytes, file: path, headerRows: headerRows)
        } catch {
            faults += error.faults
            return nil
        }
        let missing = missingColumns(of: table)
        for (name, use) in missing {
            faults.append(
                fault(
                    .manifest,
                    "\(path) has no column '\(name)', which \(use) needs; \(suggestion(for: name, among: table.header))"
                ))
        }
        if case .otherColumns = item.labels {
            let others = item.otherColumns(of: table, splitColumn: splitColumn)
            for label in item.map.keys.sorted(by: { utf8Order($0, $1) }) where !others.contains(label) {
                faults.append(
                    fault(
                        .manifest,
                        "map names '\(label)', which is no label column of \(path); \(suggestion(for: label, among: others))"
                    ))
            }
            if splitColumn == nil {
                for name in table.splitColumns where item.leavesOut(name) {
                    remarks.warnings.append(
                        "\(file):\(item.line): the column '\(name)' of \(path) contains splits and is not used as a label; write 'splits: {column: \(name)}' to use it, or list the label columns in labels"
                    )
                }
            }
            if others.count > ManifestLimits.labels {
                faults.append(
                    fault(
                        .manifest,
                        "\(path) has \(others.count) columns, but the limit is \(ManifestLimits.labels) labels; list the columns to take in labels"
                    ))
            }
            for name in others
            where !SourceReader.isLabelName(name) {
                faults.append(
                    fault(
                        .manifest,
                        "the column '\(name)' of \(path) cannot name a label; list the columns to take in labels"
                    ))
            }
        }
        return missing.isEmpty ? table : nil
    }

    private func missingColumns(of table: Table) -> [(name: String, use: String)] {
        var wanted: [(name: String, use: String)] = []
        if case .table(_, _, let path) = item.place { wanted += path.fields.map { ($0.name, "path") } }
        func add(_ pattern: LabelPattern, _ use: String) {
            for field in pattern.fields where !LabelPattern.pathWords.contains(field.name) {
                wanted.append((field.name, use))
            }
        }
        if let piece = item.piece { add(piece, "piece") }
        if let pair = item.pair { add(pair, "pair") }
        if case .column(let column) = item.offset { wanted.append((column, "offset_seconds")) }
        switch item.labels {
        case .patterns(let named):
            for label in named { for pattern in label.patterns { add(pattern, "the label '\(label.name)'") } }
        case .columns(let names): wanted += names.map { ($0, "labels") }
        case .otherColumns: break
        }
        if let splitColumn { wanted.append((splitColumn, "splits")) }
        return wanted.filter { !table.has($0.name) }
    }

    /// Asks every row's file for its status.
    func lookUp(
        _ table: Table, at tablePath: String, entryPath: LabelPattern, _ faults: inout [ManifestFault]
    ) -> (FoundFiles, [Int]) {
        var files = FoundFiles()
        var rows: [Int] = []
        let folder = tablePath.split(separator: "/").dropLast().map(String.init)
        for row in 0..<table.rowCount {
            let text = (try? entryPath.text(path: "") { table.cell(row, $0) }) ?? ""
            guard let path = resolvedPath(text, in: folder), !LabelText.isSeveral(text) else {
                faults.append(
                    ManifestFault(
                        file: table.file, line: table.line(of: row),
                        message: text.isEmpty
                            ? "this row has no path; fill it in, or remove the row"
                            : "'\(text)' is not a path to a file; write it relative to the table's folder"))
                continue
            }
            var status = stat()
            let isThere = fstatat(root, path, &status, 0) == 0 && status.st_mode & S_IFMT == S_IFREG
            files.append(Array(path.utf8), isThere ? FileStat(status) : nil)
            rows.append(row)
        }
        if table.rowCount == 0 {
            faults.append(fault(.manifest, "\(tablePath) has no rows; list its files there"))
        } else if !rows.isEmpty, files.statuses.allSatisfy({ $0 == nil }) {
            let first = String(decoding: files.paths[files.range(0)], as: UTF8.self)
            let folders = first.split(separator: "/").dropLast().map(String.init)
            faults.append(
                fault(
                    .manifest,
                    "none of the \(files.count) files that \(tablePath) names is there, such as '\(first)'; \(nearestFolder(of: folders))"
                ))
        }
        return (files, rows)
    }
}

extension SourceItem {
    /// The columns that no pattern names, in the header's order.
    func otherColumns(of table: Table, splitColumn: String?) -> [String] {
        var named = patternColumns
        if let splitColumn { named.insert(splitColumn) }
        if splitColumn == nil { named.formUnion(table.splitColumns) }
        return table.header.filter { !$0.isEmpty && !named.contains($0) }
    }

    /// Whether a column would be a label but for what it says.
    fileprivate func leavesOut(_ column: String) -> Bool {
        !patternColumns.contains(column)
    }

    /// The columns that path, piece, pair and offset take.
    private var patternColumns: Set<String> {
        var named = Set((piece?.fields ?? []).map(\.name) + (pair?.fields ?? []).map(\.name))
        if case .table(_, _, let path) = place { named.formUnion(path.fields.map(\.name)) }
        if case .column(let column) = offset { named.insert(column) }
        return named
    }
}
