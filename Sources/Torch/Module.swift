public import Tensors

/// A parameter or buffer with its full name, such as `encoder.0.weight`.
public struct NamedParameter {
    /// The name, by PyTorch's rules.
    public let name: String
    /// The tensor itself, not a copy.
    public let tensor: TorchTensor

    /// Names a tensor.
    public init(_ name: String, _ tensor: TorchTensor) {
        self.name = name
        self.tensor = tensor
    }
}

/// A part of a network: its own tensors, and the modules it is made of.
///
/// A class whose stored properties are modules, arrays of modules (`layers.0`, `layers.1`, …, as in
/// `nn.ModuleList`) and tensors needs to write none of the requirements: names are the properties' names, so that
/// a PyTorch module with the same names loads the same weights. The order of properties is the order of the
/// parameters.
public protocol Module: AnyObject {
    /// The tensors of this module itself that are trained; by default all stored `TorchTensor`s.
    var ownParameters: [NamedParameter] { get }
    /// The tensors of this module itself that are kept but not trained; by default none.
    var ownBuffers: [NamedParameter] { get }
    /// The modules this one is made of; by default those it stores.
    var children: [(name: String, module: any Module)] { get }
}

/// A module that takes one tensor to one.
public protocol Layer: Module {
    /// Computes the layer's output.
    ///
    /// - Throws: `torch.operation` when the input does not fit.
    func callAsFunction(_ input: TorchTensor) throws(TorchError) -> TorchTensor
}

/// A module that behaves otherwise in training than in use.
public protocol ModeDependent: Module {
    /// Whether it behaves as in training; true at first.
    var isTraining: Bool { get set }
}

extension Module {
    /// All stored `TorchTensor`s, by their properties' names.
    public var ownParameters: [NamedParameter] {
        storedProperties(of: self).compactMap { name, value in
            (value as? TorchTensor).map { NamedParameter(name, $0) }
        }
    }

    /// None.
    public var ownBuffers: [NamedParameter] { [] }

    /// The stored modules and arrays of modules, by their properties' names.
    public var children: [(name: String, module: any Module)] {
        storedProperties(of: self).flatMap { name, value -> [(name: String, module: any Module)] in
            if let module = value as? any Module { return [(name, module)] }
            guard let list = value as? [any Module] else { return [] }
            return list.enumerated().map { ("\(name).\($0.offset)", $0.element) }
        }
    }

    /// All tensors that are trained, this module's first, then those of its children in order.
    public var parameters: [NamedParameter] { collect("") { $0.ownParameters } }
    /// All tensors that are kept but not trained, such as running statistics.
    public var buffers: [NamedParameter] { collect("") { $0.ownBuffers } }

    private func collect(
        _ prefix: String, _ own: (any Module) -> [NamedParameter]
    ) -> [NamedParameter] {
        own(self).map { NamedParameter(prefix + $0.name, $0.tensor) }
            + children.flatMap { $0.module.collect(prefix + $0.name + ".", own) }
    }

    /// Switches this module and all below it to training or to use.
    public func setTraining(_ training: Bool) {
        (self as? any ModeDependent)?.isTraining = training
        for child in children { child.module.setTraining(training) }
    }

    /// Moves all tensors to a device; an optimiser is made afterwards.
    public func move(to device: Device) throws(TorchError) {
        for item in parameters + buffers { try item.tensor.setData(item.tensor.to(device)) }
    }

    /// Gives all tensors but whole numbers another element type; an optimiser is made afterwards.
    public func convert(to type: ElementType) throws(TorchError) {
        for item in parameters + buffers where item.tensor.type != .i64 {
            try item.tensor.setData(item.tensor.to(type))
        }
    }

    /// Lets autograd leave all parameters alone, or record them again.
    public func freeze(_ frozen: Bool = true) throws(TorchError) {
        for item in parameters { try item.tensor.requireGradient(!frozen) }
    }

    /// Sets each parameter from an initialiser chosen by its name and shape; nil leaves it as it is.
    public func initialise(
        _ choice: (_ name: String, _ shape: [Int]) -> Initialiser?
    ) throws(TorchError) {
        for item in parameters { try choice(item.name, item.tensor.shape)?.apply(to: item.tensor) }
    }
}

/// The stored properties of an object, those of its superclasses first.
private func storedProperties(of object: Any) -> [(name: String, value: Any)] {
    var mirrors: [Mirror] = []
    var next: Mirror? = Mirror(reflecting: object)
    while let mirror = next {
        mirrors.append(mirror)
        next = mirror.superclassMirror
    }
    return mirrors.reversed().flatMap { mirror in
        mirror.children.compactMap { child in child.label.map { ($0, unwrapped(child.value)) } }
    }
}

/// What an optional holds; anything else as it is.
private func unwrapped(_ value: Any) -> Any {
    let mirror = Mirror(reflecting: value)
    return mirror.displayStyle == .optional ? mirror.children.first?.value ?? value : value
}
