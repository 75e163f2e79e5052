internal import Files

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A table as a manifest's `table:` would read it, for a look before there is a manifest.
public struct TableSurvey: Sendable {
    private let table: Table

    /// Reads a table with one header row.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - headerRows: the number of header rows.
    /// - Throws: `ManifestError` with every fault, each with its line.
    public init(path: String, headerRows: Int = 1) throws(ManifestError) {
        let bytes: [UInt8]
        do throws(FileFailure) {
            bytes = try contents(of: path, in: AT_FDCWD, limit: Table.maximumByteCount)
        } catch {
            throw ManifestError([
                ManifestFault(
                    kind: .environment, file: path, line: 1,
                    message: "the table cannot be read: \(error.message)")
            ])
        }
        table = try Table(bytes, file: path, headerRows: headerRows)
    }

    /// The names of the columns.
    public var columns: [String] { table.header.filter { !$0.isEmpty } }

    /// The number of rows.
    public var rowCount: Int { table.rowCount }

    /// The columns that deal the rows to splits.
    public var splitColumns: [String] { table.splitColumns }

    /// A column's cells from the first row on; empty texts for a column that the table does not have.
    ///
    /// - Parameters:
    ///   - column: the column's name.
    ///   - limit: how many rows at most.
    /// - Returns: the cells.
    public func cells(_ column: String, limit: Int = .max) -> [String] {
        (0..<min(limit, table.rowCount)).map { table.cell($0, column) ?? "" }
    }
}
