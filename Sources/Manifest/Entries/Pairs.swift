internal import Files
import Listing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension ItemScan {
    /// Adds the other half of each file that has one and whose half is there.
    ///
    /// The halves follow behind the item's own files; `rows` is the table with each file's row, nil for a glob. The result
    /// gives, by the number of each file that was added, the number of the one that names it.
    func addPartners(
        to files: inout FoundFiles, from rows: (table: Table, rows: [Int])?, _ faults: inout [ManifestFault]
    ) -> [Int: Int] {
        guard item.pair != nil else { return [:] }
        var owners: [Int: Int] = [:]
        for index in 0..<files.count {
            let path = String(decoding: files.paths[files.range(index)], as: UTF8.self)
            // A pattern that does not fit is reported by `describe`.
            guard let found = try? item.pair(of: path, table: rows?.table, row: rows?.rows[index] ?? -1)
            else { continue }
            guard found.path != path else {
                faults.append(
                    ManifestFault(
                        file: rows?.table.file ?? file,
                        line: rows.map { $0.table.line(of: $0.rows[index]) } ?? item.line,
                        message: "'\(path)' is its own pair; narrow the path to MIDI files, or to recordings")
                )
                break
            }
            var status = stat()
            guard fstatat(root, found.path, &status, 0) == 0, status.st_mode & S_IFMT == S_IFREG else {
                continue
            }
            owners[files.count] = index
            files.append(Array(found.path.utf8), FileStat(status))
        }
        return owners
    }
}

extension SourceItem {
    /// The other half of an entry; nil without one: the item has no pairs, or a cell is empty.
    ///
    /// - Throws: a `Fault` if the path or the row does not fit the patterns.
    func pair(of path: String, table: Table?, row: Int) throws(LabelPattern.Fault) -> EntryList.Pair? {
        guard let pair else { return nil }
        let text = try pair.text(path: path) { table?.cell(row, $0) }
        guard !text.isEmpty else { return nil }
        var folder: [String] = []
        if case .table(let tablePath, _, _) = place {
            folder = tablePath.split(separator: "/").dropLast().map(String.init)
        }
        guard let other = resolvedPath(text, in: folder), !LabelText.isSeveral(text) else {
            throw LabelPattern.Fault(
                message:
                    "the pair of '\(path)', '\(text)', is not a path to a file; write it relative to the \(table == nil ? "manifest" : "table")'s folder"
            )
        }
        if exclude.contains(where: { $0.matches(other.utf8) }) { return nil }
        return EntryList.Pair(path: other, offset: try offset(of: path, table: table, row: row))
    }

    private func offset(of path: String, table: Table?, row: Int) throws(LabelPattern.Fault) -> Int {
        switch offset {
        case .microseconds(let offset): return offset
        case .column(let column):
            let cell = table?.cell(row, column) ?? ""
            if cell.isEmpty { return 0 }
            guard let offset = Offset.microseconds(of: cell) else {
                throw LabelPattern.Fault(
                    message:
                        "the offset of '\(path)' in column '\(column)' is '\(cell.prefix(40))'; write seconds from -86400 to 86400"
                )
            }
            return offset
        }
    }
}

/// A path relative to the manifest's folder, `.` and inner `..` taken out; nil if it names no file.
func resolvedPath(_ text: String, in folder: [String]) -> String? {
    guard !text.isEmpty, !text.hasSuffix("/"), !text.utf8.contains(0), !text.hasPrefix("/") else {
        return nil
    }
    var parts: [String] = []
    for part in folder + text.split(separator: "/").map(String.init) where part != "." {
        if part == "..", let last = parts.last, last != ".." {
            parts.removeLast()
        } else {
            parts.append(part)
        }
    }
    return parts.isEmpty || parts.last == ".." ? nil : parts.joined(separator: "/")
}
