import Crypto
package import Postgres

/// The log's SQL as migrations: numbered, checksummed, forward only. The files beside this one are the source; adding
/// a file is adding a migration.
package struct Migration: Sendable, Hashable {
    package let number: Int
    package let name: String
    package let sql: String
    /// SHA-256 of the file's bytes, hexadecimal: an applied file that was edited since is noticed.
    package let checksum: String

    package init(number: Int, name: String, sql: String) {
        self.number = number
        self.name = name
        self.sql = sql
        checksum = SHA256.hash(data: Array(sql.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }.joined()
    }

    /// Reads `0001-roles.sql`.
    init(path: String, sql: String) throws(SchemaError) {
        let parts = path.split(separator: "-", maxSplits: 1)
        guard parts.count == 2, let number = Int(parts[0]), path.hasSuffix(".sql") else {
            throw SchemaError(.malformed, "\(path) is not named NNNN-name.sql")
        }
        self.init(number: number, name: String(parts[1].dropLast(4)), sql: sql)
    }
}

package enum Schema {
    /// All migrations of this build, 1, 2, 3, …
    package static func migrations() throws(SchemaError) -> [Migration] {
        var all: [Migration] = []
        for file in SQL.files { all.append(try Migration(path: file.path, sql: file.text)) }
        return all
    }
}

/// Brings a database to the schema of this build, and tells whether it is there.
///
/// Each migration is one transaction, in the order of the numbers, under a lock, so that several processes may start
/// together. Needs the rights that `Schema/README.md` names: not the application's role.
package struct Migrator: Sendable {
    private let database: Database
    private let migrations: [Migration]

    package init(_ database: Database) throws(SchemaError) {
        try self.init(database, migrations: try Schema.migrations())
    }

    init(_ database: Database, migrations: [Migration]) throws(SchemaError) {
        guard migrations.map(\.number) == Array(1..<(migrations.count + 1)) else {
            throw SchemaError(.malformed, "the migrations are not numbered 1, 2, 3, …: \(migrations.map(\.number))")
        }
        self.database = database
        self.migrations = migrations
    }

    /// Applies what is missing; gives what it applied. A database that differs from this build is left untouched.
    @discardableResult
    package func migrate() async throws(SchemaError) -> [Migration] {
        try await createTable()
        var applied: [Migration] = []
        for migration in try await check() {
            let didApply = try await applying(migration)
            if didApply { applied.append(migration) }
        }
        return applied
    }

    /// The migrations that the database lacks; an error when it has others than this build, or other versions of them.
    package func check() async throws(SchemaError) -> [Migration] {
        let applied: [(number: Int, checksum: String)]
        do throws(PostgresError) {
            let hasTable = try await database.value(
                "SELECT to_regclass('public.schema_migrations') IS NOT NULL", as: Bool.self)
            applied =
                hasTable
                ? try await database.query("SELECT number, checksum FROM public.schema_migrations ORDER BY number") {
                    row throws(PostgresError) in (number: try row[0], checksum: try row[1])
                } : []
        } catch {
            throw SchemaError(.database, "the applied migrations cannot be read", cause: error)
        }
        for (index, row) in applied.enumerated() {
            guard row.number == index + 1 else {
                throw SchemaError(.gap, "migration \(index + 1) is missing from the database, which has \(row.number)")
            }
            guard index < migrations.count else {
                throw SchemaError(
                    .newer,
                    "the database has migration \(row.number), this build ends at \(migrations.count): use a newer build"
                )
            }
            guard row.checksum == migrations[index].checksum else {
                throw SchemaError(
                    .edited, "migration \(row.number) (\(migrations[index].name)) was edited after it was applied")
            }
        }
        return Array(migrations.dropFirst(applied.count))
    }

    private func createTable() async throws(SchemaError) {
        do throws(PostgresError) {
            // Two processes that create it at the same moment collide in the catalog even with IF NOT EXISTS.
            for attempt in 1... {
                do throws(PostgresError) {
                    try await database.transaction { tx throws(PostgresError) in
                        try tx.run(
                            script: """
                                SET LOCAL client_min_messages = warning;
                                CREATE TABLE IF NOT EXISTS public.schema_migrations (
                                    number      integer PRIMARY KEY,
                                    name        text NOT NULL,
                                    checksum    text NOT NULL,
                                    applied_at  timestamptz NOT NULL DEFAULT clock_timestamp()
                                );
                                GRANT SELECT ON public.schema_migrations TO PUBLIC;
                                """)
                    }
                    return
                } catch  where attempt < 5 && ["23505", "42P07", "42710", "XX000"].contains(error.sqlState) {
                    continue
                }
            }
        } catch {
            throw SchemaError(.database, "the table of migrations cannot be made", cause: error)
        }
    }

    /// False when another process applied it meanwhile.
    private func applying(_ migration: Migration) async throws(SchemaError) -> Bool {
        do throws(PostgresError) {
            return try await database.transaction { tx throws(PostgresError) in
                try tx.run(
                    script: """
                        SET LOCAL statement_timeout = 0;
                        SET LOCAL lock_timeout = 0;
                        LOCK TABLE public.schema_migrations IN EXCLUSIVE MODE;
                        """)
                let isApplied = try tx.value(
                    "SELECT EXISTS (SELECT FROM public.schema_migrations WHERE number = \(migration.number))",
                    as: Bool.self)
                guard !isApplied else { return false }
                try tx.run(script: migration.sql)
                try tx.execute(
                    """
                    INSERT INTO public.schema_migrations (number, name, checksum)
                    VALUES (\(migration.number), \(migration.name), \(migration.checksum))
                    """)
                return true
            }
        } catch {
            throw SchemaError(.failed, "migration \(migration.number) (\(migration.name)) failed", cause: error)
        }
    }
}

/// Why the schema cannot be brought to this build's version.
package struct SchemaError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A file of this build is misnamed or out of order.
        case malformed
        /// The database skips a number.
        case gap
        /// The database was migrated by a later build.
        case newer
        /// An applied file has changed.
        case edited
        /// A migration's SQL was refused.
        case failed
        case database
    }

    package let code: Code
    package let message: String
    package let cause: (any Error)?
    package let file: String
    package let line: Int

    init(
        _ code: Code, _ message: String, cause: (any Error)? = nil, file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.cause = cause
        self.file = file
        self.line = line
    }

    package var description: String {
        "\(code.rawValue): \(message)\(cause.map { ", because: \($0)" } ?? "") (\(file):\(line))"
    }
}
