import Files
import Listing
import Storage
internal import Yams

/// Reads the manifest's `sources`.
struct SourceReader {
    let faults: FaultList
    let directory: String?

    func items(_ root: Section) -> [SourceItem] {
        guard let node = root.values["sources"] else {
            faults.add(root.line, "'sources' is missing; list files, such as '- path: data/**/*.mid'")
            return []
        }
        guard case .sequence(let sequence) = node, !sequence.isEmpty else {
            root.fault(
                "sources",
                "must be a list of items, such as '- path: data/**/*.mid', not \(node.isEmptySequence ? "an empty one" : node.described)"
            )
            return []
        }
        return sequence.enumerated().compactMap { index, node in item(node, name: "sources[\(index)]") }
    }

    private func item(_ node: Node, name: String) -> SourceItem? {
        guard
            let section = Section(
                node, name: name,
                keys: [
                    "path", "table", "labels", "piece", "header_rows", "pair", "offset_seconds", "exclude",
                    "limit", "map",
                ],
                faults: faults)
        else { return nil }
        guard section.has("table") || section.has("path") else {
            faults.add(section.line, "\(name) has neither 'path' nor 'table'; add one")
            return nil
        }
        let isTable = section.has("table")
        if !isTable, section.has("header_rows") {
            section.fault("header_rows", "belongs to a table; remove it")
        }
        guard let place = isTable ? table(section) : glob(section) else {
            // The other keys' faults are still wanted.
            _ = labels(section, isTable: isTable)
            _ = pattern(section.text("piece"), key: "piece", in: section, isTable: isTable)
            return nil
        }
        let labels = labels(section, isTable: isTable)
        return SourceItem(
            place: place, labels: labels,
            piece: pattern(section.text("piece"), key: "piece", in: section, isTable: isTable),
            pair: pair(section, isTable: isTable), offset: offset(section, isTable: isTable),
            exclude: exclude(section),
            limit: section.has("limit") ? section.integer("limit", 1...1 << 30, default: 1) : nil,
            map: map(section, labels), line: section.line)
    }

    private func pair(_ section: Section, isTable: Bool) -> LabelPattern? {
        guard let pair = pattern(section.text("pair"), key: "pair", in: section, isTable: isTable) else {
            return nil
        }
        if pair.fields.isEmpty {
            section.fault(
                "pair",
                "names one file for all; write such as \(isTable ? "\"{audio_filename}\"" : "\"{dir}/{stem}.wav\"")"
            )
        }
        return pair
    }

    private func offset(_ section: Section, isTable: Bool) -> SourceItem.Offset {
        guard let text = section.text("offset_seconds") else { return .microseconds(0) }
        if !section.has("pair") {
            section.fault("offset_seconds", "belongs to a pair; add 'pair', or remove it")
        }
        if let offset = SourceItem.Offset.microseconds(of: text) { return .microseconds(offset) }
        if !isTable {
            section.fault(
                "offset_seconds",
                "must be a number of seconds from -86400 to 86400, such as 0.25, not '\(text.prefix(40))'")
        }
        return .column(text)
    }

    private func glob(_ section: Section) -> SourceItem.Place? {
        guard let text = section.text("path"), let path = relative(text, "path", section) else { return nil }
        do throws(GlobPattern.Fault) {
            return .glob(try GlobPattern(path))
        } catch {
            section.fault("path", error.message)
            return nil
        }
    }

    private func table(_ section: Section) -> SourceItem.Place? {
        guard let text = section.text("table"), let path = relative(text, "table", section) else {
            return nil
        }
        guard !path.isEmpty, !path.hasSuffix("/") else {
            section.fault("table", "must name a CSV, TSV or JSONL file")
            return nil
        }
        guard
            let entryPath = pattern(
                section.has("path") ? section.text("path") : "{path}", key: "path", in: section, isTable: true
            )
        else { return nil }
        if entryPath.fields.isEmpty {
            section.fault("path", "names no column; write such as \"{midi_filename}\"")
        }
        return .table(
            path: path, headerRows: section.integer("header_rows", 1...16, default: 1), entryPath: entryPath)
    }

    /// Turns an absolute path into one relative to the manifest's folder.
    private func relative(_ path: String, _ key: String, _ section: Section) -> String? {
        guard path.hasPrefix("/") else { return path }
        guard let directory, directory.hasPrefix("/") else {
            section.fault(key, "is absolute; write it relative to the manifest's folder")
            return nil
        }
        let from = directory.split(separator: "/")
        let to = path.split(separator: "/", omittingEmptySubsequences: true)
        let shared = zip(from, to).prefix { $0 == $1 }.count
        let relative = Array(repeating: "..", count: from.count - shared) + to[shared...].map(String.init)
        return relative.joined(separator: "/") + (path.hasSuffix("/") ? "/" : "")
    }

    private func labels(_ section: Section, isTable: Bool) -> SourceItem.Labels {
        guard let node = section.values["labels"] else { return isTable ? .otherColumns : .patterns([]) }
        if case .sequence(let sequence) = node, isTable {
            let names = sequence.compactMap { node -> String? in
                guard case .scalar(let scalar) = node, !node.isNothing else { return nil }
                return scalar.string
            }
            if names.count != sequence.count || Set(names).count != names.count
                || !names.allSatisfy(Self.isLabelName)
            {
                section.fault(
                    "labels",
                    "must be a list of different columns (their names without '/'), or a mapping of names to patterns"
                )
            }
            checkCount(names.count, section)
            return .columns(names)
        }
        guard let mapping = section.section("labels", keys: []) else { return .patterns([]) }
        checkCount(mapping.values.count, section)
        var named: [SourceItem.NamedPattern] = []
        for name in mapping.values.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            if !Self.isLabelName(name) {
                mapping.faults.add(
                    mapping.line(of: name),
                    "'\(name)' cannot name a label; use 1 to 200 bytes without '/' and control characters")
            }
            let patterns = texts(name, in: mapping, such: "[jazz, live]").compactMap {
                pattern($0, key: name, in: mapping, isTable: isTable)
            }
            if !patterns.isEmpty { named.append(SourceItem.NamedPattern(name: name, patterns: patterns)) }
        }
        return .patterns(named)
    }

    /// The texts of a value that is one text or a list of texts.
    private func texts(_ key: String, in section: Section, such example: String) -> [String] {
        guard case .sequence(let sequence)? = section.values[key] else {
            return section.text(key).map { [$0] } ?? []
        }
        let texts = sequence.compactMap { node -> String? in
            guard case .scalar(let scalar) = node, !node.isNothing else { return nil }
            return scalar.string
        }
        if texts.isEmpty || texts.count != sequence.count || texts.count > ManifestLimits.values {
            section.fault(
                key, "must be a text, or a list of 1 to \(ManifestLimits.values) texts, such as \(example)")
        }
        return texts
    }

    private func exclude(_ section: Section) -> [GlobPattern] {
        guard section.has("exclude") else { return [] }
        return texts("exclude", in: section, such: "[drafts/**]").compactMap { text in
            guard let path = relative(text, "exclude", section) else { return nil }
            do throws(GlobPattern.Fault) {
                return try GlobPattern(path)
            } catch {
                section.fault("exclude", "has '\(text.prefix(80))', which \(error.message)")
                return nil
            }
        }
    }

    private func map(_ section: Section, _ labels: SourceItem.Labels) -> [String: [String: String?]] {
        guard let labelled = section.section("map", keys: []) else { return [:] }
        let known: [String]? =
            switch labels {
            case .patterns(let named): named.map(\.name)
            case .columns(let names): names
            // The columns of the table are not known yet.
            case .otherColumns: nil
            }
        var map: [String: [String: String?]] = [:]
        for (name, node) in labelled.values.sorted(by: { utf8Order($0.key, $1.key) }) {
            if let known, !known.contains(name) {
                labelled.faults.add(
                    labelled.line(of: name),
                    "\(labelled.path(name)) maps a label that the item does not have; \(suggestion(for: name, among: known))"
                )
            }
            guard case .mapping = node, let values = labelled.section(name, keys: []) else {
                labelled.fault(name, "must be a mapping of values, such as {hard bop: jazz, unknown: null}")
                continue
            }
            for (from, node) in values.values {
                if node.isNothing {
                    map[name, default: [:]].updateValue(nil, forKey: LabelText.composed(from))
                } else if case .scalar(let scalar) = node, !scalar.string.isEmpty,
                    !LabelText.isSeveral(scalar.string)
                {
                    map[name, default: [:]].updateValue(
                        LabelText.composed(scalar.string), forKey: LabelText.composed(from))
                } else {
                    values.fault(
                        from, "must be the new value, or null to drop '\(from)', not \(node.described)")
                }
            }
        }
        return map
    }

    private func checkCount(_ count: Int, _ section: Section) {
        guard count > ManifestLimits.labels else { return }
        section.fault("labels", "names \(count) labels, but the limit is \(ManifestLimits.labels)")
    }

    /// Whether a label may be so named: a tensor `label.<name>` is called after it.
    static func isLabelName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 200
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    private func pattern(_ text: String?, key: String, in section: Section, isTable: Bool) -> LabelPattern? {
        guard let text else { return nil }
        do throws(LabelPattern.Fault) {
            let pattern = try LabelPattern(text)
            for field in pattern.fields
            where !isTable && (!LabelPattern.pathWords.contains(field.name) || field.width > 0) {
                section.fault(
                    key,
                    "has the placeholder {\(field.name)}; \(suggestion(for: field.name, among: LabelPattern.pathWords)) (columns belong to a table)"
                )
            }
            return pattern
        } catch {
            section.fault(key, error.message)
            return nil
        }
    }
}

extension SourceItem.Offset {
    /// Reads a number of seconds such as `-0.25`, rounded to microseconds; nil for anything else, and beyond a day.
    static func microseconds(of text: String) -> Int? {
        let bytes = text.utf8
        guard
            bytes.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }),
            let seconds = Double(text), seconds.magnitude <= 86_400
        else { return nil }
        return Int((seconds * 1e6).rounded())
    }
}

extension Node {
    var isEmptySequence: Bool { if case .sequence(let sequence) = self { sequence.isEmpty } else { false } }
}
