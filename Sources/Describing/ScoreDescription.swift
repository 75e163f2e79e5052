import Files
public import Symbolic

/// What statistics want to know of one piece of MIDI, whatever grid a dataset lays on it.
///
/// All timelines together. A beat is a quarter note. Drums count in `drums`, `programs`, `empty bars` and `groove`
/// alone. Definitions of polyphony, empty bars and groove are MusPy's (Dong et al., "MusPy: A Toolkit for Symbolic Music
/// Generation", 2020, `muspy.metrics`), on ticks and, for bars, on MusPy's 24 positions a beat.
public struct ScoreDescription: Sendable, Hashable {
    /// [128]: notes of each pitch.
    public var pitches = [Int](repeating: 0, count: 128)
    /// [128]: notes of each velocity.
    public var velocities = [Int](repeating: 0, count: 128)
    /// [129]: notes of each program; 128 is drums.
    public var programs = [Int](repeating: 0, count: 129)
    /// Note lengths in beats.
    public var lengths = LogHistogram()
    /// How long the sustain pedal is held, in seconds, on every channel but drums.
    public var pedals = LogHistogram()
    /// Beats in which k pitches sound, by k; the first is beats without any up to the end of the last note or drum.
    public var polyphony: [Double] = [0]
    /// Seconds at each tempo, by BPM rounded to a whole number; empty for clock time.
    public var tempi: [Int: Double] = [:]
    /// Beats in each time signature, as `3/4`.
    public var timeSignatures: [String: Double] = [:]
    /// Beats in each key signature, as `E♭ major`; empty if the file names none.
    public var keys: [String: Double] = [:]
    /// Bars of the length of the first time signature, up to the end of the last note.
    public var bars = 0
    /// Bars in which nothing sounds.
    public var emptyBars = 0
    /// 1 − the mean share of positions in which neighbouring bars differ in onsets; nil for fewer than 2 bars.
    public var groove: Double?
    /// Notes with pitch on channels that sound like a drum kit (`DrumLikeness`).
    public var drumLike = 0
    /// The smallest hashes of the piece's shingles of intervals: what near-duplicates are looked up by.
    public var sketch: [UInt32] = []

    /// An empty description.
    public init() {}

    /// Describes a score.
    public init(_ score: Score) {
        self.init(score, order: score.timelines.map { Shingles.pitches(of: $0) })
    }

    /// Describes a score whose pitches have been put in order for `Shingles`.
    public init(_ score: Score, order: [[UInt8]]) {
        let beat = score.division.ticksPerBeat
        let ticksPerBeat = Double(beat.numerator) / Double(beat.denominator)
        var grooves: [(share: Double, bars: Int)] = []
        for timeline in score.timelines {
            countNotes(timeline, ticksPerBeat)
            drumLike += DrumLikeness.notes(in: timeline.notes)
            countPolyphony(timeline, ticksPerBeat)
            countPedals(timeline)
            if case .ticksPerQuarter = score.division { countTempi(timeline, ticksPerBeat) }
            countSignatures(timeline, ticksPerBeat)
            if let groove = countBars(timeline, beat) { grooves.append(groove) }
        }
        sketch = Shingles.sketch(order, .intervals)
        // Of several timelines the longer weighs more; of one it is itself, without a rounding.
        if grooves.count == 1 {
            groove = grooves[0].share
        } else if !grooves.isEmpty {
            let bars = grooves.reduce(0) { $0 + $1.bars }
            groove = grooves.reduce(0) { $0 + $1.share * Double($1.bars) } / Double(bars)
        }
    }

    private mutating func countNotes(_ timeline: Timeline, _ ticksPerBeat: Double) {
        let beatsPerTick = 1 / ticksPerBeat
        // Room for any byte.
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * 256 + LogHistogram.binCount) { all in
            all.initialize(repeating: 0)
            let pitches = UnsafeMutableBufferPointer(rebasing: all[..<256])
            let velocities = UnsafeMutableBufferPointer(rebasing: all[256..<512])
            let programs = UnsafeMutableBufferPointer(rebasing: all[512..<768])
            let lengths = UnsafeMutableBufferPointer(rebasing: all[768...])
            for note in timeline.notes {
                programs[Int(note.program)] += 1
                if note.isDrum { continue }
                pitches[Int(note.pitch)] += 1
                velocities[Int(note.velocity)] += 1
                lengths[LogHistogram.bin(Double(note.offset - note.onset) * beatsPerTick)] += 1
            }
            for index in self.pitches.indices { self.pitches[index] += pitches[index] }
            for index in self.velocities.indices { self.velocities[index] += velocities[index] }
            for index in self.programs.indices { self.programs[index] += programs[index] }
            self.lengths.add(counts: lengths)
        }
    }

    /// Passes over the onsets with the ends of what sounds, one a pitch, in a short sorted list.
    private mutating func countPolyphony(_ timeline: Timeline, _ ticksPerBeat: Double) {
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 3 * 128 + 1) { scratch in
            scratch.initialize(repeating: 0)
            // The latest end comes first, so that ends are taken from the back.
            let ends = UnsafeMutableBufferPointer(rebasing: scratch[..<128])
            let endOfPitch = UnsafeMutableBufferPointer(rebasing: scratch[128..<256])
            let ticks = UnsafeMutableBufferPointer(rebasing: scratch[256...])
            var (sounding, most, now, last) = (0, 0, 0, 0)
            func advance(to tick: Int) {
                while sounding > 0, ends[sounding - 1] <= tick {
                    ticks[sounding] += ends[sounding - 1] - now
                    now = ends[sounding - 1]
                    sounding -= 1
                }
                guard tick > now, tick != .max else { return }
                ticks[sounding] += tick - now
                now = tick
            }
            for note in timeline.notes {
                let (onset, offset) = (note.onset, note.offset)
                last = max(last, offset)
                if note.isDrum || offset <= onset { continue }
                advance(to: onset)
                let before = endOfPitch[Int(note.pitch)]
                if before > onset {
                    guard offset > before else { continue }
                    var index = 0
                    while ends[index] != before { index += 1 }
                    for moved in index..<sounding - 1 { ends[moved] = ends[moved + 1] }
                    sounding -= 1
                }
                endOfPitch[Int(note.pitch)] = offset
                var index = sounding
                while index > 0, ends[index - 1] < offset {
                    ends[index] = ends[index - 1]
                    index -= 1
                }
                ends[index] = offset
                sounding += 1
                most = max(most, sounding)
            }
            advance(to: .max)
            ticks[0] += max(0, last - now)
            if polyphony.count <= most {
                polyphony += [Double](repeating: 0, count: most + 1 - polyphony.count)
            }
            for count in 0...most { polyphony[count] += Double(ticks[count]) / ticksPerBeat }
        }
    }

    private mutating func countPedals(_ timeline: Timeline) {
        let map = timeline.tempoMap
        for span in timeline.sustainPedalSpans {
            pedals.add(map.seconds(at: span.upperBound) - map.seconds(at: span.lowerBound))
        }
    }

    private mutating func countTempi(_ timeline: Timeline, _ ticksPerBeat: Double) {
        func count(_ microseconds: Int, _ ticks: Int) {
            guard ticks > 0 else { return }
            tempi[Int((6e7 / Double(microseconds)).rounded()), default: 0] +=
                Double(ticks) / ticksPerBeat * Double(microseconds) / 1e6
        }
        var (tick, tempo) = (0, TempoMap.defaultMicrosecondsPerBeat)
        for change in timeline.tempoMap.changes where change.tick < timeline.endTick {
            count(tempo, change.tick - tick)
            (tick, tempo) = (change.tick, change.microsecondsPerBeat)
        }
        count(tempo, timeline.endTick - tick)
    }

    private mutating func countSignatures(_ timeline: Timeline, _ ticksPerBeat: Double) {
        let timeSignatures =
            timeline.timeSignatures.first?.tick == 0
            ? timeline.timeSignatures : [.common] + timeline.timeSignatures
        for (index, timeSignature) in timeSignatures.enumerated() {
            let end = index + 1 < timeSignatures.count ? timeSignatures[index + 1].tick : timeline.endTick
            guard end > timeSignature.tick else { continue }
            self.timeSignatures["\(timeSignature.numerator)/\(timeSignature.denominator)", default: 0] +=
                Double(end - timeSignature.tick) / ticksPerBeat
        }
        for (index, key) in timeline.keys.enumerated() {
            let end = index + 1 < timeline.keys.count ? timeline.keys[index + 1].tick : timeline.endTick
            guard end > key.tick else { continue }
            keys[Self.name(of: key), default: 0] += Double(end - key.tick) / ticksPerBeat
        }
    }

    /// Counts bars and the empty ones; the groove's consistency, if there are bars to compare.
    private mutating func countBars(_ timeline: Timeline, _ beat: Rational) -> (share: Double, bars: Int)? {
        guard !timeline.notes.isEmpty else { return nil }
        let timeSignature = timeline.timeSignatures.first.flatMap { $0.tick == 0 ? $0 : nil } ?? .common
        let length = max(1, timeSignature.numerator * 4 * Self.positionsPerBeat / timeSignature.denominator)
        let (factor, half) = (2 * Self.positionsPerBeat * beat.denominator, beat.numerator)
        func position(_ tick: Int) -> Int { (tick * factor + half) / (2 * half) }
        /// The first tick whose position is in a bar.
        func start(ofBar bar: Int) -> Int { max(0, (2 * half * bar * length - half + factor - 1) / factor) }
        var last = 0
        for note in timeline.notes { last = max(last, note.offset) }
        let count = position(last) / length + 1
        // How many notes more sound than in the bar before: a note over many bars takes no longer than another.
        var changes = [Int32](repeating: 0, count: count + 1)
        // A bit for each position at which notes begin.
        var onsets = BitRow(count: count * length)
        var (tick, bar, nextBar) = (-1, 0, start(ofBar: 1))
        changes.withUnsafeMutableBufferPointer { changes in
            for note in timeline.notes {
                if note.onset != tick {
                    tick = note.onset
                    onsets.insert(position(tick))
                    while tick >= nextBar {
                        bar += 1
                        nextBar = start(ofBar: bar + 1)
                    }
                }
                changes[bar] += 1
                changes[note.offset < nextBar ? bar + 1 : position(note.offset) / length + 1] -= 1
            }
        }
        bars += count
        var sounding: Int32 = 0
        for change in changes.dropLast() {
            sounding += change
            if sounding == 0 { emptyBars += 1 }
        }
        guard count > 1 else { return nil }
        return (
            1 - Double(Self.difference(onsets, length, bars: count)) / Double(length * (count - 1)), count
        )
    }

    /// Positions in which neighbouring bars differ, over all pairs: of each onset that has no counterpart in the bar
    /// before, and of each that has none in the bar after.
    private static func difference(_ onsets: BitRow, _ length: Int, bars: Int) -> Int {
        // An onset of the first bar, or of the last, has only one neighbour.
        onsets.count(in: length..<length * bars) + onsets.count(in: 0..<length * (bars - 1))
            - 2 * onsets.repeats(after: length)
    }

    /// The grid of bars, MusPy's default resolution.
    static let positionsPerBeat = 24

    private static func name(of key: KeySignature) -> String {
        let majors = [
            "C♭", "G♭", "D♭", "A♭", "E♭", "B♭", "F", "C", "G", "D", "A", "E", "B", "F♯", "C♯", "G♯", "D♯",
            "A♯",
        ]
        let index = key.sharps + 7 + (key.isMinor ? 3 : 0)
        guard majors.indices.contains(index) else { return "\(key.sharps) sharps" }
        return majors[index] + (key.isMinor ? " minor" : " major")
    }
}
