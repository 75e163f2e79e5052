import Testing

@testable import Symbolic

/// Quotients by multiplication, against the processor's division.
struct DivisorTests {
    @Test func quotientsAreThoseOfADivision() {
        let divisors = Array(1...300) + [480, 960, 32_767, 65_536, 1_000_003, 1 << 40, (1 << 40) + 1, .max]
        for value in divisors {
            let divisor = Divisor(value)
            // Around multiples, where a quotient changes, and around the numbers up to which a product is right.
            var numbers = [0, 1, .max, .max - 1]
            for factor in [1, 2, 3, 1000, Int.max / value / value, Int.max / value] {
                let (multiple, overflows) = value.multipliedReportingOverflow(by: factor)
                if !overflows { numbers += [multiple - 1, multiple, multiple &+ 1] }
            }
            let limit = Int(clamping: UInt.max / UInt(value))
            numbers += [limit - 1, limit, limit / 2, limit == .max ? 0 : limit + 1]
            for number in numbers where number >= 0 {
                #expect(divisor.quotient(of: number) == number / value, "\(number) / \(value)")
            }
        }
    }
}
