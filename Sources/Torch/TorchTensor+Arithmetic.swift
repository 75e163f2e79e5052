internal import CTorch

/// Element by element; two shapes broadcast as in PyTorch.
extension TorchTensor {
    @inline(__always)
    private func unary(_ operation: StaticString, _ kind: ctorch_unary_kind) throws(TorchError) -> TorchTensor
    {
        try make(operation) { ctorch_unary(handle, kind, $0, $1) }
    }

    /// The opposite of each element.
    public func negated() throws(TorchError) -> TorchTensor { try unary("negated", CTORCH_NEGATE) }
    /// The absolute value of each element.
    public func abs() throws(TorchError) -> TorchTensor { try unary("abs", CTORCH_ABS) }
    /// The exponential of each element.
    public func exp() throws(TorchError) -> TorchTensor { try unary("exp", CTORCH_EXP) }
    /// The exponential less 1, exact near 0.
    public func expm1() throws(TorchError) -> TorchTensor { try unary("expm1", CTORCH_EXPM1) }
    /// The natural logarithm of each element.
    public func log() throws(TorchError) -> TorchTensor { try unary("log", CTORCH_LOG) }
    /// The natural logarithm of 1 plus each element, exact near 0.
    public func log1p() throws(TorchError) -> TorchTensor { try unary("log1p", CTORCH_LOG1P) }
    /// The square root of each element.
    public func sqrt() throws(TorchError) -> TorchTensor { try unary("sqrt", CTORCH_SQRT) }
    /// 1 over the square root of each element.
    public func rsqrt() throws(TorchError) -> TorchTensor { try unary("rsqrt", CTORCH_RSQRT) }
    /// The square of each element.
    public func square() throws(TorchError) -> TorchTensor { try unary("square", CTORCH_SQUARE) }
    /// 1 over each element.
    public func reciprocal() throws(TorchError) -> TorchTensor { try unary("reciprocal", CTORCH_RECIPROCAL) }
    /// The sine of each element, in radians.
    public func sin() throws(TorchError) -> TorchTensor { try unary("sin", CTORCH_SIN) }
    /// The cosine of each element, in radians.
    public func cos() throws(TorchError) -> TorchTensor { try unary("cos", CTORCH_COS) }
    /// The hyperbolic tangent of each element.
    public func tanh() throws(TorchError) -> TorchTensor { try unary("tanh", CTORCH_TANH) }
    /// The logistic function of each element, in (0, 1).
    public func sigmoid() throws(TorchError) -> TorchTensor { try unary("sigmoid", CTORCH_SIGMOID) }
    /// The logarithm of the logistic function.
    public func logSigmoid() throws(TorchError) -> TorchTensor { try unary("logSigmoid", CTORCH_LOG_SIGMOID) }
    /// Each element, but at least 0.
    public func relu() throws(TorchError) -> TorchTensor { try unary("relu", CTORCH_RELU) }
    /// log(1 + exp(x)) of each element.
    public func softplus() throws(TorchError) -> TorchTensor { try unary("softplus", CTORCH_SOFTPLUS) }
    /// The Gaussian error linear unit, exact form.
    public func gelu() throws(TorchError) -> TorchTensor { try unary("gelu", CTORCH_GELU) }
    /// -1, 0 or 1.
    public func sign() throws(TorchError) -> TorchTensor { try unary("sign", CTORCH_SIGN) }
    /// The next whole number below.
    public func floor() throws(TorchError) -> TorchTensor { try unary("floor", CTORCH_FLOOR) }
    /// The nearest whole number, halves to even.
    public func rounded() throws(TorchError) -> TorchTensor { try unary("rounded", CTORCH_ROUND) }
    /// The inverse of the error function, for (-1, 1).
    public func erfinv() throws(TorchError) -> TorchTensor { try unary("erfinv", CTORCH_ERFINV) }
    /// Whether each element is not a number.
    public func isNaN() throws(TorchError) -> TorchTensor { try unary("isNaN", CTORCH_IS_NAN) }
    /// Whether each element is a finite number.
    public func isFinite() throws(TorchError) -> TorchTensor { try unary("isFinite", CTORCH_IS_FINITE) }
    /// Whether each element is 0.
    public func not() throws(TorchError) -> TorchTensor { try unary("not", CTORCH_NOT) }

    /// The exponential linear unit: `alpha * (exp(x) - 1)` below 0.
    public func elu(alpha: Double = 1) throws(TorchError) -> TorchTensor {
        try make("elu") { ctorch_elu(handle, alpha, $0, $1) }
    }
    /// `slope * x` below 0.
    public func leakyReLU(slope: Double = 0.01) throws(TorchError) -> TorchTensor {
        try make("leakyReLU") { ctorch_leaky_relu(handle, slope, $0, $1) }
    }
    /// Each element, but not below `low` nor above `high`.
    public func clamped(low: Double? = nil, high: Double? = nil) throws(TorchError) -> TorchTensor {
        try make("clamped") { ctorch_clamp(handle, low ?? .nan, high ?? .nan, $0, $1) }
    }

    // MARK: Two tensors

    @inline(__always)
    private static func binary(
        _ operation: StaticString, _ kind: ctorch_binary_kind, _ left: TorchTensor, _ right: TorchTensor
    ) throws(TorchError) -> TorchTensor {
        try make(operation) { ctorch_binary(left.handle, right.handle, kind, $0, $1) }
    }

    @inline(__always)
    private static func binary(
        _ operation: StaticString, _ kind: ctorch_binary_kind, _ left: TorchTensor, _ right: Double
    ) throws(TorchError) -> TorchTensor {
        try make(operation) { ctorch_binary_number(left.handle, right, kind, $0, $1) }
    }

    /// The sum.
    public static func + (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary("+", CTORCH_ADD, left, right)
    }
    /// The sum.
    public static func + (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary("+", CTORCH_ADD, left, right)
    }
    /// The difference.
    public static func - (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary("-", CTORCH_SUBTRACT, left, right)
    }
    /// The difference.
    public static func - (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary("-", CTORCH_SUBTRACT, left, right)
    }
    /// The product.
    public static func * (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary("*", CTORCH_MULTIPLY, left, right)
    }
    /// The product.
    public static func * (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary("*", CTORCH_MULTIPLY, left, right)
    }
    /// The quotient, never of whole numbers.
    public static func / (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary("/", CTORCH_DIVIDE, left, right)
    }
    /// The quotient, never of whole numbers.
    public static func / (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary("/", CTORCH_DIVIDE, left, right)
    }
    /// The sum.
    public static func + (left: Double, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try right + left
    }
    /// The difference.
    public static func - (left: Double, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try right.negated() + left
    }
    /// The product.
    public static func * (left: Double, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try right * left
    }
    /// The quotient.
    public static func / (left: Double, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try right.reciprocal() * left
    }
    /// The opposite.
    public static prefix func - (tensor: TorchTensor) throws(TorchError) -> TorchTensor {
        try tensor.negated()
    }

    /// The sum with another tensor that is scaled first, in one pass.
    public func plus(_ other: TorchTensor, scale: Double) throws(TorchError) -> TorchTensor {
        try make("plus") { ctorch_add_scaled(handle, other.handle, scale, $0, $1) }
    }
    /// Each element to a power.
    public func power(_ exponent: Double) throws(TorchError) -> TorchTensor {
        try Self.binary("power", CTORCH_POWER, self, exponent)
    }
    /// Each element to the power of another's.
    public func power(_ exponent: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.binary("power", CTORCH_POWER, self, exponent)
    }
    /// The larger of two elements.
    public func maximum(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.binary("maximum", CTORCH_MAXIMUM, self, other)
    }
    /// The smaller of two elements.
    public func minimum(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.binary("minimum", CTORCH_MINIMUM, self, other)
    }
    /// Whether both are other than 0.
    public func and(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.binary("and", CTORCH_AND, self, other)
    }
    /// Whether one of both is other than 0.
    public func or(_ other: TorchTensor) throws(TorchError) -> TorchTensor {
        try Self.binary("or", CTORCH_OR, self, other)
    }

    // MARK: Comparisons, which yield `bool`

    /// Whether each element equals the other's.
    public static func .== (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".==", CTORCH_EQUAL, left, right)
    }
    /// Whether each element equals the other's.
    public static func .== (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".==", CTORCH_EQUAL, left, right)
    }
    /// Whether each element differs from the other's.
    public static func .!= (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".!=", CTORCH_NOT_EQUAL, left, right)
    }
    /// Whether each element differs from the other's.
    public static func .!= (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".!=", CTORCH_NOT_EQUAL, left, right)
    }
    /// Whether each element is less.
    public static func .< (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".<", CTORCH_LESS, left, right)
    }
    /// Whether each element is less.
    public static func .< (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".<", CTORCH_LESS, left, right)
    }
    /// Whether each element is less or equal.
    public static func .<= (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".<=", CTORCH_LESS_EQUAL, left, right)
    }
    /// Whether each element is less or equal.
    public static func .<= (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".<=", CTORCH_LESS_EQUAL, left, right)
    }
    /// Whether each element is greater.
    public static func .> (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".>", CTORCH_GREATER, left, right)
    }
    /// Whether each element is greater.
    public static func .> (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".>", CTORCH_GREATER, left, right)
    }
    /// Whether each element is greater or equal.
    public static func .>= (left: TorchTensor, right: TorchTensor) throws(TorchError) -> TorchTensor {
        try binary(".>=", CTORCH_GREATER_EQUAL, left, right)
    }
    /// Whether each element is greater or equal.
    public static func .>= (left: TorchTensor, right: Double) throws(TorchError) -> TorchTensor {
        try binary(".>=", CTORCH_GREATER_EQUAL, left, right)
    }

    /// The elements of `yes` where a `bool` condition holds, else those of `no`.
    public static func choose(
        _ condition: TorchTensor, _ yes: TorchTensor, _ no: TorchTensor
    ) throws(TorchError) -> TorchTensor {
        try make("choose") { ctorch_where(condition.handle, yes.handle, no.handle, $0, $1) }
    }
    /// A number wherever a `bool` mask holds.
    public func filled(where mask: TorchTensor, with value: Double) throws(TorchError) -> TorchTensor {
        try make("filled") { ctorch_masked_fill(handle, mask.handle, value, $0, $1) }
    }
}
