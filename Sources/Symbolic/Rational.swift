/// An exact, positive fraction in its lowest terms.
public struct Rational: Hashable, Sendable, CustomStringConvertible {
    /// Above the line; positive.
    public let numerator: Int
    /// Below the line; positive.
    public let denominator: Int

    /// Reduces a fraction; both numbers must be positive.
    public init(_ numerator: Int, _ denominator: Int) {
        precondition(
            numerator > 0 && denominator > 0,
            "a fraction of positive numbers, not \(numerator)/\(denominator)")
        let divisor = greatestCommonDivisor(numerator, denominator)
        self.numerator = numerator / divisor
        self.denominator = denominator / divisor
    }

    /// The fraction, as `3/4`, or `3` when it is whole.
    public var description: String { denominator == 1 ? "\(numerator)" : "\(numerator)/\(denominator)" }
}

func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
    var (a, b) = (a, b)
    while b != 0 { (a, b) = (b, a % b) }
    return a
}

/// How a rational position becomes a whole step.
public enum Rounding: String, Hashable, Sendable, CaseIterable {
    /// To the nearest, halves up.
    case halfUp = "half_up"
    /// Down.
    case floor
}

/// A divisor that stays the same: a multiplication gives the quotients of all but large numbers, in a fraction of a
/// division's time.
///
/// Source: Granlund and Montgomery, "Division by invariant integers using multiplication" (PLDI 1994).
struct Divisor: Sendable {
    let value: Int
    /// 2⁶⁴ / value, rounded up; too large by e < value, so that the product is right up to 2⁶⁴ / e.
    private let reciprocal: UInt
    private let limit: UInt

    /// - Parameter value: positive.
    init(_ value: Int) {
        self.value = value
        (reciprocal, limit) = value == 1 ? (0, 0) : (UInt.max / UInt(value) + 1, UInt.max / UInt(value))
    }

    /// The quotient of a number that is not negative, rounded down.
    @inline(__always)
    func quotient(of number: Int) -> Int {
        let number = UInt(bitPattern: number)
        guard number <= limit else { return Int(bitPattern: number / UInt(bitPattern: value)) }
        return Int(bitPattern: number.multipliedFullWidth(by: reciprocal).high)
    }
}

/// The quotient value · multiplier / divisor plus `carry` / divisor, rounded down, exact whatever its size.
///
/// All are non-negative, the divisor positive. A carry of 0 rounds down, of divisor / 2 half up, of
/// divisor − 1 up. A quotient that does not fit is clamped to `Int.max`.
@inline(__always)
func scaled(_ value: Int, by multiplier: Int, over divisor: Divisor, carry: Int) -> Int {
    let (product, overflow) = value.multipliedReportingOverflow(by: multiplier)
    if !overflow {
        let (sum, overflow) = product.addingReportingOverflow(carry)
        if !overflow { return divisor.quotient(of: sum) }
    }
    return wideScaled(value, by: multiplier, over: divisor.value, carry: carry)
}

private func wideScaled(_ value: Int, by multiplier: Int, over divisor: Int, carry: Int) -> Int {
    var (high, low) = UInt(value).multipliedFullWidth(by: UInt(multiplier))
    let (sum, overflow) = low.addingReportingOverflow(UInt(carry))
    low = sum
    high += overflow ? 1 : 0
    guard high < UInt(divisor) else { return .max }
    return Int(clamping: UInt(divisor).dividingFullWidth((high, low)).quotient)
}
