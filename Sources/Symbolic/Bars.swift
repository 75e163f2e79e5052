extension Timeline {
    /// The metres in force, in order: 4/4 from the start if the file says nothing there, of several at one tick
    /// the last.
    func metresInForce() -> [Metre] {
        var result: [Metre] = [.common]
        for metre in metres {
            if result[result.count - 1].tick == metre.tick { result.removeLast() }
            result.append(metre)
        }
        return result
    }

    /// Calls back with the tick of each bar line until told to stop.
    ///
    /// A bar lasts numerator · 4 / denominator beats; a line between ticks falls on the tick before. A new time
    /// signature begins a bar where it stands. There is no last bar: the caller stops.
    func forEachBarLine(_ body: (_ tick: Int) throws(MIDIError) -> Bool) throws(MIDIError) {
        let beat = tempoMap.division.ticksPerBeat
        let metres = metresInForce()
        for (index, metre) in metres.enumerated() {
            let end = index + 1 < metres.count ? metres[index + 1].tick : Int.max
            let bar = Rational(metre.numerator * 4 * beat.numerator, metre.denominator * beat.denominator)
            var number = 0
            while case let tick = metre.tick + number * bar.numerator / bar.denominator, tick < end {
                guard try body(tick) else { return }
                number += 1
            }
        }
    }
}

extension RollParameters {
    /// Why a score does not meet `requiredMetre` and `requiresConstantMetre`; nil if it does.
    ///
    /// The required metre is that of every time signature, and of the start, which is 4/4 if nothing is said
    /// there; repeating a metre is no change.
    public func exclusion(of score: Score) -> String? {
        for timeline in score.timelines {
            let metres = timeline.metresInForce()
            if let required = requiredMetre, let other = metres.first(where: { !$0.isSame(as: required) }) {
                return "metre \(other.fraction) at tick \(other.tick), required \(required.fraction)"
            }
            if requiresConstantMetre, let other = metres.first(where: { !$0.isSame(as: metres[0]) }) {
                return
                    "the metre changes from \(metres[0].fraction) to \(other.fraction) at tick \(other.tick)"
            }
        }
        return nil
    }
}

extension Metre {
    func isSame(as other: Metre) -> Bool {
        numerator == other.numerator && denominator == other.denominator
    }

    var fraction: String { "\(numerator)/\(denominator)" }
}
