import Testing

/// The module table of `docs/architecture.md` is the law; these tests hold the code to it.
struct ArchitectureTests {
    let architecture: Architecture

    init() throws {
        architecture = try Architecture()
    }

    @Test func tableNamesEveryModuleAndNoOther() {
        #expect(!architecture.rows.isEmpty, "docs/architecture.md has no module table that can be read")
        for module in architecture.modules.subtracting(architecture.rows.keys).sorted() {
            Issue.record(
                "Sources/\(module) is not in the table of docs/architecture.md: give it a row, and a layer")
        }
        for module in Set(architecture.rows.keys).subtracting(architecture.modules).sorted() {
            Issue.record(
                "the table of docs/architecture.md names \(module), and Sources/\(module) has no Swift file")
        }
    }

    @Test func arrowsOfTheTableGoDown() {
        for row in architecture.rows.values {
            for imported in row.mayImport.sorted() {
                guard let other = architecture.rows[imported] else { continue }
                #expect(
                    other.layer < row.layer,
                    "the table lets \(row.module) (layer \(row.layer)) import \(imported) (layer \(other.layer))"
                )
            }
        }
    }

    @Test func importsAreInTheTable() {
        for found in architecture.imports where found.module != found.file.module {
            guard let row = architecture.rows[found.file.module] else { continue }
            let allowed = row.mayImport.isEmpty ? "nothing" : row.mayImport.sorted().joined(separator: ", ")
            #expect(
                row.mayImport.contains(found.module),
                """
                \(found.file.path):\(found.line) imports \(found.module); \(row.module) may import \(allowed), \
                so that \(row.reason). Move the code up to a module that may, or change docs/architecture.md and say why.
                """)
        }
    }

    @Test func packageDeclaresTheTable() {
        let declared = architecture.declaredDependencies
        for row in architecture.rows.values {
            guard let dependencies = declared[row.module] else {
                Issue.record("Package.swift has no target \(row.module), which docs/architecture.md names")
                continue
            }
            #expect(
                dependencies == row.mayImport,
                "Package.swift and docs/architecture.md differ about what \(row.module) depends on")
        }
    }

    /// What training needs reads shards: it links no YAML parser, no decoder and no Fourier transform.
    @Test func trainingReadsShardsAlone() {
        var reached: Set = ["Training"]
        var due = ["Training"]
        while let module = due.popLast() {
            for next in architecture.rows[module]?.mayImport ?? [] where reached.insert(next).inserted {
                due.append(next)
            }
        }
        #expect(reached.isSuperset(of: ["Loading", "Torch", "Tensors", "Build"]))
        #expect(reached.isDisjoint(with: ["Manifest", "Dataset", "Audio", "Yams", "CSndfile", "CFFTW"]))
    }

    @Test func filesAreShort() {
        // A table is as long as what it lists.
        for file in architecture.files where !file.path.hasSuffix("Table.swift") {
            #expect(
                file.lines.count <= 601,
                "\(file.path) has over 600 lines: which idea of it is a file of its own?")
        }
    }

    @Test func namesSayWhatThingsAre() {
        let empty: Set = [
            "Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Base", "Impl", "Core",
        ]
        for (file, line, name) in declaredTypes {
            let words = name.matches(of: /[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+/).map { String($0.0) }
            for word in words where empty.contains(word) {
                Issue.record(
                    "\(file.path):\(line) declares \(name): \"\(word)\" says nothing; name it by what it is")
            }
            // A manifest is all that its module is about.
            if name == "Manifest" { continue }
            #expect(
                name != file.module,
                "\(file.path):\(line) declares a type named like its module, which hides the module from importers"
            )
        }
    }

    private var declaredTypes: [(file: Architecture.SourceFile, line: Int, name: String)] {
        let form = /^[\w@()\s]*\b(?:struct|class|enum|actor|protocol|typealias)\s+([A-Za-z_]\w*)/
        return architecture.files.flatMap { file in
            file.lines.enumerated().compactMap { number, line in
                let text = line.drop { $0 == " " }
                guard !text.hasPrefix("//"), !text.hasPrefix("import "),
                    let match = text.firstMatch(of: form), match.1 != "func", match.1 != "var"
                else { return nil }
                return (file, number + 1, String(match.1))
            }
        }
    }
}
