import Files
import Listing

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

// Datasets of MIDI files, some with recordings. Layouts and columns as the datasets' own pages and files have them.

extension PublishedTree {
    /// The rows of a table as mappings of its columns, of which it must have some.
    func rows(_ path: String, headerRows: Int = 1, with wanted: [String]) throws -> [[String: String]] {
        let table = try TableSurvey(path: "\(folder)/\(path)", headerRows: headerRows)
        let names = table.columns
        if table.rowCount > 0, let column = wanted.first(where: { !names.contains($0) }) {
            throw BuildError(
                .inputOutput,
                "\(folder)/\(path) has no column '\(column)': this is not the table that was published",
                canRetry: false)
        }
        let columns = names.map { (name: $0, cells: table.cells($0)) }
        return (0..<table.rowCount).map { row in
            Dictionary(columns.map { ($0.name, $0.cells[row]) }) { first, _ in first }
        }
    }
}

extension PublishedTree {
    /// What a JSON file of the dataset says.
    func json(_ path: String) throws(BuildError) -> JSONValue {
        do {
            return try JSONValue(
                parsing: contents(of: "\(folder)/\(path)", in: AT_FDCWD, limit: Self.largestJSON))
        } catch {
            throw BuildError(
                .inputOutput,
                "\(folder)/\(path) cannot be read: \((error as? FileFailure)?.message ?? "\(error)")",
                canRetry: false)
        }
    }

    private static let largestJSON = 1 << 28
}

extension PublishedDataset {
    static let maestro = PublishedDataset(
        name: "maestro", title: "MAESTRO",
        url: "https://magenta.tensorflow.org/datasets/maestro",
        citation:
            "Hawthorne et al., Enabling Factorized Piano Music Modeling and Generation with the MAESTRO Dataset, ICLR 2019",
        licence: "CC BY-NC-SA 4.0",
        notes: [
            "The split is MAESTRO's own: no work is on both sides.",
            "A piece is a composer's title, so that all performances of a work stay together.",
            "The files have one tempo and no true beats, so the grid is a clock.",
        ],
        published: ["v1.0.0": 1184, "v2.0.0": 1282, "v3.0.0": 1276], isPlayed: true
    ) { tree in
        let name = ["v3.0.0", "v2.0.0", "v1.0.0"].map { "maestro-\($0).csv" }.first {
            tree.base(of: $0) != nil
        }
        guard let name, let base = tree.base(of: name) else { throw tree.missing("maestro-v3.0.0.csv") }
        let columns = [
            "canonical_composer", "canonical_title", "split", "year", "midi_filename", "audio_filename",
        ]
        return try tree.rows(base + name, with: columns).compactMap { row in
            let midi = base + (row["midi_filename"] ?? ""), audio = base + (row["audio_filename"] ?? "")
            let composer = row["canonical_composer"] ?? ""
            guard tree.has(midi) || tree.has(audio) else { return nil }
            return Row(
                path: tree.has(midi) ? midi : audio, pair: tree.has(midi) && tree.has(audio) ? audio : nil,
                piece: "\(composer): \(row["canonical_title"] ?? "")", split: row["split"],
                labels: ["composer": composer, "year": row["year"] ?? ""])
        }
    }

    static let groove = PublishedDataset(
        name: "groove", title: "Groove MIDI Dataset",
        url: "https://magenta.tensorflow.org/datasets/groove",
        citation: "Gillick et al., Learning to Groove with Inverse Sequence Transformations, ICML 2019",
        licence: "CC BY 4.0",
        notes: [
            "The split is the dataset's own.",
            "The style is the part of the column 'style' before '/': the part behind it is a finer one (substyle).",
            "Some MIDI files have no recording; they are used alone.",
        ],
        published: ["v1.0.0": 1150]
    ) { tree in
        guard let base = tree.base(of: "info.csv") else { throw tree.missing("info.csv") }
        let columns = [
            "drummer", "style", "beat_type", "time_signature", "midi_filename", "audio_filename", "split",
        ]
        return try tree.rows(base + "info.csv", with: columns).compactMap { row in
            let midi = base + (row["midi_filename"] ?? ""), audio = base + (row["audio_filename"] ?? "")
            guard tree.has(midi) else { return nil }
            let style = (row["style"] ?? "").split(separator: "/", maxSplits: 1).map(String.init)
            return Row(
                path: midi, pair: tree.has(audio) ? audio : nil, split: row["split"],
                labels: [
                    "style": style.first ?? "", "substyle": style.count > 1 ? style[1] : "",
                    "drummer": row["drummer"] ?? "", "beat_type": row["beat_type"] ?? "",
                    "time_signature": row["time_signature"] ?? "",
                ])
        }
    }

    static let pop909 = PublishedDataset(
        name: "pop909", title: "POP909", url: "https://github.com/music-x-lab/POP909-Dataset",
        citation: "Wang et al., POP909: A Pop-song Dataset for Music Arrangement Generation, ISMIR 2020",
        licence: "MIT, as the repository states",
        notes: [
            "The label 'version' tells the arrangement of a song (main) from its other versions (v1, v2, …).",
            "A song and its versions are one piece, so no song is on both sides.",
            "The dataset has no official split. Singers are in index.xlsx, which is not read.",
            "The tracks of a file are the melody (MELODY), a second melody (BRIDGE) and the accompaniment (PIANO).",
        ],
        published: ["songs": 909, "with versions": 2898]
    ) { tree in
        return try tree.rows(of: tree.files("mid"), orMissing: "POP909/001/001.mid") { path in
            let folders = MusicFiles.folders(of: path)
            let stem = MusicFiles.name(of: path)
            let isVersion = folders.last == "versions"
            guard let song = isVersion ? folders.dropLast().last : folders.last, song.count == 3,
                Int(song) != nil,
                stem == song || isVersion && stem.hasPrefix(song + "-")
            else { return nil }
            let version = isVersion ? String(stem.dropFirst(4)) : "main"
            return Row(path: path, piece: song, labels: ["song": song, "version": version])
        }
    }

    static let slakh = PublishedDataset(
        name: "slakh", title: "Slakh2100", url: "http://www.slakh.com",
        citation: "Manilow et al., Cutting Music Source Separation Some Slakh, WASPAA 2019",
        licence: "CC BY 4.0",
        notes: [
            "A file is a song's MIDI (all_src.mid) with its mix; the stems are left out.",
            "The split is the folder: train, validation, test. The songs in 'omitted' repeat others and are left out.",
            "The original edition has songs on both sides of its split; take the redux.",
        ],
        published: ["redux": 1710, "original": 2100, "baby": 20]
    ) { tree in
        return try tree.rows(of: tree.files, orMissing: "train/Track00001/all_src.mid") { path in
            let folders = MusicFiles.folders(of: path)
            guard path.hasSuffix("/all_src.mid"), let track = folders.last, track.hasPrefix("Track"),
                !folders.contains("omitted")
            else { return nil }
            let base = folders.map { $0 + "/" }.joined()
            let mix = ["mix.flac", "mix.wav"].map { base + $0 }.first(where: tree.has)
            let split = folders.last { ["train", "validation", "test"].contains($0) }
            return Row(path: path, pair: mix, split: split, labels: ["track": track])
        }
    }

    static let maps = PublishedDataset(
        name: "maps", title: "MAPS",
        url: "https://adasp.telecom-paris.fr/resources/2010-07-08-maps-database/",
        citation:
            "Emiya et al., Multipitch Estimation of Piano Sounds Using a New Probabilistic Spectral Smoothness Principle, IEEE TASLP 2010",
        licence: "CC BY-NC-SA 2.0",
        notes: [
            "The pieces (MUS) are taken; single notes and chords (ISOL, RAND, UCHO) are left out.",
            "The recordings of the Disklavier (ENSTDkAm, ENSTDkCl) test, the others train and validate: the split that papers use.",
            "Works are played by several instruments, so some works are on both sides, as in those papers.",
        ],
        published: ["pieces": 270], isPlayed: true
    ) { tree in
        return try tree.rows(of: tree.files("mid"), orMissing: "ENSTDkAm/MUS/MAPS_MUS-*.mid") { path in
            let stem = MusicFiles.stem(of: path)
            let parts = (stem.split(separator: "/").last ?? "").split(separator: "_")
            guard parts.first == "MAPS", parts.count > 2, parts[1].hasPrefix("MUS-"), let piano = parts.last
            else {
                return nil
            }
            let work = parts[1...].dropLast().joined(separator: "_").dropFirst(4)
            let audio = stem + ".wav"
            // Of the other instruments every tenth work validates, by its name alone.
            let isHeldOut = work.utf8.reduce(0) { ($0 * 31 + Int($1)) % 1_000_003 } % 10 == 0
            let split = piano.hasPrefix("ENSTDk") ? "test" : isHeldOut ? "validation" : "train"
            return Row(
                path: path, pair: tree.has(audio) ? audio : nil, split: split,
                labels: ["piano": String(piano), "work": String(work)])
        }
    }

    static let asap = PublishedDataset(
        name: "asap", title: "ASAP", url: "https://github.com/fosfrancesco/asap-dataset",
        citation:
            "Foscarin et al., ASAP: a Dataset of Aligned Scores and Performances for Piano Transcription, ISMIR 2020",
        licence: "CC BY-NC-SA 4.0",
        notes: [
            "Performances and scores (label 'kind') of a work are one piece.",
            "Recordings are paired with performances where they are there; most must be made from MAESTRO's.",
            "The dataset has no official split.",
        ],
        published: ["performances": 1068], isPlayed: true
    ) { tree in
        guard let base = tree.base(of: "metadata.csv") else { throw tree.missing("metadata.csv") }
        let columns = ["composer", "title", "folder", "midi_score", "midi_performance"]
        var rows: [Row] = []
        var scores: Set<String> = []
        for row in try tree.rows(base + "metadata.csv", with: columns) {
            let composer = row["composer"] ?? "", piece = row["folder"] ?? ""
            let midi = base + (row["midi_performance"] ?? ""), score = base + (row["midi_score"] ?? "")
            let audio = base + (row["audio_performance"] ?? "")
            if tree.has(midi) {
                rows.append(
                    Row(
                        path: midi, pair: audio != base && tree.has(audio) ? audio : nil, piece: piece,
                        labels: ["composer": composer, "kind": "performance"]))
            }
            if tree.has(score), scores.insert(score).inserted {
                rows.append(Row(path: score, piece: piece, labels: ["composer": composer, "kind": "score"]))
            }
        }
        return rows
    }

    static let giantMIDI = PublishedDataset(
        name: "giantmidi", title: "GiantMIDI-Piano", url: "https://github.com/bytedance/GiantMIDI-Piano",
        citation:
            "Kong et al., GiantMIDI-Piano: A Large-Scale MIDI Dataset for Classical Piano Music, TISMIR 2022",
        licence: "CC BY 4.0; see the repository's disclaimer",
        notes: [
            "The composer is read from the file's name: surname, first name, title, YouTube id.",
            "The files were transcribed from recordings: notes are estimates, and there are no true beats.",
            "A composer's title is a piece. The split of the repository's table (…_split.csv) is not read: it deals each",
            "composer's recordings in turn, and a title that was recorded twice may be on both sides.",
        ],
        published: ["v1.2": 10855, "curated subset": 7236], isPlayed: true
    ) { tree in
        return try tree.rows(
            of: tree.files("mid"), orMissing: "MIDI files named as 'Surname, First name, Title, id.mid'"
        ) { path in
            let parts = MusicFiles.name(of: path)
                .split(separator: ",").map { $0.trimmed }
            guard parts.count >= 4, parts.last?.utf8.count == 11 else { return nil }
            // Some composers have one name only, and an empty first name.
            let composer = parts[1].isEmpty ? parts[0] : "\(parts[0]), \(parts[1])"
            return Row(
                path: path, piece: "\(composer): \(parts[2..<(parts.count - 1)].joined(separator: ", "))",
                labels: ["composer": composer])
        }
    }

    static let lakh = PublishedDataset(
        name: "lakh", title: "Lakh MIDI Dataset", url: "https://colinraffel.com/projects/lmd/",
        citation:
            "Raffel, Learning-Based Methods for Comparing Sequences, with Applications to Audio-to-MIDI Alignment and Matching, 2016",
        licence: "CC BY 4.0",
        notes: [
            "lmd_matched: the files that match one recording are one piece (label 'track': the Million Song Dataset's id).",
            "A file that matches several recordings lies in the folder of each. It is taken once: with the recording of the",
            "highest score where match_scores.json is there, else with the first.",
            "clean_midi: the label 'artist' is the folder, and an artist's title, with its numbered versions, is a piece.",
            "lmd_full has no labels. A few thousand files are probably damaged; a build quarantines them and says why.",
            "LPD, the Lakh Pianoroll Dataset, has arrays (.npz) and no MIDI files; take the Lakh files that it was made from.",
        ],
        published: ["lmd_full": 176_581, "lmd_matched": 45_129, "clean_midi": 17_256]
    ) { tree in
        let rows = try tree.rows(
            of: tree.files("mid"), orMissing: "MIDI files (lmd_full, lmd_matched or clean_midi)"
        ) { path in
            let folders = MusicFiles.folders(of: path)
            let stem = MusicFiles.name(of: path)
            if let track = folders.last, track.hasPrefix("TR"), track.utf8.count == 18 {
                return Row(path: path, piece: track, labels: ["track": track])
            }
            guard let artist = folders.last, artist.utf8.count > 1, !stem.isHash else {
                return Row(path: path)
            }
            // `Title.1.mid` is another version of `Title.mid`.
            let parts = stem.split(separator: ".")
            let isVersion = parts.count > 1 && parts.last.map { Int($0) != nil } == true
            let title = isVersion ? parts.dropLast().joined(separator: ".") : stem
            return Row(path: path, piece: "\(artist): \(title)", labels: ["artist": artist])
        }
        let scores = try tree.base(of: "match_scores.json").map { try tree.json($0 + "match_scores.json") }
        return bestMatches(rows, scores: scores ?? .null)
    }

    /// Of the rows of a matched file, which has the same name in the folder of each recording that it matches, one: that
    /// of the highest score, or the first; all other rows.
    private static func bestMatches(_ rows: [Row], scores: JSONValue) -> [Row] {
        var best: [String: (row: Int, score: Double)] = [:]
        for (index, row) in rows.enumerated() {
            guard let track = row.labels["track"] else { continue }
            let name = MusicFiles.name(of: row.path)
            let score = scores[track]?[name]?.double ?? 0
            // lmd_aligned has other files of the same names.
            let key = (MusicFiles.folders(of: row.path).dropLast(4) + [name]).joined(separator: "/")
            if best[key].map({ score > $0.score }) ?? true { best[key] = (index, score) }
        }
        let kept = Set(best.values.map(\.row))
        return rows.indices.filter { rows[$0].labels["track"] == nil || kept.contains($0) }.map { rows[$0] }
    }
}

extension StringProtocol {
    /// Without spaces at both ends.
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }

    /// Whether this is an MD5 in hexadecimal digits.
    fileprivate var isHash: Bool { utf8.count == 32 && allSatisfy(\.isHexDigit) }
}
