import Foundation
internal import SoundFiles

/// The kernels of audio, over the first seconds of recordings, decoded before.
///
/// They are no part of the module `Audio`'s surface: its sources are compiled into this program, by a link.
struct AudioKernels {
    /// A recording in memory.
    private struct Recording {
        let channels: Int
        let sampleRate: Int
        /// A plane a channel.
        let planes: [FloatBuffer]
        /// The mean of the channels.
        let mono: FloatBuffer
        let count: Int
    }

    private static let seconds = 30
    private static let block = 4096
    private let recordings: [Recording]

    init(paths: [String]) throws {
        recordings = paths.compactMap { try? Self.decoded($0) }
        guard !recordings.isEmpty else { throw Fault("none of the \(paths.count) audio files can be read") }
    }

    var all: [Kernel] {
        [transform, loudness, resample(.medium, "medium"), resample(.soxrHQ, "soxr_hq")]
    }

    /// Short-time Fourier transform and mel of segments, as a manifest has them at first.
    private var transform: Kernel {
        Kernel(name: "FFT, mel of 256 bands", unit: "sample", call: "segment") {
            let parameters = AudioParameters(
                segment: SegmentParameters(samples: 131_072, dropLast: true),
                features: [.mel(MelParameters(bands: 256, power: 1))])
            let length = parameters.segment.samples
            guard recordings.contains(where: { $0.count >= length }) else {
                throw Fault("no recording has a whole segment of \(length) samples")
            }
            let analyzer = SegmentAnalyzer(parameters)
            return {
                try recordings.reduce(into: Kernel.Work()) { work, recording in
                    for start in stride(from: 0, through: recording.count - length, by: length) {
                        analyzer.samples.update(from: recording.mono.pointer + start, count: length)
                        _ = try analyzer.analyze(length: length) { _, _ in work.calls += 1 }
                        work.units += length
                    }
                }
            }
        }
    }

    /// K-weighting, blocks and gates of EBU R128.
    private var loudness: Kernel {
        Kernel(name: "loudness", unit: "frame", call: "file") {
            {
                recordings.reduce(into: Kernel.Work()) { work, recording in
                    var meter = LoudnessMeter(
                        layout: ChannelLayout(channels: recording.channels), sampleRate: recording.sampleRate)
                    var planes = recording.planes.map(\.pointer)
                    for start in stride(from: 0, to: recording.count, by: Self.block) {
                        meter.add(planes, count: min(Self.block, recording.count - start))
                        for channel in planes.indices { planes[channel] += Self.block }
                    }
                    // A file shorter than a block has no loudness, and counts all the same.
                    work.calls += meter.integrated == nil && meter.range != nil ? 0 : 1
                    work.units += recording.count
                }
            }
        }
    }

    /// From 48,000 to 44,100 Hz, whatever the recordings' own rates.
    private func resample(_ quality: Resampler, _ name: String) -> Kernel {
        Kernel(name: "resample, \(name)", unit: "sample", call: "file") {
            {
                try recordings.reduce(into: Kernel.Work()) { work, recording in
                    let converter = try SampleRateConverter(from: 48_000, to: 44_100, quality: quality)
                    for start in stride(from: 0, to: recording.count, by: Self.block) {
                        let count = min(Self.block, recording.count - start)
                        try converter.process(recording.mono.pointer + start, count: count) { _, _ in }
                    }
                    try converter.finish { _, _ in }
                    work.calls += 1
                    work.units += recording.count
                }
            }
        }
    }

    private static func decoded(_ path: String) throws -> Recording? {
        let file = try SoundFile(path: path)
        let room = seconds * file.sampleRate
        let frames = FloatBuffer(count: room * file.channels)
        var count = 0
        while count < room {
            let read = try file.read(into: frames.pointer + count * file.channels, count: room - count)
            if read == 0 { break }
            count += read
        }
        guard count > 0, file.sampleRate >= LoudnessMeter.lowestRate else { return nil }
        let planes = (0..<file.channels).map { _ in FloatBuffer(count: count) }
        let mono = FloatBuffer(count: count)
        deinterleave(frames.pointer, count: count, into: planes.map(\.pointer))
        mix(planes.map(\.pointer), count: count, into: mono.pointer)
        return Recording(
            channels: file.channels, sampleRate: file.sampleRate, planes: planes, mono: mono, count: count)
    }
}
