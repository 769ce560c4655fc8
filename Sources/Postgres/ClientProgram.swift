import CPostgres
import Foundation

/// `pg_dump` and `pg_restore` of the version that a server needs.
///
/// They are run inside a transaction, on its connection's own thread: so a dump shows exactly what that transaction sees
/// (`pg_export_snapshot`).
package struct ClientProgram: Sendable {
    private let path: String
    private let environment: [String: String]
    private let databaseName: String

    /// - Parameters:
    ///   - name: `pg_dump` or `pg_restore`.
    ///   - majorVersion: of the server; a program of this version or a later one is looked for.
    ///   - connectionString: where the program is to connect. What it holds goes by the environment: nobody reads a
    ///     password in a list of processes.
    package init(_ name: String, majorVersion: Int, connectionString: String) throws(PostgresError) {
        var candidates = (majorVersion...(majorVersion + 10)).flatMap {
            ["/usr/lib/postgresql/\($0)/bin", "/usr/pgsql-\($0)/bin"]
        }
        candidates += (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        guard
            let directory = candidates.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
        else {
            throw PostgresError(
                .embeddedCluster, "\(name) was not found: install postgresql-client-\(majorVersion)")
        }
        path = "\(directory)/\(name)"
        let settings = try Self.settings(of: connectionString)
        environment = settings.merging(["LC_ALL": "C"]) { $1 }
        databaseName = settings["PGDATABASE"] ?? "postgres"
    }

    /// The environment variables that say the same as a connection string (libpq, "Environment Variables").
    private static func settings(of connectionString: String) throws(PostgresError) -> [String: String] {
        guard let options = PQconninfoParse(connectionString, nil) else {
            throw PostgresError(.connectionFailed, "the connection string cannot be read")
        }
        defer { PQconninfoFree(options) }
        var settings: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val {
                guard let name = option.pointee.envvar else {
                    throw PostgresError(
                        .connectionFailed,
                        "the connection string's '\(String(cString: keyword))' cannot be handed to pg_dump: leave it out"
                    )
                }
                settings[String(cString: name)] = String(cString: value)
            }
            option = option.advanced(by: 1)
        }
        return settings
    }

    /// Runs the program to its end, and blocks the thread meanwhile. Ends it when the task is cancelled.
    ///
    /// - Parameter connects: whether it is told the database's name, which `pg_restore` takes as the order to connect.
    package func run(_ arguments: [String], connects: Bool = true) throws(PostgresError) {
        let errors = FileManager.default.temporaryDirectory.appending(path: "docket-\(UUID().uuidString)")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = (connects ? ["--no-password", "--dbname=\(databaseName)"] : []) + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        let output: String
        do {
            try Data().write(to: errors)
            defer { unlink(errors.path) }
            process.standardError = try FileHandle(forWritingTo: errors)
            try process.run()
            while process.isRunning {
                if Task.isCancelled { process.terminate() }
                usleep(20_000)
            }
            output = String(decoding: try Data(contentsOf: errors), as: UTF8.self)
        } catch {
            throw PostgresError(.embeddedCluster, "cannot run \(path)", cause: error)
        }
        guard !Task.isCancelled else { throw PostgresError(.cancelled, "the task was cancelled while \(path) ran") }
        guard process.terminationStatus == 0 else {
            let text = output.split(whereSeparator: \.isNewline).suffix(8).joined(separator: "; ")
            throw PostgresError(.embeddedCluster, "\(path) failed: \(text)")
        }
    }
}
