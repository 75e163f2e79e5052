public import Tensors

/// The tensors and layers of a module and all below it, found once.
///
/// `Module` finds them again by reflection on each call: too slow for every step of a training. What this
/// holds stays true as long as no module is exchanged for another.
public struct ModuleTensors {
    /// All tensors that are trained, in the order of `Module.parameters`.
    public let parameters: [NamedParameter]
    /// All tensors that are kept but not trained.
    public let buffers: [NamedParameter]
    private let modeDependents: [any ModeDependent]

    /// Looks through a module.
    public init(_ module: any Module) {
        parameters = module.parameters
        buffers = module.buffers
        modeDependents = module.modeDependents
    }

    /// Switches all layers to training or to use.
    public func setTraining(_ training: Bool) {
        for module in modeDependents { module.isTraining = training }
    }

    /// All parameters and buffers, copied into plain memory, as `Module.state()`.
    public func state() throws(TorchError) -> [NamedTensor] {
        try copies(of: parameters + buffers)
    }
}
