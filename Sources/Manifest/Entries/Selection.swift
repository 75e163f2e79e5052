internal import Files
import Listing

extension ItemScan {
    /// Leaves out the files that `exclude` names, and of the rest all but `limit`.
    ///
    /// Which files a limit takes depends on the hashes of their paths alone: they are spread over all folders, and a file
    /// more takes the place of one at most.
    ///
    /// - Parameters:
    ///   - files: what was found; the selected files afterwards, in the same order.
    ///   - rows: the row of each file; nil for a glob.
    ///   - remarks: is given patterns that match nothing.
    ///   - faults: is given a fault if no file is left.
    /// - Returns: the rows of the selected files.
    func select(
        _ files: inout FoundFiles, _ rows: [Int]?, _ remarks: inout EntryRemarks,
        _ faults: inout [ManifestFault]
    ) -> [Int]? {
        guard !item.exclude.isEmpty || item.limit != nil, files.count > 0 else { return rows }
        var kept = Array(0..<files.count)
        for pattern in item.exclude {
            let before = kept.count
            kept.removeAll { pattern.matches(files.paths[files.range($0)]) }
            // Another pattern may have left the same files out.
            let hasMatch =
                kept.count < before
                || (0..<files.count).contains { pattern.matches(files.paths[files.range($0)]) }
            if !hasMatch {
                remarks.warnings.append(
                    "\(file):\(item.line): exclude names '\(pattern.source)', which matches no file of the item"
                )
            }
        }
        if kept.isEmpty {
            faults.append(
                ManifestFault(
                    file: file, line: item.line, message: "exclude leaves no file of the item; narrow it"))
        }
        if let limit = item.limit, kept.count > limit {
            let hashes = kept.map { (hash: Digest(of: Array(files.paths[files.range($0)])), index: $0) }
            kept = hashes.sorted { ($0.hash, $0.index) < ($1.hash, $1.index) }.prefix(limit).map(\.index)
                .sorted()
        }
        var selected = FoundFiles()
        for index in kept { selected.append(files.paths[files.range(index)], files.statuses[index]) }
        files = selected
        return rows.map { rows in kept.map { rows[$0] } }
    }
}

extension GlobPattern {
    /// Whether a whole path matches, as the walk over folders would find it.
    func matches(_ path: some Collection<UInt8>) -> Bool {
        let parts = path.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return branches.contains { Self.matches($0.components[...], parts[...]) }
    }

    private static func matches(_ components: ArraySlice<Component>, _ parts: ArraySlice<[UInt8]>) -> Bool {
        guard let first = components.first else { return parts.isEmpty }
        let rest = components.dropFirst()
        guard first != .anyFolders else {
            // At the end it stands for every file beneath, before others for any folders, also none; never for hidden ones.
            var left = parts
            while true {
                if rest.isEmpty ? left.isEmpty && !parts.isEmpty : matches(rest, left) { return true }
                guard let next = left.popFirst(), next.first != UInt8(ascii: ".") else { return false }
            }
        }
        guard let part = parts.first, part.withUnsafeBufferPointer({ first.matches($0) }) else {
            return false
        }
        return matches(rest, parts.dropFirst())
    }
}
