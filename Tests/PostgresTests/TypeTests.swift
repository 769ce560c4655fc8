import Foundation
import Postgres
import TestSupport
import Testing

@Suite(.database) struct TypeTests {
    private func expectRoundTrip<T: PostgresEncodable & PostgresDecodable & Equatable>(
        _ value: T, as type: String, text: String? = nil
    ) async throws {
        let database = try TestDatabase.current.database
        let back = try await database.value("SELECT \(value)::\(unescaped: type)", as: T.self)
        #expect(back == value)
        if let text {
            let shown = try await database.value("SELECT (\(value)::\(unescaped: type))::text", as: String.self)
            #expect(shown == text)
        }
    }

    @Test("scalars come back as they went, and the server reads them alike")
    func scalars() async throws {
        try await expectRoundTrip(true, as: "bool", text: "true")
        try await expectRoundTrip(false, as: "bool")
        try await expectRoundTrip(Int16.min, as: "int2", text: "-32768")
        try await expectRoundTrip(Int32.min, as: "int4", text: "-2147483648")
        try await expectRoundTrip(Int64.min, as: "int8", text: "-9223372036854775808")
        try await expectRoundTrip(Int.max, as: "int8", text: "9223372036854775807")
        try await expectRoundTrip(-0.1, as: "float8", text: "-0.1")
        try await expectRoundTrip(Double.infinity, as: "float8", text: "Infinity")
        try await expectRoundTrip("", as: "text")
        try await expectRoundTrip("Grüße, 世界 🦉", as: "text", text: "Grüße, 世界 🦉")
        let id = UUID()
        try await expectRoundTrip(id, as: "uuid", text: id.uuidString.lowercased())
        try await expectRoundTrip([UInt8](), as: "bytea", text: "\\x")
        try await expectRoundTrip([UInt8]([0, 1, 0xFF, 0x00]), as: "bytea", text: "\\x0001ff00")
        try await expectRoundTrip(
            PostgresTimestamp(microseconds: 1_795_000_000_123_456), as: "timestamptz",
            text: "2026-11-18 11:06:40.123456+00")
        try await expectRoundTrip(
            PostgresTimestamp(microseconds: -1), as: "timestamptz", text: "1969-12-31 23:59:59.999999+00")
        try await expectRoundTrip(PostgresJSON("{ \"b\":1,  \"a\":2 }"), as: "json", text: "{ \"b\":1,  \"a\":2 }")
        try await expectRoundTrip(PostgresJSONB("{\"a\": 2, \"b\": 1}"), as: "jsonb", text: "{\"a\": 2, \"b\": 1}")
        try await expectRoundTrip(String?.none, as: "text")
        try await expectRoundTrip(String?.some("x"), as: "text", text: "x")
    }

    @Test("arrays come back as they went, empty ones and those with NULLs too")
    func arrays() async throws {
        try await expectRoundTrip([true, false], as: "bool[]", text: "{t,f}")
        try await expectRoundTrip([Int16(1), -2], as: "int2[]", text: "{1,-2}")
        try await expectRoundTrip([Int32(1), -2], as: "int4[]", text: "{1,-2}")
        try await expectRoundTrip([Int64(1), -2], as: "int8[]", text: "{1,-2}")
        try await expectRoundTrip([1, 2, 3], as: "int8[]", text: "{1,2,3}")
        try await expectRoundTrip([Int](), as: "int8[]", text: "{}")
        try await expectRoundTrip([Int64?.some(1), nil], as: "int8[]", text: "{1,NULL}")
        try await expectRoundTrip([0.5, nil], as: "float8[]", text: "{0.5,NULL}")
        try await expectRoundTrip(["a", "", nil, "b,c"], as: "text[]", text: #"{a,"",NULL,"b,c"}"#)
        try await expectRoundTrip([UUID(), nil], as: "uuid[]")
        try await expectRoundTrip([[UInt8]([1, 2]), []], as: "bytea[]", text: #"{"\\x0102","\\x"}"#)
        try await expectRoundTrip([[UInt8]?.some([1]), nil], as: "bytea[]")
        try await expectRoundTrip([PostgresTimestamp(microseconds: 0), nil], as: "timestamptz[]")
        try await expectRoundTrip([PostgresJSON("[1 ]"), nil], as: "json[]")
        try await expectRoundTrip([PostgresJSONB("[1]"), nil], as: "jsonb[]")
        try await expectRoundTrip([Int64]?.none, as: "int8[]")
    }

    @Test("NULL in an array of non-optionals and a two-dimensional array are refused")
    func refusedArrays() async throws {
        let database = try TestDatabase.current.database
        await #expect { try await database.value("SELECT ARRAY[1, NULL]::int8[]", as: [Int64].self) } throws: {
            ($0 as? PostgresError)?.code == .unexpectedNull
        }
        await #expect { try await database.value("SELECT ARRAY[[1], [2]]::int8[]", as: [Int64].self) } throws: {
            ($0 as? PostgresError)?.code == .typeMismatch
        }
    }

    @Test("arrays feed unnest, several columns at once")
    func unnest() async throws {
        let database = try TestDatabase.current.database
        let ids = (0..<500).map { _ in UUID() }
        let payloads = ids.map { PostgresJSON("{\"id\":\"\($0)\"}") }
        let rows = try await database.query(
            "SELECT id, body->>'id' FROM unnest(\(ids), \(payloads)) WITH ORDINALITY AS t (id, body, n) ORDER BY n"
        ) { row throws(PostgresError) in
            let (id, text): (UUID, String) = try row.columns()
            return id.uuidString == text ? id : UUID()
        }
        #expect(rows == ids)
    }

    @Test("text columns of other types and enumerations' labels read as text after a cast; void reads as empty")
    func texts() async throws {
        let database = try TestDatabase.current.database
        #expect(try await database.value("SELECT 'a'::varchar(3)", as: String.self) == "a")
        #expect(try await database.value("SELECT 'pg'::name", as: String.self) == "pg")
        #expect(try await database.value("SELECT 1.50::numeric::text", as: String.self) == "1.50")
        #expect(try await database.value("SELECT pg_sleep(0)", as: String.self) == "")
    }

    @Test("an infinite timestamp is refused")
    func infinity() async throws {
        let database = try TestDatabase.current.database
        await #expect {
            try await database.value("SELECT 'infinity'::timestamptz", as: PostgresTimestamp.self)
        } throws: {
            ($0 as? PostgresError)?.code == .malformedValue
        }
    }
}
