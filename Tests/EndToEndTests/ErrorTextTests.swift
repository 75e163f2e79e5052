import Foundation
import Testing

/// What the program says of typical mistakes and damages, word for word.
struct ErrorTextTests {
    let place: Workplace

    init() throws {
        place = try Workplace()
    }

    /// Manifests with one mistake each: the lines that differ from a good one.
    private static let manifests: [(name: String, text: String)] = [
        ("empty", ""), ("not-yaml", "version: [1\n"), ("a-list", "- version\n"),
        ("no-version", "dataset: d\nsources: [{path: music/*/*.mid}]\nmidi: {}\n"),
        ("later-version", "version: 2\ndataset: d\nsources: [{path: music/*/*.mid}]\nmidi: {}\n"),
        ("no-dataset", "version: 1\nsources: [{path: music/*/*.mid}]\nmidi: {}\n"),
        ("bad-name", "version: 1\ndataset: my data\nsources: [{path: music/*/*.mid}]\nmidi: {}\n"),
        ("no-sources", "version: 1\ndataset: d\nmidi: {}\n"),
        ("no-block", "version: 1\ndataset: d\nsources: [{path: music/*/*.mid}]\n"),
        ("no-match", "version: 1\ndataset: d\nsources: [{path: none/*.mid}]\nmidi: {}\n"),
        ("no-table", "version: 1\ndataset: d\nsources: [{table: none.csv}]\nmidi: {}\n"),
        ("no-column", "version: 1\ndataset: d\nsources: [{table: songs.csv, path: '{file}'}]\nmidi: {}\n"),
        ("short-row", "version: 1\ndataset: d\nsources: [{table: short.csv}]\nmidi: {}\n"),
        ("missing-file", "version: 1\ndataset: d\nsources: [{table: songs.csv}]\nmidi: {}\n"),
        ("placeholder", good("", "labels: {style: '{folder}'}")),
        ("unknown-key", good("shard: {target_bytes: 1MiB}\n")),
        ("unknown-inner-key", good("midi: {grid: {steps_per_beet: 4}}\n")),
        ("twice", good("midi: {}\nmidi: {}\n")), ("not-a-number", good("midi: {segment: {steps: many}}\n")),
        ("zero", good("midi: {grid: {steps_per_beat: 0}}\n")),
        ("pitches", good("midi: {pitches: [60, 40]}\n")),
        ("beats-on-a-clock", good("midi: {grid: {steps_per_second: 20}, segment: {beats: 4}}\n")),
        ("frames-without-audio", good("midi: {grid: {frames: mel}}\n")),
        (
            "bars",
            good("midi: {grid: {steps_per_beat: 1}, segment: {bars: 1}, require: {time_signature: 3/8}}\n")
        ),
        ("splits-above-one", good("midi: {}\nsplits: {train: 0.9, validation: 0.2, test: 0.2}\n")),
        ("split-by", good("midi: {}\nsplits: {by: stile}\n")),
        ("fold", good("midi: {}\nsplits: {folds: 3, fold: 3}\n")),
        ("bytes", good("midi: {}\nshards: {target_bytes: many}\n")),
        ("statistics", good("midi: {}\naudio: {features: {mel: {}}}\nstatistics: {from: 0123}\n")),
        ("fmax", good("audio: {sample_rate: 8000, features: {mel: {fmax: 5000}}}\n")),
        ("no-feature", good("audio: {features: {}}\n")),
        ("dtype", good("audio: {features: {mel: {}}, dtype: float64}\n")),
        ("loudness", good("audio: {features: {mel: {}}, loudness: {lfus: -23}}\n")),
        ("librosa", good("audio: {sr: 22050, features: {mel: {n_mels: 64}}, stft: {hop_length: 256}}\n")),
        ("exclude", good("", "exclude: [music/**]")),
        ("limit", good("", "limit: 0")), ("map", good("", "map: {style: {jazz: blues}}")),
        ("hop", good("audio: {features: {mel: {}}, stft: {n_fft: 512, win_length: 1024}}\n")),
    ]

    private static func good(_ rest: String, _ entry: String = "labels: {style: '{dir}'}") -> String {
        "version: 1\ndataset: d\nsources:\n  - path: music/*/*.mid\n    \(entry)\n"
            + (rest.contains("midi:") || rest.contains("audio:") ? "" : "midi: {}\n") + rest
    }

    @Test func manifests() throws {
        try place.addMusic()
        try place.write("songs.csv", "path,title\nmusic/jazz/1.mid,one\nmusic/jazz/none.mid,none\n")
        try place.write("short.csv", "path,title\nmusic/jazz/1.mid\n")
        var transcript = Transcript(place)
        try transcript.run("build", "nowhere.yaml")
        for (name, text) in Self.manifests {
            try place.write("\(name).yaml", text)
            transcript.note(text.split(separator: "\n").joined(separator: "\n# "))
            try transcript.run("build", "\(name).yaml")
        }
        try transcript.expectRecorded(as: "errors-of-manifests")
    }

    @Test func arguments() throws {
        var transcript = Transcript(place)
        for arguments in [
            ["no-such-command"], ["buld", "x.yaml"], ["build"], ["build", "x.yaml", "y.yaml"],
            ["build", "x.yaml", "--no-such-option"], ["build", "x.yaml", "--jobs"],
            ["build", "x.yaml", "--jobs", "0"], ["build", "x.yaml", "--jobs", "many"],
            ["build", "x.yaml", "--cache", ""], ["gc", "--keep", "-1"], ["gc", "--grace=-1"],
            ["stats", "d", "--html", "x.html", "--against", "e"], ["inspect", "x.mid", "--png", "x.png"],
            ["export", "d"], ["export", "d", "--to", "out", "--format", "tfrecord"],
            ["export", "d", "--to", "out", "--split", "dev"],
            ["export", "d", "--to", "out", "--format", "csv", "--compress"],
            ["export", "d", "--to", "out", "--format", "webdataset", "--tar-size", "0"],
            ["push", "d"], ["push", "d", "--remote", "s3://"],
            ["pull", "d", "--remote", "ftp://example.org/d"], ["index", "rebuilt"],
        ] {
            try transcript.run(list: arguments)
        }
        try transcript.expectRecorded(as: "errors-of-arguments")
    }

    @Test func caches() throws {
        var transcript = Transcript(place)
        transcript.note("no cache")
        for command in [
            ["stats", "styles"], ["datasets"], ["runs"], ["verify"], ["gc"], ["index", "rebuild"],
        ] {
            try transcript.run(list: command)
        }
        try place.addMusic()
        transcript.note("a file, and a folder of something else, in place of a cache")
        try place.write("other/notes.txt", "mine")
        try transcript.run("build", "styles.yaml", "--cache", "styles.yaml")
        try transcript.run("build", "styles.yaml", "--cache", "other")
        transcript.note("a cache with one dataset")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        for arguments in [
            ["stats", "style"], ["stats", "styles@9"], ["inspect", "styles", "test/999"],
            ["inspect", "styles", "train/x"], ["inspect", "styles", "music/none.mid#0"],
            ["inspect", "none.mid"],
            ["inspect", "styles.yaml"], ["export", "styles", "--to", "styles.yaml"],
            ["export", "styles", "--to", "other"], ["export", "styles", "--to", "new", "--format", "wav"],
            ["push", "styles", "--remote", "other"], ["push", "styles", "--remote", "styles.yaml"],
            ["pull", "styles", "--remote", "other"], ["pull", "styles", "--remote", "styles.yaml"],
            ["pull", "styles", "--remote", "none.tar"],
            ["datasets", "--remove", "style"],
            ["runs", "--remove", "run"],
        ] {
            try transcript.run(list: arguments)
        }
        try transcript.expectRecorded(as: "errors-of-caches")
    }

    @Test func damages() throws {
        try place.addMusic()
        var transcript = Transcript(place)
        transcript.note("a MIDI file that ends early, one that is no MIDI, and an empty one")
        try place.write("music/jazz/cut.mid", Array(Workplace.midi(pitches: [60, 62, 64]).dropLast(9)))
        try place.write("music/jazz/text.mid", "no music")
        try place.write("music/jazz/empty.mid", "")
        try transcript.run("build", "styles.yaml", "--jobs", "1")
        try transcript.run("inspect", "music/jazz/cut.mid")
        transcript.note("nothing else is left")
        try place.write(
            "unusable.yaml",
            "version: 1\ndataset: unusable\nsources: [{path: music/jazz/text.mid}]\nmidi: {}\n")
        try transcript.run("build", "unusable.yaml", "--jobs", "1")
        transcript.note("one bit of the snapshot has flipped")
        let names = try place.contents("cache/refs").filter {
            $0.hasSuffix("styles") || $0.contains("styles")
        }
        let reference = String(
            decoding: try place.bytes("cache/refs/\(try #require(names.first))"), as: UTF8.self)
        let digest = reference.prefix { $0.isHexDigit }
        let object = "cache/objects/\(digest.prefix(2))/\(digest.dropFirst(2))"
        var bytes = try place.bytes(object)
        bytes[bytes.count / 2] ^= 1
        // Objects are read-only: a damaged one takes its place.
        try Data(bytes).write(to: place.folder.appendingPathComponent(object), options: .atomic)
        try transcript.run("stats", "styles")
        try transcript.run("verify")
        try transcript.run("verify", "--repair")
        try transcript.run("verify")
        transcript.note("the index holds something else")
        try place.write("cache/index.sqlite", "no index")
        try transcript.run("stats", "styles")
        try transcript.run("verify")
        try transcript.expectRecorded(as: "errors-of-damage")
    }
}
