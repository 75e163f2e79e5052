/// Where the frames of an MPEG audio file lie, and which of their samples are music: found from the headers alone, without
/// decoding.
///
/// Nothing here trusts a length that a file declares: an MP3 ends where its frames end (ISO 11172-3 has no length).
struct MPEGPlan {
    /// Frames that follow each other without a gap and share version, layer, rate and channels.
    struct Run {
        var offset: Int
        var frames = 0
        let header: MPEGHeader
        /// The length of a frame without padding, if the header does not say it.
        let freeLength: Int?
    }

    /// What one encoding wrote: files joined with `cat` give several.
    struct Stream {
        var runs: [Run] = []
        /// The information frame's, if there is one.
        var information = MPEGInformation()

        /// All frames of its runs, and their samples.
        var frames = 0
        var samples = 0

        /// The samples that are kept, counted from the stream's first frame: without the encoder's delay and padding, as
        /// libmpg123 and ffmpeg have it.
        var kept: Range<Int> {
            guard let delay = information.delay, let padding = information.padding,
                let declared = information.frames, let header = runs.first?.header
            else { return 0..<samples }
            let decoderDelay = 529
            let begin = min(delay + decoderDelay, samples)
            // With more frames than declared, the place of the padding is not known.
            guard frames <= declared else { return begin..<samples }
            return begin..<min(max(begin, declared * header.samples - padding + decoderDelay), samples)
        }

        /// The samples that the stream's information frame promises; `nil` if it promises none, or fewer than there are.
        var promised: Int? {
            guard let declared = information.frames, let header = runs.first?.header else { return nil }
            // Some encoders count the information frame too; only LAME's tag is exact.
            guard frames + (information.delay == nil ? 1 : 0) < declared else { return nil }
            return max(0, declared * header.samples - (information.delay ?? 0) - (information.padding ?? 0))
        }
    }

    var streams: [Stream] = []
    /// Bytes that are neither frames nor tags: before the first frame, between frames, after the last.
    var leadingJunk = 0
    var innerJunk = 0
    var innerGaps = 0
    var trailingJunk = 0
    /// The bytes that are there of a last frame that is cut short, and its length.
    var cutFrame: (present: Int, length: Int)?

    var frames: Int { streams.reduce(0) { $0 + $1.frames } }
    /// The samples of each channel that decoding gives.
    var samples: Int { streams.reduce(0) { $0 + $1.kept.count } }
    /// The samples that the file promises, and at least those that are there.
    var promised: Int { streams.reduce(0) { $0 + ($1.promised ?? $1.kept.count) } }
    var channels: Int { streams.flatMap(\.runs).map(\.header.channels).max() ?? 0 }
    var firstHeader: MPEGHeader? { streams.first?.runs.first?.header }

    /// The first frame, counted over the whole file, of another property than the first one's, its place in samples and its
    /// byte.
    func firstChange<Value: Equatable>(of property: (MPEGHeader) -> Value)
        -> (value: Value, sample: Int, offset: Int)?
    {
        guard let first = firstHeader.map(property) else { return nil }
        var sample = 0
        for stream in streams {
            var raw = 0
            for run in stream.runs {
                let value = property(run.header)
                if value != first {
                    return (
                        value, sample + min(max(raw - stream.kept.lowerBound, 0), stream.kept.count),
                        run.offset
                    )
                }
                raw += run.frames * run.header.samples
            }
            sample += stream.kept.count
        }
        return nil
    }
}

/// What an encoder wrote into a frame of its own before the first: Xing's and LAME's tag, or Fraunhofer's VBRI.
struct MPEGInformation {
    /// The number of frames that follow.
    var frames: Int?
    /// Samples that the encoder put before and after the music.
    var delay: Int?
    var padding: Int?

    init() {}

    /// Reads a frame; `nil` if it is an ordinary one.
    init?(frame: UnsafeRawBufferPointer, _ header: MPEGHeader) {
        guard header.layer == 3 else { return nil }
        func holds(_ text: String, _ offset: Int) -> Bool {
            offset + 4 <= frame.count && frame[offset..<(offset + 4)].elementsEqual(text.utf8)
        }
        func number(_ offset: Int) -> Int? {
            offset + 4 <= frame.count ? frame[offset..<(offset + 4)].reduce(0) { $0 << 8 | Int($1) } : nil
        }
        if holds("VBRI", 36) {
            // Behind it: version, delay and quality of two bytes each, then the bytes and the frames of the stream.
            frames = number(36 + 14).flatMap { $0 > 0 ? $0 : nil }
            return
        }
        var offset = header.informationOffset
        guard holds("Xing", offset) || holds("Info", offset), frame[6..<offset].allSatisfy({ $0 == 0 }) else {
            return nil
        }
        guard let flags = number(offset + 4) else { return }
        offset += 8
        if flags & 1 != 0 {
            frames = number(offset).flatMap { $0 > 0 ? $0 : nil }
            offset += 4
        }
        offset += (flags & 2 != 0 ? 4 : 0) + (flags & 4 != 0 ? 100 : 0) + (flags & 8 != 0 ? 4 : 0)
        // LAME's tag: the encoder's name in nine bytes, twelve bytes of other things, then two numbers of twelve bits.
        guard offset + 24 <= frame.count, frame[offset] != 0 else { return }
        let both = frame[(offset + 21)..<(offset + 24)].reduce(0) { $0 << 8 | Int($1) }
        delay = both >> 12
        padding = both & 0xFFF
    }
}
