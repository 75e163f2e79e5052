import Foundation

/// The package as its files show it: the module table of `docs/architecture.md`, and what `Sources` holds.
struct Architecture {
    /// A row of the table.
    struct Row {
        let layer: Int
        let module: String
        let mayImport: Set<String>
        let reason: String
    }

    /// A Swift file below `Sources`.
    struct SourceFile {
        /// From the package's root.
        let path: String
        let module: String
        let lines: [Substring]
    }

    /// A line that imports a module.
    struct Import {
        let file: SourceFile
        let line: Int
        let module: String
    }

    let rows: [String: Row]
    let files: [SourceFile]
    let package: String

    /// The modules that have Swift files; C libraries have none.
    var modules: Set<String> { Set(files.map(\.module)) }

    /// Reads the package whose root `REPRISE_ROOT` names; else the one that this file belongs to.
    init() throws {
        let environment = ProcessInfo.processInfo.environment["REPRISE_ROOT"]
        let root =
            environment.map { URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appendingPathComponent("docs/architecture.md"), encoding: .utf8)
        package = try String(contentsOf: root.appendingPathComponent("Package.swift"), encoding: .utf8)
        rows = Dictionary(
            Self.rows(of: page).map { ($0.module, $0) }, uniquingKeysWith: { first, _ in first })
        let sources = root.appendingPathComponent("Sources").path
        files = try FileManager.default.subpathsOfDirectory(atPath: sources)
            .filter { $0.hasSuffix(".swift") }
            .sorted()
            .map { path in
                let text = try String(contentsOfFile: sources + "/" + path, encoding: .utf8)
                let module = path.split(separator: "/").first.map(String.init) ?? path
                return SourceFile(
                    path: "Sources/" + path, module: module,
                    lines: text.split(separator: "\n", omittingEmptySubsequences: false))
            }
    }

    /// The rows `| 1 | `Symbolic` | what it does | `Tensors` | the reason |`.
    static func rows(of page: String) -> [Row] {
        page.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|", omittingEmptySubsequences: false)
                .map { $0.trimmingCharacters(in: .whitespaces) }
            guard cells.count == 7, let layer = Int(cells[1]), let module = quoted(in: cells[2]).first else {
                return nil
            }
            return Row(layer: layer, module: module, mayImport: Set(quoted(in: cells[4])), reason: cells[5])
        }
    }

    /// The words between backquotes.
    static func quoted(in cell: String) -> [String] {
        cell.matches(of: /`([^`]+)`/).map { String($0.1) }
    }

    /// Every import of a module that is neither the language's nor the system's.
    var imports: [Import] {
        let form =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|var|let)\s+)?(\w+)/
        let system: Set = [
            "Swift", "Foundation", "FoundationEssentials", "Glibc", "Musl", "Darwin", "Dispatch",
            "Synchronization", "_Builtin_intrinsics",
        ]
        return files.flatMap { file in
            file.lines.enumerated().compactMap { number, line in
                guard let match = line.firstMatch(of: form), !system.contains(String(match.1)) else {
                    return nil
                }
                return Import(file: file, line: number + 1, module: String(match.1))
            }
        }
    }

    /// What `Package.swift` lets each target of ours that is no test depend on.
    var declaredDependencies: [String: Set<String>] {
        let target = /\.(?:executableTarget|target)\(\s*name:\s*"(\w[\w-]*)"((?:[^()]|\([^()]*\))*)\)/
        var result: [String: Set<String>] = [:]
        for match in package.matches(of: target) {
            let dependencies = match.2.firstMatch(of: /dependencies:\s*\[([^\]]*)\]/)?.1 ?? ""
            // Of `.product(name: "GRDB", package: "GRDB.swift")` the product counts.
            let names = dependencies.replacing(/package:\s*"[^"]*"/, with: "").matches(of: /"([^"]+)"/)
            result[String(match.1)] = Set(names.map { String($0.1) })
        }
        return result
    }
}
