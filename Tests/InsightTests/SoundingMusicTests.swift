import Foundation
import Loading
import Symbolic
import Tensors
import TestSupport
import Testing

@testable import Dataset
@testable import Files
@testable import Insight

/// What pages draw and play, held against pretty_midi and mido (tools/oracles/sounding_music.py).
struct SoundingMusicTests {
    static let cases = ["plain", "tempi", "band", "pedals"]

    /// Rows of numbers, as JSON has them.
    private func rows(_ value: JSONValue?) -> [[Double]] {
        (value?.array ?? []).map { row in (row.array ?? [row]).map { $0.double ?? .nan } }
    }

    private func expectEqual(_ ours: [[Double]], _ theirs: [[Double]], within tolerance: Double) {
        #expect(ours.count == theirs.count)
        for (one, other) in zip(ours, theirs) {
            #expect(one.count == other.count && zip(one, other).allSatisfy { abs($0 - $1) <= tolerance })
        }
    }

    @Test(arguments: cases) func aFileIsAsOthersReadIt(name: String) throws {
        let file = try golden("sounding")
        func oracle(_ key: String) throws -> [[Double]] {
            let tensor: Tensor<Double> = try file.tensor("\(name).\(key)")
            let width = tensor.shape.count > 1 ? tensor.shape[1] : 1
            return stride(from: 0, to: tensor.elements.count, by: width).map {
                Array(tensor.elements[$0..<$0 + width])
            }
        }
        let json = try SoundingMusic(of: Score(midi: file.tensor("\(name).midi").elements)).json
        // By pitch and program, then by time: start, end, pitch, velocity, program.
        func sorted(_ notes: [[Double]]) -> [[Double]] {
            notes.sorted { ($0[2], $0[4], $0[0]) < ($1[2], $1[4], $1[0]) }
        }
        let notes = rows(json["notes"]).map { [$0[0], $0[0] + $0[1]] + $0[2..<5] }
        // Times are rounded to 0.1 ms, durations too.
        try expectEqual(sorted(notes), sorted(oracle("notes")), within: 1.01e-4)
        #expect(rows(json["notes"]).map { $0[0] } == rows(json["notes"]).map { $0[0] }.sorted())
        expectEqual(rows(json["beats"]), try oracle("beats"), within: 5.01e-5)
        expectEqual(rows(json["tempi"]), try oracle("tempi"), within: 5.01e-5)
        expectEqual(
            rows(json["pedals"]).map { [$0[0], $0[1], $0[1] + $0[2]] }, try oracle("pedals"), within: 1.01e-4)
        let bars: Tensor<Int64> = try file.tensor("\(name).bars")
        #expect(json["bars"]?.array?.map(\.integer) == bars.elements.map { Int($0) })
        #expect(json["bar"]?.integer == 1)
        let signatures: Tensor<Int64> = try file.tensor("\(name).signatures")
        let expected = stride(from: 0, to: signatures.elements.count, by: 3).map { place -> JSONValue in
            let row = signatures.elements[place..<place + 3].map { Int($0) }
            return [JSONValue(row[0]), .string("\(row[1])/\(row[2])")]
        }
        #expect(json["signatures"] == .array(expected))
    }

    /// Five beats of 120 BPM in 3/4, then 240 BPM, a note a beat; the sustain pedal is down from beat 8 to beat 9.
    private static let waltz: [UInt8] = {
        var events: [(tick: Int, bytes: [UInt8])] = [
            (0, [0xFF, 0x58, 4, 3, 2, 24, 8]), (0, [0xFF, 0x03, 4] + Array("<b>\"".utf8)),
            (0, [0xC0, 19]), (960, [0xFF, 0x51, 3, 0x03, 0xD0, 0x90]),
            (768, [0xB0, 64, 127]), (864, [0xB0, 64, 0]),
        ]
        for beat in 0..<16 {
            events.append((beat * 96, [0x90, UInt8(60 + beat), 80]))
            events.append((beat * 96 + 96, [0x80, UInt8(60 + beat), 0]))
        }
        return MadeFile.midi(events: events)
    }()

    @Test func aSegmentBeginsWithinItsBar() throws {
        let shop = try Workshop()
        try shop.write("music/slow/waltz.mid", Self.waltz)
        let reader = try shop.build("splits: {train: 1, validation: 0, test: 0}", segment: 16)
        let view = try SegmentView(reader, #require(reader.place(2, in: .train)))
        let json = try view.music().json
        // Four beats from beat 8, which is the last of the third bar; the tempo doubles at beat 10.
        #expect(
            rows(json["notes"]) == [
                [0, 0.5, 68, 80, 19, 0], [0.5, 0.5, 69, 80, 19, 0], [1, 0.25, 70, 80, 19, 0],
                [1.25, 0.25, 71, 80, 19, 0],
            ])
        #expect(json["parts"] == [["voice 1", "church organ"]])
        #expect(rows(json["pedals"]) == [[64, 0, 0.5]])
        #expect(rows(json["beats"]).map { $0[0] } == [-1, -0.5, 0, 0.5, 1, 1.25, 1.5])
        #expect(json["bar"]?.integer == 3 && rows(json["bars"]).map { $0[0] } == [0, 3, 6])
        #expect(json["signatures"] == [[0, "3/4"]])
        #expect(rows(json["tempi"]) == [[-4, 120], [1, 240]])
        // Without the file there are notes, but nobody knows the bars.
        try shop.remove("music/slow/waltz.mid")
        let gone = try SegmentView(reader, #require(reader.place(2, in: .train))).music().json
        #expect(gone["notes"] == json["notes"] && gone["beats"] == [] && gone["bars"] == [])
        #expect(try SoundingMusic(of: Score(midi: Self.waltz)).json["parts"] == [["<b>\"", "church organ"]])
    }

    @Test func beatsOfAHugeFileAreFew() throws {
        // One note that ends after 2^28 ticks, at a tick a quarter note and a signature of 1/128.
        let track: [UInt8] =
            [
                0, 0xFF, 0x58, 4, 1, 7, 24, 8, 0, 0x90, 60, 80, 0xFF, 0xFF, 0xFF, 0x7F, 0x80, 60, 0, 0, 0xFF,
                0x2F, 0,
            ]
        let head: [UInt8] = Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0x7F, 0xFF]
        let bytes = head + Array("MTrk".utf8) + [0, 0, 0, UInt8(track.count)] + track
        let json = try SoundingMusic(of: Score(midi: bytes)).json
        #expect(json["notes"]?.array?.count == 1)
        #expect(json["beats"]?.array?.count ?? 0 <= 200_000)
    }

    /// Decibels are the same whatever the shards hold: powers, or compressed and divided numbers.
    @Test func featuresAreInDecibels() throws {
        let shop = try Workshop()
        let samples = (0..<20_000).map { 0.4 * sin(Double($0) * 0.3) * (1 + sin(Double($0) / 900)) }
        try shop.write("music/slow/tone.wav", Workshop.wav(rate: 8000, samples))
        func features(_ name: String, _ normalize: String) throws -> (
            json: JSONValue, values: [Float], stored: [Float]
        ) {
            let reader = try shop.build(
                """
                version: 1
                dataset: \(name)
                sources: [{path: "music/*/*.wav"}]
                audio:
                  sample_rate: 8000
                  segment: {samples: 8192}
                  stft: {n_fft: 256, hop: 64}
                  features: {mel: {bands: 24, fmax: 4000}, chroma: {}}
                  normalize: {\(normalize)}
                splits: {train: 1, validation: 0, test: 0}
                """, named: "\(name).yaml")
            let view = try SegmentView(reader, #require(reader.place(1, in: .train)))
            let bytes = try view.features().bytes
            let line = try #require(bytes.firstIndex(of: 10))
            let values = bytes[(line + 1)...].withUnsafeBytes { raw in
                stride(from: 0, to: raw.count, by: 4).map {
                    raw.loadUnaligned(fromByteOffset: $0, as: Float.self)
                }
            }
            return (
                try JSONValue(parsing: Array(bytes[..<line])), values, try view.shard.feature("mel", of: 1)
            )
        }
        let (json, plain, powers) = try features("plain", "compress: none, per: none")
        let (other, normalised, _) = try features("normalised", "compress: log10_1p, per: dataset")
        let (names, columns) = (json["features"]?.array?.map { $0["name"]?.string }, 129)
        #expect(names == ["chroma", "mel"] && json["seconds"]?.double == 64.0 / 8000)
        #expect(plain.count == (12 + 24) * columns && other["features"]?.array?[1]["unit"] == "dB")
        #expect(
            json["features"]?.array?[0]["unit"] == "" && json["features"]?.array?[0]["frequencies"] == .null)
        #expect(json["features"]?.array?[1]["frequencies"]?.array?.count == 24)
        let decibels = plain[(12 * columns)...]
        #expect(decibels.elementsEqual(powers.map { 10 * log10(max($0, 1e-10)) }))
        let greatest = try #require(decibels.max())
        for (one, other) in zip(decibels, normalised[(12 * columns)...]) where one > greatest - 60 {
            // What the compression rounds off.
            #expect(abs(one - other) < 0.02)
        }
    }
}
