import Audio
import Files
import Symbolic
import TestSupport
import Testing

@testable import Listing
@testable import Manifest

@Suite struct ManifestTests {
    static func read(_ text: String, directory: String? = nil) throws -> Manifest {
        try Manifest(bytes: Array(text.utf8), file: "m.yaml", directory: directory)
    }

    static func faults(_ bytes: [UInt8]) -> [String] {
        do {
            _ = try Manifest(bytes: bytes, file: "m.yaml")
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    /// A manifest of one item and these further lines.
    static func with(_ lines: String) throws -> Manifest {
        try read("version: 1\ndataset: d\nsources: [{path: '*.mid', labels: {style: x}}]\n" + lines)
    }

    /// The example of the format's page: it writes every default out, and what has none.
    static let example = """
        version: 1
        dataset: piano-styles            # letters, digits, '-', '_'
        sources:
          - path: data/classical/**/*.mid   # glob, relative to the manifest; ** crosses folders
            labels: {style: classical, composer: "{dir}"}
            piece: "{stem}"
          - table: metadata.csv
        midi:
          grid: {steps_per_beat: 4}
          segment: {steps: 64, hop: 64, drop_last: false, align: none}
          pitches: [0, 127]
          drums: separate
          sustain: ignore
          voices: 4
          controls: [64, 66, 67]
          window: all
          require: {time_signature: 4/4, constant_time_signature: true}
        audio:
          sample_rate: 44100
          channels: mono
          resampler: soxr_hq
          loudness: {rms_dbfs: -20}
          peak: ignore
          bandpass: {low_hz: 125, high_hz: 10000, order: 1}
          segment: {samples: 131072, hop: 131072, drop_last: false}
          stft: {n_fft: 2048, hop: 512, win_length: 2048, window: hann, center: true, pad_mode: constant, pad_end: 0}
          features:
            mel: {bands: 256, fmin: 0, fmax: 22050, scale: slaney, norm: slaney, power: 2}
            spectrogram: {power: 1, drop_nyquist: false}
          normalize: {compress: log10_1p, per: dataset, epsilon: 0}
          dtype: float32
        splits: {train: 0.8, validation: 0.1, test: 0.1, by: piece, method: hash, seed: 0}
        shards: {target_bytes: 64MiB}
        statistics: fit
        """

    @Test func exampleOfTheFormatIsRead() throws {
        let manifest = try Self.read(Self.example)
        #expect(manifest.dataset == "piano-styles")
        #expect(manifest.sources.map(\.line) == [4, 7])
        #expect(manifest.midi?.voices == 4)
        #expect(
            manifest.effective["midi"]?["require"] == [
                "time_signature": "4/4", "constant_time_signature": true,
            ])
        #expect(
            manifest.effective["audio"]?["bandpass"]
                == ["low_hz": 125.0, "high_hz": 10000.0, "order": 1])
        #expect(manifest.targetBytes == 67_108_864)
        #expect(manifest.effective["audio"]?["features"]?["mel"]?["fmax"] == .number(22050))
        #expect(
            manifest.effective["sources"]?.array?[1] == [
                "table": "metadata.csv", "header_rows": 1, "path": "{path}",
            ])
    }

    @Test func absentKeysTakeTheExamplesValues() throws {
        var expected = try Self.read(Self.example)
        expected.midi?.voices = nil
        expected.midi?.requiredTimeSignature = nil
        expected.midi?.requiresConstantTimeSignature = false
        expected.audio?.bandpass = nil
        expected.audio?.features.spectrogram = nil
        let bare = try Self.with("midi:\naudio: {}\n")
        #expect(bare.midi == expected.midi)
        #expect(bare.audio == expected.audio)
        #expect(bare.splits == expected.splits)
        #expect(bare.targetBytes == expected.targetBytes)
        #expect(bare.statistics == expected.statistics)
    }

    @Test func absentBlocksStayAbsent() throws {
        #expect(try Self.with("midi: {}").audio == nil)
        #expect(try Self.with("audio: {}").midi == nil)
        #expect(try Self.with("audio: {}").effective["midi"] == nil)
    }

    /// What a card says changes nothing of manifests that say nothing, and comes back from the effective manifest.
    @Test func aboutIsOptionalText() throws {
        let bare = try Self.with("midi: {}")
        #expect(bare.about == Manifest.About() && bare.effective["about"] == nil)
        let full = try Self.with(
            "midi: {}\nabout: {title: \"A: b\", licence: cc-by-4.0, citation: \"@misc{x}\", url: https://x.org}"
        )
        #expect(full.about.title == "A: b" && full.about.licence == "cc-by-4.0")
        #expect(full.about.citation == "@misc{x}" && full.about.url == "https://x.org")
        let again = try Manifest(bytes: full.effective.canonicalBytes, file: "again", directory: "/")
        #expect(again.about == full.about)
        for (text, message) in [
            ("about: {license: mit}", "did you mean 'licence'?"), ("about: {title: ''}", "title is empty"),
            ("about: text", "about"),
        ] {
            let error = #expect(throws: ManifestError.self) { try Self.with("midi: {}\n\(text)") }
            #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
        }
    }

    @Test func spellingDoesNotChangeTheEffectiveValue() throws {
        let one = try Self.with("audio: {sample_rate: 22_050, features: {mel: {fmin: 0}}, normalize: log}")
        let other = try Self.with(
            "audio:\n  normalize: {per: none, compress: log, top_db: 80.0}\n  features: {mel: {fmax: 11025.0}}\n  sample_rate: 22050\nsplits: {test: 0.1, validation: 0.1, train: 0.8}"
        )
        #expect(one.effective == other.effective)
        #expect(one.effective.canonical == other.effective.canonical)
    }

    @Test func effectiveValueReadsBackAsItself() throws {
        // JSON is YAML, but for the shape of sources, which stays as it is.
        for text in [Self.example, Self.example + "\ndedupe: true"] {
            let manifest = try Self.read(text)
            let again = try Self.read(manifest.effective.canonical)
            #expect(again.effective == manifest.effective)
        }
    }

    @Test(arguments: [
        "loudness: none", "loudness: {lufs: -23}", "peak: -1", "normalize: none", "dtype: float16",
        "normalize: {per: style}",
    ])
    func packingDoesNotTouchTheSpectrum(_ line: String) throws {
        let plain = try #require(try Self.with("audio: {}").audio)
        let changed = try #require(try Self.with("audio: {\(line)}").audio)
        #expect(changed.spectrum == plain.spectrum)
        #expect(changed.packing != plain.packing)
        #expect(changed.effective != plain.effective)
    }

    @Test(arguments: [
        "sample_rate: 48000", "resampler: best", "bandpass: {low_hz: 1, high_hz: 2}",
        "segment: {samples: 4096}",
        "stft: {hop: 256}", "features: {mel: {bands: 64}}", "features: {mel: {}, waveform: }",
    ])
    func spectrumTouchesTheSpectrum(_ line: String) throws {
        let plain = try #require(try Self.with("audio: {}").audio)
        let changed = try #require(try Self.with("audio: {\(line)}").audio)
        #expect(changed.spectrum != plain.spectrum)
        #expect(changed.packing == plain.packing)
    }

    @Test func mfccIsAppliedAtPack() throws {
        let twenty = try #require(try Self.with("audio: {features: {mfcc: {}}}").audio)
        let twelve = try #require(
            try Self.with("audio: {features: {mfcc: {coefficients: 12, top_db: none}}}").audio)
        #expect(twenty.features.mfcc?.mel.bands == 128)
        #expect(twenty.features.mfcc?.coefficients == 20)
        #expect(twelve.features.mfcc?.decibels.topDB == nil)
        #expect(twelve.spectrum == twenty.spectrum)
        #expect(twelve.packing != twenty.packing)
    }

    @Test(arguments: [
        ("20", 20, 1), ("86.1328125", 11025, 128), ("44100/512", 11025, 128), ("0.5", 1, 2),
        ("1.5/0.5", 3, 1),
        ("65535", 65535, 1), ("0.000001", 1, 1_000_000), ("1000000/999999", 1_000_000, 999_999),
    ])
    func ratesAreExact(_ text: String, _ numerator: Int, _ denominator: Int) throws {
        let midi = try Self.with("midi: {grid: {steps_per_second: \(text)}}").midi
        #expect(midi?.grid == .stepsPerSecond(numerator: numerator, denominator: denominator))
    }

    @Test(arguments: [
        "0", "-1", "1/0", "65536", "1e3", "", "1/2/3", "0/5", ".5", "5.", "1_0", "0.0000000000001",
        "0.0000001", "1/1000001", "1000001/1000000",
    ])
    func badRatesAreFaults(_ text: String) {
        #expect(throws: ManifestError.self) { try Self.with("midi: {grid: {steps_per_second: '\(text)'}}") }
    }

    @Test(arguments: [
        ("1", 1), ("512B", 512), ("64KiB", 65536), ("64 MiB", 67_108_864), ("1GB", 1_000_000_000),
        ("3kB", 3000),
    ])
    func sizesAreRead(_ text: String, _ expected: Int) throws {
        #expect(try Self.with("midi:\nshards: {target_bytes: \(text)}").targetBytes == expected)
    }

    @Test(arguments: ["0", "-1", "MiB", "1TB", "1.5MiB", "99999999999GiB", "[1]", ""])
    func badSizesAreFaults(_ text: String) {
        #expect(throws: ManifestError.self) { try Self.with("midi:\nshards: {target_bytes: \(text)}") }
    }

    @Test func otherFormsAreRead() throws {
        let midi = try #require(
            try Self.with(
                "midi: {grid: {steps_per_first_beat: 8, rounding: floor}, controls: true, segment: {steps: 480, drop_last: true}, align: }"
                    .replacing(", align: ", with: "")
            ).midi)
        #expect(midi.grid == .stepsPerFirstBeat(8))
        #expect(midi.rounding == .floor)
        #expect(midi.controls == .all)
        #expect(midi.hop == 480)
        #expect(try Self.with("midi: {controls: false}").midi?.controls == .numbers([]))
        #expect(try Self.with("midi: {controls: [67, 64, 64]}").midi?.controls == .numbers([64, 67]))
        #expect(
            try Self.with("midi:\nsplits: {folds: 5, fold: 4}").splits.division == .folds(count: 5, test: 4))
        #expect(try Self.with("midi:\nsplits: {by: style}").splits.unit == .label("style"))
        #expect(
            try Self.with("midi:\nsplits: {train: 1}").splits.division
                == .proportions(train: 1, validation: 0, test: 0))
        let hash = String(repeating: "0f", count: 32)
        #expect(try Self.with("midi:\nstatistics: {from: \(hash)}").statistics == .from(hash))
        #expect(try Self.with("midi:\nstatistics: exact").statistics == .exact)
    }

    @Test func absolutePathsBecomeRelative() throws {
        let text =
            "version: 1\ndataset: d\nmidi:\nsources: [{path: /srv/music/a/*.mid}, {table: /srv/x/y/t.csv}]"
        let manifest = try Self.read(text, directory: "/srv/x")
        #expect(manifest.effective["sources"]?.array?[0]["path"] == "../music/a/*.mid")
        #expect(manifest.effective["sources"]?.array?[1]["table"] == "y/t.csv")
    }

    @Test func filesAreReadWithTheirFolder() throws {
        let folder = try TestFolder()
        try folder.write(
            "sub/m.yaml", "version: 1\ndataset: d\nmidi:\nsources: [{path: \(folder.path)/a/*.mid}]\n")
        let (manifest, directory) = try Manifest.read(folder.path + "/sub/../sub/m.yaml")
        #expect(directory.hasSuffix("/sub"))
        #expect(manifest.effective["sources"]?.array?[0]["path"] == "../a/*.mid")
        let error = #expect(throws: ManifestError.self) { try Manifest.read(folder.path + "/n.yaml") }
        #expect(
            error?.description
                == "\(folder.path)/n.yaml:1: the manifest cannot be read: No such file or directory")
        #expect(error?.faults.map(\.kind) == [.manifest])
        let other = #expect(throws: ManifestError.self) { try Manifest.read(folder.path + "/sub") }
        #expect(other?.faults.map(\.kind) == [.environment])
    }

    @Test func aliasesAreRead() throws {
        let manifest = try Self.read(
            "version: 1\ndataset: d\nmidi: {}\nsources:\n  - {path: a.mid, labels: &l {style: x}}\n  - {path: b.mid, labels: *l}"
        )
        #expect(manifest.sources.map(\.labelNames) == [["style"], ["style"]])
    }

    @Test func textsThatAreNoManifestAreFaults() {
        #expect(Self.faults([]) == ["m.yaml:1: the manifest is empty; begin with 'version: 1'"])
        #expect(
            Self.faults(Array("version: 1\ndataset: \u{FF}".utf8.dropLast()))
                == [
                    "m.yaml:2: the byte 0xC3 (Ã in Windows-1252) is not UTF-8; save the manifest as UTF-8, such as with: iconv -f WINDOWS-1252 -t UTF-8 m.yaml"
                ])
        #expect(
            Self.faults(Array("version: 1\n---\nversion: 1\n".utf8))
                == ["m.yaml:2: a second YAML document begins here; a manifest is one document"])
        #expect(
            Self.faults([UInt8](repeating: 0x20, count: 1 << 20 + 1)).first
                == "m.yaml:1: the manifest has 1048577 bytes, more than 1048576; use globs or a table")
        #expect(
            Self.faults(Array("a: \u{1}".utf8)) == ["m.yaml:1: not YAML: control characters are not allowed"])
        #expect(!Self.faults(Array(String(repeating: "[", count: 5000).utf8)).isEmpty)
        #expect(!Self.faults(Array(String(repeating: "- ", count: 5000).utf8)).isEmpty)
    }

    @Test(.timeLimit(.minutes(1))) func aliasesDoNotMultiply() {
        var laughs = "a0: &a0 [x, x]\n"
        for level in 1...40 { laughs += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(
            Self.faults(Array((laughs + "? *a40 : x\n").utf8))
                == ["m.yaml:10: more than 16 YAML aliases; write the values out"])
    }

    /// Whatever bytes are in a manifest, reading ends with a value or with faults.
    @Test func mutatedManifestsDoNotTrap() {
        var generator = SplitMix(seed: 1)
        let example = Array(Self.example.utf8)
        let spices = Array("{}[]&*?:-,#'\"|>%@!\n\t ~\u{0}\u{FF}é0".utf8)
        for _ in 0..<300 {
            var bytes = example
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes[index] = spices.randomElement(using: &generator) ?? 0
                case 1: bytes.remove(at: index)
                default:
                    let end = min(bytes.count, index + Int.random(in: 1...40, using: &generator))
                    bytes.insert(
                        contentsOf: bytes[index..<end], at: Int.random(in: 0..<bytes.count, using: &generator)
                    )
                }
            }
            _ = Self.faults(bytes)
        }
    }

    @Test(arguments: [
        ("{stem}", "a/b/c.d.mid", "c.d"), ("{name}", "a/b/c.mid", "c.mid"), ("{dir}", "a/b/c.mid", "b"),
        ("{dir:1}", "a/b/c.mid", "b"), ("{dir:2}", "a/b/c.mid", "a"),
        ("x-{dir:2}/{stem}!", "a/b/c", "x-a/c!"),
        ("{{{stem}}}", "c.mid", "{c}"), ("{stem}", ".hidden", ".hidden"), ("{dir}", "ä/ö.mid", "ä"),
        ("{dir}", "c.mid", nil), ("{dir:3}", "a/b/c.mid", nil), ("{dir}", "../c.mid", nil), ("", "c.mid", ""),
    ])
    func labelPatternsTakePartsOfThePath(_ pattern: String, _ path: String, _ expected: String?) throws {
        let folder = try TestFolder([path.replacing("../", with: "")])
        let directory = path.hasPrefix("../") ? try folder.subfolder("inner") : folder.path
        let manifest = try Self.read(
            "version: 1\ndataset: d\nmidi:\nsources: [{path: '\(path)', labels: {l: '\(pattern)'}}]")
        let entries = try EntryList(manifest, file: "m.yaml", directory: directory)
        if let expected {
            #expect(try entries.describe(0).labels["l"] ?? "" == expected)
        } else {
            let error = #expect(throws: ManifestError.self) { try entries.described() }
            #expect(
                error?.description
                    == "m.yaml:4: '\(path)' has no folder for \(pattern)")
        }
    }
}
