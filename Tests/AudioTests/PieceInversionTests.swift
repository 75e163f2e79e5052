import Testing

@testable import Audio
@testable import SoundFiles

/// Whole pieces: blocks without seams, and segments joined.
@Suite struct PieceInversionTests {
    static let stft = STFTParameters(nFFT: 256, hopLength: 64)

    /// Some harmonic tones, one after the other, with a little noise.
    static func music(_ length: Int) -> [Float] {
        var noise = Noise(seed: 6)
        return (0..<length).map { i in
            let pitch = 0.05 * Double(1 + i / 3000 % 4)
            return (1...5).reduce(noise.next() * 0.002) {
                $0 + 0.15 / Float($1) * Float(Double.cosine(pitch * Double($1 * i)))
            }
        }
    }

    /// Columns of [bin, frame].
    static func columns(_ values: [Float], _ range: Range<Int>, of frames: Int) -> [Float] {
        (0..<(values.count / frames)).flatMap { bin in range.map { values[bin * frames + $0] } }
    }

    static func invert(
        _ inversion: PieceInversion, _ magnitudes: [Float], length: Int, seed: UInt64 = 0,
        content: [Float]? = nil, ranges: inout [Range<Int>]
    ) throws -> [Float] {
        let frames = magnitudes.count / inversion.stft.binCount
        var (signal, asked) = ([Float](), [Range<Int>]())
        try inversion.invert(
            length: length, seed: seed, content: content.map { content in { Array(content[$0]) } },
            magnitudes: {
                asked.append($0)
                return columns(magnitudes, $0, of: frames)
            }, sink: { signal += $0 })
        ranges = asked
        return signal
    }

    /// Parts of a transform are the same numbers as the whole.
    @Test(arguments: STFTParameters.PadMode.allCases, [true, false])
    func partsOfTheTransform(padMode: STFTParameters.PadMode, center: Bool) throws {
        let parameters = STFTParameters(
            nFFT: 256, hopLength: 100, center: center, padMode: padMode, padEnd: 77)
        var noise = Noise(seed: 9)
        let samples = noise.array(3001)
        let stft = try STFT(parameters)
        let whole = try stft.forward(samples)
        for range in [0..<whole.frames, 0..<5, 3..<20, 10..<11, 20..<whole.frames, 4..<4] {
            let part = try stft.forward(frames: range, length: 3001) { Array(samples[$0]) }
            #expect(part.real == Self.columns(whole.real, range, of: whole.frames))
            #expect(part.imaginary == Self.columns(whole.imaginary, range, of: whole.frames))
        }
    }

    /// A piece of one block is Griffin-Lim's.
    @Test(arguments: [0, 1, 100, 5000, 5063]) func shortPieces(length: Int) throws {
        let samples = Self.music(length)
        let magnitudes = try STFT(Self.stft).forward(samples).magnitudes
        let short = GriffinLimParameters(iterations: 4)
        var ranges: [Range<Int>] = []
        let found = try Self.invert(
            PieceInversion(Self.stft, short, blockFrames: 64), magnitudes, length: length, seed: 3,
            ranges: &ranges)
        let whole = try GriffinLim(Self.stft, short).invert(
            magnitudes: magnitudes, initialPhase: .random(seed: 3), length: length)
        #expect(ranges.count == 1)
        #expect(found.count == length && largestDifference(found + [1], whole + [1]) < 1e-3)
    }

    /// With the phases of the signal itself the signal returns, across all blocks.
    @Test(arguments: STFTParameters.PadMode.allCases, [true, false])
    func signalReturns(padMode: STFTParameters.PadMode, center: Bool) throws {
        let parameters = STFTParameters(
            nFFT: 256, hopLength: 64, window: .hamming, center: center, padMode: padMode)
        let samples = Self.music(9000)
        let magnitudes = try STFT(parameters).forward(samples).magnitudes
        var ranges: [Range<Int>] = []
        let found = try Self.invert(
            PieceInversion(parameters, GriffinLimParameters(iterations: 6), blockFrames: 64), magnitudes,
            length: 9000, content: samples,
            ranges: &ranges)
        #expect(found.count == 9000)
        // Without centring, the last samples lie under no frame.
        let covered = center ? 9000 : 256 + (parameters.frameCount(length: 9000) - 1) * 64
        #expect(largestDifference(Array(found[..<covered]), Array(samples[..<covered])) < 1e-3)
        #expect(found[covered...].allSatisfy { $0 == 0 })
        // Memory is that of a block: no more is asked for at once, and no frame is left out.
        #expect(ranges.count > 1 && ranges.allSatisfy { $0.count <= 64 + 16 })
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound - 16 == $1.lowerBound })
    }

    /// From random phases, blocks come as near to the magnitudes as the whole piece at once, and no seam is heard: at the
    /// seams the level keeps, and the magnitudes are no further off than elsewhere.
    @Test func seamsAreNotHeard() throws {
        let length = 12_000
        let samples = Self.music(length)
        let stft = try STFT(Self.stft)
        let magnitudes = try stft.forward(samples).magnitudes
        let parameters = GriffinLimParameters(iterations: 30)
        var ranges: [Range<Int>] = []
        let found = try Self.invert(
            PieceInversion(Self.stft, parameters, blockFrames: 64), magnitudes, length: length,
            ranges: &ranges)
        let whole = try GriffinLim(Self.stft, parameters).invert(magnitudes: magnitudes, length: length)
        let (blocks, once) = (
            try stft.spectralConvergence(of: found, to: magnitudes),
            try stft.spectralConvergence(of: whole, to: magnitudes)
        )
        #expect(blocks < once + 1.5, "\(blocks) dB, \(once) dB at once")

        let frames = magnitudes.count / Self.stft.binCount
        let difference = zip(try stft.forward(found).magnitudes, magnitudes).map { $0 - $1 }
        func energy(_ values: [Float], _ range: Range<Int>) -> Double {
            Self.columns(values, range, of: frames).reduce(0) { $0 + Double($1 * $1) }
        }
        let every = 0..<frames
        let usual = energy(difference, every) / energy(magnitudes, every)
        let made = try stft.forward(found).magnitudes
        for range in ranges.dropFirst() {
            let seam = range.lowerBound..<(range.lowerBound + 16)
            let wanted = energy(magnitudes, seam)
            #expect(energy(difference, seam) / wanted < 6 * usual, "seam at frame \(range.lowerBound)")
            let level = energy(made, seam) / wanted
            #expect(level > 0.8 && level < 1.25, "seam at frame \(range.lowerBound)")
        }
    }

    /// Segments that overlap by enough give the piece's own magnitudes; neighbours that only touch, nearly.
    @Test(arguments: [1024, 1536, 2048]) func segmentsJoin(hop: Int) throws {
        let segment = SegmentParameters(samples: 2048, hop: hop)
        let samples = Self.music(9000)
        let stft = try STFT(Self.stft)
        let join = try SegmentJoin(Self.stft, segment, length: 9000)
        let magnitudes = try (0..<join.segments).map { index in
            var part = Array(samples[(index * hop)..<min(9000, index * hop + 2048)])
            part += [Float](repeating: 0, count: 2048 - part.count)
            return try stft.forward(part).magnitudes
        }
        let whole = try stft.forward(samples).magnitudes
        #expect(join.length == 9000 && join.frames == whole.count / 129)
        let found = join.magnitudes(of: 0..<join.frames) { magnitudes[$0] }
        if hop < 2048 {
            #expect(largestDifference(found, whole) < 1e-5)
        } else {
            func energy(_ values: [Float], _ frame: Int) -> Double {
                (0..<129).reduce(0) {
                    $0 + Double(values[$1 * join.frames + frame] * values[$1 * join.frames + frame])
                }
            }
            // A frame on the seam of two tones in phase loses up to 3 dB, as half the window sees each.
            for frame in 0..<join.frames {
                let ratio = energy(found, frame) / energy(whole, frame)
                #expect(ratio > 0.4 && ratio < 1.6, "frame \(frame)")
            }
        }
        // In parts, the same; segments are asked for only where they have a frame.
        var asked: Set<Int> = []
        let part = join.magnitudes(of: 40..<50) {
            asked.insert($0)
            return magnitudes[$0]
        }
        #expect(part == Self.columns(found, 40..<50, of: join.frames))
        #expect(asked.count <= 3)
    }

    /// Constant magnitudes stay constant through every cross-fade.
    @Test func crossFadesSumToOne() throws {
        let segment = SegmentParameters(samples: 1000, hop: 448, dropLast: true)
        let join = try SegmentJoin(Self.stft, segment, length: 5000)
        #expect(join.segments == 9 && join.length == 8 * 448 + 1000)
        let ones = [Float](repeating: 1, count: 129 * join.segmentFrames)
        let found = join.magnitudes(of: 0..<join.frames) { _ in ones }
        #expect(found.allSatisfy { abs($0 - 1) < 1e-6 })
    }

    @Test func refusesWhatItCannotJoin() throws {
        func isRefused(_ body: () throws -> Void) -> Bool {
            do { try body() } catch { return (error as? AudioOutputError)?.code == .badParameters }
            return false
        }
        #expect(
            isRefused {
                _ = try SegmentJoin(Self.stft, SegmentParameters(samples: 2048, hop: 1000), length: 9000)
            })
        #expect(
            isRefused {
                _ = try SegmentJoin(Self.stft, SegmentParameters(samples: 2048, hop: 4096), length: 9000)
            })
        #expect(isRefused { _ = try PieceInversion(Self.stft, blockFrames: 63) })
        #expect(isRefused { _ = try PieceInversion(Self.stft, blockFrames: 64, overlapFrames: 3) })
    }
}
