/// Cuts a score where a recording of it is cut, so that segment i of both is the same stretch of time.
///
/// Score time t is recording time t + `offset`. Frame f of segment i is centred at sample
/// i · `hop` + `firstFrame` + f · `frameHop` of the recording.
public struct RecordingCut: Hashable, Sendable {
    /// Samples a second, at least 1.
    public var sampleRate: Int
    /// Samples from one segment's start to the next, at least 1.
    public var hop: Int
    /// Samples from one frame to the next, at least 1.
    public var frameHop: Int
    /// The frames of a segment, at least 1.
    public var frames: Int
    /// The sample that the first frame is centred at, from the segment's start: 0, or half a window if frames are not centred.
    public var firstFrame: Int
    /// When the score begins in the recording, in microseconds; below 0 if the recording begins after the score does.
    public var offset: Int
    /// Whether steps are frames: step t of a segment is its frame t, and steps count from the recording's start.
    ///
    /// Else steps stay those of the score's grid, and each frame says in which step it lies.
    public var stepsAreFrames: Bool

    /// The largest offset either way, in microseconds: a day.
    public static let maximumOffset = 86_400_000_000

    /// Says how a recording is cut.
    public init(
        sampleRate: Int, hop: Int, frameHop: Int, frames: Int, firstFrame: Int, offset: Int,
        stepsAreFrames: Bool
    ) {
        self.sampleRate = sampleRate
        self.hop = hop
        self.frameHop = frameHop
        self.frames = frames
        self.firstFrame = firstFrame
        self.offset = offset
        self.stepsAreFrames = stepsAreFrames
    }

    /// What a frame that lies outside its segment's steps has instead of a step.
    public static let noStep = UInt16.max

    func check() {
        precondition(
            sampleRate >= 1 && hop >= 1 && frameHop >= 1 && frames >= 1 && firstFrame >= 0
                && offset.magnitude <= Self.maximumOffset.magnitude, "a recording cannot be cut as \(self)")
    }

    /// The instant of a sample in score time, in units of 1 / (10⁶ · `sampleRate`) second.
    fileprivate func instant(ofSample sample: Int) -> Int128 {
        Int128(sample) * 1_000_000 - Int128(offset) * Int128(sampleRate)
    }
}

extension TimelineGrid {
    /// The step that an instant of a recording is rounded to, by the rule for notes; below 0 before the score begins,
    /// where its first tempo holds too.
    func step(ofSample sample: Int, in cut: RecordingCut) -> Int {
        // The instant in units of the tempo map is time / perUnit, exactly.
        let perUnit = Int128(cut.sampleRate) * 1_000_000
        let time = cut.instant(ofSample: sample) * Int128(tempoMap.unitsPerSecond)
        let (position, unit): (Int128, Int128)
        if countsTime {
            (position, unit) = (time, perUnit)
        } else {
            let point = tempoMap.points[tempoMap.lastIndex { Int128($0.time) * perUnit <= time }]
            unit = perUnit * Int128(point.unitsPerTick)
            position = Int128(point.tick) * unit + time - Int128(point.time) * perUnit
        }
        let whole = Int128(divisor) * unit
        let carry = rounding == .halfUp ? whole / 2 : 0
        let sum = position * Int128(multiplier) + carry
        let quotient = sum / whole
        return Int(clamping: sum < 0 && quotient * whole != sum ? quotient - 1 : quotient)
    }
}
