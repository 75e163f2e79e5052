/// What a stage's body has at hand: its inputs, its outputs, and a place for remarks and small results.
///
/// Used by the thread that runs the body.
public final class ActionContext {
    /// What is being computed.
    public let action: Action
    /// Small values that planning needs without opening an object.
    public var facts: JSONValue = .null
    /// The remarks made so far.
    public private(set) var diagnostics: [Diagnostic] = []

    private let cache: Cache
    private var writers: [String: ObjectWriter] = [:]

    init(_ action: Action, cache: Cache) {
        self.action = action
        self.cache = cache
    }

    /// Notes a remark, to be recorded with the result.
    public func report(_ diagnostic: Diagnostic) {
        diagnostics.append(diagnostic)
    }

    /// The whole of an input object, its bytes checked against its name.
    ///
    /// - Throws: as `Cache.bytes(of:)`.
    public func bytes(of input: String) throws(BuildError) -> [UInt8] {
        try cache.bytes(of: action.input(input))
    }

    /// Lends a path at which an input object can be opened, its bytes checked; see `Cache.withFile(of:)`.
    ///
    /// - Throws: as `Cache.withFile(of:)`.
    public func withFile<Result>(of input: String, _ body: (String) throws -> Result) throws -> Result {
        try cache.withFile(of: action.input(input), body)
    }

    /// Begins an output object; it is complete when the body returns.
    ///
    /// - Precondition: the name wasn't used before.
    /// - Throws: `build.disk-full`, `build.io`.
    public func makeOutput(_ name: String) throws(BuildError) -> ObjectWriter {
        precondition(writers[name] == nil, "stage \(action.stage.name) makes two outputs '\(name)'")
        let writer = try ObjectWriter(
            cache.disk, path: cache.store.temporaryPath(), cancellation: cache.cancellation)
        writers[name] = writer
        return writer
    }

    /// Writes an output object whole.
    ///
    /// - Throws: `build.disk-full`, `build.io`.
    public func write(_ bytes: [UInt8], as name: String) throws(BuildError) {
        try makeOutput(name).write(bytes)
    }

    /// Ends the body when the build was asked to stop; for bodies that work long without writing.
    ///
    /// - Throws: `build.interrupted`.
    public func checkCancellation() throws(BuildError) {
        try cache.cancellation.check()
    }

    /// Names the outputs and hands them over to be put in place.
    func seal() throws(BuildError) -> (outputs: [String: ObjectReference], objects: [SealedObject]) {
        var outputs: [String: ObjectReference] = [:]
        var objects: [SealedObject] = []
        for (name, writer) in writers {
            let sealed = try writer.seal()
            outputs[name] = sealed.reference
            if cache.store.adopt(sealed) { objects.append(sealed) }
        }
        writers = [:]
        return (outputs, objects)
    }
}
