import Audio
import Dataset
import Files
import Foundation
import Loading
import TestSupport
import Testing

@testable import Preparation

/// Recordings a few segments at a time: what they give is what they give as a whole.
struct RecordingStreamTests {
    private static func dataset(_ choice: String, segment: String = "{samples: 1024}") throws -> BuiltDataset
    {
        try BuiltDataset(
            """
            audio: {sample_rate: 8000, segment: \(segment), stft: {n_fft: 256, hop: 128}, \
            features: {mel: {bands: 8, fmax: 4000}}, \(choice)}
            """, BuiltDataset.recordings())
    }

    private static func path(_ dataset: BuiltDataset, _ number: Int) -> String {
        dataset.folder.path + "/" + BuiltDataset.recordings()[number].path
    }

    /// Every byte of every segment's mel, however many segments are taken at once.
    @Test(arguments: [
        "normalize: {compress: log10_1p, per: style, epsilon: 0.001}, loudness: {lufs: -23}",
        "normalize: log, loudness: none, dtype: float16, bandpass: {low_hz: 200, high_hz: 3000, order: 1}",
        "normalize: {compress: none, per: dataset}, loudness: {rms_dbfs: -12}, peak: -6",
    ])
    func segmentsAreThoseOfTheWhole(_ choice: String) throws {
        let dataset = try Self.dataset(choice)
        let preparation = try FilePreparation(dataset.reader, covering: .overlapping)
        for number in [0, 3, 7] {
            let path = Self.path(dataset, number)
            let labels = try preparation.labels(contentStyle: number % 2 == 0 ? "classical" : "jazz")
            let whole = try preparation.recording(path: path, labels: labels)
            let wanted = try preparation.batch(of: whole.shard, showing: [.feature("mel")]).segments()
            for size in [1, 2, 16] {
                let stream = try preparation.stream(
                    ofRecordingAt: path, labels: labels, in: dataset.folder.path)
                #expect(stream.samples == whole.samples && stream.gain == whole.gain)
                #expect(stream.segments == wanted.count && wanted.count > 1)
                var found: [[[UInt8]]] = []
                for first in stride(from: 0, to: stream.segments, by: size) {
                    let range = first..<min(stream.segments, first + size)
                    found += try stream.batch(of: range, showing: [.feature("mel")]).segments()
                }
                #expect(found == wanted, "\(path), \(size) at once")
            }
        }
    }

    /// The sound is that of the whole recording in memory, sample by sample, and nothing stays in the folder.
    @Test func soundIsThatOfTheWhole() throws {
        let dataset = try Self.dataset("normalize: {compress: log10_1p, per: dataset}, loudness: none")
        let preparation = try FilePreparation(dataset.reader, covering: .overlapping)
        let path = Self.path(dataset, 7)
        let scratch = try TestFolder()
        let whole = try preparation.recording(path: path)
        let mels = try Self.mels(preparation.batch(of: whole.shard, showing: [.feature("mel")]))
        let stream = try preparation.stream(ofRecordingAt: path, in: scratch.path)
        let wanted = try Self.sound(
            of: whole, stream.parameters, dataset.reader, iterations: 3, mels.map { $0.map { $0 * 1.1 } })
        let rendered = try stream.render(iterations: 3, in: scratch.path) { mels[$0].map { $0 * 1.1 } }
        #expect(rendered.channels == 1 && rendered.sampleRate == 8000 && rendered.length == wanted.count)
        #expect(try rendered.samples(0..<rendered.length) == [wanted])
        #expect(try rendered.samples(500..<777) == [Array(wanted[500..<777])])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
    }

    /// The sound of the mel spectrograms of all segments: the recording, the magnitudes and the result in memory.
    private static func sound(
        of recording: PreparedRecording, _ parameters: AudioParameters, _ reader: DatasetReader,
        iterations: Int, _ mels: [[Float]]
    ) throws -> [Float] {
        let join = try SegmentJoin(parameters.stft, parameters.segment, length: recording.samples)
        let content = try parameters.signal(ofFileAt: recording.path).samples
        let denormalizer = try reader.denormalizer(ofFeature: "mel")
        let inverse = try MelInversion(
            #require(parameters.mel), sampleRate: parameters.sampleRate, nFFT: parameters.stft.nFFT)
        let magnitudes = try mels.map {
            try inverse.magnitudes(mel: denormalizer.linear($0, gain: recording.gain))
        }
        var samples: [Float] = []
        try PieceInversion(join.stft, GriffinLimParameters(iterations: iterations)).invert(
            length: join.length, content: { Array(content[$0]) },
            magnitudes: { join.magnitudes(of: $0) { magnitudes[$0] } },
            sink: { samples.append(contentsOf: $0) })
        func levels(_ samples: [Float]) throws -> AudioLevels {
            try AudioLevels(of: samples, sampleRate: parameters.sampleRate)
        }
        let gain = try levels(samples).gain(toMatch: levels(content), ceiling: -1).amplitude
        return samples.map { $0 * Float(gain) }
    }

    private static func write(_ bytes: [UInt8], _ name: String, in dataset: BuiltDataset) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: dataset.folder.path + "/" + name))
    }

    private static func mels(_ batch: LoaderBatch) -> [[Float]] {
        batch.segments().map { segment in
            segment[0].withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        }
    }

    /// A part has the features of a file of that part, but for the gain, which is the whole recording's.
    @Test func partsAreThoseOfTheRecording() throws {
        let dataset = try Self.dataset("normalize: {compress: none, per: none}, loudness: {rms_dbfs: -20}")
        let preparation = try FilePreparation(dataset.reader, covering: .overlapping)
        let path = Self.path(dataset, 7)
        func stream(_ part: RecordingPart) throws -> RecordingStream {
            try preparation.stream(ofRecordingAt: path, part: part, in: dataset.folder.path)
        }
        func features(_ stream: RecordingStream) throws -> [[[UInt8]]] {
            try stream.batch(of: 0..<stream.segments, showing: [.feature("mel")]).segments()
        }
        let whole = try stream(RecordingPart())
        let part = try stream(RecordingPart(start: 0.25, duration: 0.3))
        #expect(part.samples == 2400 && part.gain == whole.gain)
        // The 16-bit samples of the file itself, from second 0.25 on.
        let bytes = BuiltDataset.recordings()[7].bytes
        let cut = (2000..<4400).map { index in
            Int16(bitPattern: UInt16(bytes[44 + 2 * index]) | UInt16(bytes[45 + 2 * index]) << 8)
        }
        try Self.write(MadeFile.wave(cut, rate: 8000), "cut.wav", in: dataset)
        let alone = try preparation.recording(path: dataset.folder.path + "/cut.wav")
        #expect(part.segments == alone.shard.count && alone.samples == 2400)
        let (found, wanted) = (
            Self.mels(try part.batch(of: 0..<part.segments, showing: [.feature("mel")])),
            Self.mels(try preparation.batch(of: alone.shard, showing: [.feature("mel")]))
        )
        let ratio = Float((part.gain / alone.gain) * (part.gain / alone.gain))
        for (found, wanted) in zip(found, wanted) {
            let scale = wanted.max() ?? 0
            #expect(zip(found, wanted).allSatisfy { abs($0 - $1 * ratio) < 1e-5 * scale * ratio })
        }
        // From a time on: the rest; up to a time behind the end: the same.
        let rest = try stream(RecordingPart(start: 0.5))
        #expect(rest.samples == whole.samples - 4000)
        #expect(try features(rest) == features(stream(RecordingPart(start: 0.5, duration: 1e9))))
        let error = #expect(throws: BuildError.self) { try stream(RecordingPart(start: 60)) }
        #expect(error?.code == .sourceUnreadable && error?.message.contains("lasts 1.4 s") == true)
    }

    /// A stereo recording keeps its image, is as loud as it was, and stays below −1 dBTP; a mono one stays mono.
    @Test func sidesAreKept() throws {
        let dataset = try Self.dataset("normalize: {compress: log10_1p, per: dataset}, loudness: none")
        let preparation = try FilePreparation(dataset.reader, covering: .overlapping)
        // A tone at the left, another in the middle.
        let (tone, other) = (0..<16_000).reduce(into: ([Double](), [Double]())) {
            $0.0.append(6000 * sin(0.35 * Double($1)))
            $0.1.append(4000 * sin(0.9 * Double($1)))
        }
        let frames = zip(tone, other).flatMap { [Int16($0 + $1), Int16($1)] }
        try Self.write(MadeFile.wave(frames, rate: 8000, channels: 2), "stereo.wav", in: dataset)
        func render(_ path: String, level: Float) throws -> RenderedRecording {
            let stream = try preparation.stream(ofRecordingAt: path, stereo: true, in: dataset.folder.path)
            return try stream.render(iterations: 20, in: dataset.folder.path) { segment in
                let batch = try stream.batch(of: segment..<segment + 1, showing: [.feature("mel")])
                return Self.mels(batch)[0].map { $0 * level }
            }
        }
        let rendered = try render(dataset.folder.path + "/stereo.wav", level: 1)
        #expect(rendered.channels == 2 && rendered.length == 16_000)
        let planes = try rendered.samples(1000..<15_000)
        func part(_ plane: [Float], _ frequency: Double) -> Double {
            var (a, b) = (0.0, 0.0)
            for (i, value) in plane.enumerated() {
                a += Double(value) * cos(frequency * Double(i))
                b += Double(value) * sin(frequency * Double(i))
            }
            return (a * a + b * b).squareRoot() / Double(plane.count)
        }
        // The tone at the left is at least 20 dB lower at the right; the one in the middle is the same on both sides.
        #expect(part(planes[0], 0.35) > 10 * part(planes[1], 0.35))
        let middle = part(planes[0], 0.9) / part(planes[1], 0.9)
        #expect(middle > 0.8 && middle < 1.25)
        let mono = try render(Self.path(dataset, 0), level: 1)
        #expect(mono.channels == 1)
    }
}
