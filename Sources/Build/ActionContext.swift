public import Files
public import Storage

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

    /// Lends an input object in the form in which it is read fastest, its bytes checked; see `Cache.withContents(of:)`.
    ///
    /// - Throws: as `Cache.withContents(of:)`.
    public func withContents<Result>(
        of input: String, _ body: (ObjectContents) throws -> Result
    ) throws -> Result {
        try cache.withContents(of: action.input(input), body)
    }

    /// Who opens an output.
    public enum Audience: Sendable {
        /// Other actions alone: an output of less than 256 KiB is put into a pack.
        case actions
        /// Readers of the dataset: the output is always a file of its own.
        case readers
    }

    /// Begins an output object; it is complete when the body returns.
    ///
    /// - Precondition: the name wasn't used before.
    /// - Throws: `build.disk-full`, `build.io`.
    public func makeOutput(
        _ name: String, for audience: Audience = .actions
    ) throws(BuildError) -> ObjectWriter {
        precondition(writers[name] == nil, "stage \(action.stage.name) makes two outputs '\(name)'")
        let writer = try ObjectWriter(
            cache.disk, path: cache.store.temporaryPath(), mayBePacked: audience == .actions,
            cancellation: cache.cancellation)
        writers[name] = writer
        return writer
    }

    /// Writes an output object whole.
    ///
    /// - Throws: `build.disk-full`, `build.io`.
    public func write(
        _ bytes: [UInt8], as name: String, for audience: Audience = .actions
    ) throws(BuildError) {
        try makeOutput(name, for: audience).write(bytes)
    }

    /// Ends the body when the build was asked to stop; for bodies that work long without writing.
    ///
    /// - Throws: `build.interrupted`.
    public func checkCancellation() throws(BuildError) {
        try cache.cancellation.check()
    }

    /// Runs the body; the result lacks the outputs.
    ///
    /// - Throws: as `Engine.run`.
    func run(
        reading sources: [SourceFile], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionResult {
        var failure: Diagnostic?
        do {
            try body(self)
        } catch let thrown as StageFailure {
            failure = thrown.diagnostic
        } catch let error as BuildError {
            throw error
        } catch {
            throw BuildError(
                .stageFaulted, "\(action.stage.name) of \(action.subject): \(error)", canRetry: false)
        }
        for source in sources { try source.checkUnchanged() }
        return ActionResult(facts: facts, diagnostics: diagnostics, failure: failure)
    }

    /// Names the outputs, and keeps none of them.
    ///
    /// - Throws: `build.disk-full`, `build.io`.
    func discard() throws(BuildError) -> [String: ObjectReference] {
        var outputs: [String: ObjectReference] = [:]
        for (name, writer) in writers {
            let sealed = try writer.seal()
            outputs[name] = sealed.reference
            if case .file(let path) = sealed.contents { try cache.disk.remove(path) }
        }
        writers = [:]
        return outputs
    }

    /// Names the outputs and hands them over to be put in place.
    ///
    /// - Parameter mayBeThere: whether small outputs are looked for before they are stored once more.
    /// - Returns: the outputs, and the files that wait to be put in place.
    /// - Throws: `build.disk-full`, `build.io`.
    func seal(
        mayBeThere: Bool
    ) throws(BuildError) -> (outputs: [String: ObjectReference], files: [SealedFile]) {
        var outputs: [String: ObjectReference] = [:]
        var files: [SealedFile] = []
        for (name, writer) in writers {
            let sealed = try writer.seal()
            outputs[name] = sealed.reference
            switch sealed.contents {
            case .bytes(let bytes):
                if mayBeThere, try cache.store.isPresent([sealed.reference])[0] { continue }
                try cache.store.pack(bytes, named: sealed.reference.digest)
            case .file(let path):
                let file = SealedFile(reference: sealed.reference, path: path)
                if cache.store.adopt(file) { files.append(file) }
            }
        }
        writers = [:]
        return (outputs, files)
    }
}

extension Cache {
    /// What an action gives when it is run now; nothing of it is kept or recorded.
    ///
    /// - Precondition: the cache was opened for building.
    /// - Throws: as `Engine.run`.
    public func recompute(
        _ action: Action, reading sources: [SourceFile] = [], _ body: (ActionContext) throws -> Void
    ) throws(BuildError) -> ActionResult {
        precondition(access != .reading, "a cache opened for reading has no place for temporary files")
        try cancellation.check()
        let context = ActionContext(action, cache: self)
        var result = try context.run(reading: sources, body)
        if result.failure == nil { result.outputs = try context.discard() }
        return result
    }
}
