import Listing
import TestSupport
import Testing

@testable import Manifest

/// Tables as the published datasets have them, and every way they can be wrong.
@Suite struct EntriesTableTests {
    static func described(
        _ folder: TestFolder, _ item: String, splits: String = ""
    ) throws -> [String: EntryList.Description] {
        let entries = try EntriesTests.entries(folder, "  - \(item)", splits: splits)
        let all = try entries.described()
        return Dictionary(uniqueKeysWithValues: entries.indices.map { (entries.path($0), all[$0]) })
    }

    @Test func columnsNameSplits() {
        let words: [(String, String?)] = [
            ("train", "train"), ("Training", "train"), ("validation", "validation"), ("valid", "validation"),
            ("VAL", "validation"), ("dev", "validation"), ("test", "test"), ("testing", "test"), ("", nil),
            ("trian", nil),
        ]
        for (word, split) in words { #expect(SplitWord.split(word) == split) }
    }

    @Test func maestro() throws {
        let folder = try TestFolder(["maestro/2018/a.midi", "maestro/2018/b.midi"])
        try folder.write(
            "maestro/maestro-v3.0.0.csv",
            """
            canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration
            Alban Berg,Sonata Op. 1,train,2018,2018/a.midi,2018/a.wav,698.66
            Franz Liszt,"Etude ""La leggierezza"", No. 2",validation,2018,2018/b.midi,2018/b.wav,300
            Franz Liszt,Etude,test,2018,2018/absent.midi,2018/b.wav,300

            """)
        let found = try Self.described(
            folder,
            "{table: maestro/maestro-v3.0.0.csv, path: '{midi_filename}', labels: {composer: '{canonical_composer}', file: '{stem}'}, piece: '{canonical_composer}/{canonical_title}'}",
            splits: "splits: {column: split}")
        #expect(found.count == 3)
        #expect(
            found["maestro/2018/b.midi"]
                == .init(
                    labels: ["composer": "Franz Liszt", "file": "b"],
                    piece: "Franz Liszt/Etude \"La leggierezza\", No. 2", split: "validation"))
        #expect(found["maestro/2018/a.midi"]?.split == "train")
        let entries = try EntriesTests.entries(
            folder, "  - {table: maestro/maestro-v3.0.0.csv, path: '{midi_filename}'}")
        #expect(entries.indices.map { entries.status($0) == nil } == [false, true, false])
    }

    @Test func musicNet() throws {
        let folder = try TestFolder(["audio/1727.wav"])
        try folder.write(
            "meta/musicnet_metadata.csv",
            "id,composer,composition,movement,seconds\r\n1727,Schubert,Piano Quintet in A major,2. Andante,\r\n"
        )
        let found = try Self.described(
            folder,
            "{table: meta/musicnet_metadata.csv, path: '../audio/{id}.wav', piece: '{composer}/{composition}'}"
        )
        #expect(
            found == [
                "audio/1727.wav": .init(
                    labels: ["movement": "2. Andante"], piece: "Schubert/Piano Quintet in A major")
            ])
    }

    @Test func fma() throws {
        let folder = try TestFolder(["fma/000/000002.mp3", "fma/123/123456.mp3"])
        try folder.write(
            "tracks.csv",
            "\u{FEFF},album,set,track\n,title,split,genre_top\ntrack_id,,,\n2,x,training,Hip-Hop\n123456,\"two\nlines\",validation,\n"
        )
        let found = try Self.described(
            folder,
            "{table: tracks.csv, header_rows: 3, path: 'fma/{track_id:06.3}/{track_id:06}.mp3', labels: [track.genre_top, album.title]}",
            splits: "splits: {column: set.split}")
        #expect(
            found == [
                "fma/000/000002.mp3": .init(
                    labels: ["track.genre_top": "Hip-Hop", "album.title": "x"], piece: nil, split: "train"),
                "fma/123/123456.mp3": .init(
                    labels: ["album.title": "two\nlines"], piece: nil, split: "validation"),
            ])
    }

    @Test func tabsAndDefaults() throws {
        let folder = try TestFolder(["b/x.mid"])
        try folder.write("b/t.tsv", "path\tstyle\tpiece\n\n./x.mid\tjazz, cool\tone\n")
        #expect(
            try Self.described(folder, "{table: b/t.tsv, piece: '{piece}'}") == [
                "b/x.mid": .init(labels: ["style": "jazz, cool"], piece: "one")
            ])
        #expect(try Self.described(folder, "{table: b/t.tsv}")["b/x.mid"]?.labels["piece"] == "one")
    }

    @Test(arguments: [
        ("", "{table: t.csv}", ["t.csv:1: the table has no header; its first row names the columns"]),
        ("path,a\n", "{table: t.csv}", ["m.yaml:6: t.csv has no rows; list its files there"]),
        (
            "file,a\nx,1\n", "{table: t.csv}",
            ["m.yaml:6: t.csv has no column 'path', which path needs; known are file, a"]
        ),
        (
            "path,style\na.mid,1\n", "{table: t.csv, labels: [stile], piece: '{work}'}",
            [
                "m.yaml:6: t.csv has no column 'work', which piece needs; known are path, style",
                "m.yaml:6: t.csv has no column 'stile', which labels needs; did you mean 'style'?",
            ]
        ),
        (
            "path,a\na.mid,1,2\nb.mid\n", "{table: t.csv}",
            [
                "t.csv:2: this row has 3 fields, the header 2; quote fields that contain ','",
                "t.csv:3: this row has 1 field, the header 2; quote fields that contain ','",
            ]
        ),
        (
            "path,a\na.mid,\"1\"2\n", "{table: t.csv}",
            ["t.csv:2: text follows a closing quote; double quotes inside a quoted field"]
        ),
        ("path,a\n\"a\n\n", "{table: t.csv}", ["t.csv:2: a quote that opens here is never closed"]),
        ("path,a,a\na.mid,1,2\n", "{table: t.csv}", ["t.csv:1: two columns are named 'a'; rename one"]),
        (
            "path,a\n,1\na.mid,2\n", "{table: t.csv}",
            ["t.csv:2: this row has no path; fill it in, or remove the row"]
        ),
        (
            "path\n/a.mid\n..\n", "{table: t.csv}",
            [
                "t.csv:2: '/a.mid' is not a path to a file; write it relative to the table's folder",
                "t.csv:3: '..' is not a path to a file; write it relative to the table's folder",
            ]
        ),
        (
            "path\nsub/b.mid\nc.mid\n", "{table: t.csv}",
            [
                "m.yaml:6: none of the 2 files that t.csv names is there, such as 'sub/b.mid'; the manifest's folder exists, 'sub' does not"
            ]
        ),
        (
            "path,s\na.mid,1\na.mid,1\n./a.mid,2\n", "{table: t.csv}",
            [
                "t.csv:4: 'a.mid' is also found by line 2 of t.csv, with other labels; make them agree, or narrow one"
            ]
        ),
        (
            "path\na.mid\n", "{table: u.csv}",
            [
                "m.yaml:6: the table 'u.csv' cannot be read: No such file or directory; the manifest's folder exists, but nothing in it fits the rest"
            ]
        ),
        (
            "path,a/b\na.mid,1\n", "{table: t.csv}",
            ["m.yaml:6: the column 'a/b' of t.csv cannot name a label; list the columns to take in labels"]
        ),
        (
            "path,part\na.mid,trian\n", "{table: t.csv}",
            ["t.csv:2: the split of 'a.mid' in column 'part' is 'trian'; write train, validation or test"]
        ),
        (
            "path,part\na.mid,train\n", "{path: a.mid}",
            ["m.yaml:6: 'a.mid' has no column 'part', which splits needs; name its files in a table"]
        ),
        (
            "path\na.mid\n", "{table: t.csv, labels: {l: '{stemm}'}}",
            ["m.yaml:6: t.csv has no column 'stemm', which the label 'l' needs; known are path"]
        ),
        (
            "path\na.mid\n", "{table: t.csv, labels: {l: '{dir}'}}",
            ["t.csv:2: 'a.mid' has no folder for {dir}"]
        ),
    ])
    func faultsOfTables(_ text: String, _ item: String, _ expected: [String]) throws {
        let folder = try TestFolder(["a.mid"])
        try folder.write("t.csv", text)
        let wantsColumn = text.contains("part")
        #expect(
            EntriesTests.faults(folder, "  - \(item)", splits: wantsColumn ? "splits: {column: part}" : "")
                == expected)
    }
}
