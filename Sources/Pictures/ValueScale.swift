import Files

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// How values become levels from 0 to 1, so that a few extreme ones do not leave the rest without contrast.
package struct ValueScale {
    package let low: Float
    package let high: Float

    /// Fits the scale: from 0, or the 1st percentile where there are negative values, to the 99th percentile.
    ///
    /// Nil for no values.
    package init?(_ values: [Float]) {
        let sorted = values.filter(\.isFinite).sorted()
        guard let least = sorted.first, let greatest = sorted.last else { return nil }
        low = least < 0 ? sorted[sorted.count / 100] : 0
        let high = sorted[sorted.count - 1 - sorted.count / 100]
        // Where nearly all is 0 the percentile is 0 too.
        self.high = high > low ? high : greatest
    }

    /// The level of a value; beyond the scale that of its nearer end.
    package func level(_ value: Float) -> Float {
        guard high > low, value.isFinite else { return 0 }
        let share = min(max((value - low) / (high - low), 0), 1)
        // A logarithm lifts what is faint: spectra fall off steeply.
        return low < 0 ? share : log1p(share * 63) / log(64)
    }
}
