/// A stored property of a module, looked through for tensors and modules.
struct StoredProperty {
    private let owner: String
    private let name: String
    private let value: Any

    /// The stored properties of an object, those of its superclasses first.
    static func all(of object: AnyObject) -> [StoredProperty] {
        var mirrors: [Mirror] = []
        var next: Mirror? = Mirror(reflecting: object)
        while let mirror = next {
            mirrors.append(mirror)
            next = mirror.superclassMirror
        }
        let owner = "\(Swift.type(of: object))"
        return mirrors.reversed().flatMap { mirror in
            mirror.children.compactMap { child in
                child.label.map { StoredProperty(owner: owner, name: $0, value: child.value) }
            }
        }
    }

    /// The tensors that it holds, with their names.
    var tensors: [(name: String, value: TorchTensor)] { found(TorchTensor.self, "tensor") }

    /// The modules that it holds, with their names.
    var modules: [(name: String, value: any Module)] { found((any Module).self, "module") }

    private func found<Wanted>(_ type: Wanted.Type, _ noun: String) -> [(name: String, value: Wanted)] {
        precondition(
            !name.hasPrefix("$__lazy_storage_$_") || !isOptional(value, of: type),
            "\(owner) has a lazy \(noun) '\(name.dropFirst(18))'; make it in init, so that it is always found"
        )
        guard let value = unwrapped(value) else { return [] }
        if let single = value as? Wanted { return [(name, single)] }
        let mirror = Mirror(reflecting: value)
        var items: [(name: String, value: Wanted)] = []
        var rest: [Any] = []
        switch mirror.displayStyle {
        case .collection:
            for (place, child) in mirror.children.enumerated() {
                guard let element = unwrapped(child.value) else { continue }
                if let item = element as? Wanted {
                    items.append(("\(name).\(place)", item))
                } else {
                    rest.append(element)
                }
            }
        case .dictionary:
            for child in mirror.children {
                let pair = Array(Mirror(reflecting: child.value).children)
                guard pair.count == 2, let element = unwrapped(pair[1].value) else { continue }
                if let item = element as? Wanted, let key = pair[0].value as? String {
                    items.append(("\(name).\(key)", item))
                } else {
                    rest.append(element)
                }
            }
            items.sort { $0.name < $1.name }
        default: rest = [value]
        }
        var seen: Set<ObjectIdentifier> = []
        precondition(
            !rest.contains { hides(type, in: $0, &seen) },
            "\(owner).\(name) holds a \(noun) where it would be missed; store it as a property, or in an array or a dictionary by String, of the module, or write ownParameters and children"
        )
        return items
    }
}

/// Whether a value is or contains something of a type; modules and tensors are not looked into.
private func hides<Wanted>(_ type: Wanted.Type, in value: Any, _ seen: inout Set<ObjectIdentifier>) -> Bool {
    guard let value = unwrapped(value) else { return false }
    if value is Wanted { return true }
    if value is any Module || value is TorchTensor { return false }
    let mirror = Mirror(reflecting: value)
    if mirror.displayStyle == .class, !seen.insert(ObjectIdentifier(value as AnyObject)).inserted {
        return false
    }
    // Long arrays of numbers need not be asked one by one.
    if value is [Float] || value is [Double] || value is [Int] || value is [UInt8] { return false }
    var next: Mirror? = mirror
    while let level = next {
        if level.children.contains(where: { hides(type, in: $0.value, &seen) }) { return true }
        next = level.superclassMirror
    }
    return false
}

/// What an optional holds, nil for none; anything else as it is.
private func unwrapped(_ value: Any) -> Any? {
    let mirror = Mirror(reflecting: value)
    guard mirror.displayStyle == .optional else { return value }
    return mirror.children.first.flatMap { unwrapped($0.value) }
}

private protocol AnyOptional { static var wrapped: Any.Type { get } }
extension Optional: AnyOptional { fileprivate static var wrapped: Any.Type { Wrapped.self } }

/// Whether a value is an optional that may hold something of a type, even if it holds nothing now.
private func isOptional<Wanted>(_ value: Any, of type: Wanted.Type) -> Bool {
    var wrapped = (Swift.type(of: value) as? any AnyOptional.Type)?.wrapped
    while let inner = (wrapped as? any AnyOptional.Type)?.wrapped { wrapped = inner }
    guard let wrapped else { return false }
    return Wanted.self == TorchTensor.self ? wrapped == TorchTensor.self : wrapped is any Module.Type
}
