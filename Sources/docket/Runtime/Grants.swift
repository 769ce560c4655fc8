import Foundation
import Postgres
import Schema

/// What a login must be granted, said as the statement that grants it.
struct Grants {
    let connectionString: String

    /// The roles that a process takes on.
    private static let roles = ["docket_app", "docket_eraser"]

    /// - Throws: `CommandFailure` with the GRANT that is missing.
    func check() async throws {
        let database = Database(connectionString)
        do {
            let version = try await database.value("SELECT current_setting('server_version_num')::int", as: Int32.self)
            // From PostgreSQL 16 on, membership alone does not allow SET ROLE.
            let right = version >= 160_000 ? "SET" : "MEMBER"
            let login = try await database.value("SELECT session_user::text", as: String.self)
            let missing = try await database.query(
                """
                SELECT r FROM unnest(\(Self.roles)) AS r
                 WHERE EXISTS (SELECT FROM pg_roles WHERE rolname = r) AND NOT pg_has_role(session_user, r, \(right))
                """
            ) { row throws(PostgresError) in try row[0] as String }
            await database.close()
            guard missing.isEmpty else {
                throw CommandFailure(
                    "the login '\(login)' may not take the role \(missing.joined(separator: " and ")). As a superuser: "
                        + Self.statement(missing, login))
            }
        } catch {
            await database.close()
            throw error
        }
    }

    /// A migration that the login has no right for, in plain words; other errors as they are.
    func translated(_ error: any Error) async -> any Error {
        let cause = (error as? SchemaError)?.cause as? PostgresError ?? error as? PostgresError
        // insufficient_privilege
        guard let cause, cause.sqlState == "42501" else { return error }
        let login: String
        let database: String
        let connection = Database(connectionString)
        do {
            login = try await connection.value("SELECT session_user::text", as: String.self)
            database = try await connection.value("SELECT current_database()::text", as: String.self)
            await connection.close()
        } catch {
            await connection.close()
            return error
        }
        return CommandFailure(
            """
            the login '\(login)' may not bring the schema of '\(database)' up to date (\(cause.serverMessage ?? cause.message)). \
            As a superuser: ALTER DATABASE \(Self.quoted(database)) OWNER TO \(Self.quoted(login)); and, where the roles of \
            Docket are there already, \(Self.statement(["docket_owner"] + Self.roles, login)) otherwise \
            ALTER ROLE \(Self.quoted(login)) CREATEROLE; for the first migration.
            """)
    }

    private static func statement(_ roles: [String], _ login: String) -> String {
        "GRANT \(roles.joined(separator: ", ")) TO \(quoted(login));"
    }

    private static func quoted(_ name: String) -> String {
        let isPlain = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                || $0 == UInt8(ascii: "_")
        }
        return isPlain ? name : "\"" + name.replacing("\"", with: "\"\"") + "\""
    }
}
