import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.database) struct CopyTests {
    @Test("rows written by COPY come back by COPY, NULLs and all")
    func roundTrip() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (n int8, id uuid, name text, body json, raw bytea, tags text[])")
        let rowCount = 20_000
        let id = UUID()
        let written = try await database.transaction { tx throws(PostgresError) in
            try tx.copy(into: "t (n, id, name, body, raw, tags)") { writer throws(PostgresError) in
                for n in 0..<rowCount {
                    try writer.row(
                        n, id, n % 2 == 0 ? "name \(n)" : nil, PostgresJSON("{\"n\":\(n)}"), [UInt8]([1, 2, 3]),
                        ["a", "b"])
                }
            }
        }
        #expect(written == rowCount)
        let mismatches = try await database.transaction { tx throws(PostgresError) in
            var expected = 0
            var mismatches = 0
            try tx.copy(from: "SELECT n, id, name, body, raw, tags FROM t ORDER BY n") { row throws(PostgresError) in
                let n: Int = try row.next()
                let back: UUID = try row.next()
                let name: String? = try row.next()
                let body: PostgresJSON = try row.next()
                let raw: [UInt8] = try row.next()
                let tags: [String] = try row.next()
                if n != expected || back != id || name != (n % 2 == 0 ? "name \(n)" : nil)
                    || body.text != "{\"n\":\(n)}" || raw != [1, 2, 3] || tags != ["a", "b"]
                {
                    mismatches += 1
                }
                expected += 1
            }
            return expected == rowCount ? mismatches : -1
        }
        #expect(mismatches == 0)
    }

    @Test("an empty COPY out calls nobody")
    func empty() async throws {
        let database = try TestDatabase.current.database
        let count = try await database.transaction { tx throws(PostgresError) in
            var count = 0
            try tx.copy(from: "SELECT 1 WHERE false") { _ throws(PostgresError) in count += 1 }
            return count
        }
        #expect(count == 0)
    }

    @Test("an error in a writer or reader leaves the connection usable")
    func failing() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (n int8)")
        await #expect {
            try await database.transaction { tx throws(PostgresError) in
                try tx.copy(into: "t (n)") { writer throws(PostgresError) in
                    try writer.row(1)
                    throw PostgresError(.misuse, "enough")
                }
            }
        } throws: { ($0 as? PostgresError)?.message == "enough" }
        await #expect {
            try await database.transaction { tx throws(PostgresError) in
                try tx.copy(from: "SELECT generate_series(1, 1000)::int8") { _ throws(PostgresError) in
                    throw PostgresError(.misuse, "enough")
                }
            }
        } throws: { ($0 as? PostgresError)?.message == "enough" }
        await #expect {
            try await database.transaction { tx throws(PostgresError) in
                try tx.copy(into: "t (n)") { writer throws(PostgresError) in try writer.row("not a number") }
            }
        } throws: { ($0 as? PostgresError)?.code == .server }
        #expect(try await database.value("SELECT count(*) FROM t", as: Int.self) == 0)
        #expect(database.load.open == 1)
    }
}
