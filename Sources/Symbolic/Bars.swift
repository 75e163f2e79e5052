extension Timeline {
    /// The time signatures in force, in order: 4/4 from the start if the file says nothing there, of several at one tick
    /// the last.
    func timeSignaturesInForce() -> [TimeSignature] {
        var result: [TimeSignature] = [.common]
        for timeSignature in timeSignatures {
            if result[result.count - 1].tick == timeSignature.tick { result.removeLast() }
            result.append(timeSignature)
        }
        return result
    }

    /// Calls back with the tick of each bar line until told to stop.
    ///
    /// A bar lasts numerator · 4 / denominator beats; a line between ticks falls on the tick before. A new time
    /// signature begins a bar where it stands. There is no last bar: the caller stops.
    func forEachBarLine(_ body: (_ tick: Int) throws(MIDIError) -> Bool) throws(MIDIError) {
        let beat = tempoMap.division.ticksPerBeat
        let timeSignatures = timeSignaturesInForce()
        for (index, timeSignature) in timeSignatures.enumerated() {
            let end = index + 1 < timeSignatures.count ? timeSignatures[index + 1].tick : Int.max
            let bar = Rational(
                timeSignature.numerator * 4 * beat.numerator, timeSignature.denominator * beat.denominator)
            var number = 0
            while case let tick = timeSignature.tick + number * bar.numerator / bar.denominator, tick < end {
                guard try body(tick) else { return }
                number += 1
            }
        }
    }
}

extension Timeline {
    /// A beat of a bar: a note of the time signature's denominator.
    public struct Beat: Hashable, Sendable {
        /// Where it stands; a beat between ticks falls on the tick before.
        public let tick: Int
        /// Its place in the bar, from 0: the bar line.
        public let number: Int
        /// The time signature of its bar.
        public let timeSignature: TimeSignature
    }

    /// The beats from the start up to the first bar line at or after a tick, bars as `forEachBarLine` has them.
    ///
    /// - Parameters:
    ///   - end: The tick.
    ///   - limit: The most beats, at least 1.
    /// - Returns: The beats in order, the first at tick 0; the last begins a bar unless the limit is reached.
    public func beats(through end: Int, limit: Int) -> [Beat] {
        let beat = tempoMap.division.ticksPerBeat
        let timeSignatures = timeSignaturesInForce()
        var result: [Beat] = []
        for (index, timeSignature) in timeSignatures.enumerated() {
            let next = index + 1 < timeSignatures.count ? timeSignatures[index + 1].tick : Int.max
            let length = Rational(4 * beat.numerator, timeSignature.denominator * beat.denominator)
            var count = 0
            while result.count < limit,
                case let tick = timeSignature.tick + count * length.numerator / length.denominator,
                tick < next
            {
                let number = count % timeSignature.numerator
                result.append(Beat(tick: tick, number: number, timeSignature: timeSignature))
                if number == 0, tick >= end { return result }
                count += 1
            }
        }
        return result
    }
}

extension RollParameters {
    /// Why a score does not meet `requiredTimeSignature` and `requiresConstantTimeSignature`; nil if it does.
    ///
    /// The required time signature is that of every time signature, and of the start, which is 4/4 if nothing is said
    /// there; repeating a time signature is no change.
    public func exclusion(of score: Score) -> String? {
        for timeline in score.timelines {
            let timeSignatures = timeline.timeSignaturesInForce()
            if let required = requiredTimeSignature,
                let other = timeSignatures.first(where: { !$0.isSame(as: required) })
            {
                return "time signature \(other.fraction) at tick \(other.tick), required \(required.fraction)"
            }
            if requiresConstantTimeSignature,
                let other = timeSignatures.first(where: { !$0.isSame(as: timeSignatures[0]) })
            {
                return
                    "the time signature changes from \(timeSignatures[0].fraction) to \(other.fraction) at tick \(other.tick)"
            }
        }
        return nil
    }
}

extension TimeSignature {
    func isSame(as other: TimeSignature) -> Bool {
        numerator == other.numerator && denominator == other.denominator
    }

    var fraction: String { "\(numerator)/\(denominator)" }
}
