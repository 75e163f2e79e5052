import Statistics

/// How many events of an estimate find a partner in a reference.
public struct MatchScore: Hashable, Sendable {
    /// The pairs.
    public let matched: Int
    /// The reference's events.
    public let referenceCount: Int
    /// The estimate's events.
    public let estimateCount: Int

    /// The share of the estimate's events that have a partner; 0 if there are none.
    public var precision: Double { estimateCount > 0 ? Double(matched) / Double(estimateCount) : 0 }
    /// The share of the reference's events that have a partner; 0 if there are none.
    public var recall: Double { referenceCount > 0 ? Double(matched) / Double(referenceCount) : 0 }
    /// The harmonic mean of precision and recall; 0 if both are.
    public var f1: Double {
        precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0
    }
}

/// The notes that two pieces share: onset and pitch, as `mir_eval.transcription` counts them without offsets.
public enum NoteMatching {
    /// The axis on which onsets are compared.
    public enum Axis: Hashable, Sendable {
        /// Seconds, by each piece's own tempo map.
        case seconds
        /// Beats, whatever the tempo.
        case beats
    }

    /// Pairs notes of equal pitch whose onsets are at most `tolerance` apart, as many as possible, each note once.
    ///
    /// Drums are left out. Distances are rounded to four decimals before they are compared, as mir_eval rounds them.
    /// For melody or bass alone pass `melody` or `bass` of both. Source: `mir_eval.transcription` 0.8.2,
    /// `precision_recall_f1_overlap` with `offset_ratio=None`; MIDI pitches 50 cents apart are equal.
    ///
    /// - Parameters:
    ///   - estimate: The piece that is judged.
    ///   - reference: The piece it should equal.
    ///   - tolerance: The largest distance of onsets, in the units of `axis`.
    ///   - axis: Seconds or beats.
    /// - Returns: The counts of pairs and notes.
    public static func score(
        _ estimate: NotePiece, reference: NotePiece, tolerance: Double = 0.05, axis: Axis = .seconds
    ) -> MatchScore {
        let (ours, theirs) = (onsets(estimate, axis), onsets(reference, axis))
        var matched = 0
        for pitch in 0..<128 {
            matched += pairCount(ours[pitch], theirs[pitch]) { estimate, reference in
                let distance = (abs(reference - estimate) * 1e4).rounded(.toNearestOrEven) / 1e4
                return distance <= tolerance
            }
        }
        return MatchScore(
            matched: matched, referenceCount: theirs.reduce(0) { $0 + $1.count },
            estimateCount: ours.reduce(0) { $0 + $1.count })
    }

    private static func onsets(_ piece: NotePiece, _ axis: Axis) -> [[Double]] {
        var onsets = [[Double]](repeating: [], count: 128)
        for note in piece.notes where !note.isDrum {
            onsets[Int(note.pitch)].append(axis == .beats ? note.onset : note.onsetSeconds)
        }
        return onsets
    }

    /// The most pairs of two sorted lists, each element once.
    ///
    /// Whether two match depends on their distance alone, so the first of both may be paired if they match, and else
    /// the smaller has no partner: as many pairs as the best bipartite matching.
    static func pairCount(_ first: [Double], _ second: [Double], _ match: (Double, Double) -> Bool) -> Int {
        var (i, j, count) = (0, 0, 0)
        while i < first.count, j < second.count {
            if match(first[i], second[j]) {
                count += 1
                i += 1
                j += 1
            } else if first[i] < second[j] {
                i += 1
            } else {
                j += 1
            }
        }
        return count
    }
}

/// How well the beats of two pieces coincide: `mir_eval.beat.f_measure`.
public enum BeatMatching {
    /// Pairs beats that are at most `tolerance` apart, as many as possible, each once.
    ///
    /// Source: Davies, Degara and Plumbley (2009), as `mir_eval.beat` 0.8.2 computes it after `trim_beats`.
    ///
    /// - Parameters:
    ///   - estimate: The times that are judged, in seconds, in order.
    ///   - reference: The times they should equal, in order.
    ///   - tolerance: The largest distance in seconds.
    ///   - skipping: Times before this one, in seconds, are left out of both lists.
    /// - Returns: The counts of pairs and beats.
    public static func score(
        _ estimate: [Double], reference: [Double], tolerance: Double = 0.07, skipping: Double = 5
    ) -> MatchScore {
        let ours = estimate.filter { $0 >= skipping }.sorted()
        let theirs = reference.filter { $0 >= skipping }.sorted()
        let matched = NoteMatching.pairCount(ours, theirs) { estimate, reference in
            estimate - tolerance <= reference && reference <= estimate + tolerance
        }
        return MatchScore(matched: matched, referenceCount: theirs.count, estimateCount: ours.count)
    }
}
