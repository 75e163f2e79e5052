package import Files
internal import Foundation
import GRDB

/// The table of results by key, made from the journals and never the truth.
///
/// On the disk it saves reading the journals at every start; in memory it serves those who may not write. Every row
/// carries a checksum over its table's name and its columns, which is verified whenever the row is read: a row that
/// does not match is `build.damaged`, and the index's owner rebuilds it. So a flipped bit can cost time but never
/// decides what is built.
package final class Index: Sendable {
    /// The layout of the tables.
    ///
    /// An index with another number is not read; the builder replaces it by one made from the journals.
    ///
    /// - 1: the first: action, latest, dropped, journal, source.
    /// - 2: a checksum in every row; the youngest time of each journal.
    /// - 3: the places of small objects in packs.
    /// - 4: results in rows of their own beside the keys: in a table without row numbers, SQLite gives a row of over a
    ///   quarter of a page another page for itself.
    static let schema = 4

    /// Who opens an index on the disk.
    package enum Access: Sendable {
        /// The builder, who makes the tables of a new file.
        case keeper
        /// Anyone else: nothing is changed.
        case reader
    }

    private let database: DatabaseQueue
    /// Whether it is in memory alone.
    let isInMemory: Bool

    /// Opens or makes the table in a file; without a path, one in memory.
    ///
    /// - Parameters:
    ///   - path: of a regular file, which may be empty when a keeper opens it.
    ///   - access: who opens it.
    ///   - pageSize: in bytes, of a new file.
    /// - Throws: `build.damaged` for a file that is no index of this schema; errors of the disk.
    init(path: String?, access: Access = .keeper, pageSize: Int = 4096) throws(BuildError) {
        isInMemory = path == nil
        database = try Self.guarding(path ?? "the index") {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            configuration.prepareDatabase { db in
                // Nothing that a file's schema names is run.
                try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
                if access == .reader { try db.execute(sql: "PRAGMA query_only = ON") }
            }
            guard let path else {
                let database = try DatabaseQueue(configuration: configuration)
                try database.write { db in try Self.makeTables(db) }
                return database
            }
            let database = try DatabaseQueue(path: path, configuration: configuration)
            let isNew = try database.read { db in
                try Int.fetchOne(db, sql: "PRAGMA user_version") == 0
                    && Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
            }
            if access == .keeper {
                try database.writeWithoutTransaction { db in
                    if isNew { try db.execute(sql: "PRAGMA page_size = \(pageSize)") }
                    try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
                }
                if isNew { try database.write { db in try Self.makeTables(db) } }
            }
            try database.read { db in try Self.checkSchema(db) }
            return database
        }
    }

    private static let tables = [
        """
        CREATE TABLE journal (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL, youngest INTEGER NOT NULL,
        sum INTEGER NOT NULL)
        """,
        """
        CREATE TABLE action (
        key BLOB PRIMARY KEY, at INTEGER NOT NULL, outputs BLOB, facts BLOB, remarks BLOB, sum INTEGER NOT NULL)
        """,
        """
        CREATE TABLE latest (
        subject INTEGER PRIMARY KEY, at INTEGER NOT NULL, journal INTEGER NOT NULL, start INTEGER NOT NULL,
        length INTEGER NOT NULL, sum INTEGER NOT NULL)
        """,
        """
        CREATE TABLE dropped (
        key BLOB PRIMARY KEY, at INTEGER NOT NULL, reason TEXT, sum INTEGER NOT NULL) WITHOUT ROWID
        """,
        """
        CREATE TABLE place (
        digest BLOB PRIMARY KEY, at INTEGER NOT NULL, pack INTEGER NOT NULL, start INTEGER NOT NULL,
        length INTEGER NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID
        """,
        """
        CREATE TABLE source (
        path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL,
        inode INTEGER NOT NULL, digest BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID
        """,
    ]

    private static func makeTables(_ db: Database) throws {
        for table in tables { try db.execute(sql: table) }
        try db.execute(sql: "PRAGMA user_version = \(schema)")
    }

    /// Makes sure that the file has these tables and nothing else: no view, no trigger, no other column.
    private static func checkSchema(_ db: Database) throws {
        let found = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard found == schema else {
            throw BuildError(
                .indexSchema,
                "index.sqlite has schema \(found), and this version of Reprise uses schema \(schema)",
                canRetry: true)
        }
        let rows = try Row.fetchAll(db, sql: "SELECT sql FROM sqlite_master LIMIT 16")
        // An index that SQLite makes for itself has no text.
        let texts = try rows.compactMap { row in try Columns(row).text(0) }
        guard Set(texts) == Set(tables), texts.count == tables.count else {
            throw IndexFault("its tables are not those of schema \(schema)")
        }
    }

    /// Closes the file.
    package func close() {
        try? database.close()
    }

    // MARK: Results

    /// A row as it is stored, copied so that it can be verified and read while the next is fetched.
    private struct StoredResult {
        private let key: Digest
        private let at: Int64
        private let outputs: [UInt8]?
        private let facts: [UInt8]?
        private let remarks: [UInt8]?
        private let sum: Int64

        init(_ key: Digest, _ row: Row) throws {
            let columns = Columns(row)
            self.key = key
            at = try columns.integer(0)
            (outputs, facts, remarks) = (try columns.bytes(1), try columns.bytes(2), try columns.bytes(3))
            sum = try columns.integer(4)
        }

        func result() throws -> ActionResult {
            guard sum == RowSum.action(key, at, outputs, facts, remarks) else {
                throw IndexFault("the row of action \(key) does not match its checksum")
            }
            var result = ActionResult()
            var isWhole = (outputs ?? []).withUnsafeBytes { PackedOutputs.read($0, into: &result.outputs) }
            if let facts {
                if let facts = RecordedFacts(text: facts) {
                    result.recordedFacts = facts
                } else {
                    isWhole = false
                }
            }
            if let remarks {
                let remarks = ActionResult(json: try JSONValue(parsing: remarks))
                isWhole = isWhole && remarks != nil
                result.diagnostics = remarks?.diagnostics ?? []
                result.failure = remarks?.failure
            }
            guard isWhole else { throw IndexFault("the row of action \(key) can't be read") }
            return result
        }
    }

    /// What is recorded under each key.
    package func results(for keys: [Digest]) throws(BuildError) -> [ActionResult?] {
        let rows = try readAll { db in try Self.rows(for: keys, db) }
        return try Self.guarding("the index") { try rows.map { try $0?.result() } }
    }

    private static func rows(for keys: [Digest], _ db: Database) throws -> [StoredResult?] {
        let statement = try db.cachedStatement(
            sql: "SELECT at, outputs, facts, remarks, sum FROM action WHERE key = ?")
        return try keys.map { key in
            statement.setUncheckedArguments([key.data])
            let rows = try Row.fetchCursor(statement)
            return try rows.next().map { try StoredResult(key, $0) }
        }
    }

    /// What is known of an action that has no result.
    package struct Absence {
        /// Why the record under its key was dropped last, when it was.
        package var dropped: DropReason?
        /// Where the youngest record of its stage on its subject stands.
        package var latest: (journal: String, place: Range<Int>)?
    }

    /// Whether anything is known of each of some actions without a result: a drop, or another action of the stage on the
    /// subject.
    package func areKnown(
        _ actions: [(key: Digest, stage: String, subject: String)]
    ) throws(BuildError) -> [Bool] {
        try readAll { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT EXISTS (SELECT 1 FROM latest WHERE subject = ?)
                    OR EXISTS (SELECT 1 FROM dropped WHERE key = ?)
                    """)
            return try actions.map { action in
                statement.setUncheckedArguments([
                    Self.subjectNumber(action.stage, action.subject), action.key.data,
                ])
                return try Bool.fetchOne(statement) ?? true
            }
        }
    }

    /// What is recorded under a key, and without a result what else is known: in one query.
    package func find(
        _ key: Digest, stage: String, subject: String
    ) throws(BuildError) -> (result: ActionResult?, absence: Absence) {
        try read { db in
            let number = Self.subjectNumber(stage, subject)
            let statement = try db.cachedStatement(
                sql: """
                    SELECT action.at, outputs, facts, remarks, action.sum, dropped.at, reason, dropped.sum,
                    latest.at, journal, start, length, latest.sum, action.key, dropped.key, latest.subject
                    FROM (SELECT 1)
                    LEFT JOIN action ON action.key = ?1 LEFT JOIN dropped ON dropped.key = ?1
                    LEFT JOIN latest ON latest.subject = ?2
                    """)
            statement.setUncheckedArguments([key.data, number])
            let rows = try Row.fetchCursor(statement)
            guard let row = try rows.next() else { return (nil, Absence()) }
            if !row.hasNull(atIndex: 13) { return (try StoredResult(key, row).result(), Absence()) }
            var absence = Absence()
            if !row.hasNull(atIndex: 14) { absence.dropped = try Columns(row, from: 5).dropped(key).reason }
            guard !row.hasNull(atIndex: 15) else { return (nil, absence) }
            let latest = try Columns(row, from: 8).latest(of: number)
            if let journal = try Self.journals(db)[latest.journal] {
                absence.latest = (journal.name, latest.place)
            }
            return (nil, absence)
        }
    }

    /// When and why a record was dropped last.
    private static func dropped(_ key: Digest, _ db: Database) throws -> (at: Int64, reason: DropReason?)? {
        let statement = try db.cachedStatement(sql: "SELECT at, reason, sum FROM dropped WHERE key = ?")
        guard let row = try Row.fetchOne(statement, arguments: [key.data]) else { return nil }
        return try Columns(row).dropped(key)
    }

    /// The time of the youngest entry, in milliseconds since 1970; 1 when there is none.
    package func youngest() throws(BuildError) -> Int64 {
        try read { db in try Self.journals(db).values.map(\.youngest).max() ?? 1 }
    }

    /// The first eight bytes of a hash stand for stage and subject; the reader of the record compares both.
    private static func subjectNumber(_ stage: String, _ subject: String) -> Int64 {
        Int64(bitPattern: Digest(of: Array("\(stage)\u{0}\(subject)".utf8)).prefix)
    }

    // MARK: Places

    /// Where each small object lies.
    package func places(of digests: [Digest]) throws(BuildError) -> [Place?] {
        try readAll { db in
            let statement = try db.cachedStatement(
                sql: "SELECT at, pack, start, length, sum FROM place WHERE digest = ?")
            return try digests.map { digest in
                statement.setUncheckedArguments([digest.data])
                let rows = try Row.fetchCursor(statement)
                return try rows.next().map { try Columns($0).place(of: digest) }
            }
        }
    }

    private static func ingest(_ object: PlacedObject, _ at: Int64, _ db: Database) throws {
        let place = object.place
        try db.cachedStatement(
            sql: """
                INSERT INTO place VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET
                at = excluded.at, pack = excluded.pack, start = excluded.start, length = excluded.length,
                sum = excluded.sum WHERE (excluded.at, excluded.pack, excluded.start) >= (at, pack, start)
                """
        ).execute(arguments: [
            object.digest.data, at, place.pack.number, place.offset, place.length,
            RowSum.place(object.digest, at, place),
        ])
    }

    // MARK: Journals

    /// What is known of a journal.
    private struct JournalRow {
        var name: String
        var bytes: Int
        var youngest: Int64
    }

    /// The journals taken in, and up to which byte.
    package func journals() throws(BuildError) -> [String: Int] {
        try read { db in
            Dictionary(try Self.journals(db).values.map { ($0.name, $0.bytes) }, uniquingKeysWith: min)
        }
    }

    private static func journals(_ db: Database) throws -> [Int64: JournalRow] {
        var journals: [Int64: JournalRow] = [:]
        let rows = try Row.fetchCursor(
            db.cachedStatement(sql: "SELECT id, name, bytes, youngest, sum FROM journal"))
        while let row = try rows.next() {
            let columns = Columns(row)
            let (id, name) = (try columns.integer(0), try columns.text(1) ?? "")
            let (bytes, youngest) = (try columns.integer(2), try columns.integer(3))
            guard try columns.integer(4) == RowSum.journal(id, name, bytes, youngest), bytes >= 0 else {
                throw IndexFault("the row of journal \(id) does not match its checksum")
            }
            guard
                journals.updateValue(
                    JournalRow(name: name, bytes: Int(bytes), youngest: youngest), forKey: id)
                    == nil
            else { throw IndexFault("journal \(id) has two rows") }
        }
        return journals
    }

    /// Takes in entries of a journal in one transaction; gives a message for each key with two results.
    ///
    /// The journal counts as no older than `start`.
    package func ingest(
        _ entries: [(JournalEntry, Range<Int>)], of journal: String, upTo end: Int, since start: Int64 = 1
    ) throws(BuildError) -> [String] {
        try write { db in
            let known = try Self.journals(db)
            let found = known.first { $0.value.name == journal }
            let id = found?.key ?? (known.keys.max() ?? 0) + 1
            let youngest = entries.map(\.0.at).reduce(max(found?.value.youngest ?? 1, start), max)
            try db.execute(
                sql: "INSERT OR REPLACE INTO journal VALUES (?, ?, ?, ?, ?)",
                arguments: [id, journal, end, youngest, RowSum.journal(id, journal, Int64(end), youngest)])
            var messages: [String] = []
            var mayBeDropped = try Bool.fetchOne(db, sql: "SELECT EXISTS (SELECT 1 FROM dropped)") ?? true
            for (entry, place) in entries {
                switch entry {
                case .place(let object, let at): try Self.ingest(object, at, db)
                case .source(let path, let row, _): try Self.note(path, row, db)
                case .record(let record, let at):
                    if let message = try Self.ingest(record, at, mayBeDropped: mayBeDropped, db) {
                        messages.append(message)
                    }
                    let subject = Self.subjectNumber(record.stage.name, record.subject)
                    let (start, length) = (Int64(place.lowerBound), Int64(place.count))
                    try db.cachedStatement(
                        sql: """
                            INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET
                            at = excluded.at, journal = excluded.journal, start = excluded.start,
                            length = excluded.length, sum = excluded.sum WHERE excluded.at >= at
                            """
                    ).execute(arguments: [
                        subject, at, id, start, length, RowSum.latest(subject, at, id, start, length),
                    ])
                case .drop(let key, let reason, let at):
                    mayBeDropped = true
                    let data = key.data
                    try db.cachedStatement(sql: "DELETE FROM action WHERE key = ? AND at <= ?")
                        .execute(arguments: [data, at])
                    try db.cachedStatement(
                        sql: """
                            INSERT INTO dropped VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET
                            at = excluded.at, reason = excluded.reason, sum = excluded.sum WHERE excluded.at >= at
                            """
                    ).execute(arguments: [
                        data, at, reason.rawValue, RowSum.dropped(key, at, reason.rawValue),
                    ])
                }
            }
            FailPoint.pass("index.uncommitted")
            return messages
        }
    }

    private static func ingest(
        _ record: ActionRecord, _ at: Int64, mayBeDropped: Bool, _ db: Database
    ) throws -> String? {
        if mayBeDropped, let dropped = try dropped(record.key, db), dropped.at >= at { return nil }
        let remarks = ActionResult(diagnostics: record.diagnostics, failure: record.failure)
        let columns = (
            outputs: record.outputs.isEmpty ? nil : PackedOutputs.write(record.outputs),
            facts: record.result.recordedFacts.text,
            remarks: remarks == ActionResult() ? nil : remarks.canonicalBytes
        )
        let row: StatementArguments = [
            record.key.data, at, columns.outputs.map { Data($0) }, columns.facts.map { Data($0) },
            columns.remarks.map { Data($0) },
            RowSum.action(record.key, at, columns.outputs, columns.facts, columns.remarks),
        ]
        try db.cachedStatement(
            sql: "INSERT INTO action VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING"
        ).execute(arguments: row)
        if db.changesCount > 0 { return nil }
        guard let earlier = try rows(for: [record.key], db)[0]?.result() else { return nil }
        if record.result.precedes(earlier) {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO action VALUES (?, ?, ?, ?, ?, ?)").execute(
                arguments: row)
        }
        return earlier == record.result
            ? nil
            : """
            \(record.stage.name) of \(record.subject) has two different results; the smaller hash is kept \
            (is the stage pure, and its numerics tag complete?)
            """
    }

    /// Forgets everything that came from journals; what is known of sources stays.
    package func clear() throws(BuildError) {
        try write { db in
            try db.execute(
                sql: """
                    DELETE FROM action; DELETE FROM latest; DELETE FROM dropped; DELETE FROM place;
                    DELETE FROM journal
                    """)
        }
    }

    // MARK: Sources

    /// What is known of all sources, by path.
    package func sources(_ paths: [String]) throws(BuildError) -> [SourceRow?] {
        try readAll { db in
            let statement = try db.cachedStatement(
                sql: "SELECT size, modified, changed, inode, digest, sum FROM source WHERE path = ?")
            return try paths.map { path in
                statement.setUncheckedArguments([path])
                let rows = try Row.fetchCursor(statement)
                return try rows.next().map { try Columns($0).source(path) }
            }
        }
    }

    /// Notes what was hashed.
    package func note(_ rows: [(path: String, row: SourceRow)]) throws(BuildError) {
        try write { db in
            for (path, row) in rows { try Self.note(path, row, db) }
        }
    }

    private static func note(_ path: String, _ row: SourceRow, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?, ?)").execute(
            arguments: [
                path, row.stat.size, row.stat.modified, row.stat.changed, Int64(bitPattern: row.stat.inode),
                row.digest.data, RowSum.source(path, row),
            ])
    }

    // MARK: Verification

    /// Runs a statement of a test, which damages the tables on purpose.
    func execute(_ sql: String) throws {
        try database.writeWithoutTransaction { db in try db.execute(sql: sql) }
    }

    /// What the database itself finds wrong with its file; nil when nothing.
    package func damage() -> String? {
        do throws(BuildError) {
            let answers = try read { db in try String.fetchAll(db, sql: "PRAGMA quick_check(1)") }
            return answers == ["ok"] ? nil : answers.first
        } catch {
            return error.message
        }
    }

    /// Every key that has a result.
    package func keys() throws(BuildError) -> Set<Digest> {
        try read { db in
            var keys: Set<Digest> = []
            try Self.scan("SELECT key FROM action", db) { columns in
                keys.insert(try columns.digest(0))
            }
            return keys
        }
    }

    /// Every object that has a place.
    package func placedObjects() throws(BuildError) -> Set<Digest> {
        try read { db in
            var digests: Set<Digest> = []
            try Self.scan("SELECT digest FROM place", db) { columns in
                digests.insert(try columns.digest(0))
            }
            return digests
        }
    }

    /// Reads every row of every table and verifies its checksum.
    ///
    /// - Throws: `build.damaged` for the first that does not match.
    package func checkRows() throws(BuildError) {
        try read { db in
            _ = try Self.journals(db)
            try Self.scan("SELECT at, outputs, facts, remarks, sum, key FROM action", db) { columns in
                _ = try StoredResult(try columns.digest(5), columns.row).result()
            }
            try Self.scan("SELECT at, journal, start, length, sum, subject FROM latest", db) { columns in
                _ = try columns.latest(of: try columns.integer(5))
            }
            try Self.scan("SELECT at, reason, sum, key FROM dropped", db) { columns in
                _ = try columns.dropped(try columns.digest(3))
            }
            try Self.scan("SELECT at, pack, start, length, sum, digest FROM place", db) { columns in
                _ = try columns.place(of: try columns.digest(5))
            }
            try Self.scan("SELECT size, modified, changed, inode, digest, sum, path FROM source", db) {
                _ = try $0.source(try $0.text(6) ?? "")
            }
        }
    }

    /// Fetches all rows of a query, of which a damaged file must not give more than it has room for.
    private static func scan(_ sql: String, _ db: Database, _ body: (Columns) throws -> Void) throws {
        let pages = try Int.fetchOne(db, sql: "PRAGMA page_count") ?? 0
        let size = try Int.fetchOne(db, sql: "PRAGMA page_size") ?? 0
        // No row has fewer than sixteen bytes.
        var left = pages.multipliedReportingOverflow(by: size).partialValue / 16
        let rows = try Row.fetchCursor(db, sql: sql)
        while let row = try rows.next() {
            left -= 1
            guard left >= 0 else { throw IndexFault("it has more rows than room") }
            try body(Columns(row))
        }
    }

    // MARK: Errors

    private func read<Result>(_ body: (Database) throws -> Result) throws(BuildError) -> Result {
        // Without GRDB's read-only transaction, which costs more than the query.
        try Self.guarding("the index") { try database.unsafeRead(body) }
    }

    /// Many queries, for which the file is locked once.
    private func readAll<Result>(_ body: (Database) throws -> Result) throws(BuildError) -> Result {
        try read { db in
            var result: Result?
            try db.inTransaction(.deferred) {
                result = try body(db)
                return .commit
            }
            guard let result else { throw DatabaseError(resultCode: .SQLITE_ABORT) }
            return result
        }
    }

    private func write<Result>(_ body: (Database) throws -> Result) throws(BuildError) -> Result {
        try Self.guarding("the index") { try database.write(body) }
    }

    private static func guarding<Result>(_ what: String, _ body: () throws -> Result) throws(BuildError)
        -> Result
    {
        do {
            return try body()
        } catch let error as BuildError {
            throw error
        } catch let error as IndexFault {
            throw BuildError(.damaged, "\(what) is damaged: \(error.description)", canRetry: true)
        } catch let error as DatabaseError {
            switch error.resultCode {
            case .SQLITE_FULL:
                throw BuildError(
                    .diskFull, "the disk is full: cannot write \(what); free some disk space and try again",
                    canRetry: true)
            case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM:
                throw BuildError(
                    .readOnly, "cannot write \(what): \(error.message ?? "read-only")", canRetry: false)
            case .SQLITE_BUSY, .SQLITE_LOCKED:
                throw BuildError(
                    .locked, "\(what) is busy; another program holds it, try again when it is done",
                    canRetry: true)
            case .SQLITE_IOERR:
                throw BuildError(
                    .inputOutput, "cannot read or write \(what): \(error.message ?? "I/O error")",
                    canRetry: true)
            default:
                throw BuildError(.damaged, "\(what) is damaged: \(error)", canRetry: true)
            }
        } catch {
            throw BuildError(.damaged, "\(what) is damaged: \(error)", canRetry: true)
        }
    }
}
