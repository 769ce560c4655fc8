import Postgres
import TestSupport
import Testing

@Suite(.database) struct QueryTests {
    @Test("interpolated values become numbered binds, never SQL")
    func binds() async throws {
        let hostile = "'; DROP TABLE x; --"
        let query: Query = "SELECT \(hostile), \(7), \(Int?.none)"
        #expect(query.sql == "SELECT $1, $2, $3")
        let database = try TestDatabase.current.database
        let row = try await database.first(query) { row throws(PostgresError) in
            let (text, number, nothing): (String, Int, Int?) = try row.columns()
            return "\(text)|\(number)|\(String(describing: nothing))"
        }
        #expect(row == "'; DROP TABLE x; --|7|nil")
    }

    @Test("unescaped text stands in the SQL as it is")
    func unescaped() {
        let query: Query = "SELECT 1 FROM \(unescaped: "pg_class") WHERE oid = \(Int64(3))"
        #expect(query.sql == "SELECT 1 FROM pg_class WHERE oid = $1")
    }

    @Test("a statement met twice is prepared, and works on")
    func prepared() async throws {
        let database = try TestDatabase.current.database
        let counts = try await database.transaction { tx throws(PostgresError) in
            for number in 1...5 {
                let value = try tx.value("SELECT \(number) * 2", as: Int.self)
                guard value == number * 2 else { throw PostgresError(.misuse, "\(value)") }
            }
            return try tx.value(
                "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT $1 * 2'", as: Int.self)
        }
        #expect(counts == 1)
    }

    @Test("behind a transaction pooler nothing is prepared, and the timeouts are set in the transaction")
    func pooler() async throws {
        var configuration = ConnectionConfiguration(try TestDatabase.current.connectionString)
        configuration.isBehindTransactionPooler = true
        configuration.statementTimeoutMilliseconds = 12_345
        let database = Database(DatabaseConfiguration(configuration))
        let (timeout, prepared) = try await database.transaction { tx throws(PostgresError) in
            for _ in 1...3 { _ = try tx.value("SELECT \(1)", as: Int.self) }
            return (
                try tx.value("SELECT current_setting('statement_timeout')", as: String.self),
                try tx.value("SELECT count(*) FROM pg_prepared_statements", as: Int.self)
            )
        }
        #expect(timeout == "12345ms")
        #expect(prepared == 0)
        await database.close()
    }

    @Test("a prepared statement whose result's columns changed is prepared anew", arguments: [false, true])
    func stalePlan(inTransaction: Bool) async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        try await database.execute("INSERT INTO t VALUES (1)")
        let read: @Sendable () async throws -> Int = {
            if inTransaction {
                return try await database.transaction { tx throws(PostgresError) in
                    try tx.query("SELECT * FROM t WHERE a = \(1)") { row throws(PostgresError) in row.columnCount }[0]
                }
            }
            return try await database.query("SELECT * FROM t WHERE a = \(1)") { row throws(PostgresError) in
                row.columnCount
            }[0]
        }
        for _ in 1...3 { #expect(try await read() == 1) }
        try await database.execute("ALTER TABLE t ADD b text")
        for _ in 1...3 { #expect(try await read() == 2) }
    }

    @Test("a column that does not exist, NULL, and a type that is not read are told apart")
    func columns() async throws {
        let database = try TestDatabase.current.database
        func code<T: PostgresDecodable>(_ query: Query, _ name: String, _: T.Type) async -> PostgresError.Code? {
            do {
                _ = try await database.query(query) { row throws(PostgresError) in try row[name] as T }
                return nil
            } catch {
                return error.code
            }
        }
        #expect(await code("SELECT 1 AS a", "b", Int.self) == .noSuchColumn)
        #expect(await code("SELECT NULL::int AS a", "a", Int.self) == .unexpectedNull)
        #expect(await code("SELECT 1.5::numeric AS a", "a", Double.self) == .typeMismatch)
        #expect(await code("SELECT 1::int8 AS a", "a", Int16.self) == .typeMismatch)
        #expect(await code("SELECT 1::int2 AS a", "a", Int64.self) == nil)
    }
}
