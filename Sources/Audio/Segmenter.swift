/// Cuts a stream of samples into segments, in one buffer.
struct Segmenter {
    private let parameters: SegmentParameters
    private let buffer: UnsafeMutablePointer<Float>
    private var index = 0
    private var filled = 0
    private var skip = 0

    init(_ parameters: SegmentParameters, buffer: UnsafeMutablePointer<Float>) {
        self.parameters = parameters
        self.buffer = buffer
    }

    /// Takes the next samples; calls `body` with each segment that they complete, the samples in the buffer.
    mutating func append(
        _ samples: UnsafePointer<Float>, count: Int, _ body: (Int, AudioFacts.Segment) throws -> Void
    ) rethrows {
        var start = 0
        while start < count {
            if skip > 0 {
                let step = min(skip, count - start)
                skip -= step
                start += step
                continue
            }
            let step = min(parameters.samples - filled, count - start)
            (buffer + filled).update(from: samples + start, count: step)
            filled += step
            start += step
            if filled == parameters.samples {
                try emit(length: filled, body)
                advance()
            }
        }
    }

    /// Calls `body` with the segments that the end cuts short, unless these are to be dropped.
    mutating func finish(_ body: (Int, AudioFacts.Segment) throws -> Void) rethrows {
        while filled > 0 && !parameters.dropLast {
            (buffer + filled).update(repeating: 0, count: parameters.samples - filled)
            try emit(length: filled, body)
            advance()
        }
    }

    private mutating func emit(length: Int, _ body: (Int, AudioFacts.Segment) throws -> Void) rethrows {
        try body(index, AudioFacts.Segment(start: index * parameters.hop, length: length))
        index += 1
    }

    /// Moves on by a hop: what overlaps comes to the front, what lies between is skipped.
    private mutating func advance() {
        let kept = max(0, filled - parameters.hop)
        skip = max(0, parameters.hop - filled)
        buffer.update(from: buffer + (filled - kept), count: kept)
        filled = kept
    }
}
