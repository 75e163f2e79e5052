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
/// A class whose stored properties are modules and tensors, arrays of these (`layers.0`, `layers.1`, …, as in
/// `nn.ModuleList`) or dictionaries of these (`heads.pitch`, …, as in `nn.ModuleDict`, in the order of their keys), all
/// of them optional or not, needs to write none of the requirements: names are the properties' names, so that a PyTorch
/// module with the same names loads the same weights. The order of properties is the order of the parameters. A module
/// or tensor stored in any other way (in a structure, a tuple, a plain class, an array of arrays, a lazy property)
/// would be missed, and stops the program; such a class writes `ownParameters` and `children` itself.
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
    /// All stored tensors, by their properties' names.
    ///
    /// - Precondition: none is stored where names cannot be given, such as in a structure.
    public var ownParameters: [NamedParameter] {
        StoredProperty.all(of: self).flatMap { property in
            property.tensors.map { NamedParameter($0.name, $0.value) }
        }
    }

    /// None.
    public var ownBuffers: [NamedParameter] { [] }

    /// All stored modules, by their properties' names.
    ///
    /// - Precondition: none is stored where names cannot be given, such as in a structure.
    public var children: [(name: String, module: any Module)] {
        StoredProperty.all(of: self).flatMap { property in
            property.modules.map { ($0.name, $0.value) }
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
        for module in modeDependents { module.isTraining = training }
    }

    /// This module and all below it that behave otherwise in training than in use.
    var modeDependents: [any ModeDependent] {
        ((self as? any ModeDependent).map { [$0] } ?? []) + children.flatMap { $0.module.modeDependents }
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

    /// Lays the weights of convolutions over two axes out in a memory format; values and names stay.
    ///
    /// In `.channelsLast` a network computes in it from the first convolution on, whatever the format of its input. An
    /// optimiser is made afterwards.
    public func lay(out format: TorchTensor.MemoryFormat) throws(TorchError) {
        for item in parameters where item.tensor.rank == 4 {
            try item.tensor.setData(item.tensor.detach().contiguous(format))
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
