/// An audio file seen as a WAV file of 16 bits: any stretch of its bytes, decoded when it is asked for.
///
/// One or two channels stay as they are, more are mixed to their mean. Samples beyond full scale are clipped. What a
/// browser can play is not what libsndfile can read; WAV every browser plays.
public struct WaveView: Sendable {
    /// The file's own rate in Hz.
    public let sampleRate: Int
    /// 1 or 2.
    public let channels: Int
    /// The frames that the file decodes to.
    public let frames: Int
    private let path: String
    private static let headerByteCount = 44

    /// Opens a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - frames: how many frames it decodes to, as `AudioFacts` tells; nil: they are counted, by decoding where the
    ///     file does not say.
    /// - Throws: `AudioError`, `AudioAccessError`.
    public init(path: String, frames: Int?) throws {
        let file = try SoundFile(path: path)
        let frames = try frames ?? file.expectedFrames ?? file.countFrames()
        self.path = path
        sampleRate = file.sampleRate
        channels = file.channels == 2 ? 2 : 1
        // The sizes in a WAV header have 32 bits.
        self.frames = min(frames, (Int(UInt32.max) - Self.headerByteCount) / (channels * 2))
    }

    /// The second of the sound at which nothing more comes.
    public var seconds: Double { Double(frames) / Double(sampleRate) }

    /// The bytes of the whole WAV file.
    public var byteCount: Int { Self.headerByteCount + frames * channels * 2 }

    /// A reader from a byte of the WAV file on.
    ///
    /// - Throws: `AudioError`, `AudioAccessError`.
    public func reader(from offset: Int) throws -> Reader { try Reader(self, from: offset) }

    /// Gives the WAV file's bytes front to back.
    public final class Reader {
        private let view: WaveView
        private let file: SoundFile
        private var samples: [Float]
        private var rest: [UInt8]
        private var frame: Int

        private static let frameCount = 16_384

        fileprivate init(_ view: WaveView, from offset: Int) throws {
            self.view = view
            file = try SoundFile(path: view.path)
            samples = [Float](repeating: 0, count: Self.frameCount * file.channels)
            let into = max(0, offset - WaveView.headerByteCount)
            frame = into / (view.channels * 2)
            rest = Array(view.header.dropFirst(offset))
            guard frame > 0 || into > 0 else { return }
            if try !file.seek(to: frame) {
                var skipped = 0
                while skipped < frame {
                    let count = try samples.withUnsafeMutableBufferPointer { buffer in
                        try buffer.baseAddress.map {
                            try file.read(into: $0, count: min(Self.frameCount, frame - skipped))
                        } ?? 0
                    }
                    guard count > 0 else { break }
                    skipped += count
                }
            }
            if case let odd = into % (view.channels * 2), odd > 0 { rest = Array(decoded().dropFirst(odd)) }
        }

        /// The next bytes, a few ten thousand; nothing at the end.
        public func next() -> [UInt8] {
            guard rest.isEmpty else {
                defer { rest = [] }
                return rest
            }
            return decoded()
        }

        /// The next frames as 16-bit samples; silence where the decoder gives up before the end.
        private func decoded() -> [UInt8] {
            let wanted = min(Self.frameCount, view.frames - frame)
            guard wanted > 0 else { return [] }
            let got = samples.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.flatMap { try? file.read(into: $0, count: wanted) } ?? 0
            }
            frame += wanted
            let channels = view.channels
            return [UInt8](unsafeUninitializedCapacity: wanted * channels * 2) { bytes, count in
                for index in 0..<wanted * channels {
                    let (frame, channel) = (index / channels, index % channels)
                    let sample: Float
                    if frame >= got {
                        sample = 0
                    } else if channels == file.channels {
                        sample = samples[frame * channels + channel]
                    } else {
                        let all = samples[frame * file.channels..<(frame + 1) * file.channels]
                        sample = all.reduce(0, +) / Float(file.channels)
                    }
                    let value = Int16(max(-32768, min(32767, (sample * 32768).rounded())))
                    bytes[index * 2] = UInt8(truncatingIfNeeded: value)
                    bytes[index * 2 + 1] = UInt8(truncatingIfNeeded: value >> 8)
                }
                count = wanted * channels * 2
            }
        }
    }

    /// The header of a WAV file of PCM (RIFF WAVE, format tag 1).
    private var header: [UInt8] {
        func little(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        let data = frames * channels * 2
        var bytes = Array("RIFF".utf8) + little(data + 36, 4) + Array("WAVEfmt ".utf8)
        bytes += little(16, 4) + little(1, 2) + little(channels, 2) + little(sampleRate, 4)
        bytes += little(sampleRate * channels * 2, 4) + little(channels * 2, 2) + little(16, 2)
        return bytes + Array("data".utf8) + little(data, 4)
    }
}

extension SoundFile {
    /// Decodes all that is left, and counts it.
    fileprivate func countFrames() throws -> Int {
        var samples = [Float](repeating: 0, count: 16_384 * channels)
        var frames = 0
        while case let count = try samples.withUnsafeMutableBufferPointer({ buffer in
            try buffer.baseAddress.map { try read(into: $0, count: 16_384) } ?? 0
        }), count > 0 {
            frames += count
        }
        return frames
    }
}
