import Postgres
import TestSupport
import Testing

@testable import Schema

@Suite(.database) struct MigratorTests {
    private let one = Migration(number: 1, name: "one", sql: "CREATE TABLE one (a int);")
    private let two = Migration(number: 2, name: "two", sql: "CREATE TABLE two (a int);")

    private func expect(_ code: SchemaError.Code, _ body: () async throws -> Void) async {
        await #expect { try await body() } throws: { ($0 as? SchemaError)?.code == code }
    }

    @Test("this build's migrations bring an empty database up to date, once")
    func all() async throws {
        let migrator = try Migrator(try TestDatabase.current.database)
        let expected = try Schema.migrations()
        #expect(!expected.isEmpty)
        #expect(try await migrator.check() == expected)
        #expect(try await migrator.migrate() == expected)
        #expect(try await migrator.check() == [])
        #expect(try await migrator.migrate() == [])
    }

    @Test("processes that start together apply each migration once")
    func together() async throws {
        let database = try TestDatabase.current.database
        let migrations = [one, two]
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<5 {
                group.addTask { try await Migrator(database, migrations: migrations).migrate().count }
            }
            return try await group.reduce(0, +)
        }
        #expect(applied == 2)
    }

    @Test("a migration that fails leaves nothing, and those before it stay")
    func failing() async throws {
        let database = try TestDatabase.current.database
        let bad = Migration(number: 2, name: "bad", sql: "CREATE TABLE bad (a int); SELECT 1/0;")
        await expect(.failed) { try await Migrator(database, migrations: [one, bad]).migrate() }
        #expect(
            try await database.value(
                "SELECT to_regclass('bad') IS NULL AND to_regclass('one') IS NOT NULL", as: Bool.self))
        #expect(try await Migrator(database, migrations: [one, two]).check() == [two])
    }

    @Test("an edited, a missing and an unknown migration are refused")
    func differing() async throws {
        let database = try TestDatabase.current.database
        try await Migrator(database, migrations: [one, two]).migrate()
        let edited = Migration(number: 1, name: "one", sql: "CREATE TABLE one (a int); -- edited")
        await expect(.edited) { _ = try await Migrator(database, migrations: [edited, two]).check() }
        await expect(.newer) { _ = try await Migrator(database, migrations: [one]).migrate() }
        await expect(.malformed) { _ = try Migrator(database, migrations: [two]) }
        try await database.execute("DELETE FROM schema_migrations WHERE number = 1")
        await expect(.gap) { _ = try await Migrator(database, migrations: [one, two]).check() }
    }

    @Test("the application's role can check, and cannot migrate")
    func roles() async throws {
        try await Migrator(try TestDatabase.current.database).migrate()
        let application = try TestDatabase.current.connect(as: "docket_app")
        #expect(try await Migrator(application).check() == [])
        await #expect(throws: PostgresError.self) { try await application.execute("CREATE TABLE public.x (a int)") }
        await application.close()
    }
}
