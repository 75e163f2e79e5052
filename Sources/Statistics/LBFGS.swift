/// Minimises a smooth convex function (Nocedal and Wright, "Numerical Optimization", algorithm 7.4 and 7.5).
package enum LBFGS {
    /// The pairs of steps that are remembered.
    private static let memory = 12

    /// Descends until no component of the gradient exceeds a tolerance, no step descends, or the limit is reached.
    ///
    /// - Parameters:
    ///   - start: Where to begin.
    ///   - gradientTolerance: The largest component at the end.
    ///   - limit: The most steps.
    ///   - evaluate: The function, which also writes its gradient.
    /// - Returns: The last point.
    static func minimise(
        from start: [Double], gradientTolerance: Double, limit: Int,
        _ evaluate: ([Double], inout [Double]) -> Double
    ) -> [Double] {
        var point = start
        var gradient = [Double](repeating: 0, count: start.count)
        var value = evaluate(point, &gradient)
        var history: [(step: [Double], change: [Double], curvature: Double)] = []
        for _ in 0..<limit {
            if gradient.allSatisfy({ abs($0) <= gradientTolerance }) { break }
            var direction = direction(gradient, history)
            var slope = product(direction, gradient)
            if slope >= 0 {
                history = []
                direction = gradient.map { -$0 }
                slope = -product(gradient, gradient)
            }
            var length = history.isEmpty ? min(1, 1 / (-slope).squareRoot()) : 1
            var isFound = false
            var next = point
            var nextGradient = gradient
            // Near the minimum the values differ by rounding alone.
            let slack = 4 * Double.ulpOfOne * abs(value)
            for _ in 0..<40 {
                for index in point.indices { next[index] = point[index] + length * direction[index] }
                let nextValue = evaluate(next, &nextGradient)
                if nextValue <= value + 1e-4 * length * slope + slack {
                    value = nextValue
                    isFound = true
                    break
                }
                length /= 2
            }
            guard isFound else { break }
            let step = zip(next, point).map { $0 - $1 }
            let change = zip(nextGradient, gradient).map { $0 - $1 }
            let curvature = product(step, change)
            if curvature > 1e-12 * product(change, change) {
                history.append((step, change, curvature))
                if history.count > memory { history.removeFirst() }
            }
            swap(&point, &next)
            swap(&gradient, &nextGradient)
        }
        return point
    }

    /// The negative gradient, times an estimate of the inverse Hessian.
    private static func direction(
        _ gradient: [Double], _ history: [(step: [Double], change: [Double], curvature: Double)]
    ) -> [Double] {
        var direction = gradient.map { -$0 }
        var factors: [Double] = []
        for pair in history.reversed() {
            let factor = product(pair.step, direction) / pair.curvature
            factors.append(factor)
            for index in direction.indices { direction[index] -= factor * pair.change[index] }
        }
        if let last = history.last {
            let scale = last.curvature / product(last.change, last.change)
            for index in direction.indices { direction[index] *= scale }
        }
        for (pair, factor) in zip(history, factors.reversed()) {
            let other = product(pair.change, direction) / pair.curvature
            for index in direction.indices { direction[index] += (factor - other) * pair.step[index] }
        }
        return direction
    }

    private static func product(_ a: [Double], _ b: [Double]) -> Double {
        a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { b in dot(a, b) } }
    }
}

/// The scalar product, in eight sums so that it can be computed in vectors.
func dot(_ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>) -> Double {
    var sums = SIMD8<Double>.zero
    var index = 0
    while index + 8 <= a.count {
        var (left, right) = (SIMD8<Double>.zero, SIMD8<Double>.zero)
        for lane in 0..<8 {
            left[lane] = a[index + lane]
            right[lane] = b[index + lane]
        }
        sums += left * right
        index += 8
    }
    var sum = sums.sum()
    while index < a.count {
        sum += a[index] * b[index]
        index += 1
    }
    return sum
}
