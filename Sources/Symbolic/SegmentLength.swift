/// How long a segment is, in the units of the manifest.
public enum SegmentLength: Hashable, Sendable {
    /// Steps of the grid, at least 1.
    case steps(Int)
    /// Quarter notes, at least 1.
    case beats(Int)
    /// Bars, at least 1.
    case bars(Int)
    /// Seconds.
    case seconds(Rational)

    /// The length in steps of a grid.
    ///
    /// - Parameters:
    ///   - grid: What a step is.
    ///   - timeSignature: The time signature that every piece has; a bar lasts numerator · 4 / denominator beats.
    /// - Returns: At least 1. Seconds are rounded half up to steps. nil where a segment would not have the same whole
    ///   number of steps everywhere: beats and bars by the clock, seconds by the beat, bars that end between steps.
    public func steps(on grid: Grid, timeSignature: TimeSignature = .common) -> Int? {
        switch (self, grid) {
        case (.steps(let steps), _): steps
        case (.beats(let beats), .stepsPerBeat(let steps)): beats * steps
        case (.bars(let bars), .stepsPerBeat(let steps)):
            {
                let (beats, rest) = (bars * timeSignature.numerator * 4 * steps).quotientAndRemainder(
                    dividingBy: timeSignature.denominator)
                return rest == 0 ? beats : nil
            }()
        case (.seconds(let seconds), .stepsPerSecond(let rate)):
            max(
                scaled(
                    seconds.numerator * rate.numerator, by: 1,
                    over: Divisor(seconds.denominator * rate.denominator),
                    carry: seconds.denominator * rate.denominator / 2), 1)
        default: nil
        }
    }
}

extension Grid {
    /// The grid whose step t is frame t of a spectrum: centred at t · hop / sampleRate seconds.
    ///
    /// With rounding half up an event falls on the frame whose centre is nearest.
    ///
    /// - Parameters:
    ///   - sampleRate: In Hz, 1 to 1,000,000.
    ///   - hop: Samples from one frame to the next, 1 to 1,000,000.
    /// - Returns: `stepsPerSecond` of sampleRate / hop.
    public static func frames(sampleRate: Int, hop: Int) -> Grid {
        .stepsPerSecond(Rational(sampleRate, hop))
    }
}
