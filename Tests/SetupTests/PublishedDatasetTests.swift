import Dataset
import Files
import Foundation
import Loading
import Manifest
import TestSupport
import Testing

@testable import Setup

/// Imports of small trees with the layouts and the headers that were published.
struct PublishedDatasetTests {
    let shop = try? SetupWorkshop()

    /// Imports a tree, and gives every entry's description by path, from the tree.
    private func imported(
        _ name: String, _ folder: String = "data"
    ) throws -> (PublishedManifest, [String: EntryList.Description]) {
        let shop = try #require(shop)
        let made = try PublishedManifest(.named(name), in: shop.path(folder))
        try made.write()
        let (manifest, directory) = try Manifest.read(made.path)
        let entries = try EntryList(manifest, file: made.path, directory: directory)
        let described = try entries.described()
        let prefix = folder + "/"
        return (
            made,
            Dictionary(
                uniqueKeysWithValues: entries.indices.map { index in
                    #expect(entries.status(index) != nil, "\(entries.path(index)) is not there")
                    return (String(entries.path(index).dropFirst(prefix.count)), described[index])
                })
        )
    }

    private func write(_ files: [String], _ bytes: [UInt8]? = nil) throws {
        let shop = try #require(shop)
        for (index, path) in files.enumerated() {
            let isMIDI = path.hasSuffix(".mid") || path.hasSuffix(".midi")
            try shop.write(
                "data/" + path, bytes ?? (isMIDI ? shop.midi(index) : shop.wave(seconds: 1, rate: 8000)))
        }
    }

    private func table(_ path: String, _ text: String) throws {
        try #require(shop).write("data/" + path, Array(text.utf8))
    }

    @Test func maestro() throws {
        try write([
            "maestro-v3.0.0/2018/a.midi", "maestro-v3.0.0/2018/a.wav", "maestro-v3.0.0/2004/b.midi",
            "maestro-v3.0.0/2004/c.midi", "maestro-v3.0.0/2004/c.wav",
        ])
        try table(
            "maestro-v3.0.0/maestro-v3.0.0.csv",
            """
            canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration
            Alban Berg,"Sonata, Op. 1",train,2018,2018/a.midi,2018/a.wav,698.66
            Franz Liszt,"Etude ""La leggierezza"", again",validation,2004,2004/b.midi,2004/b.wav,300
            Franz Liszt,Etude,test,2004,2004/c.midi,2004/c.wav,300
            Franz Liszt,Gone,test,2004,2004/gone.midi,2004/gone.wav,300

            """)
        let (made, found) = try imported("maestro")
        #expect(found.count == 5)
        let a = try #require(found["maestro-v3.0.0/2018/a.midi"])
        #expect(a.labels == ["composer": "Alban Berg", "year": "2018"])
        #expect(a.piece == "Alban Berg: Sonata, Op. 1")
        #expect(a.split == "train")
        #expect(a.pair?.path == "data/maestro-v3.0.0/2018/a.wav")
        #expect(found["maestro-v3.0.0/2004/b.midi"]?.piece == "Franz Liszt: Etude \"La leggierezza\", again")
        #expect(found["maestro-v3.0.0/2004/b.midi"]?.pair == nil)
        #expect(found["maestro-v3.0.0/2004/c.wav"]?.split == "test")
        #expect(made.text.contains("# Licence: CC BY-NC-SA 4.0\n"))
        #expect(made.text.contains("# Cite: Hawthorne et al., "))
        #expect(
            made.summary.contains(
                "files      3 found; published: 1,184 (v1.0.0), 1,276 (v3.0.0), 1,282 (v2.0.0)\n"))
        #expect(made.summary.contains("split      official: train 1, validation 1, test 1\n"))
    }

    @Test func theManifestsBuild() throws {
        let shop = try #require(shop)
        try write(["2018/a.midi", "2018/b.midi", "2018/c.midi"])
        try table(
            "maestro-v3.0.0.csv",
            "canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration\n"
                + "A,x,train,2018,2018/a.midi,2018/a.wav,1\nA,y,validation,2018,2018/b.midi,2018/b.wav,1\nB,z,test,2018,2018/c.midi,2018/c.wav,1\n"
        )
        let (made, _) = try imported("maestro")
        let summary = try DatasetBuild(manifestPath: made.path).run(
            .init(cachePath: shop.path("cache"), jobs: 1))
        #expect(summary.isComplete && summary.ok == 3)
        #expect(summary.segments.values.allSatisfy { $0 > 0 })
        let error = #expect(throws: BuildError.self) { try made.write() }
        #expect(error?.message.contains("nothing is overwritten") == true)
    }

    @Test func gtzan() throws {
        try write([
            "genres/blues/blues.00000.wav", "genres/blues/blues.00012.wav", "genres/blues/blues.00029.wav",
            "genres/blues/blues.00030.au", "genres/jazz/jazz.00054.wav", "genres/rock/rock.00017.wav",
            "genres/blues/cover.wav", "genres/jazz/jazz.00042.wav",
        ])
        let (made, found) = try imported("gtzan")
        #expect(
            found.mapValues(\.split) == [
                "genres/blues/blues.00000.wav": "validation", "genres/blues/blues.00012.wav": "test",
                "genres/blues/blues.00029.wav": "train", "genres/blues/blues.00030.au": "train",
                "genres/jazz/jazz.00054.wav": "train", "genres/rock/rock.00017.wav": "train",
            ], "jazz.00042 is left out by the fault-filtered split")
        #expect(found["genres/rock/rock.00017.wav"]?.labels == ["genre": "rock"])
        #expect(made.text.contains("jazz.00054"))
        #expect(made.text.contains("sample_rate: 22050"))
    }

    /// The counts of the published lists, in all and by genre.
    @Test func theFilteredSplitOfGTZANHas930Clips() {
        var counts: [String: Int] = [:]
        var genres: [String: Int] = [:]
        for genre in GTZANSplit.genres {
            for number in 0..<100 {
                guard let split = GTZANSplit.split(of: genre, number) else { continue }
                counts[split, default: 0] += 1
                genres[genre, default: 0] += 1
            }
            #expect(GTZANSplit.split(of: genre, 100) == nil)
        }
        #expect(counts == ["train": 443, "validation": 197, "test": 290])
        #expect(genres.values.reduce(0, +) == 930)
        #expect(genres.count == 10)
    }

    @Test func pop909() throws {
        try write([
            "POP909/001/001.mid", "POP909/001/versions/001-v1.mid", "POP909/001/versions/001-v2.mid",
            "POP909/909/909.mid", "extra/x.mid",
        ])
        try table("POP909/001/chord_midi.txt", "0.0 1.0 N\n")
        let (_, found) = try imported("pop909")
        #expect(
            found.mapValues(\.piece) == [
                "POP909/001/001.mid": "001", "POP909/001/versions/001-v1.mid": "001",
                "POP909/001/versions/001-v2.mid": "001", "POP909/909/909.mid": "909",
            ])
        #expect(found["POP909/001/versions/001-v2.mid"]?.labels == ["song": "001", "version": "v2"])
        #expect(found["POP909/909/909.mid"]?.labels["version"] == "main")
    }

    @Test func groove() throws {
        try write([
            "groove/drummer1/session1/1_funk_138_beat_4-4.mid",
            "groove/drummer1/session1/1_funk_138_beat_4-4.wav", "groove/drummer2/s/2.mid",
        ])
        try table(
            "groove/info.csv",
            """
            drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,audio_filename,duration,split
            drummer1,drummer1/session1,drummer1/session1/1,funk/groove1,138,beat,4-4,drummer1/session1/1_funk_138_beat_4-4.mid,drummer1/session1/1_funk_138_beat_4-4.wav,27.87,test
            drummer2,drummer2/s,drummer2/s/2,jazz,90,fill,6-8,drummer2/s/2.mid,,1.0,train

            """)
        let (_, found) = try imported("groove")
        let funk = try #require(found["groove/drummer1/session1/1_funk_138_beat_4-4.mid"])
        #expect(
            funk.labels == [
                "style": "funk", "substyle": "groove1", "drummer": "drummer1", "beat_type": "beat",
                "time_signature": "4-4",
            ])
        #expect(funk.pair?.path == "data/groove/drummer1/session1/1_funk_138_beat_4-4.wav")
        #expect(found["groove/drummer2/s/2.mid"]?.pair == nil)
        #expect(found["groove/drummer2/s/2.mid"]?.split == "train")
        #expect(found["groove/drummer2/s/2.mid"]?.labels["substyle"] == nil)
    }

    @Test func musicNet() throws {
        try write([
            "musicnet/train_data/1727.wav", "musicnet/test_data/2303.wav",
            "musicnet_midis/Schubert/1727_schubert_op114_2.mid",
        ])
        for labels in ["train_labels/1727", "test_labels/2303"] {
            try table(
                "musicnet/\(labels).csv",
                """
                start_time,end_time,instrument,note,start_beat,end_beat,note_value
                9182,90078,43,53,4.0,1.5,Dotted Quarter

                """)
        }
        try table(
            "musicnet_metadata.csv",
            """
            id,composer,composition,movement,ensemble,source,transcriber,catalog_name,seconds
            1727,Schubert,Piano Quintet in A major,2. Andante,Piano Quintet,European Archive,,OP114,447
            2303,Bach,WTK I No. 5,,Solo Piano,,,BWV 850,100

            """)
        let (made, found) = try imported("musicnet")
        #expect(
            found.mapValues(\.split) == [
                "musicnet/train_data/1727.wav": "train", "musicnet/test_data/2303.wav": "test",
            ])
        #expect(
            found["musicnet/train_data/1727.wav"]?.labels == [
                "composer": "Schubert", "ensemble": "Piano Quintet", "id": "1727",
            ])
        #expect(!made.text.contains("midi:"))
    }

    @Test func slakh() throws {
        try write([
            "slakh2100_flac_redux/train/Track00001/all_src.mid",
            "slakh2100_flac_redux/train/Track00001/mix.flac",
            "slakh2100_flac_redux/train/Track00001/MIDI/S00.mid",
            "slakh2100_flac_redux/train/Track00001/stems/S00.flac",
            "slakh2100_flac_redux/validation/Track01501/all_src.mid",
            "slakh2100_flac_redux/test/Track01876/all_src.mid",
            "slakh2100_flac_redux/omitted/Track00049/all_src.mid",
        ])
        let (_, found) = try imported("slakh")
        #expect(
            found.mapValues(\.split) == [
                "slakh2100_flac_redux/train/Track00001/all_src.mid": "train",
                "slakh2100_flac_redux/train/Track00001/mix.flac": "train",
                "slakh2100_flac_redux/validation/Track01501/all_src.mid": "validation",
                "slakh2100_flac_redux/test/Track01876/all_src.mid": "test",
            ])
        #expect(
            found["slakh2100_flac_redux/train/Track00001/all_src.mid"]?.pair?.path
                == "data/slakh2100_flac_redux/train/Track00001/mix.flac")
    }

    @Test func fma() throws {
        try write([
            "fma_small/000/000002.mp3", "fma_small/000/000005.mp3", "fma_small/098/098565.mp3",
            "fma_small/000/000010.mp3",
        ])
        try table(
            "fma_metadata/tracks.csv",
            """
            ,set,set,track
            ,split,subset,genre_top
            track_id,,,
            2,training,small,Hip-Hop
            5,validation,small,
            10,test,medium,Rock
            98565,training,small,Electronic
            20,training,large,Rock

            """)
        let (_, found) = try imported("fma")
        #expect(
            found.mapValues(\.split) == [
                "fma_small/000/000002.mp3": "train", "fma_small/000/000005.mp3": "validation",
                "fma_small/000/000010.mp3": "test",
            ])
        #expect(found["fma_small/000/000002.mp3"]?.labels == ["genre": "Hip-Hop", "subset": "small"])
        #expect(found["fma_small/000/000005.mp3"]?.labels == ["subset": "small"])
    }

    @Test func nsynth() throws {
        try write([
            "nsynth-train/audio/bass_synthetic_068-049-025.wav",
            "nsynth-valid/audio/synth_lead_acoustic_003-060-127.wav",
            "nsynth-test/audio/organ_electronic_104-100-100.wav",
        ])
        try table(
            "nsynth-train/examples.json",
            """
            {"bass_synthetic_068-049-025": {"note": 217499, "sample_rate": 16000, "instrument_family": 0,
             "qualities": [0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "instrument_source_str": "synthetic",
             "note_str": "bass_synthetic_068-049-025", "instrument_family_str": "bass",
             "instrument_str": "bass_synthetic_068", "pitch": 49, "instrument": 656, "velocity": 25,
             "instrument_source": 2, "qualities_str": ["dark"]}}
            """)
        let (made, found) = try imported("nsynth")
        // As examples.json says.
        #expect(
            found["nsynth-train/audio/bass_synthetic_068-049-025.wav"]?.labels
                == ["family": "bass", "source": "synthetic", "pitch": "49", "velocity": "25"])
        #expect(
            found["nsynth-valid/audio/synth_lead_acoustic_003-060-127.wav"]?.labels
                == ["family": "synth_lead", "source": "acoustic", "pitch": "60", "velocity": "127"])
        #expect(Set(found.values.map(\.split)) == ["train", "validation", "test"])
        #expect(made.text.contains("sample_rate: 16000"))
    }

    @Test func maps() throws {
        try write([
            "MAPS/ENSTDkAm/MUS/MAPS_MUS-bk_xmas1_ENSTDkAm.mid",
            "MAPS/ENSTDkAm/MUS/MAPS_MUS-bk_xmas1_ENSTDkAm.wav",
            "MAPS/AkPnBcht/MUS/MAPS_MUS-alb_se3_AkPnBcht.mid",
            "MAPS/AkPnBcht/ISOL/NO/MAPS_ISOL_NO_F_S0_M23_AkPnBcht.mid",
        ])
        let (_, found) = try imported("maps")
        #expect(found.count == 3)
        #expect(found["MAPS/ENSTDkAm/MUS/MAPS_MUS-bk_xmas1_ENSTDkAm.mid"]?.split == "test")
        #expect(
            found["MAPS/ENSTDkAm/MUS/MAPS_MUS-bk_xmas1_ENSTDkAm.wav"]?.labels == [
                "piano": "ENSTDkAm", "work": "bk_xmas1",
            ])
        #expect(
            ["train", "validation"].contains(found["MAPS/AkPnBcht/MUS/MAPS_MUS-alb_se3_AkPnBcht.mid"]?.split))
    }

    @Test func asap() throws {
        try write([
            "Bach/Fugue/bwv_846/Shi05M.mid", "Bach/Fugue/bwv_846/midi_score.mid",
            "Bach/Fugue/bwv_846/Hou06M.mid",
        ])
        try table(
            "metadata.csv",
            """
            composer,title,folder,xml_score,midi_score,midi_performance,performance_annotations,midi_score_annotations,maestro_midi_performance,maestro_audio_performance,start,end,audio_performance
            Bach,Fugue_bwv_846,Bach/Fugue/bwv_846,Bach/Fugue/bwv_846/xml_score.musicxml,Bach/Fugue/bwv_846/midi_score.mid,Bach/Fugue/bwv_846/Shi05M.mid,a.txt,b.txt,,,,,
            Bach,Fugue_bwv_846,Bach/Fugue/bwv_846,Bach/Fugue/bwv_846/xml_score.musicxml,Bach/Fugue/bwv_846/midi_score.mid,Bach/Fugue/bwv_846/Hou06M.mid,a.txt,b.txt,,,,,

            """)
        let (_, found) = try imported("asap")
        #expect(
            found.mapValues { $0.labels["kind"] } == [
                "Bach/Fugue/bwv_846/Shi05M.mid": "performance",
                "Bach/Fugue/bwv_846/Hou06M.mid": "performance",
                "Bach/Fugue/bwv_846/midi_score.mid": "score",
            ])
        #expect(Set(found.values.map(\.piece)) == ["Bach/Fugue/bwv_846"])
    }

    @Test func giantMIDI() throws {
        // The second is a name as dataset.py of the repository writes it for a composer without a first name.
        let named = "midis/Liszt, Franz, 5 Hungarian Folksongs, S.245, R6qhoOaJ8ak.mid"
        let oneName = "midis/Anonymous, , La Folia, S.244_2, LdH1hSWGFGU.mid"
        try write([named, oneName, "midis/notes.mid"])
        let (_, found) = try imported("giantmidi")
        #expect(found.count == 2)
        #expect(found[named]?.labels == ["composer": "Liszt, Franz"])
        #expect(found[named]?.piece == "Liszt, Franz: 5 Hungarian Folksongs, S.245")
        #expect(found[oneName]?.labels == ["composer": "Anonymous"])
        #expect(found[oneName]?.piece == "Anonymous: La Folia, S.244_2")
    }

    @Test func lakh() throws {
        try write([
            "lmd_matched/A/A/A/TRAAAGR128F425B14B/1d9d16a9da90c090809c153754823c2b.mid",
            "lmd_full/0/0a0ce238fb8c672549f77f3b692ebf32.mid", "clean_midi/ABBA/Waterloo.mid",
            "clean_midi/ABBA/Waterloo.1.mid",
        ])
        let (_, found) = try imported("lakh")
        #expect(
            found.mapValues(\.piece) == [
                "lmd_matched/A/A/A/TRAAAGR128F425B14B/1d9d16a9da90c090809c153754823c2b.mid":
                    "TRAAAGR128F425B14B",
                "lmd_full/0/0a0ce238fb8c672549f77f3b692ebf32.mid": nil,
                "clean_midi/ABBA/Waterloo.mid": "ABBA: Waterloo",
                "clean_midi/ABBA/Waterloo.1.mid": "ABBA: Waterloo",
            ])
        #expect(found["clean_midi/ABBA/Waterloo.mid"]?.labels == ["artist": "ABBA"])
    }

    /// A file that matches two recordings is taken once: with the first, or as match_scores.json has it.
    @Test(arguments: [false, true]) func aMatchedFileIsTakenOnce(_ hasScores: Bool) throws {
        let shared = "1d9d16a9da90c090809c153754823c2b", own = "0a0ce238fb8c672549f77f3b692ebf32"
        let tracks = ["A/A/A/TRAAAGR128F425B14B", "A/A/F/TRAAFDR12903CB5BB7"].map { "lmd_matched/\($0)/" }
        try write([
            tracks[0] + "\(shared).mid", tracks[0] + "\(own).mid", tracks[1] + "\(shared).mid",
            "lmd_aligned/A/A/A/TRAAAGR128F425B14B/\(shared).mid",
        ])
        if hasScores {
            try table(
                "match_scores.json",
                """
                {"TRAAAGR128F425B14B": {"\(shared)": 0.5938, "\(own)": 0.72},
                 "TRAAFDR12903CB5BB7": {"\(shared)": 0.7106}}
                """)
        }
        let (_, found) = try imported("lakh")
        #expect(
            Set(found.keys) == [
                tracks[hasScores ? 1 : 0] + "\(shared).mid", tracks[0] + "\(own).mid",
                "lmd_aligned/A/A/A/TRAAAGR128F425B14B/\(shared).mid",
            ])
    }

    @Test(arguments: PublishedDataset.all.map(\.name))
    func anotherFolderIsRefusedWithWhatIsMissing(_ name: String) throws {
        try table("readme.txt", "")
        let error = #expect(throws: BuildError.self) { try imported(name) }
        #expect(error?.message.contains("contains no ") == true)
        #expect(error?.message.hasSuffix("name the folder into which the dataset was unpacked") == true)
        let dataset = try PublishedDataset.named(name)
        #expect(!dataset.licence.isEmpty && !dataset.citation.isEmpty && dataset.url.hasPrefix("http"))
    }

    @Test func aTableWithOtherColumnsIsRefused() throws {
        try write(["2018/a.midi"])
        try table("maestro-v3.0.0.csv", "composer,midi\nA,2018/a.midi\n")
        let error = #expect(throws: BuildError.self) { try imported("maestro") }
        #expect(
            error?.message.hasSuffix(
                "maestro-v3.0.0.csv has no column 'canonical_composer': this is not the table that was published"
            ) == true)
    }

    @Test func anUnknownNameIsAnsweredWithTheNearest() {
        let error = #expect(throws: BuildError.self) { try PublishedDataset.named("maestra") }
        #expect(error?.message == "'maestra' cannot be imported; did you mean 'maestro'?")
    }

    /// The table of docs/published-datasets.md has a row for each.
    @Test func theDocumentationListsAll() throws {
        let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/published-datasets.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        for dataset in PublishedDataset.all {
            #expect(
                text.contains("| `\(dataset.name)` | [\(dataset.title)](\(dataset.url)) |"), "\(dataset.name)"
            )
        }
    }
}
