/// What a step of time is.
public enum Grid: Hashable, Sendable {
    /// Musical time: steps in a beat (`Division.ticksPerBeat`), 1 to 10,000.
    case stepsPerBeat(Int)
    /// Clock time: steps in a second by the tempo map, both numbers at most 1,000,000. With a sample rate over
    /// a hop it is the grid of audio frames.
    case stepsPerSecond(Rational)
    /// Clock time whose step is the first tempo's beat divided by this number, 1 to 10,000 (Li & Zhang,
    /// "Dilated CNN and LSTMs for Music Style Transfer", whose code takes the first tempo event for the step
    /// and the whole tempo map for the time).
    case stepsPerFirstBeat(Int)
}

extension Grid {
    /// When a step begins, in seconds from the timeline's start.
    ///
    /// Within a tick, time is interpolated.
    ///
    /// - Parameters:
    ///   - step: the step, counted from the timeline's start.
    ///   - tempoMap: the timeline's.
    /// - Returns: seconds.
    public func seconds(at step: Int, in tempoMap: TempoMap) -> Double {
        switch self {
        case .stepsPerSecond(let rate):
            return Double(step) * Double(rate.denominator) / Double(rate.numerator)
        case .stepsPerFirstBeat(let perBeat):
            return Double(step) * Double(tempoMap.firstMicrosecondsPerBeat) / 1e6 / Double(perBeat)
        case .stepsPerBeat(let perBeat):
            let beat = tempoMap.division.ticksPerBeat
            let place =
                Double(step) * Double(beat.numerator) / (Double(beat.denominator) * Double(perBeat))
            let tick = Int(place)
            let (below, above) = (tempoMap.seconds(at: tick), tempoMap.seconds(at: tick + 1))
            return below + (above - below) * (place - Double(tick))
        }
    }
}

extension Grid {
    /// Where a tick lies in steps from the timeline's start, not rounded: the inverse of `seconds(at:in:)`.
    public func position(of tick: Int, in tempoMap: TempoMap) -> Double {
        switch self {
        case .stepsPerSecond(let rate):
            return tempoMap.seconds(at: tick) * Double(rate.numerator) / Double(rate.denominator)
        case .stepsPerFirstBeat(let perBeat):
            return tempoMap.seconds(at: tick) * 1e6 * Double(perBeat)
                / Double(tempoMap.firstMicrosecondsPerBeat)
        case .stepsPerBeat(let perBeat):
            let beat = tempoMap.division.ticksPerBeat
            return Double(tick) * Double(beat.denominator) * Double(perBeat) / Double(beat.numerator)
        }
    }
}

/// A grid laid on a timeline: which step each tick falls in, in exact integers.
struct TimelineGrid {
    let grid: Grid
    let rounding: Rounding
    let tempoMap: TempoMap
    /// Position in steps = (ticks, or the tempo map's units of time · `finer`, + `shift`) · multiplier / divisor.
    let multiplier: Int
    let divisor: Int
    private let byDivisor: Divisor
    let countsTime: Bool
    private var finer = 1
    private var shift = 0
    private var hint = 0

    /// Lays a grid on a timeline, on a grid of clock time with everything `offset` microseconds later than its ticks say.
    init(_ grid: Grid, rounding: Rounding, tempoMap: TempoMap, offset: Int = 0) {
        self.grid = grid
        self.rounding = rounding
        self.tempoMap = tempoMap
        let ratio: Rational
        switch grid {
        case .stepsPerBeat(let steps):
            let beat = tempoMap.division.ticksPerBeat
            ratio = Rational(steps * beat.denominator, beat.numerator)
            countsTime = false
        case .stepsPerSecond(let rate):
            ratio = Rational(rate.numerator, tempoMap.unitsPerSecond * rate.denominator)
            countsTime = true
        case .stepsPerFirstBeat(let steps):
            ratio = Rational(steps * 1_000_000, tempoMap.unitsPerSecond * tempoMap.firstMicrosecondsPerBeat)
            countsTime = true
        }
        precondition(offset == 0 || countsTime, "an offset in seconds on a grid of beats")
        if offset != 0 {
            // In units so fine that the offset is whole: those of the map, but for SMPTE.
            let (seconds, units) = (offset.magnitude, UInt(tempoMap.unitsPerSecond))
            let product = seconds.multipliedFullWidth(by: units)
            let rest = Int(UInt(1_000_000).dividingFullWidth(product).remainder)
            finer = 1_000_000 / greatestCommonDivisor(rest, 1_000_000)
            let whole = Int(UInt(1_000_000 / finer).dividingFullWidth(product).quotient)
            shift = offset < 0 ? -whole : whole
        }
        let (top, bottom) = (ratio.numerator, ratio.denominator)
        let divided = greatestCommonDivisor(top, finer)
        multiplier = top / divided
        divisor = bottom * (finer / divided)
        byDivisor = Divisor(divisor)
    }

    @inline(__always)
    private mutating func step(of tick: Int, carry: Int) -> Int {
        let value = countsTime ? tempoMap.time(at: tick, hint: &hint) : tick
        if shift == 0 { return scaled(value, by: multiplier, over: byDivisor, carry: carry) }
        let shifted = value * finer + shift
        return shifted >= 0
            ? scaled(shifted, by: multiplier, over: byDivisor, carry: carry)
            // Down for numbers below 0 is away from 0.
            : -scaled(-shifted, by: multiplier, over: byDivisor, carry: divisor - 1 - carry)
    }

    /// The step that a tick is rounded to.
    @inline(__always)
    mutating func step(of tick: Int) -> Int { step(of: tick, carry: rounding == .halfUp ? divisor / 2 : 0) }

    /// The step that a tick lies in: its position rounded down.
    mutating func stepBelow(_ tick: Int) -> Int { step(of: tick, carry: 0) }

    /// The first step that begins at a tick or after it: the first at whose start an event there is in force.
    @inline(__always)
    mutating func stepFrom(_ tick: Int) -> Int { step(of: tick, carry: divisor - 1) }

    /// A tick that is rounded to a step, wherever ticks are finer than steps: the nearest to its start, but
    /// not before it when rounding is down.
    func tick(ofStep step: Int) -> Int {
        guard countsTime else {
            return scaled(step, by: divisor, over: Divisor(multiplier), carry: carryBack(multiplier))
        }
        // The time of a step is a fraction of a unit; the last point at or before it rules.
        let floored = scaled(step, by: divisor, over: Divisor(multiplier), carry: 0)
        let point = tempoMap.points[tempoMap.lastIndex { $0.time <= floored }]
        // tick = point.tick + (step · divisor / multiplier − point.time) / unitsPerTick
        let (product, overflow) = step.multipliedReportingOverflow(by: divisor)
        let (start, startOverflow) = point.time.multipliedReportingOverflow(by: multiplier)
        let (unit, unitOverflow) = point.unitsPerTick.multipliedReportingOverflow(by: multiplier)
        guard !overflow, !startOverflow, !unitOverflow else {
            return point.tick + (floored - point.time + point.unitsPerTick - 1) / point.unitsPerTick
        }
        return point.tick + (product - start + carryBack(unit)) / unit
    }

    private func carryBack(_ divisor: Int) -> Int { rounding == .halfUp ? divisor / 2 : divisor - 1 }
}
