import Foundation
import Loading
import Preparation
import Tensors
import TestSupport
import Testing

/// The loader's transcription rolls, control changes and voices.
struct TranscriptionRollTests {
    private static let rolls: [(golden: String, roll: TranscriptionRoll)] = [
        ("active", .active), ("weights", .weights), ("onsets", .onsets),
        ("onset_velocities", .onsetVelocities), ("active_velocities", .activeVelocities),
        ("offsets", .offsets),
    ]

    /// Every cell as note-seq has it; only the division by 127 is rounded, on both sides to the same float.
    @Test func rollsAreNoteSeqs() throws {
        let file = try golden("transcription")
        let midi = try file.tensor("midi", as: UInt8.self).elements
        let dataset = try BuiltDataset(
            "midi: {segment: {steps: 48}, controls: true}", [("a/a.mid", midi)] + BuiltDataset.scores())
        let preparation = try FilePreparation(dataset.reader)
        let score = try preparation.score(midi, path: "a.mid")
        #expect(score.shard.count == 1)
        let batch = try preparation.batch(
            of: score.shard,
            showing: Self.rolls.map { LoaderView($0.golden, .transcription($0.roll, pitches: 36...84)) } + [
                LoaderView("control_changes", .controls()), LoaderView("some", .controls([67, 1])),
            ])
        for name in Self.rolls.map(\.golden) + ["control_changes"] {
            let expected = try file.tensor(name, as: Float.self)
            let shown = batch.tensor(name, as: Float.self)
            #expect(shown.shape == [1] + expected.shape)
            let wrong = shown.elements.indices.filter { shown.elements[$0] != expected.elements[$0] }
            #expect(
                wrong.isEmpty,
                "\(name): \(wrong.count) of \(shown.elements.count) cells, first \(wrong.first ?? 0)")
        }
        let all = try file.tensor("control_changes", as: Float.self).elements
        let some = batch.tensor("some", as: Float.self).elements
        for step in 0..<48 {
            #expect(some[step * 2] == all[step * 128 + 67] && some[step * 2 + 1] == all[step * 128 + 1])
        }
    }

    /// A note that sounds on from before has no onset, and one that ends with the segment no offset.
    @Test func whatLiesOutsideASegmentIsNotShown() throws {
        // One note from step 6 to step 16, in segments of 8 steps; 24 ticks a step.
        let track: [UInt8] = [
            0x81, 0x10, 0x90, 60, 100, 0x81, 0x70, 0x80, 60, 0, 0, 0xFF, 0x2F, 0,
        ]
        var midi = Array("MThd".utf8) + [0, 0, 0, 6, 0, 0, 0, 1, 0, 96] + Array("MTrk".utf8)
        midi += [0, 0, 0, UInt8(track.count)] + track
        let dataset = try BuiltDataset(
            "midi: {segment: {steps: 8}}", [("a/a.mid", midi)] + BuiltDataset.scores())
        let preparation = try FilePreparation(dataset.reader)
        let score = try preparation.score(midi, path: "a.mid")
        let batch = try preparation.batch(
            of: score.shard,
            showing: Self.rolls.map { LoaderView($0.golden, .transcription($0.roll, pitches: 60...60)) })
        func shown(_ name: String) -> [[Float]] {
            let all = batch.tensor(name, as: Float.self).elements
            return [Array(all[..<8]), Array(all[8...])]
        }
        let velocity = Float(100.0 / 127)
        #expect(shown("active") == [[0, 0, 0, 0, 0, 0, 1, 1], [1, 1, 1, 1, 1, 1, 1, 1]])
        #expect(shown("onsets") == [[0, 0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0]])
        #expect(shown("weights") == [[1, 1, 1, 1, 1, 5, 5, 5], [1, 1, 1, 1, 1, 1, 1, 1]])
        #expect(
            shown("onset_velocities") == [
                [0, 0, 0, 0, 0, 0, velocity, velocity], [0, 0, 0, 0, 0, 0, 0, 0],
            ])
        #expect(shown("active_velocities")[1] == Array(repeating: velocity, count: 8))
        #expect(shown("offsets").joined().allSatisfy { $0 == 0 })
    }

    /// Each voice has its own roll, which together are the roll of all, and its program.
    @Test func voicesAreShownApart() throws {
        let files = BuiltDataset.scores()
        let dataset = try BuiltDataset("midi: {segment: {steps: 32}, voices: 4}", files)
        let preparation = try FilePreparation(dataset.reader)
        let voices = 4
        var programs: Set<Int64> = []
        for (path, bytes) in files {
            let score = try preparation.score(bytes, path: path)
            let batch = try preparation.batch(
                of: score.shard,
                showing: (0..<voices).map { .roll("\($0)", .piano, as: .u8, voice: UInt8($0)) } + [
                    LoaderView("programs", .voicePrograms(voices))
                ])
            let shown = batch.tensor("programs", as: Int64.self).elements
            for segment in 0..<score.shard.count {
                let rows = try score.shard.noteRows(segment)
                let voice = try score.shard.file.tensor("notes.voice", as: UInt8.self).elements[rows]
                let program = try score.shard.file.tensor("notes.program", as: UInt8.self).elements[rows]
                let pitch = try score.shard.file.tensor("notes.pitch", as: UInt8.self).elements[rows]
                let start = try score.shard.file.tensor("notes.start", as: UInt16.self).elements[rows]
                let length = try score.shard.file.tensor("notes.length", as: UInt16.self).elements[rows]
                for own in 0..<voices {
                    let notes = voice.indices.filter { voice[$0] == own }
                    #expect(
                        shown[segment * voices + own] == (notes.first.map { Int64(program[$0]) } ?? -1))
                    var expected = [UInt8](repeating: 0, count: 32 * 128)
                    for note in notes where program[note] != 128 {
                        for step in start[note]..<start[note] + length[note] {
                            expected[Int(step) * 128 + Int(pitch[note])] = 1
                        }
                    }
                    let cells = batch.tensor("\(own)", as: UInt8.self).elements
                    #expect(Array(cells[segment * 4096..<(segment + 1) * 4096]) == expected)
                }
            }
            programs.formUnion(shown)
        }
        #expect(programs.count > 4)
    }

    /// Control changes that no shard has are refused, with the line of the manifest that stores them.
    @Test func controlsThatAreNotStoredAreRefused() throws {
        let files = BuiltDataset.scores()
        for (controls, numbers, wanted) in [
            ("[64, 66]", [64, 1] as [UInt8]?, "controls: [64, 66, 1]"), ("false", nil, "controls: true"),
        ] {
            let dataset = try BuiltDataset("midi: {controls: \(controls)}", files)
            let preparation = try FilePreparation(dataset.reader)
            let score = try preparation.score(files[0].bytes, path: "a.mid")
            let error = #expect(throws: LoaderError.self) {
                try preparation.batch(of: score.shard, showing: [LoaderView("c", .controls(numbers))])
            }
            #expect(error?.message.contains(wanted) == true, "\(error?.message ?? "")")
        }
    }
}
