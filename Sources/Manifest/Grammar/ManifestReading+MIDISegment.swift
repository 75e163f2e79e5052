import Audio
internal import Symbolic

/// The unit in which a manifest gives the length of MIDI segments.
enum SegmentUnit: String, CaseIterable {
    case steps, beats, bars, seconds

    static let keys = allCases.map(\.rawValue)

    /// A length of this unit under a key; nil after a fault.
    func read(_ section: Section, _ key: String) -> SegmentLength? {
        if self == .seconds {
            return section.seconds(key).map { .seconds(Rational($0.numerator, $0.denominator)) }
        }
        let before = section.faults.faults.count
        let count = section.integer(key, 1...65535, default: 64)
        guard section.faults.faults.count == before else { return nil }
        return switch self {
        case .steps: .steps(count)
        case .beats: .beats(count)
        case .bars: .bars(count)
        case .seconds: nil
        }
    }
}

extension Section {
    /// An exact number of seconds; nil if it is absent, or after a fault.
    func seconds(_ key: String) -> Rate? {
        guard let text = text(key) else { return nil }
        if let seconds = Rate(text) { return seconds }
        fault(
            key,
            "must be a number of seconds above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 8, 2.5 or 1/3, not '\(text.prefix(40))'"
        )
        return nil
    }
}

extension Manifest.MIDI {
    /// Reads the length and the hop of a segment, both in the unit of the length.
    mutating func readLength(_ segment: Section) {
        let units = SegmentUnit.allCases.filter { segment.has($0.rawValue) }
        guard units.count <= 1 else {
            segment.faults.add(
                segment.line(of: units[1].rawValue),
                "\(segment.name) has both \(units.map(\.rawValue).joined(separator: " and ")); keep one")
            return
        }
        let unit = units.first ?? .steps
        if segment.has(unit.rawValue), let length = unit.read(segment, unit.rawValue) {
            segmentLength = length
        }
        segmentHop = segmentLength
        if segment.has("hop"), let hop = unit.read(segment, "hop") { segmentHop = hop }
    }

    /// Checks what only several keys together say, with the audio block at hand, and lays the grid on its frames if it
    /// is to be.
    ///
    /// - Parameters:
    ///   - section: The block, read without a fault.
    ///   - audio: The audio block, if there is one and it has no fault.
    mutating func finish(_ section: Section, audio: Manifest.Audio?) {
        let faults = section.faults.faults.count
        if followsFrames { layOnFrames(section, audio) }
        guard section.faults.faults.count == faults else { return }
        if let segment = section.section("segment", keys: []) {
            check(segmentLength, segmentLength.unit.rawValue, segment)
            if segment.has("hop") { check(segmentHop, "hop", segment) }
        }
        if section.faults.faults.count == faults { checkProducts(section) }
    }

    private mutating func layOnFrames(_ section: Section, _ audio: Manifest.Audio?) {
        let block = section.section("grid", keys: [])
        func fault(_ message: String) {
            section.faults.add(block?.line(of: "frames") ?? section.line, "midi.grid.frames: mel \(message)")
        }
        guard let audio else {
            return fault(
                "needs the audio block whose frames are meant; add 'audio: {}', or write steps_per_second: 44100/512"
            )
        }
        let rate = "\(audio.sampleRate)/\(audio.stft.hopLength)"
        if audio.features.mel == nil {
            fault("needs audio.features.mel; add 'mel: {}' there, or write steps_per_second: \(rate)")
        } else if !audio.stft.center {
            fault(
                "needs audio.stft.center: true, since step t is centred at t hops; write that, or steps_per_second: \(rate)"
            )
        } else if let rate = Rate(rate) {
            grid = .stepsPerSecond(numerator: rate.numerator, denominator: rate.denominator)
        } else {
            fault(
                "makes \(rate) steps/s, but the limit is 65535, with both numbers at most 1000000 in lowest terms; choose another audio.stft.hop"
            )
        }
    }

    /// Faults of a length that the grid does not make a number of steps.
    private func check(_ length: SegmentLength, _ key: String, _ block: Section) {
        if let steps = steps(length) {
            if steps > 65535 {
                block.fault(
                    key, "makes \(steps) steps, but the limit is 65535; shorten it, or take a coarser grid")
            }
            return
        }
        switch (length, grid) {
        case (.bars(let bars), .stepsPerBeat(let steps)):
            let bar = requiredTimeSignature ?? .common
            // The smallest number of steps per beat, a multiple of the present one, at which the last bar line is a step.
            var factor = 1
            while bars * bar.numerator * 4 * steps * factor % bar.denominator != 0 { factor += 1 }
            block.fault(
                key,
                "makes no whole number of steps: \(bars) \(bars == 1 ? "bar" : "bars") of \(bar.numerator)/\(bar.denominator) on \(steps) steps per beat; write steps_per_beat: \(steps * factor)"
            )
        case (.beats, .stepsPerSecond), (.bars, .stepsPerSecond):
            block.fault(
                key,
                "is in \(length.unit.rawValue), and the grid is a clock; write seconds or steps, or grid: {steps_per_beat: 4}"
            )
        case (.seconds, .stepsPerBeat):
            block.fault(
                key,
                "is in seconds, and the grid follows the tempo; write beats, bars or steps, or grid: {steps_per_second: 20}"
            )
        default:
            block.fault(
                key,
                "is in \(length.unit.rawValue), and a step of steps_per_first_beat depends on each piece; write steps"
            )
        }
    }
}

extension Manifest.MIDI {
    /// Checks that scores can be cut where their recordings are cut; on frames, a segment's steps are its frames.
    ///
    /// - Parameters:
    ///   - section: The block, read without a fault.
    ///   - audio: The audio block, which has no fault.
    mutating func followRecordings(_ section: Section, _ audio: Manifest.Audio) {
        let segment = section.section("segment", keys: [])
        func fault(_ key: String, _ message: String) {
            let line = segment?.line(of: key) ?? section.line(of: key)
            section.faults.add(line, "midi.\(key) \(message)")
        }
        if align != .none {
            fault("segment.align", "must be none with pairs, which begin where their recordings do")
        }
        if window != .all {
            fault("window", "must be all with pairs, which are cut where their recordings are")
        }
        let parameters = AudioParameters(audio)
        if !parameters.features.contains(where: { $0.finalShape(in: parameters).count == 2 }) {
            fault(
                "grid",
                "has no frames to follow: pairs need one of mel, mfcc, spectrogram and chroma in audio.features"
            )
        }
        guard followsFrames else { return }
        let (frames, hop) = (parameters.frameCount, audio.hop / audio.stft.hopLength)
        guard audio.hop % audio.stft.hopLength == 0 else {
            let nearest =
                max(1, (audio.hop + audio.stft.hopLength / 2) / audio.stft.hopLength) * audio.stft.hopLength
            return fault(
                "grid.frames",
                "needs an audio.segment hop that is whole frames with pairs: \(audio.hop) samples are not; write audio: {segment: {samples: \(audio.samples), hop: \(nearest)}}"
            )
        }
        guard frames <= 65535 else {
            return fault("segment", "makes \(frames) steps, but the limit is 65535; shorten audio.segment")
        }
        let isGiven = segment.map { segment in SegmentUnit.keys.contains(where: segment.has) } ?? false
        if !isGiven, segment?.has("hop") != true {
            segmentLength = .steps(frames)
            segmentHop = .steps(hop)
        } else if steps != frames || self.hop != hop {
            fault(
                "segment",
                "has \(steps) steps and a hop of \(self.hop), and the audio's segments \(frames) frames and a hop of \(hop); remove its length and hop"
            )
        }
        if segment?.has("drop_last") != true { dropLast = audio.dropLast }
    }
}

extension SegmentLength {
    var unit: SegmentUnit {
        switch self {
        case .steps: .steps
        case .beats: .beats
        case .bars: .bars
        case .seconds: .seconds
        }
    }
}
