import Files

/// Finds the examples that a set covers.
struct ItemSelection {
    let plan: LoaderPlan
    let shards: LoaderShards
    let vocabularies: [String: [String]]

    /// A set's examples: one list, or one for each value of the balanced label.
    ///
    /// - Throws: `loader.unknown-label`, `loader.no-such-segment`, `loader.empty`.
    func groups(_ set: LoaderPlan.SegmentSet) throws -> [ItemList] {
        let wanted = try set.labels.sorted { $0.key < $1.key }.map { name, value in
            (name: name, value: Int64(try place(of: value, in: name)))
        }
        let values = try plan.balance.map { try vocabulary($0.label).count } ?? 1
        var groups = [ItemList](repeating: ItemList(), count: values)
        func add(_ segments: Range<Int>, _ index: Int, _ shard: LoaderShard) {
            let first = shards.places[index].segments.lowerBound
            for segment in segments {
                guard wanted.allSatisfy({ shard.labels[$0.name]?.has($0.value, segment - first) == true })
                else {
                    continue
                }
                var group: Int64 = 0
                if let balance = plan.balance {
                    group = shard.labels[balance.label]?.value(segment - first) ?? -1
                }
                guard group >= 0 else { continue }
                let windows = self.windows(segment - first, shard)
                groups[Int(group)].append(segment..<segment + 1, windows: windows)
            }
        }
        if let segments = set.segments {
            var mapped: [Int: LoaderShard] = [:]
            for segment in segments {
                let index = shards.index(of: segment)
                guard index >= 0, shards.places[index].segments.contains(segment) else {
                    throw LoaderError(
                        .noSuchSegment,
                        "the \(plan.split.rawValue) split has no \(plan.kind.rawValue) segment \(segment)")
                }
                let shard = try mapped[index] ?? shards.map(index)
                mapped[index] = shard
                add(segment..<segment + 1, index, shard)
            }
        } else if wanted.isEmpty, plan.balance == nil, plan.window == nil {
            for place in shards.places { groups[0].append(place.segments) }
        } else {
            for index in shards.places.indices {
                try add(shards.places[index].segments, index, shards.map(index))
            }
        }
        groups.removeAll { $0.count == 0 }
        guard !groups.isEmpty else {
            let labels = set.labels.sorted { $0.key < $1.key }.map { " with \($0.key) = \($0.value)" }
            throw LoaderError(
                .empty,
                "the \(plan.split.rawValue) split has no \(plan.kind.rawValue) segments\(labels.joined())")
        }
        return groups
    }

    private func windows(_ index: Int, _ shard: LoaderShard) -> Int {
        guard let window = plan.window, let steps = shard.notes?.steps else { return 1 }
        let sounding = max(1, Int(shard.length[index]))
        return min((steps - window.steps) / window.hop, (sounding - 1) / window.hop) + 1
    }

    private func vocabulary(_ label: String) throws(LoaderError) -> [String] {
        guard let vocabulary = vocabularies[label] else {
            throw LoaderError.unknownLabel(label, vocabularies)
        }
        return vocabulary
    }

    private func place(of value: String, in label: String) throws(LoaderError) -> Int {
        let vocabulary = try vocabulary(label)
        guard let place = vocabulary.firstIndex(where: { $0.utf8.elementsEqual(value.utf8) }) else {
            throw LoaderError(
                .unknownLabel, "no '\(label)' is '\(value)'; \(suggestion(for: value, among: vocabulary))")
        }
        return place
    }
}
