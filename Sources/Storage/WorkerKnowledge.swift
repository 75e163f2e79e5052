public import Files

/// What a worker knows of a cache in advance, so that it need not read every journal: they grow with the dataset, and thousands
/// of workers would read all of them.
public struct WorkerKnowledge: Sendable, Hashable {
    /// How the names of the workers begin that had the same work before: their journals are read.
    package let predecessors: String
    /// Where small objects lie that are needed.
    package let places: [PlacedObject]
    /// The time of the youngest line of any journal, in milliseconds since 1970.
    package let youngest: Int64

    /// Collects what a worker has to know.
    ///
    /// - Parameters:
    ///   - predecessors: how the names begin of the workers that had the same work before; only letters, digits, '-', '_'
    ///     and '.'.
    ///   - places: what `Cache.places(of:)` gave; anything else is left out.
    ///   - youngest: what `Cache.youngestTime()` gave.
    public init(predecessors: String, places: [JSONValue], youngest: Int) {
        self.predecessors = predecessors
        self.places = places.compactMap(PlacedObject.init(json:))
        self.youngest = min(max(Int64(youngest), 1), JournalEntry.times.upperBound)
    }
}

extension PlacedObject {
    /// `[object, pack, offset, length]`.
    fileprivate var json: JSONValue {
        [
            JSONValue(digest), .string(place.pack.description), JSONValue(place.offset),
            JSONValue(place.length),
        ]
    }

    fileprivate init?(json: JSONValue) {
        guard let parts = json.array, parts.count == 4,
            let digest = parts[0].string.flatMap({ Digest(hex: $0) }),
            let pack = parts[1].string.flatMap({ PackName($0) }), let offset = parts[2].integer,
            let length = parts[3].integer, let place = Place(pack: pack, offset: offset, length: length)
        else { return nil }
        self.init(digest: digest, place: place)
    }
}

extension Cache {
    /// Where small objects lie, for `WorkerKnowledge`; those that are files of their own are left out.
    ///
    /// - Throws: errors of the index.
    public func places(of digests: [Digest]) throws(BuildError) -> [JSONValue] {
        zip(digests, try store.packs.places(of: digests)).compactMap { digest, place in
            place.map { PlacedObject(digest: digest, place: $0).json }
        }
    }

    /// The time of the youngest line of any journal, in milliseconds since 1970.
    ///
    /// - Throws: errors of the index.
    public func youngestTime() throws(BuildError) -> Int {
        Int(try records.withIndex { (index) throws(BuildError) in try index.youngest() })
    }
}
