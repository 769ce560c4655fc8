import Foundation
import Postgres
import TestSupport
import Testing

/// Who may change the log: tried as each role, statement by statement.
@Suite("Rights on the log", .migrated) struct RightsTests {
    enum Role: String, CaseIterable, Sendable {
        /// The server.
        case app = "docket_app"
        case eraser = "docket_eraser"
        case reader = "docket_reader"
        case reporter = "docket_reporter"
        /// Not for use, but who owns everything could try.
        case owner = "docket_owner"
        /// No role taken: a superuser, by accident.
        case superuser = ""
    }

    /// What holds history, and what a row of it could be changed in.
    static let tables = [
        "event": "type", "sealed": "digest", "evidence": "media_type", "subject_key": "wrapped_key",
        "stream": "version",
        "tenant_head": "next_position", "checkpoint": "note", "tile": "hashes",
    ]

    /// What each may do after all, because something else guards it: the owner stands for the functions that it owns, in
    /// which alone heads, streams, keys and erased members change; tiles are added, and superseded ones go.
    static func isAllowed(_ operation: String, _ table: String, _ role: Role) -> Bool {
        switch (role, operation, table) {
        case (.owner, "INSERT", _): true
        case (.owner, "UPDATE", "stream"), (.owner, "UPDATE", "tenant_head"), (.owner, "UPDATE", "subject_key"): true
        case (.owner, "DELETE", "subject_key"): true
        case (.app, "INSERT", "checkpoint"), (.app, "INSERT", "tile"): true
        case (.superuser, "INSERT", "checkpoint"), (.superuser, "INSERT", "tile"): true
        default: false
        }
    }

    @Test(
        "nobody changes, removes or empties what was recorded, nor adds to it beside the functions",
        arguments: Role.allCases)
    func refused(role: Role) async throws {
        let superuser = try TestDatabase.current.database
        try await Self.fill(superuser)
        let database = try TestDatabase.current.connect(as: role == .superuser ? nil : role.rawValue)
        for (table, column) in Self.tables.sorted(by: { $0.key < $1.key }) {
            let statements = [
                "INSERT": "INSERT INTO docket.\(table) SELECT * FROM docket.\(table) WHERE false",
                "UPDATE": "UPDATE docket.\(table) SET \(column) = \(column)",
                "DELETE": "DELETE FROM docket.\(table)", "TRUNCATE": "TRUNCATE docket.\(table)",
            ]
            let before = try await Self.content(of: table, superuser)
            for (operation, statement) in statements.sorted(by: { $0.key < $1.key }) {
                let state = await Self.sqlState(of: statement, database)
                let isRefused = ["42501", "DK007", "DK008"].contains(state)
                if Self.isAllowed(operation, table, role) {
                    #expect(!isRefused, "\(role) \(operation) \(table): \(state ?? "done")")
                } else {
                    #expect(isRefused, "\(role) \(operation) \(table): \(state ?? "done")")
                }
            }
            if role != .owner { #expect(try await Self.content(of: table, superuser) == before, "\(role) \(table)") }
        }
        await database.close()
    }

    @Test("who may append may do so only through the function, and who may not is refused", arguments: Role.allCases)
    func functions(role: Role) async throws {
        let superuser = try TestDatabase.current.database
        try await Self.fill(superuser)
        let database = try TestDatabase.current.connect(as: role == .superuser ? nil : role.rawValue)
        let tenant = UUID()
        func mayDo(_ statement: String) async -> Bool { await Self.sqlState(of: statement, database) != "42501" }
        let everything = role == .owner || role == .superuser
        #expect(await mayDo("SELECT docket.create_tenant('\(tenant)')") == (everything || role == .app))
        #expect(await mayDo(Self.append(to: tenant)) == (everything || role == .app || role == .eraser))
        #expect(
            await mayDo(
                "SELECT docket.append_judged('\(tenant)', 0, now(), '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')"
            )
                == everything)
        #expect(await mayDo("SELECT docket.erase('\(tenant)', 0, '{}')") == (everything || role == .eraser))
        #expect(await mayDo("SELECT docket.fence_tenant('\(tenant)', 5)") == everything)
        #expect(
            await mayDo("SELECT salt, ciphertext FROM docket.sealed") == (everything || [.app, .eraser].contains(role)))
        #expect(
            await mayDo("SELECT wrapped_key FROM docket.subject_key") == (everything || [.app, .eraser].contains(role)))
        #expect(await mayDo("SELECT body FROM docket.event") == (role != .reporter))
        await database.close()
    }

    private static func sqlState(of statement: String, _ database: Database) async -> String? {
        do {
            // Undone again, so that each statement meets the same rows.
            try await database.transaction { tx throws(PostgresError) in
                try tx.execute(Query(unescaped: statement))
                throw PostgresError.abandon(Undone())
            }
            return nil
        } catch {
            return error.sqlState
        }
    }

    private struct Undone: Error {}

    /// One row of each kind.
    private static func fill(_ database: Database) async throws {
        let tenant = UUID()
        try await database.transaction { tx throws(PostgresError) in
            try tx.execute("SELECT docket.create_tenant(\(tenant))")
            try tx.execute(Query(unescaped: append(to: tenant)))
            try tx.run(
                script: """
                    INSERT INTO docket.checkpoint VALUES ('\(tenant)', 1, sha256('x'), 'note', now());
                    INSERT INTO docket.tile VALUES ('\(tenant)', 0, 0, 1, sha256('x'));
                    """)
        }
    }

    private static func append(to tenant: UUID) -> String {
        """
        SELECT docket.append('\(tenant)', 0, now(), ROW(
            ARRAY['case'], ARRAY[gen_random_uuid()], ARRAY[NULL::uuid], ARRAY[0::bigint], ARRAY[1], ARRAY[1],
            ARRAY[gen_random_uuid()], ARRAY['case.commented'], ARRAY[1], ARRAY[now()], ARRAY['{}'], ARRAY[NULL::uuid],
            ARRAY[gen_random_uuid()], ARRAY[NULL::text], ARRAY['{}'], ARRAY[1], ARRAY[0], ARRAY['\(key)'::uuid],
            ARRAY[sha256('d')], ARRAY[sha256('s')], ARRAY['n'::bytea], ARRAY['c'::bytea], ARRAY[1], ARRAY[sha256('e')],
            ARRAY['text/plain'], ARRAY[1::bigint], ARRAY['\(key)'::uuid], ARRAY['n'::bytea], ARRAY['c'::bytea],
            ARRAY['\(key)'::uuid], ARRAY['w'::bytea])::docket.append_batch)
        """
    }

    private static let key = "00000000-0000-4000-8000-000000000001"

    private static func content(of table: String, _ database: Database) async throws -> String {
        try await database.value(
            "SELECT coalesce(string_agg(t::text, '|' ORDER BY t::text), '') || count(*) FROM docket.\(unescaped: table) AS t",
            as: String.self)
    }
}
