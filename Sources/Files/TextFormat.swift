#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A number with a fixed count of decimals.
public func format(_ value: Double, _ decimals: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e18 else { return "\(value)" }
    var digits = String(Int64(scaled))
    if decimals > 0 {
        while digits.count <= decimals { digits = "0" + digits }
        digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -decimals))
    }
    return value < 0 && scaled > 0 ? "-" + digits : digits
}

/// A whole number with its thousands apart.
public func grouped(_ value: Int) -> String {
    var digits = Array(String(value.magnitude))
    var index = digits.count - 3
    while index > 0 {
        digits.insert(",", at: index)
        index -= 3
    }
    return (value < 0 ? "-" : "") + String(digits)
}

/// A time in words, rounded up, such as "3 min 20 s".
///
/// - Parameter seconds: at least 0.
/// - Returns: seconds below a minute, minutes and seconds below an hour, else hours and minutes.
public func durationText(_ seconds: Double) -> String {
    let whole = Int(min(seconds.rounded(.up), 1e15))
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
}

/// A size in the largest binary unit that keeps it above one.
public func byteSize(_ count: Int) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"]
    var value = Double(count)
    var unit = 0
    while value >= 1024, unit < units.count - 1 {
        value /= 1024
        unit += 1
    }
    return unit == 0 ? "\(count) B" : "\(format(value, value < 10 ? 2 : 1)) \(units[unit])"
}

/// A time in seconds since 1970 as a date and time of day in the user's time zone: `2026-11-27 05:16`.
public func dateText(_ seconds: Int) -> String {
    var (time, parts) = (time_t(seconds), tm())
    guard localtime_r(&time, &parts) != nil else { return "" }
    func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + String(value) }
    let date = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
    return "\(date) \(two(parts.tm_hour)):\(two(parts.tm_min))"
}

/// Measured numbers of one kind, all with as many decimals as the largest asks for: two, one from 100 on, none from
/// 1,000 on.
package func figures(_ values: [Double]) -> [String] {
    let size = values.map(abs).max() ?? 0
    guard size < 1e15 else { return values.map { "\($0)" } }
    return values.map { value in
        size >= 999.95 ? grouped(Int(value.rounded())) : format(value, size >= 99.995 ? 1 : 2)
    }
}

/// A number of things: `1 file`, `3,210 files`.
public func count(_ number: Int, _ noun: String) -> String {
    "\(grouped(number)) \(noun)\(number == 1 ? "" : "s")"
}

/// Names in one line: `a, b, c`, or the first few and how many more there are, `a, b and 13 others`.
public func briefly(_ names: [String], atMost most: Int = 3) -> String {
    guard names.count > most else { return names.joined(separator: ", ") }
    return names.prefix(most - 1).joined(separator: ", ") + " and \(names.count - most + 1) others"
}

extension String {
    /// The string with spaces behind it, at least one, up to a width.
    public func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(1, width - count))
    }
}

/// A text with its middle replaced by `…`, so that it is no longer than a width.
func shortened(_ text: String, to width: Int) -> String {
    guard text.count > width, width > 2 else { return text }
    let end = (width - 1) / 2
    return text.prefix(width - 1 - end) + "…" + text.suffix(end)
}

/// A heading and items after it, separated by commas, in lines no longer than a width where items allow it.
package func listed(_ heading: String, _ items: [String], width: Int, note: String = "") -> String {
    let indent = String(repeating: " ", count: 11)
    var lines = [heading.padded(to: 11)]
    for (index, item) in items.enumerated() {
        let word = item + (index + 1 < items.count ? "," : note)
        let isFirst = lines[lines.count - 1].count <= 11
        if !isFirst, lines[lines.count - 1].count + 1 + word.count > width {
            lines.append(indent + word)
        } else {
            lines[lines.count - 1] += (isFirst ? "" : " ") + word
        }
    }
    return lines.joined(separator: "\n") + "\n"
}

/// A table as text: the first column is left-aligned, the rest right-aligned.
///
/// - Parameters:
///   - header: the columns' names.
///   - rows: their cells.
///   - width: cells of the first column are shortened, to no less than 12 characters, so that rows fit; nil: never.
/// - Returns: lines of text.
public func table(_ header: [String], _ rows: [[String]], width: Int? = nil) -> String {
    var all = [header.map(\.shown)] + rows.map { $0.map(\.shown) }
    if let width, !header.isEmpty {
        let others = header.indices.dropFirst().reduce(0) { sum, column in
            sum + 2 + (all.map { $0[column].count }.max() ?? 0)
        }
        let room = max(12, width - others)
        for row in all.indices { all[row][0] = shortened(all[row][0], to: room) }
    }
    let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
    return all.map { row in
        row.enumerated().map { column, cell in
            let space = String(repeating: " ", count: widths[column] - cell.count)
            return column == 0 ? cell + space : space + cell
        }.joined(separator: "  ")
    }.joined(separator: "\n") + "\n"
}

/// Labels as people read them: `composer Bach, style jazz + live`.
package func described(_ labels: [String: String]) -> String {
    labels.sorted { $0.key < $1.key }.map { "\($0.key) \(LabelText.shown($0.value))" }.joined(separator: ", ")
}

extension Double {
    /// Without a fraction of zero: `1`, not `1.0`.
    package var brief: String { self == rounded() && magnitude < 1e15 ? String(Int(self)) : String(self) }
}
