import TestSupport

/// Sources whose bytes never change: integers only, since even a sine may differ between two machines.
///
/// A change here changes every recorded hash; record them again with `tools/record bytes`.
enum PinnedMusic {
    /// The sources of MIDI, by path.
    static var midi: [(path: String, bytes: [UInt8])] {
        var files = (0..<10).map { index in
            (path: "midi/\(index % 2 == 0 ? "even" : "odd")/\(index).mid", bytes: file(index))
        }
        // One that is quarantined.
        files.append((path: "midi/odd/cut.mid", bytes: Array(file(1).dropLast(9))))
        return files
    }

    /// The sources of audio, by path: of two rates, one and two channels, a second or two long, one of them silent.
    static var audio: [(path: String, bytes: [UInt8])] {
        (0..<6).map { index in
            (
                path: "audio/\(index % 2 == 0 ? "even" : "odd")/\(index).wav",
                bytes: wave(index, rate: index % 3 == 0 ? 22050 : 8000, channels: 1 + index % 2)
            )
        }
    }

    static let midiManifest = """
        version: 1
        dataset: pinned
        sources:
          - path: midi/*/*.mid
            labels: {style: "{dir}"}
        midi:
          grid: {steps_per_beat: 4}
          segment: {steps: 16, hop: 12}
          sustain: extend
          voices: 2
          controls: [64]
        splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact, seed: 1}
        shards: {target_bytes: 2KiB}
        """

    static let audioManifest = """
        version: 1
        dataset: pinned
        sources:
          - path: audio/*/*.wav
            labels: {style: "{dir}"}
        audio:
          sample_rate: 8000
          loudness: {lufs: -23}
          bandpass: {low_hz: 100, high_hz: 3000, order: 1}
          segment: {samples: 2048}
          stft: {n_fft: 256, hop: 128}
          features:
            mel: {bands: 16, fmax: 4000}
            spectrogram: {power: 1}
            mfcc: {coefficients: 8, bands: 16}
            chroma: {}
            waveform: {}
          normalize: {compress: log10_1p, per: dataset, epsilon: 0}
        splits: {train: 0.5, validation: 0.25, test: 0.25, method: exact, seed: 1}
        shards: {target_bytes: 256KiB}
        """

    /// A linear congruential generator (Knuth, MMIX); the standard library's way to draw from a range may change.
    private struct Numbers {
        var state: UInt64
        mutating func next(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
    }

    /// Format 1: tempo and time signature, chords with pedal presses, drums; notes overlap, and some never end.
    private static func file(_ index: Int) -> [UInt8] {
        var numbers = Numbers(state: UInt64(index))
        var meta: [UInt8] = [0, 0xFF, 0x58, 4, index % 3 == 0 ? 3 : 4, 2, 24, 8]
        for _ in 0..<3 {
            let tempo = 300_000 + numbers.next(below: 500_000)
            meta +=
                [0, 0xFF, 0x51, 3] + big(tempo, 3) + [
                    0x83, UInt8(numbers.next(below: 128)), 0xFF, 0x06, 1, 65,
                ]
        }
        var notes: [UInt8] = [0, 0xC0, UInt8(index * 7)]
        for count in 0..<(24 + index) {
            let pitch = UInt8(36 + numbers.next(below: 48))
            let second = UInt8(36 + numbers.next(below: 48))
            notes += [0, 0x90, pitch, UInt8(1 + numbers.next(below: 127))]
            // Running status, and a note that begins before the last one ended.
            notes += [UInt8(numbers.next(below: 48)), second, UInt8(1 + numbers.next(below: 127))]
            if count % 5 == 0 { notes += [0, 0xB0, 64, count % 2 == 0 ? 127 : 0] }
            notes += [UInt8(1 + numbers.next(below: 90)), 0x80, pitch, 0]
            if count % 7 != 0 { notes += [UInt8(numbers.next(below: 20)), 0x80, second, 64] }
        }
        var drums: [UInt8] = []
        for _ in 0..<16 {
            let pitch = UInt8(35 + numbers.next(below: 12))
            drums += [UInt8(1 + numbers.next(below: 100)), 0x99, pitch, 100, 12, 0x89, pitch, 0]
        }
        let tracks = [meta, notes, drums].map { track in
            Array("MTrk".utf8) + big(track.count + 4, 4) + track + [0, 0xFF, 0x2F, 0]
        }
        return Array("MThd".utf8) + big(6, 4) + [0, 1, 0, 3] + big(96, 2) + tracks.joined()
    }

    /// A WAV file of 16 bits: two triangle waves, noise, and a level that rises.
    private static func wave(_ index: Int, rate: Int, channels: Int) -> [UInt8] {
        var numbers = Numbers(state: UInt64(1000 + index))
        let count = rate * (1 + index % 2)
        let steps = [1500 + 700 * index, 2900 + 310 * index]
        var samples: [Int16] = []
        for frame in 0..<count {
            for channel in 0..<channels {
                let level = index == 4 ? 0 : 2000 + 8000 * frame / count
                let triangles = steps.reduce(0) { sum, step in
                    let phase = (frame * (step + channel)) % 65536
                    return sum + (phase < 32768 ? phase - 16384 : 49152 - phase)
                }
                let noise = index == 4 ? 0 : numbers.next(below: 401) - 200
                samples.append(Int16(truncatingIfNeeded: level * triangles / 32768 + noise))
            }
        }
        return MadeFile.wave(samples, rate: rate, channels: channels)
    }

    private static func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
    }
    private static func big(_ value: Int, _ count: Int) -> [UInt8] { little(value, count).reversed() }
}
