internal import SoundFiles

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

#if arch(x86_64)
    import _Builtin_intrinsics.intel.sse2
#endif

/// Integrated loudness (ITU-R BS.1770-4) and loudness range (EBU Tech 3342) of a stream.
///
/// The filter is libebur128's, for any sample rate. Blocks of 400 ms and of 3 s begin every 100 ms (libebur128 has 3 s
/// blocks only every second); the sums are kept per 100 ms, so that each sample is squared once.
struct LoudnessMeter {
    /// Blocks of BS.1770 have this length in seconds; less is measured as one block.
    static let blockSeconds = 0.4
    /// Below this rate in Hz the K-weighting's shelf would lie beyond the band.
    static let lowestRate = 4000

    private let weights: [Double]
    private let sliceLength: Int
    private var filters: [KWeighting]
    private var slices: [Double] = []
    private var slice = 0.0
    private var sliceFill = 0

    init(layout: ChannelLayout, sampleRate: Int) {
        weights = layout.places.map {
            switch $0 {
            case .main: 1
            case .surround: 1.41
            case .lfe: 0
            }
        }
        sliceLength = (sampleRate + 5) / 10
        filters = Array(
            repeating: KWeighting(sampleRate: Double(sampleRate)), count: (layout.places.count + 1) / 2)
    }

    /// Takes the next frames, a plane a channel.
    mutating func add(_ planes: [UnsafeMutablePointer<Float>], count: Int) {
        var start = 0
        while start < count {
            let length = min(count - start, sliceLength - sliceFill)
            for pair in filters.indices {
                let left = 2 * pair
                let right = min(left + 1, planes.count - 1)
                let sum = filters[pair].squares(planes[left] + start, planes[right] + start, count: length)
                slice += weights[left] * sum[0] + (right > left ? weights[right] * sum[1] : 0)
            }
            sliceFill += length
            start += length
            if sliceFill == sliceLength {
                slices.append(slice / Double(sliceLength))
                slice = 0
                sliceFill = 0
            }
        }
    }

    /// Mean energies of the blocks of `length` slices that are above −70 LUFS.
    private func blocks(length: Int) -> [Double] {
        let gate = Self.energy(of: -70)
        return stride(from: length, through: slices.count, by: 1).compactMap { end in
            let energy = slices[(end - length)..<end].reduce(0, +) / Double(length)
            return energy >= gate ? energy : nil
        }
    }

    /// Whether there was no whole block of 400 ms.
    private var isShort: Bool { slices.count < 4 }

    private static func energy(of loudness: Double) -> Double { pow(10, (loudness + 0.691) / 10) }
    private static func loudness(of energy: Double) -> Double { -0.691 + 10 * log10(energy) }

    /// In LUFS; `nil` if no 400 ms block is above −70 LUFS.
    ///
    /// BS.1770 says nothing about less than 400 ms: what is there is then one block. So a sound of 399 ms measures as one of
    /// 400 ms does, and short ones are not held to be quieter for the silence that would fill the block.
    var integrated: Double? {
        if isShort {
            let length = slices.count * sliceLength + sliceFill
            guard length > 0 else { return nil }
            let energy = (slices.reduce(0, +) * Double(sliceLength) + slice) / Double(length)
            return energy >= Self.energy(of: -70) ? Self.loudness(of: energy) : nil
        }
        let blocks = blocks(length: 4)
        guard !blocks.isEmpty else { return nil }
        let gate = blocks.reduce(0, +) / Double(blocks.count) / 10
        let loud = blocks.filter { $0 >= gate }
        return Self.loudness(of: loud.reduce(0, +) / Double(loud.count))
    }

    /// In LU; `nil` if no 3 s block is above −70 LUFS.
    var range: Double? {
        let blocks = blocks(length: 30)
        guard !blocks.isEmpty else { return nil }
        let gate = blocks.reduce(0, +) / Double(blocks.count) / 100
        let loud = blocks.filter { $0 >= gate }.sorted()
        let high = loud[Int(Double(loud.count - 1) * 0.95 + 0.5)]
        let low = loud[Int(Double(loud.count - 1) * 0.1 + 0.5)]
        return Self.loudness(of: high) - Self.loudness(of: low)
    }
}

/// The K-weighting of two channels at once: a high shelf, then a high-pass.
private struct KWeighting {
    // b of the shelf, a of the shelf, a of the high-pass; the high-pass's b is [1, −2, 1].
    private let b0, b1, b2, a1, a2, c1, c2: SIMD2<Double>
    private var x1 = SIMD2<Double>.zero
    private var x2 = SIMD2<Double>.zero
    private var y1 = SIMD2<Double>.zero
    private var y2 = SIMD2<Double>.zero
    private var z1 = SIMD2<Double>.zero
    private var z2 = SIMD2<Double>.zero

    init(sampleRate: Double) {
        // The analogue parameters behind BS.1770's coefficients for 48 kHz, as libebur128 has them.
        var k = tan(.pi * 1681.974450955533 / sampleRate)
        var q = 0.7071752369554196
        let high = pow(10, 3.999843853973347 / 20)
        let band = pow(high, 0.4996667741545416)
        var scale = 1 + k / q + k * k
        b0 = SIMD2(repeating: (high + band * k / q + k * k) / scale)
        b1 = SIMD2(repeating: 2 * (k * k - high) / scale)
        b2 = SIMD2(repeating: (high - band * k / q + k * k) / scale)
        a1 = SIMD2(repeating: 2 * (k * k - 1) / scale)
        a2 = SIMD2(repeating: (1 - k / q + k * k) / scale)
        k = tan(.pi * 38.13547087602444 / sampleRate)
        q = 0.5003270373238773
        scale = 1 + k / q + k * k
        c1 = SIMD2(repeating: 2 * (k * k - 1) / scale)
        c2 = SIMD2(repeating: (1 - k / q + k * k) / scale)
    }

    /// The sums of the squares of the filtered channels.
    mutating func squares(
        _ left: UnsafeMutablePointer<Float>, _ right: UnsafeMutablePointer<Float>, count: Int
    ) -> SIMD2<Double> {
        var (x1, x2, y1, y2, z1, z2) = (x1, x2, y1, y2, z1, z2)
        var sum = SIMD2<Double>.zero
        for i in 0..<count {
            let x = SIMD2(Double(left[i]), Double(right[i]))
            // What hangs on the last output comes last: it is all that the next sample waits for.
            let y = (b0 * x + b1 * x1 + b2 * x2 - a2 * y2) - a1 * y1
            let z = (y - (y1 + y1) + y2 - c2 * z2) - c1 * z1
            (x2, x1, y2, y1, z2, z1) = (x1, x, y1, y, z1, z)
            sum = sum + z * z
        }
        // A tail that has died away would continue in slow denormal numbers.
        let tiny = SIMD2(repeating: 1e-30)
        y1.replace(with: 0, where: y1 * y1 .< tiny * tiny)
        y2.replace(with: 0, where: y2 * y2 .< tiny * tiny)
        z1.replace(with: 0, where: z1 * z1 .< tiny * tiny)
        z2.replace(with: 0, where: z2 * z2 .< tiny * tiny)
        (self.x1, self.x2, self.y1, self.y2, self.z1, self.z2) = (x1, x2, y1, y2, z1, z2)
        return sum
    }
}

#if arch(x86_64)
    // The standard library's operators take two doubles apart, and the optimiser puts lanes together again that do not belong
    // together: the weighting then takes 1.7 times as long.

    @inline(__always)
    private func + (left: SIMD2<Double>, right: SIMD2<Double>) -> SIMD2<Double> { _mm_add_pd(left, right) }

    @inline(__always)
    private func - (left: SIMD2<Double>, right: SIMD2<Double>) -> SIMD2<Double> { _mm_sub_pd(left, right) }

    @inline(__always)
    private func * (left: SIMD2<Double>, right: SIMD2<Double>) -> SIMD2<Double> { _mm_mul_pd(left, right) }
#endif
