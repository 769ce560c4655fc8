package import Postgres
import Schema
package import Testing

/// Gives each test a database of its own, cloned from a template in one throw-away cluster per test process:
///
///     @Suite(.database) struct PoolTests {
///         @Test("…") func bounded() async throws {
///             let database = try TestDatabase.current.database
///
/// On a suite it applies to every test in it. The database is dropped when the test ends.
package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    package let isRecursive = true
    private let template: String
    private let prepare: @Sendable (Database) async throws -> Void

    /// - Parameter template: names the preparation, which runs once a process, in the database that is cloned.
    package init(template: String, prepare: @escaping @Sendable (Database) async throws -> Void) {
        self.template = template
        self.prepare = prepare
    }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @concurrent @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await TestCluster.shared.withDatabase(template: template, prepare: prepare) { current in
            try await TestDatabase.$scoped.withValue(current) { try await function() }
        }
    }
}

extension Trait where Self == DatabaseTrait {
    /// An empty database.
    package static var database: DatabaseTrait { DatabaseTrait(template: "empty") { _ in } }

    /// A database with the log's schema.
    package static var migrated: DatabaseTrait {
        DatabaseTrait(template: "migrated") { try await Migrator($0).migrate() }
    }
}

/// The database of the running test.
package struct TestDatabase: Sendable {
    @TaskLocal static var scoped: TestDatabase?

    package let database: Database
    package let connectionString: String

    package static var current: TestDatabase {
        get throws {
            guard let scoped else { throw NoDatabase() }
            return scoped
        }
    }

    /// Another client of the same database, as the application sees it: with a role of its own, or other limits.
    package func connect(
        as role: String? = nil, _ change: (inout DatabaseConfiguration) -> Void = { _ in }
    ) -> Database {
        var configuration = DatabaseConfiguration(ConnectionConfiguration(connectionString))
        configuration.connection.role = role
        change(&configuration)
        return Database(configuration)
    }

    private struct NoDatabase: Error, CustomStringConvertible {
        let description = "the test has no .database trait"
    }
}
