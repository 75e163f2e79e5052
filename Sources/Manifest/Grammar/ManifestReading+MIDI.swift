internal import Symbolic
internal import Yams

extension Manifest.MIDI {
    static let keys = [
        "grid", "segment", "pitches", "drums", "sustain", "voices", "controls", "window", "require",
    ]

    init(_ section: Section) {
        if let grid = section.section(
            "grid",
            keys: ["steps_per_beat", "steps_per_second", "steps_per_first_beat", "frames", "rounding"])
        {
            rounding = grid.word("rounding", default: .halfUp)
            readGrid(grid)
        }
        if let segment = section.section("segment", keys: SegmentUnit.keys + ["hop", "drop_last", "align"]) {
            readLength(segment)
            dropLast = segment.flag("drop_last", default: dropLast)
            align = segment.word("align", default: align)
        }
        readPitches(section)
        drums = section.word("drums", default: drums)
        sustain = section.word("sustain", default: sustain)
        if section.has("voices") { voices = section.integer("voices", 1...255, default: 1) }
        readControls(section)
        window = section.word("window", default: window)
        if let require = section.section(
            "require", keys: ["time_signature", "constant_time_signature"],
            oldKeys: ["metre": "time_signature", "constant_metre": "constant_time_signature"])
        {
            if let text = require.text("time_signature") {
                requiredTimeSignature = TimeSignature(text)
                if requiredTimeSignature == nil {
                    require.fault(
                        "time_signature",
                        "must be a time signature such as 4/4 (a power of two below the bar), not '\(text)'")
                }
            }
            requiresConstantTimeSignature = require.flag("constant_time_signature", default: false)
        }
        if case .bars = segmentLength, requiredTimeSignature == nil { requiredTimeSignature = .common }
    }

    private mutating func readGrid(_ grid: Section) {
        let given = ["steps_per_beat", "steps_per_second", "steps_per_first_beat", "frames"].filter(grid.has)
        guard given.count <= 1 else {
            grid.faults.add(
                grid.line(of: given[1]), "\(grid.name) has both \(given.joined(separator: " and ")); keep one"
            )
            return
        }
        switch given.first {
        case "steps_per_beat":
            self.grid = .stepsPerBeat(grid.integer("steps_per_beat", 1...10_000, default: 4))
        case "steps_per_first_beat":
            self.grid = .stepsPerFirstBeat(grid.integer("steps_per_first_beat", 1...10_000, default: 8))
        case "steps_per_second":
            guard let text = grid.text("steps_per_second") else { return }
            if let rate = Rate(text) {
                self.grid = .stepsPerSecond(numerator: rate.numerator, denominator: rate.denominator)
            } else {
                grid.fault(
                    "steps_per_second",
                    "must be a rate above 0 and at most 65535, with both numbers at most 1000000 in lowest terms, such as 20, 86.1328125 or 44100/512, not '\(text.prefix(40))'"
                )
            }
        case "frames":
            if let text = grid.text("frames") {
                if text != "mel" { grid.fault("frames", "must be mel, not '\(text.prefix(40))'") }
                followsFrames = true
            }
        default: break
        }
    }

    private mutating func readPitches(_ section: Section) {
        guard let node = section.values["pitches"] else { return }
        if case .sequence(let sequence) = node, sequence.count == 2, let low = sequence[0].integer,
            let high = sequence[1].integer, 0 <= low, low <= high, high <= 127
        {
            pitches = UInt8(low)...UInt8(high)
        } else {
            section.fault("pitches", "must be [lowest, highest], 0 to 127 and in order, such as [21, 108]")
        }
    }

    private mutating func readControls(_ section: Section) {
        guard let node = section.values["controls"] else { return }
        if let flag = node.flag {
            controls = flag ? .all : .numbers([])
        } else if case .sequence(let sequence) = node,
            case let numbers = sequence.compactMap({
                $0.integer.flatMap { (0...127).contains($0) ? UInt8($0) : nil }
            }),
            numbers.count == sequence.count
        {
            controls = .numbers(Set(numbers).sorted())
        } else {
            section.fault(
                "controls", "must be true, false or a list of numbers from 0 to 127, such as [64, 66, 67]")
        }
    }
}

extension Manifest.MIDI.TimeSignature {
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let numerator = Int(parts[0]), (1...255).contains(numerator),
            let denominator = Int(parts[1]), (1...128).contains(denominator),
            denominator & (denominator - 1) == 0
        else { return nil }
        self.init(numerator: numerator, denominator: denominator)
    }
}

/// An exact rate above 0, in lowest terms.
struct Rate: Hashable {
    let numerator: Int
    let denominator: Int

    /// Reads `20`, `86.1328125` or `44100/512`; at most 65535, and both numbers at most 1,000,000 in lowest terms.
    init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = Self.decimal(parts[0]) else { return nil }
        var (numerator, denominator) = first
        if parts.count == 2 {
            guard let second = Self.decimal(parts[1]), second.numerator > 0 else { return nil }
            let top = numerator.multipliedReportingOverflow(by: second.denominator)
            let bottom = denominator.multipliedReportingOverflow(by: second.numerator)
            guard !top.overflow, !bottom.overflow else { return nil }
            (numerator, denominator) = (top.partialValue, bottom.partialValue)
        }
        var (a, b) = (numerator, denominator)
        while b != 0 { (a, b) = (b, a % b) }
        guard numerator > 0 else { return nil }
        self.numerator = numerator / a
        self.denominator = denominator / a
        guard self.numerator <= 1_000_000, self.denominator <= 1_000_000,
            self.numerator / self.denominator < 65535
                || (self.numerator == 65535 && self.denominator == 1)
        else { return nil }
    }

    private static func decimal(_ text: Substring) -> (numerator: Int, denominator: Int)? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2,
            parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } }),
            case let fraction = parts.count == 2 ? parts[1] : "", fraction.utf8.count <= 12,
            let numerator = Int(parts[0] + fraction)
        else { return nil }
        return (numerator, fraction.utf8.reduce(1) { power, _ in power * 10 })
    }
}
