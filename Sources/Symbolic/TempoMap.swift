/// When each tick sounds, in exact integers.
///
/// Time is counted in units of 1 / `unitsPerSecond` second, in which every tick of the file falls on a whole
/// number: microseconds divided by the ticks of a quarter note, or the SMPTE frame rate's fractions. The map
/// is strictly monotone. Before the first tempo event a quarter note lasts 500,000 µs (SMF 1.0, "Set Tempo").
public struct TempoMap: Hashable, Sendable {
    /// A tempo event of the file.
    public struct Change: Hashable, Sendable {
        /// Where it stands.
        public let tick: Int
        /// How long a quarter note lasts from here on, 1 to 16,777,215 µs.
        public let microsecondsPerBeat: Int

        /// Sets a tempo.
        public init(tick: Int, microsecondsPerBeat: Int) {
            self.tick = tick
            self.microsecondsPerBeat = microsecondsPerBeat
        }
    }

    /// A stretch of one tempo, up to the next point.
    struct Point: Hashable, Sendable {
        let tick: Int
        let time: Int
        let unitsPerTick: Int
        let microsecondsPerBeat: Int
    }

    /// The unit of ticks.
    public let division: Division
    /// The file's tempo events in order, all of them, also those that another at the same tick overrides;
    /// empty for clock time (SMPTE).
    public let changes: [Change]
    /// The units of `time(at:)` in a second.
    public let unitsPerSecond: Int
    /// The distinct tempi: the first at tick 0, ticks and times rising strictly, neighbours different.
    let points: [Point]

    /// The microseconds of a beat where the file does not say: 120 BPM.
    public static let defaultMicrosecondsPerBeat = 500_000

    /// Builds the map of a timeline.
    ///
    /// - Parameters:
    ///   - division: The unit of ticks.
    ///   - changes: Tempo events, ticks not falling; at equal ticks the last holds. Ignored for clock time.
    public init(division: Division, changes: [Change] = []) {
        self.division = division
        switch division {
        case .smpte(let frames, let ticksPerFrame):
            self.changes = []
            // A frame is 1/frames second, or 1001/30000 second when frames are dropped.
            let (rate, unitsPerTick) = frames == 29 ? (30000, 1001) : (frames, 1)
            unitsPerSecond = rate * ticksPerFrame
            points = [
                Point(
                    tick: 0, time: 0, unitsPerTick: unitsPerTick,
                    microsecondsPerBeat: Self.defaultMicrosecondsPerBeat)
            ]
        case .ticksPerQuarter(let ticks):
            self.changes = changes
            unitsPerSecond = ticks * 1_000_000
            points = Self.points(of: changes)
        }
    }

    private static func points(of changes: [Change]) -> [Point] {
        func point(_ tick: Int, _ time: Int, _ tempo: Int) -> Point {
            Point(tick: tick, time: time, unitsPerTick: tempo, microsecondsPerBeat: tempo)
        }
        var result = [point(0, 0, defaultMicrosecondsPerBeat)]
        for change in changes {
            var last = result[result.count - 1]
            precondition(
                change.tick >= last.tick && change.microsecondsPerBeat > 0,
                "tempo \(change.microsecondsPerBeat) at tick \(change.tick) after tick \(last.tick)")
            if change.tick == last.tick {
                result.removeLast()
                guard let before = result.last else {
                    result.append(point(0, 0, change.microsecondsPerBeat))
                    continue
                }
                let time = last.time
                last = before
                if last.microsecondsPerBeat != change.microsecondsPerBeat {
                    result.append(point(change.tick, time, change.microsecondsPerBeat))
                }
            } else if change.microsecondsPerBeat != last.microsecondsPerBeat {
                let time = last.time + (change.tick - last.tick) * last.unitsPerTick
                result.append(point(change.tick, time, change.microsecondsPerBeat))
            }
        }
        return result
    }

    /// The tempi that are heard: the first at tick 0, neighbours different; empty for clock time.
    public var tempi: [Change] {
        if case .smpte = division { return [] }
        return points.map { Change(tick: $0.tick, microsecondsPerBeat: $0.microsecondsPerBeat) }
    }

    /// The tempo of the first tempo event, wherever it stands, else the default, in µs a beat.
    public var firstMicrosecondsPerBeat: Int {
        changes.first?.microsecondsPerBeat ?? Self.defaultMicrosecondsPerBeat
    }

    /// The time of a tick, in units of 1 / `unitsPerSecond` second.
    public func time(at tick: Int) -> Int {
        var hint = 0
        return time(at: tick, hint: &hint)
    }

    /// The time of a tick in seconds: for display, since it is rounded.
    public func seconds(at tick: Int) -> Double { Double(time(at: tick)) / Double(unitsPerSecond) }

    /// The tempo in force at a tick, in µs a beat.
    public func microsecondsPerBeat(at tick: Int) -> Int {
        var hint = 0
        return points[index(at: tick, hint: &hint)].microsecondsPerBeat
    }

    /// As `time(at:)`, quick when ticks are asked for roughly in order.
    @inline(__always)
    func time(at tick: Int, hint: inout Int) -> Int {
        let point = points[index(at: tick, hint: &hint)]
        return point.time + (tick - point.tick) * point.unitsPerTick
    }

    /// The last point at or before a tick; looks at `hint` and its successor first.
    @inline(__always)
    func index(at tick: Int, hint: inout Int) -> Int {
        let guess = hint
        if points[guess].tick <= tick {
            if guess + 1 == points.count || tick < points[guess + 1].tick { return guess }
            if guess + 2 == points.count || tick < points[guess + 2].tick {
                hint = guess + 1
                return guess + 1
            }
        }
        hint = lastIndex { $0.tick <= tick }
        return hint
    }

    /// The last point that meets a condition which holds for a head of them; 0 if none does.
    func lastIndex(where holds: (Point) -> Bool) -> Int {
        var (low, high) = (0, points.count)
        while low + 1 < high {
            let middle = (low + high) / 2
            if holds(points[middle]) { low = middle } else { high = middle }
        }
        return low
    }
}
