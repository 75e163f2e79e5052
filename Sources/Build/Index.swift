internal import Foundation
internal import GRDB

/// The table of results by key, made from the journals and never the truth.
///
/// On the disk it saves reading the journals at every start; in memory it serves those who may not write.
final class Index: Sendable {
    /// The layout of the tables.
    ///
    /// A cache with another number has its index rebuilt from its journals.
    ///
    /// - 1: the first: action, latest, dropped, journal, source.
    static let schema = 1

    private let database: DatabaseQueue

    /// A row's worth of a source that was hashed before.
    struct SourceRow: Sendable {
        let stat: FileStat
        let digest: Digest
    }

    /// Opens or makes the table in a file; without a path, one in memory.
    init(path: String?) throws(BuildError) {
        database = try Self.guarding(path ?? "the index") {
            var configuration = Configuration()
            configuration.busyMode = .timeout(10)
            let database: DatabaseQueue
            if let path {
                database = try DatabaseQueue(path: path, configuration: configuration)
                try database.writeWithoutTransaction { db in
                    try db.execute(sql: "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL")
                }
            } else {
                database = try DatabaseQueue(configuration: configuration)
            }
            let found = try database.read { db in try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0 }
            if found == Self.schema { return database }
            try database.write { db in
                if found != 0 { try Self.dropTables(db) }
                try Self.makeTables(db)
                try db.execute(sql: "PRAGMA user_version = \(Self.schema)")
            }
            return database
        }
    }

    private static func makeTables(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE journal (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL);
                CREATE TABLE action (
                    key BLOB PRIMARY KEY, at INTEGER NOT NULL, outputs BLOB, facts BLOB, remarks BLOB
                ) WITHOUT ROWID;
                CREATE TABLE latest (
                    subject INTEGER PRIMARY KEY, at INTEGER NOT NULL, journal INTEGER NOT NULL,
                    start INTEGER NOT NULL, length INTEGER NOT NULL);
                CREATE TABLE dropped (key BLOB PRIMARY KEY, at INTEGER NOT NULL, reason TEXT) WITHOUT ROWID;
                CREATE TABLE source (
                    path TEXT PRIMARY KEY, size INTEGER NOT NULL, modified INTEGER NOT NULL,
                    changed INTEGER NOT NULL, inode INTEGER NOT NULL, digest BLOB NOT NULL
                ) WITHOUT ROWID;
                """)
    }

    private static func dropTables(_ db: Database) throws {
        let names = try String.fetchAll(db, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
        for name in names { try db.execute(sql: "DROP TABLE \"\(name)\"") }
    }

    /// Closes the file.
    func close() {
        try? database.close()
    }

    // MARK: Results

    /// A row as it is stored, copied so that it can be made sense of while the next is read.
    private struct StoredResult {
        private let outputs: [UInt8]
        private let facts: [UInt8]
        private let remarks: [UInt8]

        init(_ row: Row) throws {
            func column(_ index: Int) throws -> [UInt8] {
                try row.withUnsafeData(atIndex: index) { $0.map { Array($0) } ?? [] }
            }
            (outputs, facts, remarks) = (try column(0), try column(1), try column(2))
        }

        func result() throws -> ActionResult {
            var result = ActionResult()
            var isWhole = outputs.withUnsafeBytes { PackedOutputs.read($0, into: &result.outputs) }
            if !facts.isEmpty {
                if let facts = RecordedFacts(text: facts) {
                    result.recordedFacts = facts
                } else {
                    isWhole = false
                }
            }
            if !remarks.isEmpty {
                let remarks = ActionResult(json: try JSONValue(parsing: remarks))
                isWhole = isWhole && remarks != nil
                result.diagnostics = remarks?.diagnostics ?? []
                result.failure = remarks?.failure
            }
            guard isWhole else {
                throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "a row that can't be read")
            }
            return result
        }
    }

    /// What is recorded under each key.
    func results(for keys: [Digest]) throws(BuildError) -> [ActionResult?] {
        let rows = try readAll { db in try Self.rows(for: keys, db) }
        return try Self.guarding("the index") { try rows.map { try $0?.result() } }
    }

    private static func rows(for keys: [Digest], _ db: Database) throws -> [StoredResult?] {
        let statement = try db.cachedStatement(
            sql: "SELECT outputs, facts, remarks FROM action WHERE key = ?")
        return try keys.map { key in
            statement.setUncheckedArguments([key.data])
            let rows = try Row.fetchCursor(statement)
            return try rows.next().map { try StoredResult($0) }
        }
    }

    /// What is known of an action that has no result.
    struct Absence {
        /// Why the record under its key was dropped last, when it was.
        var dropped: DropReason?
        /// Where the youngest record of its stage on its subject stands.
        var latest: (journal: String, place: Range<Int>)?
    }

    /// What is recorded under a key, and without a result what else is known: in one visit to the database.
    func find(
        _ key: Digest, stage: String, subject: String
    ) throws(BuildError) -> (result: ActionResult?, absence: Absence) {
        try read { db in
            let result = try Self.rows(for: [key], db)[0]?.result()
            return (result, result == nil ? try Self.absence(of: key, stage, subject, db) : Absence())
        }
    }

    /// What is known of an action that has no result; without a key, of what will be one.
    func absence(of key: Digest?, stage: String, subject: String) throws(BuildError) -> Absence {
        try read { db in try Self.absence(of: key, stage, subject, db) }
    }

    private static func absence(
        of key: Digest?, _ stage: String, _ subject: String, _ db: Database
    ) throws -> Absence {
        var absence = Absence()
        if let key {
            let statement = try db.cachedStatement(sql: "SELECT reason FROM dropped WHERE key = ?")
            absence.dropped = try String.fetchOne(statement, arguments: [key.data])
                .flatMap(DropReason.init(rawValue:))
        }
        let statement = try db.cachedStatement(
            sql: """
                SELECT name, start, length FROM latest JOIN journal ON journal.id = journal
                WHERE subject = ?
                """)
        if let row = try Row.fetchOne(statement, arguments: [Self.subjectNumber(stage, subject)]) {
            let start: Int = row[1]
            let length: Int = row[2]
            absence.latest = (row[0], start..<(start + length))
        }
        return absence
    }

    /// The time of the youngest entry, in milliseconds since 1970; 1 when there is none.
    func youngest() throws(BuildError) -> Int64 {
        try read { db in
            let sql =
                "SELECT max((SELECT ifnull(max(at), 1) FROM latest), (SELECT ifnull(max(at), 1) FROM dropped))"
            return try Int64.fetchOne(db, sql: sql) ?? 1
        }
    }

    /// What the database itself finds wrong with its file; nil when nothing.
    func damage() -> String? {
        do throws(BuildError) {
            let answers = try read { db in try String.fetchAll(db, sql: "PRAGMA quick_check") }
            return answers == ["ok"] ? nil : answers.first
        } catch {
            return error.message
        }
    }

    /// Every key that has a result.
    func keys() throws(BuildError) -> Set<Digest> {
        try read { db in
            var keys: Set<Digest> = []
            let rows = try Row.fetchCursor(db, sql: "SELECT key FROM action")
            while let row = try rows.next() {
                let key = try row.withUnsafeData(atIndex: 0) { Digest(bytes: $0 ?? Data()) }
                if let key { keys.insert(key) }
            }
            return keys
        }
    }

    /// The first eight bytes of a hash stand for stage and subject; the reader of the record compares both.
    private static func subjectNumber(_ stage: String, _ subject: String) -> Int64 {
        Int64(bitPattern: Digest(of: Array("\(stage)\u{0}\(subject)".utf8)).prefix)
    }

    // MARK: Journals

    /// The journals taken in, and up to which byte.
    func journals() throws(BuildError) -> [String: Int] {
        try read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT name, bytes FROM journal")
            return Dictionary(uniqueKeysWithValues: rows.map { ($0[0] as String, $0[1] as Int) })
        }
    }

    /// Takes in entries of a journal in one transaction; gives a message for each key with two results.
    func ingest(
        _ entries: [(JournalEntry, Range<Int>)], of journal: String, upTo end: Int
    ) throws(BuildError) -> [String] {
        try write { db in
            try db.execute(
                sql: """
                    INSERT INTO journal (name, bytes) VALUES (?, ?)
                    ON CONFLICT (name) DO UPDATE SET bytes = excluded.bytes
                    """, arguments: [journal, end])
            let id = try Int64.fetchOne(
                db, sql: "SELECT id FROM journal WHERE name = ?", arguments: [journal])
            var messages: [String] = []
            for (entry, place) in entries {
                switch entry {
                case .record(let record, let at):
                    if let message = try Self.ingest(record, at, db) { messages.append(message) }
                    try db.cachedStatement(
                        sql: """
                            INSERT INTO latest VALUES (?, ?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET
                            at = excluded.at, journal = excluded.journal, start = excluded.start,
                            length = excluded.length WHERE excluded.at >= at
                            """
                    ).execute(arguments: [
                        Self.subjectNumber(record.stage.name, record.subject), at, id, place.lowerBound,
                        place.count,
                    ])
                case .drop(let key, let reason, let at):
                    let data = key.data
                    try db.cachedStatement(sql: "DELETE FROM action WHERE key = ? AND at <= ?")
                        .execute(arguments: [data, at])
                    try db.cachedStatement(
                        sql: """
                            INSERT INTO dropped VALUES (?, ?, ?) ON CONFLICT (key) DO UPDATE SET
                            at = excluded.at, reason = excluded.reason WHERE excluded.at >= at
                            """
                    ).execute(arguments: [data, at, reason.rawValue])
                }
            }
            FailPoint.pass("index.uncommitted")
            return messages
        }
    }

    private static func ingest(_ record: ActionRecord, _ at: Int64, _ db: Database) throws -> String? {
        let key = record.key.data
        let dropped = try Int64.fetchOne(
            db.cachedStatement(sql: "SELECT at FROM dropped WHERE key = ?"), arguments: [key])
        if let dropped, dropped >= at { return nil }
        let found = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT outputs, facts, remarks, at FROM action WHERE key = ?"),
            arguments: [key])
        var message: String?
        if let found {
            let earlier = try StoredResult(found).result()
            if earlier != record.result {
                message = """
                    \(record.stage.name) of \(record.subject) has two different results; the smaller hash is kept \
                    (is the stage pure, and its numerics tag complete?)
                    """
            }
            if !record.result.precedes(earlier) { return message }
        }
        let remarks = ActionResult(
            diagnostics: record.diagnostics, failure: record.failure)
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO action VALUES (?, ?, ?, ?, ?)").execute(
            arguments: [
                key, at, record.outputs.isEmpty ? nil : Data(PackedOutputs.write(record.outputs)),
                record.result.recordedFacts.text.map { Data($0) },
                remarks == ActionResult() ? nil : Data(remarks.json.canonicalBytes),
            ])
        return message
    }

    /// Forgets everything that came from journals; what is known of sources stays.
    func clear() throws(BuildError) {
        try write { db in
            try db.execute(
                sql: "DELETE FROM action; DELETE FROM latest; DELETE FROM dropped; DELETE FROM journal")
        }
    }

    // MARK: Sources

    /// What is known of all sources, by path.
    func sources(_ paths: [String]) throws(BuildError) -> [SourceRow?] {
        try readAll { db in
            let statement = try db.cachedStatement(
                sql: "SELECT size, modified, changed, inode, digest FROM source WHERE path = ?")
            return try paths.map { path in
                statement.setUncheckedArguments([path])
                let rows = try Row.fetchCursor(statement)
                guard let row = try rows.next() else { return nil }
                guard let digest = try row.withUnsafeData(atIndex: 4, { Digest(bytes: $0 ?? Data()) }) else {
                    return nil
                }
                let stat = FileStat(
                    size: row[0], modified: row[1], changed: row[2],
                    inode: UInt64(bitPattern: row[3] as Int64))
                return SourceRow(stat: stat, digest: digest)
            }
        }
    }

    /// Notes what was hashed.
    func note(_ rows: [(path: String, row: SourceRow)]) throws(BuildError) {
        try write { db in
            let statement = try db.cachedStatement(
                sql: "INSERT OR REPLACE INTO source VALUES (?, ?, ?, ?, ?, ?)")
            for (path, row) in rows {
                try statement.execute(arguments: [
                    path, row.stat.size, row.stat.modified, row.stat.changed,
                    Int64(bitPattern: row.stat.inode), row.digest.data,
                ])
            }
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
                throw BuildError(.inputOutput, "cannot read or write \(what): \(error)", canRetry: true)
            default:
                throw BuildError(.damaged, "\(what) is damaged: \(error)", canRetry: true)
            }
        } catch {
            throw BuildError(.damaged, "\(what) is damaged: \(error)", canRetry: true)
        }
    }
}

/// Outputs in a row: for each the length of its name, the name, 32 bytes of digest and the size in 7-bit groups.
enum PackedOutputs {
    static func write(_ outputs: [String: ObjectReference]) -> [UInt8] {
        var bytes: [UInt8] = []
        for (name, reference) in outputs.sorted(by: { $0.key < $1.key }) {
            precondition(name.utf8.count < 256, "an output's name has \(name.utf8.count) bytes; at most 255")
            bytes.append(UInt8(name.utf8.count))
            bytes += name.utf8
            bytes += reference.digest.bytes
            var rest = UInt64(reference.size)
            while rest > 127 {
                bytes.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            bytes.append(UInt8(rest))
        }
        return bytes
    }

    /// False when the bytes are not what `write` gives.
    static func read(_ bytes: UnsafeRawBufferPointer, into outputs: inout [String: ObjectReference]) -> Bool {
        var at = 0
        while at < bytes.count {
            let length = Int(bytes[at])
            guard at + 1 + length + 32 < bytes.count else { return false }
            let digest = Digest(
                words: UnsafeRawBufferPointer(rebasing: bytes[(at + 1 + length)..<(at + 33 + length)]))
            let name = String(decoding: bytes[(at + 1)..<(at + 1 + length)], as: UTF8.self)
            at += 33 + length
            var size: UInt64 = 0
            var shift: UInt64 = 0
            while true {
                guard at < bytes.count, shift < 63 else { return false }
                size |= UInt64(bytes[at] & 127) << shift
                shift += 7
                at += 1
                if bytes[at - 1] < 128 { break }
            }
            outputs[name] = ObjectReference(digest: digest, size: Int(size))
        }
        return true
    }
}

extension Digest {
    /// The 32 bytes as a column holds them.
    fileprivate var data: Data { withBytes { Data($0) } }
}
