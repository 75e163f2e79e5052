import Files

// Datasets of recordings. Layouts and columns as the datasets' own pages and files have them.

extension PublishedDataset {
    static let gtzan = PublishedDataset(
        name: "gtzan", title: "GTZAN", url: "http://marsyas.info/downloads/datasets.html",
        citation: "Tzanetakis and Cook, Musical Genre Classification of Audio Signals, IEEE TSAP 2002",
        licence: "none; the recordings are their owners'",
        notes: [
            "Known faults: repeated, distorted and mislabelled clips (Sturm, arXiv:1306.1461). The fault-filtered split",
            "(Kereliuk et al., Deep Learning and Music Adversaries, 2015) leaves 70 clips out and keeps artists apart:",
            "443 train, 197 validate, 290 test.",
            "In some copies jazz.00054 cannot be read; it is quarantined.",
        ],
        published: ["all": 1000, "fault-filtered": 930], sampleRate: 22_050
    ) { tree in
        var isThere = false
        let rows = tree.files("wav", "au").compactMap { path -> Row? in
            let parts = MusicFiles.name(of: path).split(separator: ".")
            guard parts.count == 2, let number = Int(parts[1]), GTZANSplit.genres.contains(String(parts[0]))
            else {
                return nil
            }
            isThere = true
            let genre = String(parts[0])
            guard let split = GTZANSplit.split(of: genre, number) else { return nil }
            return Row(path: path, split: split, labels: ["genre": genre])
        }
        guard isThere else { throw tree.missing("blues/blues.00000.wav or .au") }
        return rows
    }

    static let musicNet = PublishedDataset(
        name: "musicnet", title: "MusicNet", url: "https://zenodo.org/records/5120004",
        citation: "Thickstun et al., Learning Features of Music from Scratch, ICLR 2017",
        licence: "CC BY 4.0",
        notes: [
            "The split is the folder: train_data (320), test_data (10); the dataset has no validation split. To make one, write",
            "'splits: {train: 0.8, validation: 0.1, test: 0.1}' instead.",
            "Some works have several recordings, of which some are on both sides of the official split.",
            "The MIDI files (musicnet_midis) are not aligned with the recordings, so they are no pairs and are left out.",
            "The aligned notes (train_labels, test_labels) are tables, which are not read.",
        ],
        published: ["recordings": 330]
    ) { tree in
        let details: [String: [String: String]] =
            if let base = tree.base(of: "musicnet_metadata.csv") {
                Dictionary(
                    try tree.rows(base + "musicnet_metadata.csv", with: ["id", "composer"]).map {
                        ($0["id"] ?? "", $0)
                    }
                ) { first, _ in first }
            } else { [:] }
        return try tree.rows(of: tree.files("wav"), orMissing: "train_data/*.wav") { path in
            let folder = MusicFiles.folders(of: path).last
            guard folder == "train_data" || folder == "test_data" else { return nil }
            let id = MusicFiles.name(of: path)
            var labels = ["id": id]
            for name in ["composer", "ensemble"] { labels[name] = details[id]?[name] ?? "" }
            return Row(path: path, split: folder == "train_data" ? "train" : "test", labels: labels)
        }
    }

    static let fma = PublishedDataset(
        name: "fma", title: "Free Music Archive", url: "https://github.com/mdeff/fma",
        citation: "Defferrard et al., FMA: A Dataset for Music Analysis, ISMIR 2017",
        licence: "metadata CC BY 4.0; each track has the licence that its artist chose",
        notes: [
            "Only tracks whose files are there are taken, with the official split (column set.split).",
            "Tracks 98565, 98567, 98569, 99134, 108925 and 133297 of fma_small are shorter than two seconds or empty, and are",
            "left out.",
            "The label 'genre' is the top genre; tracks without one have no label.",
        ],
        published: ["fma_small": 8000, "fma_medium": 25_000, "fma_large": 106_574, "fma_full": 106_574]
    ) { tree in
        guard let base = tree.base(of: "tracks.csv") else { throw tree.missing("fma_metadata/tracks.csv") }
        let tracks = try tree.rows(
            base + "tracks.csv", headerRows: 3,
            with: ["track_id", "set.split", "set.subset", "track.genre_top"])
        let details = Dictionary(tracks.map { (Int($0["track_id"] ?? "") ?? -1, $0) }) { first, _ in first }
        let broken: Set = [98_565, 98_567, 98_569, 99_134, 108_925, 133_297]
        return try tree.rows(of: tree.files("mp3"), orMissing: "tracks such as fma_small/000/000002.mp3") {
            path in
            let stem = MusicFiles.name(of: path)
            guard stem.utf8.count == 6, let id = Int(stem), !broken.contains(id), let track = details[id]
            else {
                return nil
            }
            let split = ["training": "train", "validation": "validation", "test": "test"][
                track["set.split"] ?? ""]
            return Row(
                path: path, split: split,
                labels: ["genre": track["track.genre_top"] ?? "", "subset": track["set.subset"] ?? ""])
        }
    }

    static let nsynth = PublishedDataset(
        name: "nsynth", title: "NSynth", url: "https://magenta.tensorflow.org/datasets/nsynth",
        citation:
            "Engel et al., Neural Audio Synthesis of Musical Notes with WaveNet Autoencoders, ICML 2017",
        licence: "CC BY 4.0",
        notes: [
            "The split is the folder: nsynth-train, nsynth-valid, nsynth-test. Instruments of train are in no other split.",
            "Family, source, pitch and velocity are read from the file's name, such as bass_synthetic_068-049-025.wav.",
        ],
        published: ["notes": 305_979], sampleRate: 16_000
    ) { tree in
        let splits = ["nsynth-train": "train", "nsynth-valid": "validation", "nsynth-test": "test"]
        return try tree.rows(of: tree.files("wav"), orMissing: "nsynth-train/audio/*.wav") { path in
            let parts = MusicFiles.name(of: path).split(separator: "-")
            let words = (parts.first ?? "").split(separator: "_").map(String.init)
            guard parts.count == 3, words.count >= 3, let pitch = Int(parts[1]), let velocity = Int(parts[2]),
                let folder = MusicFiles.folders(of: path).first(where: { splits[$0] != nil })
            else { return nil }
            return Row(
                path: path, split: splits[folder],
                labels: [
                    "family": words.dropLast(2).joined(separator: "_"), "source": words[words.count - 2],
                    "pitch": "\(pitch)", "velocity": "\(velocity)",
                ])
        }
    }
}

/// The fault-filtered split of GTZAN: the numbers of the clips, by genre.
///
/// Kereliuk, Sturm, Larsen, "Deep Learning and Music Adversaries", IEEE Trans. Multimedia 2015; the lists are those of
/// the authors' repository (github.com/coreyker/dnn-mgr, gtzan/*_filtered.txt).
enum GTZANSplit {
    static let genres: Set = [
        "blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock",
    ]

    private static let numbers: [String: [String: String]] = [
        "train": [
            "blues": "29-49,73-97",
            "classical": "30-33,43-48,50-67,80-99",
            "country": "19-26,28-29,65-99",
            "disco": "5,15-20,22-37,39-45,47,49,53-54,56-57,59,61,70,73-74,89",
            "hiphop": "2-25,28-29,31-38,41-42,55-61,77-80",
            "jazz": "0-1,11-24,41,47-72",
            "metal": "2-3,5,21,24,35,46-57,59-66,69,71-72,79-80,84,86,89-99",
            "pop": "2-9,11-12,16-20,23-29,31-36,38-42,44,46,49-50,80,97-99",
            "reggae": "0-2,4,6,9,11-12,14-32,42-45,49-51,54-60,63,69",
            "rock": "0-9,16-26,57-70,91-99",
        ],
        "validation": [
            "blues": "0-11,50-60",
            "classical": "0-10,68-76",
            "country": "0-7,9-18,27,41-42,45,49",
            "disco": "0,2-4,6-14,46,48,52,67-68,72,75,90,95",
            "hiphop": "81-98",
            "jazz": "2-10,25-32",
            "metal": "0-1,6-11,16-20,36-37,68,76-77,81-82",
            "pop": "10,53,55,58-62,81,83-86",
            "reggae": "61-62,70,72,74,76-78,85,92-99",
            "rock": "38,49-56,71-85",
        ],
        "test": [
            "blues": "12-28,61-72,98-99",
            "classical": "11-29,34-41,49,77-79",
            "country": "30-40,43-44,46-48,50-51,53-64",
            "disco": "1,21,58,62-66,69,76-88,91-94,96-97,99",
            "hiphop": "0,26-27,30,40,43-45,51-54,62-75,99",
            "jazz": "73-99",
            "metal": "12-15,22-23,25-33,38-39,67,70,73-75,78,83,85,87-88",
            "pop": "0-1,13-14,43,63-66,69-79,82,88-96",
            "reggae": "34-40,46-48,52-53,64-68,71,79,82-84,87-90",
            "rock": "10-15,27-37,39-48,86-90",
        ],
    ]

    private static let splits: [String: [Int: String]] = {
        var splits: [String: [Int: String]] = [:]
        for (split, genres) in numbers {
            for (genre, text) in genres {
                for part in text.split(separator: ",") {
                    let ends = part.split(separator: "-").compactMap { Int($0) }
                    guard let first = ends.first, let last = ends.last else { continue }
                    for number in first...last { splits[genre, default: [:]][number] = split }
                }
            }
        }
        return splits
    }()

    /// The split of a clip; nil for one that is left out.
    static func split(of genre: String, _ number: Int) -> String? { splits[genre]?[number] }
}
