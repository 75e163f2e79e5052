internal import SoundFiles

extension ChannelLayout {
    /// The channels whose mean is the downmix: all but low-frequency effects, or all if nothing else is there.
    var mixedChannels: [Int] {
        let mixed = places.indices.filter { places[$0] != .lfe }
        return mixed.isEmpty ? Array(places.indices) : mixed
    }
}

/// Splits frames into a plane a channel.
func deinterleave(
    _ frames: UnsafePointer<Float>, count: Int, into planes: [UnsafeMutablePointer<Float>]
) {
    let channels = planes.count
    if channels == 1 { return planes[0].update(from: frames, count: count) }
    if channels == 2 {
        let (left, right) = (planes[0], planes[1])
        var i = 0
        while i + 4 <= count {
            let pairs = (frames + 2 * i).eight
            (left + i).four = pairs.evenHalf
            (right + i).four = pairs.oddHalf
            i += 4
        }
        while i < count {
            left[i] = frames[2 * i]
            right[i] = frames[2 * i + 1]
            i += 1
        }
        return
    }
    for channel in 0..<channels {
        let plane = planes[channel]
        for i in 0..<count { plane[i] = frames[i * channels + channel] }
    }
}

/// The mean of planes.
func mix(
    _ planes: [UnsafeMutablePointer<Float>], count: Int, into mono: UnsafeMutablePointer<Float>
) {
    mono.update(from: planes[0], count: count)
    if planes.count == 1 { return }
    for plane in planes.dropFirst() {
        for i in 0..<count { mono[i] += plane[i] }
    }
    let scale = 1 / Float(planes.count)
    for i in 0..<count { mono[i] *= scale }
}

/// In double precision, always in the same order.
func sumOfSquares(_ samples: UnsafePointer<Float>, count: Int) -> Double {
    var sums = SIMD4<Double>.zero
    var i = 0
    while i + 4 <= count {
        let x = SIMD4<Double>((samples + i).four)
        sums += x * x
        i += 4
    }
    var sum = sums.sum()
    while i < count {
        sum += Double(samples[i]) * Double(samples[i])
        i += 1
    }
    return sum
}
