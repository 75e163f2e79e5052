/// A parsed safetensors header: what a reader must refuse is refused here.
struct TensorFileHeader {
    var metadata: [String: String] = [:]
    var entries: [String: TensorFile.Entry] = [:]

    /// The format's own limit on the header, in bytes.
    static let maximumByteCount = 100_000_000

    init(parsing file: UnsafeRawBufferPointer) throws(TensorFileError) {
        guard file.count >= 8 else {
            throw TensorFileError(
                .truncated, "\(file.count) bytes are too few for a safetensors header", offset: 0)
        }
        let declared = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        guard declared <= UInt64(Self.maximumByteCount) else {
            throw TensorFileError(
                .headerTooLarge, "the header claims \(declared) bytes, more than \(Self.maximumByteCount)",
                offset: 0)
        }
        let dataStart = 8 + Int(declared)
        guard dataStart <= file.count else {
            throw TensorFileError(
                .truncated, "the header claims \(declared) bytes, the file has \(file.count - 8)", offset: 0)
        }
        var parser = HeaderParser(bytes: UnsafeRawBufferPointer(rebasing: file[8..<dataStart]))
        try parser.parse(into: &self, dataStart: dataStart, fileCount: file.count)
        try checkLayout(dataStart: dataStart, fileCount: file.count)
    }

    /// Tensors must cover the data exactly: no hole, no overlap, nothing behind the last.
    private func checkLayout(dataStart: Int, fileCount: Int) throws(TensorFileError) {
        var end = dataStart
        let places = entries.values.map(\.bytes).sorted {
            ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
        }
        for place in places {
            guard place.lowerBound == end else {
                let name = entries.first { $0.value.bytes == place }?.key ?? ""
                throw TensorFileError(
                    .badLayout, "tensor '\(name)' begins at byte \(place.lowerBound), expected \(end)",
                    offset: place.lowerBound)
            }
            end = place.upperBound
        }
        guard end == fileCount else {
            throw TensorFileError(
                .badLayout, "the tensors end at byte \(end), the file at \(fileCount)", offset: end)
        }
    }
}

/// The JSON of a header: objects, strings and whole numbers, nothing else.
private struct HeaderParser {
    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    mutating func parse(
        into header: inout TensorFileHeader, dataStart: Int, fileCount: Int
    ) throws(TensorFileError) {
        guard bytes.first == UInt8(ascii: "{") else { throw fault("the header must begin with '{'") }
        var hasMetadata = false
        // An entry takes some hundred bytes.
        header.entries.reserveCapacity(min(bytes.count / 64, 1024))
        try members { (parser, name) throws(TensorFileError) in
            guard name == "__metadata__" ? !hasMetadata : header.entries[name] == nil else {
                throw parser.fault("'\(name)' appears twice in the header")
            }
            if name == "__metadata__" {
                hasMetadata = true
                try parser.members { (parser, key) throws(TensorFileError) in
                    let value = try parser.string()
                    guard header.metadata.updateValue(value, forKey: key) == nil else {
                        throw parser.fault("metadata '\(key)' appears twice")
                    }
                }
            } else {
                header.entries[name] = try parser.entry(name, dataStart: dataStart, fileCount: fileCount)
            }
        }
        skipSpace()
        guard position == bytes.count else { throw fault("text follows the header's closing brace") }
    }

    private mutating func entry(
        _ name: String, dataStart: Int, fileCount: Int
    ) throws(TensorFileError) -> TensorFile.Entry {
        var type: ElementType?
        var shape: [Int]?
        var offsets: [Int]?
        try members { (parser, key) throws(TensorFileError) in
            switch key {
            case "dtype" where type == nil:
                let word = try parser.string()
                guard let known = ElementType(rawValue: word) else {
                    throw parser.fault("tensor '\(name)' has the unknown element type '\(word)'")
                }
                type = known
            case "shape" where shape == nil: shape = try parser.numbers()
            case "data_offsets" where offsets == nil: offsets = try parser.numbers()
            default: throw parser.fault("tensor '\(name)' has an unexpected or repeated field '\(key)'")
            }
        }
        guard let type, let shape, let offsets, offsets.count == 2, offsets[0] <= offsets[1] else {
            throw fault("tensor '\(name)' needs dtype, shape and two data_offsets in order")
        }
        var byteCount = type.byteCount
        for length in shape {
            let (product, overflow) = byteCount.multipliedReportingOverflow(by: length)
            guard !overflow else { throw fault("tensor '\(name)' has a shape too large to count") }
            byteCount = product
        }
        guard offsets[1] - offsets[0] == byteCount else {
            throw fault(
                "tensor '\(name)' of shape \(shape) needs \(byteCount) bytes, has \(offsets[1] - offsets[0])")
        }
        guard offsets[1] <= fileCount - dataStart else {
            throw TensorFileError(
                .truncated,
                "tensor '\(name)' ends at data byte \(offsets[1]), the data at \(fileCount - dataStart)",
                offset: fileCount)
        }
        return TensorFile.Entry(
            type: type, shape: shape, bytes: dataStart + offsets[0]..<dataStart + offsets[1])
    }

    private mutating func members(
        _ body: (inout HeaderParser, String) throws(TensorFileError) -> Void
    ) throws(TensorFileError) {
        try expect("{")
        if take("}") { return }
        repeat {
            let key = try string()
            try expect(":")
            try body(&self, key)
        } while take(",")
        try expect("}")
    }

    private mutating func numbers() throws(TensorFileError) -> [Int] {
        try expect("[")
        if take("]") { return [] }
        var result: [Int] = []
        repeat { result.append(try number()) } while take(",")
        try expect("]")
        return result
    }

    private mutating func number() throws(TensorFileError) -> Int {
        skipSpace()
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- 0x30, digit < 10 {
            let (scaled, over1) = value.multipliedReportingOverflow(by: 10)
            let (sum, over2) = scaled.addingReportingOverflow(Int(digit))
            guard !over1, !over2 else { throw fault("a number is too large") }
            value = sum
            position += 1
        }
        guard position > start else { throw fault("expected a whole number") }
        return value
    }

    private mutating func string() throws(TensorFileError) -> String {
        try expect("\"")
        // Nearly every string is plain: it is taken as it stands, up to the quotation mark.
        let start = position
        var all: UInt8 = 0
        while position < bytes.count, case let byte = bytes[position], byte >= 0x20,
            byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\")
        {
            all |= byte
            position += 1
        }
        let plain = UnsafeRawBufferPointer(rebasing: bytes[start..<position])
        if position < bytes.count, bytes[position] == UInt8(ascii: "\"") {
            position += 1
            // ASCII is UTF-8 without a look at it.
            guard
                let string = all < 0x80
                    ? String(decoding: plain, as: UTF8.self) : String(validating: plain, as: UTF8.self)
            else {
                throw fault("a name is not UTF-8")
            }
            return string
        }
        var text = Array(plain)
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw fault("a name is not UTF-8")
                }
                return string
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20: throw fault("a control character is in a string")
            default: text.append(byte)
            }
        }
        throw fault("a string has no end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(TensorFileError) {
        guard position < bytes.count else { throw fault("a string has no end") }
        let letter = bytes[position]
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var scalar = try hexQuad()
            if (0xD800..<0xDC00).contains(scalar) {
                guard take(byte: "\\"), take(byte: "u"), case let low = try hexQuad(),
                    (0xDC00..<0xE000).contains(low)
                else { throw fault("half a surrogate pair") }
                scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let unicode = Unicode.Scalar(scalar) else { throw fault("half a surrogate pair") }
            text.append(contentsOf: Array(String(unicode).utf8))
        default: throw fault("an unknown escape in a string")
        }
    }

    private mutating func hexQuad() throws(TensorFileError) -> UInt32 {
        guard position + 4 <= bytes.count else { throw fault("a string has no end") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue else {
                throw fault("a \\u escape needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func skipSpace() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            default: return
            }
        }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipSpace()
        return take(byte: character)
    }

    private mutating func take(byte character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, bytes[position] == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    private mutating func expect(_ character: Unicode.Scalar) throws(TensorFileError) {
        guard take(character) else { throw fault("expected '\(character)'") }
    }

    private func fault(_ message: String) -> TensorFileError {
        TensorFileError(.badHeader, message, offset: 8 + position)
    }
}
