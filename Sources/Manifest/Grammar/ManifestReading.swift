internal import Files
public import Listing
internal import Yams

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Manifest {
    /// Reads and checks a manifest's file.
    ///
    /// - Parameter path: the file; faults name it so.
    /// - Returns: the manifest, and the absolute real path of its folder, to which its paths are relative.
    /// - Throws: every fault at once; one of kind `environment` if the file cannot be read.
    public static func read(_ path: String) throws(ManifestError) -> (manifest: Manifest, directory: String) {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try contents(of: path, in: AT_FDCWD, limit: maximumByteCount)
        } catch {
            throw ManifestError([
                ManifestFault(
                    kind: error.isAbsence || error.isUnfit ? .manifest : .environment, file: path, line: 1,
                    message: "the manifest cannot be read: \(error.message)")
            ])
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let directory: String
        do throws(FileFailure) {
            directory = try realPath(of: folder)
        } catch {
            throw ManifestError([
                ManifestFault(
                    kind: .environment, file: path, line: 1,
                    message: "the manifest's folder cannot be read: \(error.message)")
            ])
        }
        return (try Manifest(bytes: bytes, file: path, directory: directory), directory)
    }

    /// Reads and checks a manifest.
    ///
    /// - Parameters:
    ///   - bytes: the file's bytes, UTF-8, at most ``maximumByteCount``.
    ///   - file: the file's name as faults give it.
    ///   - directory: the absolute real path of the manifest's folder; with it, absolute paths in `sources` are
    ///     turned into relative ones, without it they are faults.
    /// - Throws: every fault at once.
    public init(bytes: [UInt8], file: String, directory: String? = nil) throws(ManifestError) {
        let faults = FaultList(file: file)
        let manifest = Self.read(bytes, faults: faults, directory: directory)
        guard faults.faults.isEmpty, let manifest else { throw ManifestError(faults.faults) }
        self = manifest
        warnings = faults.warnings
    }

    private static func read(_ bytes: [UInt8], faults: FaultList, directory: String?) -> Manifest? {
        guard let node = ManifestDocument(bytes, faults: faults).root,
            let root = Section(
                node, name: "",
                keys: [
                    "version", "dataset", "sources", "midi", "audio", "splits", "shards", "statistics",
                    "dedupe", "about",
                ],
                faults: faults)
        else { return nil }
        if !root.has("version") {
            faults.add(root.line, "'version' is missing; write 'version: 1'")
        } else if root.values["version"]?.integer != 1 {
            root.fault("version", "must be 1, the only version that this program reads")
        }
        let dataset = datasetName(root)
        let sources = SourceReader(faults: faults, directory: directory).items(root)
        let pairLine = sources.first { $0.pair != nil }?.line
        let (midi, audio) = blocks(root, hasPairs: pairLine != nil)
        if let pairLine, !root.has("midi") || !root.has("audio") {
            faults.add(
                pairLine,
                "pairs need both blocks; add '\(root.has("midi") ? "audio" : "midi"): {}', or remove 'pair'")
        }
        var manifest = Manifest(
            dataset: dataset, sources: sources, midi: midi, audio: audio,
            splits: root.has("splits")
                ? root.section("splits", keys: Splits.keys).map(Splits.init) ?? Splits() : Splits(),
            targetBytes: root.section("shards", keys: ["target_bytes"])?.byteCount(
                "target_bytes", default: 64 << 20)
                ?? 64 << 20,
            statistics: statistics(root),
            dedupe: root.flag("dedupe", default: false))
        if root.has("about"), let about = root.section("about", keys: About.keys) {
            manifest.about = About(about)
        }
        if !root.has("midi"), !root.has("audio") {
            faults.add(
                root.line,
                "the manifest has neither 'midi' nor 'audio'; add 'midi: {}' or 'audio: {}' for all defaults"
            )
        }
        manifest.namedLabels = manifest.labels(namedIn: root)
        manifest.checkLabels(faults)
        manifest.elementTypeLine = root.section("audio", keys: [])?.line(of: "dtype") ?? root.line
        return manifest
    }

    /// The two blocks of media; the grid of one may be that of the other's frames.
    private static func blocks(_ root: Section, hasPairs: Bool) -> (midi: MIDI?, audio: Audio?) {
        func read<Block>(_ key: String, _ keys: [String], _ block: (Section) -> Block) -> (
            Block?, isSound: Bool
        ) {
            guard root.has(key) else { return (nil, true) }
            let before = root.faults.faults.count
            let found = root.section(key, keys: keys).map(block)
            return (found, root.faults.faults.count == before)
        }
        var (midi, midiIsSound) = read("midi", MIDI.keys, MIDI.init)
        let (audio, audioIsSound) = read("audio", Audio.keys, Audio.init)
        // What depends on a block with faults is checked when these are gone.
        if midiIsSound, audioIsSound || midi?.followsFrames == false,
            let section = root.section("midi", keys: [])
        {
            midi?.finish(section, audio: audio)
            if hasPairs, audioIsSound, let audio { midi?.followRecordings(section, audio) }
        }
        return (midi, audio)
    }

    /// Whether a text can be the name of a dataset: 1 to 100 letters of ASCII, digits, `-` and `_`.
    public static func isDatasetName(_ text: String) -> Bool {
        (1...100).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }

    private static func datasetName(_ root: Section) -> String {
        guard root.has("dataset") else {
            root.faults.add(root.line, "'dataset' is missing; name it, such as 'dataset: piano-styles'")
            return ""
        }
        guard let name = root.text("dataset") else { return "" }
        if !isDatasetName(name) {
            root.fault(
                "dataset",
                "must be 1 to 100 letters (a-z, A-Z), digits, '-' and '_', not '\(name.prefix(120))'")
        }
        return name
    }

    private static func statistics(_ root: Section) -> Statistics {
        guard let node = root.values["statistics"] else { return .fit }
        switch node {
        case .scalar(let scalar) where scalar.string == "fit": return .fit
        case .scalar(let scalar) where scalar.string == "exact": return .exact
        case .mapping:
            guard let section = root.section("statistics", keys: ["from"]) else { return .fit }
            let hash = section.text("from")
            if let hash, hash.utf8.count == 64,
                hash.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
            {
                return .from(hash)
            }
            if !section.has("from") || hash != nil {
                section.fault("from", "must be a snapshot's full hash: 64 digits of 0-9 and a-f")
            }
        default:
            root.fault(
                "statistics", "must be fit, exact or {from: <snapshot's full hash>}, not \(node.described)")
        }
        return .fit
    }

    /// The labels that other keys name.
    private func labels(namedIn root: Section) -> [NamedLabel] {
        var named: [NamedLabel] = []
        func note(_ label: String, _ section: Section?, _ key: String, words: [String] = []) {
            guard let section else { return }
            named.append(
                NamedLabel(key: section.path(key), name: label, line: section.line(of: key), words: words))
        }
        let block = root.section("splits", keys: [])
        if case .label(let label) = splits.unit { note(label, block, "by", words: ["piece", "segment"]) }
        if let label = splits.stratify { note(label, block, "stratify") }
        if case .label(let label) = audio?.normalize.per {
            let block = root.section("audio", keys: [])?.section("normalize", keys: [])
            note(label, block, "per", words: ["dataset", "none"])
        }
        return named
    }

    /// Labels that other keys name must be some item's, as far as the manifest alone can tell; the rest is checked
    /// when the tables are read.
    private func checkLabels(_ faults: FaultList) {
        var known: Set<String> = []
        for item in sources {
            guard let names = item.labelNames else { return }
            known.formUnion(names)
        }
        for label in namedLabels {
            if let message = label.fault(among: known) { faults.add(label.line, message) }
        }
    }
}

extension Section {
    /// A size: a number of bytes, or one with a unit.
    func byteCount(_ key: String, default standard: Int) -> Int {
        guard let node = values[key] else { return standard }
        let range = 1...1 << 40
        if case .scalar(let scalar) = node {
            let digits = scalar.string.prefix { $0.isASCII && $0.isNumber }
            let unit = scalar.string.dropFirst(digits.count).drop { $0 == " " }
            let units = [
                "": 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000, "GB": 1_000_000_000, "KiB": 1 << 10,
                "MiB": 1 << 20, "GiB": 1 << 30,
            ]
            if let count = Int(digits), let factor = units[String(unit)],
                case let (bytes, overflow) = count.multipliedReportingOverflow(by: factor), !overflow,
                range.contains(bytes)
            {
                return bytes
            }
        }
        faults.add(
            node.line,
            "\(path(key)) must be a size from 1 B to 1024 GiB, such as 64MiB, not \(node.described)")
        return standard
    }
}
