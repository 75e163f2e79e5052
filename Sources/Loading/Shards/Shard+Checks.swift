import Files
import Symbolic
import Tensors

extension Shard {
    /// How far a shard is checked before it is used.
    enum Checks {
        /// Names, types and shapes of all tensors, and every column with an element for each segment.
        case columns
        /// The rows of notes too.
        case all
    }

    /// Checks everything that readers rely on, so that none reads or writes past a tensor or a batch.
    ///
    /// - Throws: `BuildError` (`build.damaged`) that names the object and the tensor.
    func check(_ described: Snapshot.Shard, in snapshot: Snapshot, _ checks: Checks) throws {
        let check = ShardCheck(shard: self, described: described, snapshot: snapshot)
        try check.shapes()
        try check.segments()
        try check.labels()
        if described.kind == .paired { try check.pairs() }
        if described.kind != .audio {
            try check.offsets("notes.offset", rows: "notes.start")
            try check.offsets("controls.offset", rows: "controls.step")
            if checks == .all { try check.notes() }
        }
    }
}

/// One shard beside what its snapshot says of it.
private struct ShardCheck {
    let shard: Shard
    let described: Snapshot.Shard
    let snapshot: Snapshot

    private func fault(_ tensor: String, _ problem: String) -> BuildError {
        BuildError(
            .damaged,
            "shard \(described.object.short): tensor '\(tensor)' \(problem); mend the cache with `reprise verify --repair`, or build the dataset again",
            canRetry: false)
    }

    /// Where a segment may begin and how far a count may go: far above any real one, far below an overflow.
    private static let farthest = Int64(1) << 48

    func shapes() throws {
        let count = described.segments
        var expected: [(name: String, type: ElementType, shape: [Int?])] = [
            ("segment.source", .i32, [count]), ("segment.timeline", .i16, [count]),
            ("segment.start", .i64, [count]), ("segment.length", .i64, [count]),
        ]
        if described.kind != .midi {
            for (name, feature) in snapshot.form.features {
                expected.append((name, feature.type, [count] + feature.shape))
            }
        }
        if described.kind != .audio {
            let steps = snapshot.form.steps
            expected += [
                ("notes.offset", .i64, [count + 1]), ("controls.offset", .i64, [count + 1]),
                ("pedal", .u8, [count, steps, 3]), ("tempo", .f32, [count, steps]),
            ]
            let notes = shard.file.entries["notes.start"]?.shape.first
            let controls = shard.file.entries["controls.step"]?.shape.first
            expected += ShardColumns.notes.map { ($0.name, $0.type, [notes]) }
            expected += ShardColumns.controls.map { ($0.name, $0.type, [controls]) }
        }
        if described.kind == .paired {
            expected += [("segment.audio", .i32, [count]), ("segment.audio_start", .i64, [count])]
            if !snapshot.stepsAreFrames {
                expected.append(("frame.step", .u16, [count, snapshot.form.frames]))
            }
        }
        for item in expected {
            guard let entry = shard.file.entries[item.name] else { throw fault(item.name, "is missing") }
            guard entry.type == item.type, entry.shape.map({ $0 }) == item.shape else {
                let wanted = item.shape.map { $0.map(String.init) ?? "?" }.joined(separator: ", ")
                throw fault(
                    item.name,
                    "is \(entry.type.rawValue) \(entry.shape), not \(item.type.rawValue) [\(wanted)]")
            }
        }
        let names = Set(expected.map(\.name))
        if let other = shard.file.entries.keys.sorted().first(where: { !names.contains($0) }) {
            throw fault(other, "is none that a shard of kind \(described.kind.rawValue) has")
        }
    }

    func segments() throws {
        let sources = shard.sources.count
        try each("segment.source", Int32.self) {
            Int($0) >= 0 && Int($0) < sources ? nil : "of \(sources) sources"
        }
        try each("segment.timeline", Int16.self) { $0 >= 0 ? nil : "from 0" }
        let whole: (Int64) -> String? = {
            (0...Self.farthest).contains($0) ? nil : "from 0 to \(Self.farthest)"
        }
        if described.kind == .paired, !snapshot.stepsAreFrames {
            // A recording may begin before its score.
            try each("segment.start", Int64.self) {
                $0.magnitude <= Self.farthest.magnitude ? nil : "from -\(Self.farthest) to \(Self.farthest)"
            }
        } else {
            try each("segment.start", Int64.self, whole)
        }
        try each("segment.length", Int64.self, whole)
    }

    /// Recordings are sources of the shard, and frames lie in the steps of their segment.
    func pairs() throws {
        let sources = shard.sources.count
        try each("segment.audio", Int32.self) {
            Int($0) >= 0 && Int($0) < sources ? nil : "of \(sources) sources"
        }
        try each("segment.audio_start", Int64.self) {
            (0...Self.farthest).contains($0) ? nil : "from 0 to \(Self.farthest)"
        }
        let (steps, frames) = (snapshot.form.steps ?? 0, snapshot.form.frames ?? 0)
        guard !snapshot.stepsAreFrames else {
            if steps != frames { throw fault("tempo", "has \(steps) steps for \(frames) frames") }
            return
        }
        try each("frame.step", UInt16.self) {
            Int($0) < steps || $0 == .max ? nil : "below \(steps), or 65535"
        }
    }

    func labels() throws {
        let known = snapshot.vocabularies.mapValues { Set($0.map { Array($0.utf8) }) }
        var before: [String: String]?
        for labels in shard.labels where labels != before {
            for (name, text) in labels {
                for value in LabelText.values(text) where known[name]?.contains(Array(value.utf8)) != true {
                    throw fault(
                        "segment.source", "leads to the \(name) '\(value)', which the snapshot does not list")
                }
            }
            before = labels
        }
    }

    /// Offsets begin at 0, never fall, and end at the number of rows.
    func offsets(_ name: String, rows: String) throws {
        let rows = Int64(try shard.file.entry(rows).shape.first ?? 0)
        try shard.file.withElements(of: name, as: Int64.self) { offsets in
            var last: Int64 = 0
            for (index, offset) in offsets.enumerated() {
                guard index == 0 ? offset == 0 : offset >= last, offset <= rows else {
                    throw fault(name, "has \(offset) at \(index) after \(last), of \(rows) rows")
                }
                last = offset
            }
            guard last == rows else { throw fault(name, "ends at \(last), not at \(rows) rows") }
        }
    }

    /// Notes lie inside their segment, with pitches, velocities and programs that MIDI has.
    func notes() throws {
        let steps = snapshot.form.steps ?? 0
        try shard.file.withElements(of: "notes.start", as: UInt16.self) { start in
            try shard.file.withElements(of: "notes.length", as: UInt16.self) { length in
                for row in start.indices where Int(start[row]) + Int(length[row]) > steps || length[row] == 0
                {
                    throw fault(
                        Int(start[row]) >= steps ? "notes.start" : "notes.length",
                        "has at row \(row) a note of \(length[row]) steps from step \(start[row]), of \(steps)"
                    )
                }
            }
        }
        try each("notes.pitch", UInt8.self) { $0 <= 127 ? nil : "from 0 to 127" }
        try each("notes.velocity", UInt8.self) { (1...127).contains($0) ? nil : "from 1 to 127" }
        try each("notes.program", UInt8.self) {
            $0 <= Note.drumProgram ? nil : "from 0 to \(Note.drumProgram)"
        }
        try each("tempo", Float.self) { $0.isFinite && $0 >= 0 ? nil : "a number from 0" }
    }

    private func each<Element: TensorElement>(
        _ name: String, _ type: Element.Type, _ complaint: (Element) -> String?
    ) throws {
        try shard.file.withElements(of: name, as: type) { elements in
            for index in elements.indices {
                if let range = complaint(elements[index]) {
                    throw fault(name, "has \(elements[index]) at \(index), not a value \(range)")
                }
            }
        }
    }
}
