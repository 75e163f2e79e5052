public import Files

/// A cache elsewhere that many machines share: objects by their hashes, and records by keys.
///
/// Nothing that it gives is believed: the caller hashes objects and parses records with care. Nothing that it does can
/// fail a build either: a store that does not answer has nothing, and takes nothing. All methods may be called from any
/// thread.
public protocol RemoteStore: Sendable {
    /// Where it is, for people; without passwords.
    var address: String { get }
    /// How many requests it takes at once.
    var connections: Int { get }
    /// The most bytes that a cache keeps of objects that it fetched to read them.
    var localLimit: Int { get }
    /// What was moved so far.
    var traffic: RemoteTraffic { get }

    /// The bytes that are kept under a key; nil if there are none, or none that can be had.
    func record(under key: Digest) -> [UInt8]?

    /// Keeps bytes under a key, in place of those before.
    ///
    /// - Returns: whether they are kept.
    func keep(_ record: [UInt8], under key: Digest) -> Bool

    /// Hands over the bytes of an object in parts.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size if that is known: no more bytes are handed over.
    ///   - sink: takes a part; false ends the transfer.
    /// - Returns: whether the object was there and all of it was handed over.
    func read(_ digest: Digest, size: Int?, to sink: (UnsafeRawBufferPointer) -> Bool) -> Bool

    /// Whether the object is there with its size; its bytes are not looked at. False if that cannot be told.
    func holds(_ object: ObjectReference) -> Bool

    /// Keeps an object, in place of what has its name.
    ///
    /// - Returns: whether it is kept.
    func keep(_ object: ObjectReference, _ contents: ObjectContents) -> Bool

    /// Notes that something it gave was not what it should be.
    func reject(_ what: String)
}

/// What was moved between a cache and a remote store.
public struct RemoteTraffic: Sendable, Hashable {
    /// Requests, repeated ones included.
    public var requests = 0
    /// Bytes of bodies that were received.
    public var received = 0
    /// Bytes of bodies that were sent.
    public var sent = 0
    /// Requests that failed, repeated ones included.
    public var failures = 0
    /// Records and objects that were not what they should be.
    public var rejected = 0

    /// Starts with nothing.
    public init() {}

    /// The numbers as an object.
    public var json: JSONValue {
        [
            "requests": JSONValue(requests), "received": JSONValue(received), "sent": JSONValue(sent),
            "failures": JSONValue(failures), "rejected": JSONValue(rejected),
        ]
    }
}

extension RemoteStore {
    /// Hands over the bytes of an object in parts to what may fail.
    ///
    /// - Parameters:
    ///   - digest: its name.
    ///   - size: its size if that is known.
    ///   - sink: takes a part.
    /// - Returns: whether the object was there and all of it was handed over.
    /// - Throws: what the sink throws, which ends the transfer.
    public func copy<Failure: Error>(
        _ digest: Digest, size: Int?, to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        var failure: Failure?
        let isWhole = read(digest, size: size) { part in
            do throws(Failure) {
                try sink(part)
                return true
            } catch {
                failure = error
                return false
            }
        }
        if let failure { throw failure }
        return isWhole
    }

    /// Under which key a store keeps what the newest snapshot of a dataset is.
    package static func key(of dataset: String) -> Digest { Digest(of: Array("ref/\(dataset)".utf8)) }

    /// The newest snapshot of a dataset; nil if there is none that can be had.
    public func snapshot(of dataset: String) -> ObjectReference? {
        guard Cache.isName(dataset), let bytes = record(under: Self.key(of: dataset)) else { return nil }
        guard let json = try? JSONValue(parsing: bytes), json["dataset"]?.string == dataset,
            let snapshot = json["snapshot"]?.string.flatMap({ Digest(hex: $0) }),
            let size = json["bytes"]?.integer, size >= 0
        else {
            reject("the reference of the dataset '\(dataset)'")
            return nil
        }
        return ObjectReference(digest: snapshot, size: size)
    }
}

extension Cache {
    /// Makes a snapshot the newest of its dataset in a remote store, once all objects that it reaches are there.
    ///
    /// - Parameters:
    ///   - objects: the snapshot, then all that it reaches.
    ///   - dataset: its dataset.
    ///   - remote: the store.
    /// - Returns: how many objects and bytes were sent; nil if the store did not take all of them, and has no new snapshot.
    /// - Throws: `build.object-missing`, `build.object-corrupt` and other errors of the cache; `build.interrupted`.
    public func share(
        _ objects: [ObjectReference], as dataset: String, to remote: any RemoteStore
    ) throws(BuildError) -> (objects: Int, bytes: Int)? {
        guard let snapshot = objects.first else { return nil }
        let reference: JSONValue = [
            "dataset": .string(dataset), "snapshot": JSONValue(snapshot.digest),
            "bytes": JSONValue(snapshot.size),
        ]
        let workers = Workers(count: remote.connections, cancellation: cancellation)
        let sent = try workers.map(objects) { (object) throws(BuildError) -> Int? in
            if remote.holds(object) { return 0 }
            return try send(object, to: remote) ? 1 : nil
        }
        guard !sent.contains(nil),
            remote.keep(reference.canonicalBytes, under: type(of: remote).key(of: dataset))
        else { return nil }
        let bytesSent = zip(objects, sent).reduce(0) { $0 + ($1.1 == 1 ? $1.0.size : 0) }
        return (sent.reduce(0) { $0 + ($1 ?? 0) }, bytesSent)
    }

    /// Sends an object; false if the store did not take it.
    package func send(_ object: ObjectReference, to remote: any RemoteStore) throws(BuildError) -> Bool {
        do {
            return try withContents(of: object.digest, size: object.size) { remote.keep(object, $0) }
        } catch let error as BuildError {
            throw error
        } catch {
            preconditionFailure("a closure that does not throw threw \(error)")
        }
    }
}
