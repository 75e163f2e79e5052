import Foundation
import TestSupport
import Testing

@testable import Listing
@testable import Manifest

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a pattern must not take, and what it says of near misses.
@Suite struct EntriesSafetyTests {
    /// The names that a cache keeps for itself, each as a file and, where that is its form, as a folder with a file.
    @Test(arguments: ["**", "**/*", "*/*", "cache/**", "{cache,data}/**"])
    func aCacheIsNeverASource(_ pattern: String) throws {
        let own = [
            "CACHEDIR.TAG", "index.sqlite", "index.sqlite-wal", "lock", "objects/aa/bb", "journals/b.jsonl",
            "refs/d",
            "state/d", "tmp/x/y", "runs/r/run.json", "transfers/k/out.mid", "notes/d.jsonl",
        ]
        let folder = try TestFolder(
            own.map { "cache/" + $0 } + ["cache/downloads/x.mid", "data/a.mid", "m/objects/b.mid"])
        let paths = try EntriesTests.paths(folder, pattern)
        #expect(!paths.isEmpty && !paths.contains { path in own.contains { path == "cache/" + $0 } })
        if pattern == "**" {
            #expect(paths == ["cache/downloads/x.mid", "data/a.mid", "m/objects/b.mid"])
        }
        #expect(
            EntriesTests.faults(folder, "  - path: cache/*.sqlite") == [
                "m.yaml:6: 'cache/*.sqlite' matches no file; the files of the cache 'cache' are never sources"
            ])
    }

    @Test func filesThatDifferByCaseAreReported() throws {
        let folder = try TestFolder(["m/a.mid", "m/B.MID", "m/C.Mid", "m/d.midi", "n/X.WAV"])
        let found = try EntriesTests.entries(folder, "  - path: 'm/*.mid'")
        #expect(found.indices.map(found.path) == ["m/a.mid"])
        #expect(found.warnings.count == 1)
        #expect(found.warnings[0].hasPrefix("m.yaml:6: 'm/*.mid' leaves out 2 files: 'm/"))
        #expect(try EntriesTests.entries(folder, "  - path: 'm/*.{mid,MID,Mid}'").warnings == [])
        #expect(try EntriesTests.entries(folder, "  - path: 'm/*.[mM][iI][dD]'").count == 3)
        #expect(
            EntriesTests.faults(folder, "  - path: 'n/*.wav'") == [
                "m.yaml:6: 'n/*.wav' matches no file; 'n/X.WAV' matches except for upper and lower case; write it so"
            ])
    }

    /// Of every ASCII character, letters alone differ by case.
    @Test func caselessTokensTakeLettersOfEitherCase() throws {
        for byte in UInt8(0x21)...0x7E where !"\\[]{}*?/.,".utf8.contains(byte) {
            let character = Character(Unicode.Scalar(byte))
            let other = character.isLowercase ? character.uppercased() : character.lowercased()
            for pattern in ["\(character).mid", "[\(character)x].mid"]
            where !pattern.contains("[!") && !pattern.contains("[^") {
                let component = try #require(
                    try GlobPattern(pattern).branches.first?.components.first?.caseless)
                for name in ["\(character).mid", "\(other).MID"] {
                    var name = name
                    #expect(name.withUTF8 { component.matches($0) }, "\(pattern) \(name)")
                }
                var wrong = byte == UInt8(ascii: "~") ? "!.mid" : "~.mid"
                #expect(!wrong.withUTF8 { component.matches($0) }, "\(pattern)")
            }
        }
    }

    @Test func aLiteralBracketIsExplained() throws {
        let folder = try TestFolder(["m/golden-heart-[k].mid"])
        #expect(
            EntriesTests.faults(folder, "  - path: \"m/golden-heart-[k].mid\"") == [
                "m.yaml:6: 'm/golden-heart-[k].mid' matches no file; there is a file of exactly this name: write 'm/golden-heart-[[]k].mid'"
            ])
        #expect(try EntriesTests.paths(folder, "m/golden-heart-[[]k].mid") == ["m/golden-heart-[k].mid"])
    }

    @Test(arguments: ["**/*.wav", "*.wav", "&x.wav", "@a.wav", "!a.wav", "%a.wav", "`a`.wav"])
    func aValueThatYAMLTakesForAMarkIsToBeQuoted(_ value: String) throws {
        let text = "version: 1\ndataset: d\nmidi: {}\nsources:\n  - path: \(value)\n"
        let faults = ManifestTests.faults(Array(text.utf8))
        #expect(faults.count == 1 && faults[0].hasPrefix("m.yaml:5:"), "\(faults)")
        if "*@%`".contains(value.prefix(1)) { #expect(faults[0].contains("quote it"), "\(faults)") }
    }

    @Test func aManifestWithAMarkIsTheSame() throws {
        let text = "version: 1\ndataset: d\nmidi: {}\nsources: [{path: a.mid, labels: {style: café}}]\n"
        let plain = try ManifestTests.read(text).effective
        let units = Array(("\u{FEFF}" + text).utf16)
        for bytes in [
            [0xEF, 0xBB, 0xBF] + Array(text.utf8), units.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] },
        ] {
            #expect(try Manifest(bytes: bytes, file: "m.yaml").effective == plain)
        }
    }

    /// A pipe that nobody writes to would be waited for without end.
    @Test(.timeLimit(.minutes(1))) func onlyRegularFilesAreRead() throws {
        let folder = try TestFolder(["a.mid"])
        mkfifo(folder.path + "/p.yaml", 0o644)
        mkfifo(folder.path + "/p.csv", 0o644)
        for path in ["\(folder.path)/p.yaml", "/dev/zero"] {
            let error = #expect(throws: ManifestError.self) { try Manifest.read(path) }
            #expect(error?.faults[0].message == "the manifest cannot be read: not a regular file")
            #expect(error?.faults.map(\.kind) == [.manifest])
        }
        #expect(
            EntriesTests.faults(folder, "  - table: p.csv") == [
                "m.yaml:6: the table 'p.csv' cannot be read: not a regular file"
            ])
        truncate(folder.path + "/a.mid", 1 << 40)
        let large = #expect(throws: ManifestError.self) { try Manifest.read(folder.path + "/a.mid") }
        #expect(large?.faults[0].message.contains("1099511627776 bytes, more than the 1048576") == true)
    }
}
