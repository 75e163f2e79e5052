/// The search along a line for a step that lowers a function enough and flattens its slope.
///
/// Moré and Thuente, Line search algorithms with guaranteed sufficient decrease, 1994, doi:10.1145/192115.192132;
/// constants as in L-BFGS-B. The caller computes value and slope at `step` and reports them until that is the end.
struct WolfeSearch {
    /// Where value and slope are wanted next, or where the search ended.
    private(set) var step: Double
    /// How often a value was reported.
    private(set) var trials = 0

    private let start: Sample
    private var best: Sample
    private var other: Sample
    private var isBracketed = false
    private var seeksDecrease = true
    private var lower: Double
    private var upper: Double
    private var width: Double
    private var formerWidth: Double

    /// Sufficient decrease, flatness, and the relative width at which a bracket is not divided further.
    private static let decrease = 1e-3
    private static let flatness = 0.9
    private static let narrowest = 0.1
    private static let longest = 1e10

    /// What the function is at a step.
    private struct Sample {
        var step: Double
        var value: Double
        var slope: Double

        /// The same of the function less a line: the paper's auxiliary function ψ.
        func less(_ line: Double) -> Sample {
            Sample(step: step, value: value - step * line, slope: slope - line)
        }
    }

    /// Begins with the value and the (negative) slope at step 0, and a first guess.
    init(value: Double, slope: Double, step: Double) {
        start = Sample(step: 0, value: value, slope: slope)
        best = start
        other = start
        self.step = step
        lower = 0
        upper = 5 * step
        width = Self.longest
        formerWidth = 2 * Self.longest
    }

    /// Notes the function at `step`; true when the search ends there.
    mutating func report(value: Double, slope: Double) -> Bool {
        trials += 1
        let trial = Sample(step: step, value: value, slope: slope)
        let line = Self.decrease * start.slope
        let limit = start.value + step * line
        if seeksDecrease, value <= limit, slope >= 0 { seeksDecrease = false }
        let isStuck = isBracketed && (step <= lower || step >= upper || isNarrow)
        let isAtEnd =
            (step == Self.longest && value <= limit && slope <= line)
            || (step == 0 && (value > limit || slope >= line))
        let isGood = value <= limit && abs(slope) <= Self.flatness * -start.slope
        if isStuck || isAtEnd || isGood { return true }

        if seeksDecrease, value <= best.value, value > limit {
            var (lessBest, lessOther) = (best.less(line), other.less(line))
            advance(&lessBest, &lessOther, trial.less(line))
            best = lessBest.less(-line)
            other = lessOther.less(-line)
        } else {
            var (nextBest, nextOther) = (best, other)
            advance(&nextBest, &nextOther, trial)
            (best, other) = (nextBest, nextOther)
        }
        if isBracketed {
            if abs(other.step - best.step) >= 0.66 * formerWidth {
                step = best.step + (other.step - best.step) / 2
            }
            formerWidth = width
            width = abs(other.step - best.step)
            lower = min(best.step, other.step)
            upper = max(best.step, other.step)
        } else {
            lower = step + 1.1 * (step - best.step)
            upper = step + 4 * (step - best.step)
        }
        step = min(max(step, 0), Self.longest)
        if isBracketed, step <= lower || step >= upper || isNarrow { step = best.step }
        return false
    }

    private var isNarrow: Bool { upper - lower <= Self.narrowest * upper }

    /// Chooses the next step from cubic and quadratic interpolation (section 4), and shrinks the interval.
    private mutating func advance(_ best: inout Sample, _ other: inout Sample, _ trial: Sample) {
        let turns = trial.slope * (best.slope < 0 ? -1 : 1) < 0
        let next: Double
        if trial.value > best.value {
            // Case 1: higher, so a minimum lies between.
            let cubic = Self.cubic(from: best, to: trial)
            let secant = (best.value - trial.value) / (trial.step - best.step) + best.slope
            let quadratic = best.step + best.slope / secant / 2 * (trial.step - best.step)
            next =
                abs(cubic - best.step) < abs(quadratic - best.step) ? cubic : cubic + (quadratic - cubic) / 2
            isBracketed = true
        } else if turns {
            // Case 2: lower, and the slope has changed its sign.
            let cubic = Self.cubic(from: trial, to: best)
            let secant = Self.secant(trial, best)
            next = abs(cubic - trial.step) > abs(secant - trial.step) ? cubic : secant
            isBracketed = true
        } else if abs(trial.slope) < abs(best.slope) {
            // Case 3: lower and flatter.
            let cubic = Self.cubicBeyond(from: trial, to: best) ?? (trial.step > best.step ? upper : lower)
            let secant = Self.secant(trial, best)
            let cubicIsNearer = abs(cubic - trial.step) < abs(secant - trial.step)
            if isBracketed {
                let chosen = cubicIsNearer ? cubic : secant
                let bound = trial.step + 0.66 * (other.step - trial.step)
                next = trial.step > best.step ? min(bound, chosen) : max(bound, chosen)
            } else {
                next = min(max(cubicIsNearer ? secant : cubic, lower), upper)
            }
        } else if isBracketed {
            // Case 4: lower and no flatter.
            next = Self.cubic(from: trial, to: other)
        } else {
            next = trial.step > best.step ? upper : lower
        }
        if trial.value > best.value {
            other = trial
        } else {
            if turns { other = best }
            best = trial
        }
        step = next
    }

    /// The minimiser of the cubic that has both samples' values and slopes.
    private static func cubic(from a: Sample, to b: Sample) -> Double {
        let (theta, scale) = cubicTerms(a, b)
        var gamma =
            scale * ((theta / scale) * (theta / scale) - a.slope / scale * (b.slope / scale)).squareRoot()
        if b.step < a.step { gamma = -gamma }
        let share = (gamma - a.slope + theta) / (gamma - a.slope + gamma + b.slope)
        return a.step + share * (b.step - a.step)
    }

    /// The same where the cubic may have no minimum beyond the trial; nil then.
    private static func cubicBeyond(from a: Sample, to b: Sample) -> Double? {
        let (theta, scale) = cubicTerms(a, b)
        let square = (theta / scale) * (theta / scale) - a.slope / scale * (b.slope / scale)
        var gamma = scale * max(0, square).squareRoot()
        if a.step > b.step { gamma = -gamma }
        let share = (gamma - a.slope + theta) / (gamma + (b.slope - a.slope) + gamma)
        return share < 0 && gamma != 0 ? a.step + share * (b.step - a.step) : nil
    }

    private static func cubicTerms(_ a: Sample, _ b: Sample) -> (theta: Double, scale: Double) {
        let theta = 3 * (a.value - b.value) / (b.step - a.step) + a.slope + b.slope
        return (theta, max(abs(theta), abs(a.slope), abs(b.slope)))
    }

    /// Where the slope would be 0 if it were straight.
    private static func secant(_ a: Sample, _ b: Sample) -> Double {
        a.step + a.slope / (a.slope - b.slope) * (b.step - a.step)
    }
}
