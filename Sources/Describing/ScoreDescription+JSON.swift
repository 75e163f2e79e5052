public import Files
public import Storage

extension ScoreDescription {
    /// The member `description` of the facts that `read` records, as short as they can be: lists without the zeros at their ends.
    public var json: JSONValue {
        func numbers(_ values: [String: Double]) -> JSONValue { .object(values.mapValues { .number($0) }) }
        return [
            "pitches": pitches.sparse, "velocities": velocities.sparse, "programs": programs.sparse,
            "lengths": lengths.counts.sparse, "pedals": pedals.counts.sparse,
            "polyphony": .array(polyphony.map { .number($0) }),
            "tempi": numbers(Dictionary(uniqueKeysWithValues: tempi.map { (String($0.key), $0.value) })),
            "time_signatures": numbers(timeSignatures), "keys": numbers(keys), "bars": JSONValue(bars),
            "empty_bars": JSONValue(emptyBars), "drum_like": JSONValue(drumLike),
            "groove": groove.map { .number($0) } ?? .null, "sketch": .string(Shingles.text(sketch)),
        ]
    }

    /// Reads what a record keeps; nil if it keeps something else.
    public init?(_ record: ActionRecord) {
        guard
            let description = try? record.readFacts({ (reader) throws(JSONError) in
                var found: ScoreDescription?
                try reader.members { (reader, name) throws(JSONError) in
                    guard name == "description" else { return try reader.skip() }
                    found = try ScoreDescription(reading: &reader)
                }
                return found
            }) ?? nil
        else { return nil }
        self = description
    }

    /// Reads what a record keeps; nil if it is something else.
    init?(json: JSONValue) {
        let description = try? json.canonicalBytes.withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            return try ScoreDescription(reading: &reader)
        }
        guard let description else { return nil }
        self = description
    }

    /// Reads the text member by member: a tree of values, for every source of a dataset, costs more than all that follows.
    private init(reading reader: inout JSONReader) throws(JSONError) {
        var found = ScoreDescription()
        var count = 0
        try reader.members { (reader, name) throws(JSONError) in
            count += 1
            switch name {
            case "pitches": found.pitches = try reader.sparse(count: 128)
            case "velocities": found.velocities = try reader.sparse(count: 128)
            case "programs": found.programs = try reader.sparse(count: 129)
            case "lengths": found.lengths = try reader.histogram()
            case "pedals": found.pedals = try reader.histogram()
            case "polyphony":
                found.polyphony.removeAll(keepingCapacity: true)
                try reader.elements { (reader) throws(JSONError) in
                    found.polyphony.append(try reader.double())
                }
            case "tempi":
                try reader.members { (reader, name) throws(JSONError) in
                    let seconds = try reader.double()
                    if let tempo = Int(name) { found.tempi[tempo] = seconds }
                }
            case "time_signatures": found.timeSignatures = try reader.numbers()
            case "keys": found.keys = try reader.numbers()
            case "bars": found.bars = try reader.integer()
            case "empty_bars": found.emptyBars = try reader.integer()
            case "sketch":
                guard let sketch = Shingles.sketch(try reader.string()) else {
                    throw reader.fault("expected a sketch")
                }
                found.sketch = sketch
            default:
                // `groove` may be null, `read` 2 has no `drum_like`, and what this version does not know is skipped.
                count -= 1
                switch name {
                case "groove": found.groove = try reader.value().double
                case "drum_like": found.drumLike = try reader.integer()
                default: try reader.skip()
                }
            }
        }
        guard count == 12 else { throw reader.fault("expected the twelve parts of a description") }
        self = found
    }
}

extension JSONReader {
    /// Reads counts as `[Int].sparse` writes them.
    fileprivate mutating func sparse(count: Int) throws(JSONError) -> [Int] {
        var counts = [Int](repeating: 0, count: count)
        var next = -1
        try elements { (reader) throws(JSONError) in
            let number = try reader.integer()
            if next < 0 {
                guard (0...count).contains(number) else { throw reader.fault("expected a place in a list") }
                next = number
            } else {
                guard next < count else { throw reader.fault("more than \(count) counts") }
                counts[next] = number
                next += 1
            }
        }
        return counts
    }

    fileprivate mutating func histogram() throws(JSONError) -> LogHistogram {
        guard let histogram = LogHistogram(json: try value()) else { throw fault("expected a histogram") }
        return histogram
    }

    fileprivate mutating func numbers() throws(JSONError) -> [String: Double] {
        var numbers: [String: Double] = [:]
        try members { (reader, name) throws(JSONError) in numbers[name] = try reader.double() }
        return numbers
    }
}
