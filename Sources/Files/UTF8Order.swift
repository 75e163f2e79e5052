/// The order of strings by their UTF-8 bytes.
public func utf8Order(_ left: String, _ right: String) -> Bool {
    left.utf8.lexicographicallyPrecedes(right.utf8)
}

/// The strings that differ in their bytes, sorted by them; Swift's own equality takes é and e + ´ for one.
public func distinctByBytes(_ strings: some Sequence<String>) -> [String] {
    Set(strings.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
        .map { String(decoding: $0, as: UTF8.self) }
}
