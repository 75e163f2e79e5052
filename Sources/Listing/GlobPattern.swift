/// A pattern of file paths, matched by bytes and with regard to case.
///
/// | in a pattern | matches |
/// | --- | --- |
/// | `*` | any characters but `/`, also none |
/// | `?` | one character but `/` |
/// | `[a-z]`, `[!a-z]` | one ASCII character of, or any character not of, the set |
/// | `{a,b}` | either, each a pattern itself |
/// | `**` | as a whole folder's name: any folders, also none; at the end: every file beneath |
/// | `\x` | the character x itself |
///
/// A name that begins with a dot matches only where the pattern writes the dot. `..` may stand only in front. Symbolic
/// links are followed, but for a link to a folder that it lies in.
public struct GlobPattern: Hashable, Sendable {
    /// The pattern as written.
    public let source: String

    /// One alternative: what the braces were expanded to, by folders.
    package struct Branch: Hashable, Sendable {
        package var components: [Component]
    }

    package enum Component: Hashable, Sendable {
        case literal([UInt8])
        case wild([Token])
        case anyFolders
    }

    package enum Token: Hashable, Sendable {
        case byte(UInt8)
        case one
        case any
        /// A set of ASCII characters: 128 bits.
        case set(UInt64, UInt64, negated: Bool)
    }

    /// The alternatives.
    package let branches: [Branch]

    /// The pattern with every character standing for itself; nil if it is so already.
    package var literal: String? {
        guard source.contains(where: { "[]*?{}\\".contains($0) }) else { return nil }
        return Self.text(matching: source)
    }

    /// The pattern that matches a path alone.
    public static func text(matching path: String) -> String {
        // By scalars: a star with a mark above it is one character.
        path.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "[", "*", "?": text += "[\(scalar)]"
            // Braces are expanded before sets are read.
            case "{", "}", "\\": text += "\\\(scalar)"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }

    /// A failure to read a pattern: one sentence.
    package struct Fault: Error {
        package let message: String
    }

    /// Every file below a folder.
    static let everything = GlobPattern(source: "**", branches: [Branch(components: [.anyFolders])])

    private init(source: String, branches: [Branch]) {
        self.source = source
        self.branches = branches
    }

    package init(_ source: String) throws(Fault) {
        self.source = source
        guard !source.isEmpty else { throw Fault(message: "is empty; name files, such as data/**/*.mid") }
        guard source.utf8.count <= 4096 else {
            throw Fault(message: "is longer than 4096 bytes; use several items")
        }
        guard !source.utf8.contains(0) else { throw Fault(message: "holds a zero byte; remove it") }
        var branches: [Branch] = []
        for text in try Self.expanded(Array(source.utf8)) {
            let branch = try Self.branch(text)
            if !branches.contains(branch) { branches.append(branch) }
        }
        self.branches = branches
    }

    /// Expands `{a,b}`, also inside one another.
    private static func expanded(_ text: [UInt8]) throws(Fault) -> [[UInt8]] {
        var depth = 0
        var open = 0
        var cuts: [Int] = []
        var index = 0
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\\"): index += 1
            case UInt8(ascii: "{"):
                if depth == 0 { (open, cuts) = (index, []) }
                depth += 1
            case UInt8(ascii: ",") where depth == 1: cuts.append(index)
            case UInt8(ascii: "}"):
                guard depth > 0 else {
                    throw Fault(message: "has '}' without '{'; write '\\}' for the character")
                }
                depth -= 1
                guard depth == 0 else { break }
                guard !cuts.isEmpty else {
                    throw Fault(
                        message: "has braces with one alternative; write {a,b}, or '\\{' for the character")
                }
                let tails = try expanded(Array(text[(index + 1)...]))
                var result: [[UInt8]] = []
                var start = open + 1
                for cut in cuts + [index] {
                    for middle in try expanded(Array(text[start..<cut])) {
                        for tail in tails { result.append(text[..<open] + middle + tail) }
                        guard result.count <= 1000 else {
                            throw Fault(message: "has more than 1000 alternatives; use '*' or several items")
                        }
                    }
                    start = cut + 1
                }
                return result
            default: break
            }
            index += 1
        }
        guard depth == 0 else { throw Fault(message: "has '{' without '}'; write '\\{' for the character") }
        return [text]
    }

    private static func branch(_ text: [UInt8]) throws(Fault) -> Branch {
        var components: [Component] = []
        for part in text.split(separator: UInt8(ascii: "/")) where !part.elementsEqual([0x2E]) {
            if part.elementsEqual("**".utf8) {
                if components.last != .anyFolders { components.append(.anyFolders) }
                continue
            }
            let component = try Self.component(part)
            if component == .literal(Array("..".utf8)), components.contains(where: { $0 != component }) {
                throw Fault(message: "has '..' behind a folder; it may stand only in front")
            }
            components.append(component)
        }
        guard text.last != UInt8(ascii: "/"), let last = components.last, last != .literal(Array("..".utf8))
        else {
            throw Fault(message: "names a folder; write what to take from it, such as folder/**/*.mid")
        }
        return Branch(components: components)
    }

    private static func component(_ part: ArraySlice<UInt8>) throws(Fault) -> Component {
        var tokens: [Token] = []
        var isWild = false
        var index = part.startIndex
        while index < part.endIndex {
            switch part[index] {
            case UInt8(ascii: "\\"):
                index += 1
                guard index < part.endIndex else {
                    throw Fault(message: "ends in '\\'; write '\\\\' for the character")
                }
                tokens.append(.byte(part[index]))
            case UInt8(ascii: "*"):
                isWild = true
                if tokens.last != .any { tokens.append(.any) }
            case UInt8(ascii: "?"):
                isWild = true
                tokens.append(.one)
            case UInt8(ascii: "["):
                isWild = true
                tokens.append(try set(part, from: &index))
            default: tokens.append(.byte(part[index]))
            }
            index += 1
        }
        guard !isWild else { return .wild(tokens) }
        return .literal(tokens.map { if case .byte(let byte) = $0 { byte } else { 0 } })
    }

    /// Reads a set; `index` is at `[`, and at `]` afterwards.
    private static func set(_ part: ArraySlice<UInt8>, from index: inout Int) throws(Fault) -> Token {
        let unclosed = Fault(message: "has '[' without ']'; write '\\[' for the character")
        var bits: (low: UInt64, high: UInt64) = (0, 0)
        index += 1
        guard index < part.endIndex else { throw unclosed }
        let negated = part[index] == UInt8(ascii: "!") || part[index] == UInt8(ascii: "^")
        if negated { index += 1 }
        var isFirst = true
        while index < part.endIndex, isFirst || part[index] != UInt8(ascii: "]") {
            isFirst = false
            if part[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < part.endIndex else { throw unclosed }
            let low = part[index]
            var high = low
            if index + 2 < part.endIndex, part[index + 1] == UInt8(ascii: "-"),
                part[index + 2] != UInt8(ascii: "]")
            {
                high = part[index + 2]
                index += 2
            }
            guard low < 128, high < 128 else {
                throw Fault(message: "has a letter beyond ASCII in '[…]'; write {a,b} instead")
            }
            guard low <= high else {
                throw Fault(message: "has a range in '[…]' that runs backwards; turn it round")
            }
            for byte in low...high {
                if byte < 64 { bits.low |= 1 << UInt64(byte) } else { bits.high |= 1 << UInt64(byte - 64) }
            }
            index += 1
        }
        guard index < part.endIndex else { throw unclosed }
        return .set(bits.low, bits.high, negated: negated)
    }
}

extension GlobPattern.Token {
    /// The token that takes ASCII letters of either case.
    fileprivate var caseless: GlobPattern.Token {
        switch self {
        case .byte(let byte) where (0x41...0x5A).contains(byte & 0xDF):
            .set(0, (1 << UInt64((byte & 0xDF) - 64)) | (1 << UInt64((byte | 0x20) - 64)), negated: false)
        case .set(let low, let high, negated: false):
            // 'A' and 'a' are 32 bits apart.
            .set(
                low, high | (high & 0x07FF_FFFE) << 32 | (high & 0x07FF_FFFE_0000_0000) >> 32, negated: false)
        default: self
        }
    }
}

extension GlobPattern.Component {
    /// The component that takes ASCII letters of either case; nil where case makes no difference.
    var caseless: GlobPattern.Component? {
        let tokens: [GlobPattern.Token]
        switch self {
        case .anyFolders: return nil
        case .literal(let bytes): tokens = bytes.map { .byte($0) }
        case .wild(let found): tokens = found
        }
        let either = tokens.map(\.caseless)
        return either == tokens ? nil : .wild(either)
    }

    /// Whether a file's or folder's name matches; never true of `**`.
    package func matches(_ name: UnsafeBufferPointer<UInt8>) -> Bool {
        switch self {
        case .anyFolders: false
        case .literal(let bytes): bytes.count == name.count && bytes.elementsEqual(name)
        case .wild(let tokens):
            (name.first != UInt8(ascii: ".") || tokens.first == .byte(UInt8(ascii: ".")))
                && Self.matches(tokens, name)
        }
    }

    /// Matches in time of at most tokens · bytes: a mismatch goes back to the last star only.
    private static func matches(_ tokens: [GlobPattern.Token], _ name: UnsafeBufferPointer<UInt8>) -> Bool {
        var (token, byte) = (0, 0)
        var retry: (token: Int, byte: Int)?
        while byte < name.count || token < tokens.count {
            if token < tokens.count {
                if tokens[token] == .any {
                    retry = (token, byte)
                    token += 1
                    continue
                }
                if byte < name.count, let width = width(of: name, at: byte, if: tokens[token]) {
                    token += 1
                    byte += width
                    continue
                }
            }
            guard let last = retry, last.byte < name.count else { return false }
            retry = (last.token, last.byte + 1)
            token = last.token + 1
            byte = last.byte + 1
        }
        return true
    }

    /// How many bytes a token takes of a name, nil if it does not match.
    private static func width(
        of name: UnsafeBufferPointer<UInt8>, at index: Int, if token: GlobPattern.Token
    ) -> Int? {
        switch token {
        case .any: return nil
        case .byte(let byte): return name[index] == byte ? 1 : nil
        case .set(let low, let high, let negated):
            let byte = name[index]
            let isIn = byte < 128 && (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte - 64)) & 1 == 1
            guard isIn != negated else { return nil }
            return characterWidth(of: name, at: index)
        case .one: return characterWidth(of: name, at: index)
        }
    }

    /// The bytes of the UTF-8 character at `index`.
    private static func characterWidth(of name: UnsafeBufferPointer<UInt8>, at index: Int) -> Int? {
        guard name[index] & 0xC0 != 0x80 else { return nil }
        var end = index + 1
        while end < name.count, name[end] & 0xC0 == 0x80 { end += 1 }
        return end - index
    }
}
