/// The settings that a sweep takes.
public struct SettingChoice: Sendable, Equatable {
    /// The place of the chosen system among those compared.
    public let place: Int
    /// The judge whose probability decided.
    public let judge: String
    /// Which systems keep the content.
    public let keeping: [Bool]
}

extension Comparison {
    /// The system that changes the style most, of those that keep the content.
    ///
    /// A system keeps the content if its chroma similarity is above that of another piece of the target style by more than
    /// the 95 % intervals, or where there are none, above it. Of these, the one with the greatest probability of the style
    /// is chosen; of equal ones the one with the greater similarity, then the first. If none keeps the content, it is
    /// the one with the greatest similarity. The judge is that of the verdict; if no judge supports a claim, the most
    /// accurate one that is no nuisance judge. Without one there is no choice.
    public var choice: SettingChoice? {
        let others = common.judges.filter { !$0.isNuisance }
        guard
            let judge = judge
                ?? others.max(by: { ($0.balancedAccuracy ?? 0) < ($1.balancedAccuracy ?? 0) })
        else { return nil }
        let points = systems.map { system -> (style: Double, content: Double, keeps: Bool) in
            let kept = system.judgement.value(of: Self.contentMeasure)
            let random = system.judgement.value(of: Self.contentMeasure, baseline: "target")
            let floor = random.map { $0.interval?.upperBound ?? $0.value } ?? 0
            let low = kept.map { $0.interval?.lowerBound ?? $0.value } ?? -.infinity
            return (
                system.judgement.value(of: "probability_\(judge.name)")?.value ?? 0,
                kept?.value ?? -.infinity, low > floor
            )
        }
        let candidates = points.indices.filter { points[$0].keeps }
        let chosen =
            candidates.isEmpty
            ? points.indices.reduce(0) { points[$1].content > points[$0].content ? $1 : $0 }
            : candidates.reduce(candidates[0]) { best, next in
                (points[next].style, points[next].content) > (points[best].style, points[best].content)
                    ? next : best
            }
        return SettingChoice(place: chosen, judge: judge.name, keeping: points.map(\.keeps))
    }
}
