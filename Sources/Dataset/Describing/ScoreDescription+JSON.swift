import Build

extension ScoreDescription {
    /// The facts that the record of `describe` keeps, as short as they can be: lists without the zeros at their ends.
    var json: JSONValue {
        func numbers(_ values: [String: Double]) -> JSONValue { .object(values.mapValues { .number($0) }) }
        return [
            "pitches": pitches.sparse, "velocities": velocities.sparse, "programs": programs.sparse,
            "lengths": lengths.counts.sparse, "pedals": pedals.counts.sparse,
            "polyphony": .array(polyphony.map { .number($0) }),
            "tempi": numbers(Dictionary(uniqueKeysWithValues: tempi.map { (String($0.key), $0.value) })),
            "metres": numbers(metres), "keys": numbers(keys), "bars": JSONValue(bars),
            "empty_bars": JSONValue(emptyBars), "groove": groove.map { .number($0) } ?? .null,
            "sketch": .string(Shingles.text(sketch)),
        ]
    }

    /// Reads what a record keeps; nil if it keeps something else.
    init?(json: JSONValue) {
        func numbers(_ name: String) -> [String: Double]? { json[name]?.object?.compactMapValues(\.double) }
        guard let pitches = [Int](sparse: json["pitches"], count: 128),
            let velocities = [Int](sparse: json["velocities"], count: 128),
            let programs = [Int](sparse: json["programs"], count: 129),
            let lengths = LogHistogram(json: json["lengths"]),
            let pedals = LogHistogram(json: json["pedals"]),
            let polyphony = json["polyphony"]?.array?.compactMap(\.double), let tempi = numbers("tempi"),
            let metres = numbers("metres"), let keys = numbers("keys"), let bars = json["bars"]?.integer,
            let emptyBars = json["empty_bars"]?.integer,
            let sketch = json["sketch"]?.string.flatMap({ Shingles.sketch($0) })
        else { return nil }
        self.pitches = pitches
        self.velocities = velocities
        self.programs = programs
        self.lengths = lengths
        self.pedals = pedals
        self.polyphony = polyphony
        for (tempo, seconds) in tempi { if let tempo = Int(tempo) { self.tempi[tempo] = seconds } }
        self.metres = metres
        self.keys = keys
        self.bars = bars
        self.emptyBars = emptyBars
        self.sketch = sketch
        groove = json["groove"]?.double
    }
}
