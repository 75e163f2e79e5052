import Files

/// A colour of eight bits a channel.
package struct Colour: Hashable, Sendable {
    let red: UInt8
    let green: UInt8
    let blue: UInt8

    package init(_ red: UInt8, _ green: UInt8, _ blue: UInt8) {
        (self.red, self.green, self.blue) = (red, green, blue)
    }

    package static let white = Colour(255, 255, 255)
    package static let ink = Colour(38, 38, 44)
    package static let grey = Colour(120, 120, 128)
    package static let line = Colour(222, 222, 228)

    /// A colour between two, by a share from 0 to 1.
    package static func mix(_ first: Colour, _ second: Colour, _ share: Double) -> Colour {
        func channel(_ a: UInt8, _ b: UInt8) -> UInt8 {
            UInt8((Double(a) + (Double(b) - Double(a)) * share).rounded())
        }
        return Colour(
            channel(first.red, second.red), channel(first.green, second.green),
            channel(first.blue, second.blue))
    }
}

/// Values as colours whose lightness rises evenly, so that equal steps look equal and grey prints keep the order.
///
/// Between nine points of viridis (van der Walt and Smith, 2015), from dark blue to yellow.
package enum ColourMap {
    private static let points: [Colour] = [
        Colour(68, 1, 84), Colour(71, 44, 122), Colour(59, 81, 139), Colour(44, 113, 142),
        Colour(33, 144, 141),
        Colour(39, 173, 129), Colour(92, 200, 99), Colour(170, 220, 50), Colour(253, 231, 37),
    ]

    /// The colour of a value from 0 to 1; beyond, that of the nearer end.
    package static func colour(_ value: Double) -> Colour {
        let place = min(max(value.isFinite ? value : 0, 0), 1) * Double(points.count - 1)
        let low = min(Int(place), points.count - 2)
        return .mix(points[low], points[low + 1], place - Double(low))
    }
}
