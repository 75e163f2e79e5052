import Judging
import Training

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Whole files.
enum RawFile {
    /// Whether there is a regular file at a path.
    static func exists(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFREG
    }

    /// Whether there is a folder at a path.
    static func isFolder(_ path: String) -> Bool {
        var facts = stat()
        return stat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    static func read(_ path: String) throws(TrainingError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw fault("open", path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            #if canImport(Glibc)
                let count = Glibc.read(descriptor, &part, part.count)
            #else
                let count = Darwin.read(descriptor, &part, part.count)
            #endif
            guard count >= 0 else { throw fault("read", path) }
            if count == 0 { return bytes }
            bytes += part[..<count]
        }
    }

    /// The regular files below a folder by their paths from it, in the order of those; hidden ones are left out.
    static func files(in folder: String) throws(TrainingError) -> [String] {
        var files: [String] = []
        func visit(_ place: String) throws(TrainingError) {
            guard let stream = opendir(folder + "/" + place) else {
                throw fault("open", folder + "/" + place)
            }
            defer { closedir(stream) }
            var names: [String] = []
            while let entry = readdir(stream) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                if !name.hasPrefix(".") { names.append(name) }
            }
            for name in names.sorted() {
                let path = place.isEmpty ? name : place + "/" + name
                var facts = stat()
                guard stat(folder + "/" + path, &facts) == 0 else { continue }
                switch facts.st_mode & S_IFMT {
                case S_IFREG: files.append(path)
                case S_IFDIR: try visit(path)
                default: continue
                }
            }
        }
        try visit("")
        return files
    }

    /// The outputs of a folder with the contents that have the same paths, but for the endings.
    ///
    /// - Throws: `train.file` for a folder that cannot be read; `train.usage` for an output without a content, a name that
    ///   two contents have, or no output at all.
    static func pairs(outputs: String, contents: String) throws(TrainingError) -> [TransferEvaluation.Pair] {
        func stem(_ path: String) -> Substring {
            let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
            return path[..<(path[name...].lastIndex(of: ".") ?? path.endIndex)]
        }
        // What a transcriber wrote beside a recording is no output of its own.
        func list(_ folder: String) throws(TrainingError) -> [String] {
            try files(in: folder).filter { !$0.hasSuffix(".transcribed.mid") }
        }
        let sources = Dictionary(grouping: try list(contents), by: stem)
        var pairs: [TransferEvaluation.Pair] = []
        for output in try list(outputs) {
            let found = sources[stem(output)] ?? []
            let chosen = found.contains(output) ? [output] : found
            guard let content = chosen.first else {
                throw TrainingError(
                    .usage,
                    "\(outputs)/\(output) has no content: there is no file \(contents)/\(stem(output)).*")
            }
            guard chosen.count == 1 else {
                throw TrainingError(
                    .usage,
                    "\(outputs)/\(output) could be made of \(found.joined(separator: " or ")) in \(contents)")
            }
            pairs.append(
                .init(name: output, output: "\(outputs)/\(output)", content: "\(contents)/\(content)"))
        }
        guard !pairs.isEmpty else { throw TrainingError(.usage, "\(outputs) holds no files") }
        return pairs
    }

    /// Whether two paths lead to the same file.
    static func isSame(_ one: String, _ other: String) -> Bool {
        var (first, second) = (stat(), stat())
        return stat(one, &first) == 0 && stat(other, &second) == 0 && first.st_dev == second.st_dev
            && first.st_ino == second.st_ino
    }

    private static func fault(_ doing: String, _ path: String) -> TrainingError {
        TrainingError(.file, "cannot \(doing) \(path): \(String(cString: strerror(errno)))")
    }
}
