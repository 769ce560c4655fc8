import EventLog
import Events
import Foundation
import JSON
import Postgres
import Sealing

/// Writes a backup: one consistent state of the database in one folder, the keys that open it in another.
///
/// The log's folder holds all but the wrapped keys of the data subjects; those lie with the tenants' keys. So the log's
/// backups may be kept for ever: an erasure is complete once the older backups of the keys are gone.
struct BackupWriter {
    static let logDump = "log.dump"
    static let keysDump = "subject-keys.dump"
    static let keysFolder = "keys"
    static let checkpointsFolder = "checkpoints"

    let storage: Storage
    let out: URL
    let keysOut: URL

    private struct Snapshot: Sendable {
        var majorVersion: Int
        var migration: Int
        var tenants: [BackupManifest.Tenant]
        var notes: [UUID: String]
    }

    /// What would be written, for a dry run.
    func plan() async throws -> String {
        try check()
        let database = Database(storage.connectionString)
        do {
            let version = try await database.value(Self.versionQuery, as: Int32.self)
            let size = try await database.value("SELECT pg_database_size(current_database())", as: Int64.self)
            let heads = try await database.query(Self.headsQuery) { row throws(PostgresError) in try row[1] as Int64 }
            await database.close()
            _ = try ClientProgram(
                "pg_dump", majorVersion: Int(version), connectionString: storage.connectionString)
            let keys = try keyFiles()
            return "would write \(heads.count) tenants with \(heads.reduce(0, +)) events (\(size >> 20) MiB in the "
                + "database) to \(out.path), and \(keys.count) key files to \(keysOut.path)"
        } catch {
            await database.close()
            throw error
        }
    }

    /// - Returns: the manifest of the log's folder.
    func write() async throws -> BackupManifest {
        try check()
        let log = try UnfinishedPackage(for: out)
        do {
            let keys = try UnfinishedPackage(for: keysOut)
            do {
                let manifest = try await write(log.url, keys.url)
                // The keys first: a log without its keys is the worse half.
                try keys.publish()
                try FileDigest.flush(keysOut.deletingLastPathComponent())
                try log.publish()
                try FileDigest.flush(out.deletingLastPathComponent())
                return manifest
            } catch {
                try keys.remove()
                throw error
            }
        } catch {
            try log.remove()
            throw error
        }
    }

    private func check() throws {
        let log = out.standardizedFileURL.path + "/"
        let keys = keysOut.standardizedFileURL.path + "/"
        guard !log.hasPrefix(keys), !keys.hasPrefix(log) else {
            throw CommandFailure("--keys-out must lie apart from --out: whoever has both can read everything")
        }
        for folder in [out, keysOut] where FileManager.default.fileExists(atPath: folder.path) {
            guard try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty else {
                throw CommandFailure("\(folder.path) is not empty: a backup gets a folder of its own")
            }
        }
    }

    private func write(_ log: URL, _ keys: URL) async throws -> BackupManifest {
        for folder in [log, keys] { try Self.makePrivate(folder) }
        let before = try keyDigests()
        let snapshot = try await dump(to: log, keys)
        try Self.makePrivate(log.appending(path: Self.checkpointsFolder))
        for (tenant, note) in snapshot.notes {
            try FileDigest.write(
                Array(note.utf8), to: log.appending(path: "\(Self.checkpointsFolder)/\(tenant.lowercased).note"))
        }
        try Self.makePrivate(keys.appending(path: Self.keysFolder))
        // After the dump: each key that the dump needs is there by now.
        for file in try keyFiles() {
            guard let data = FileManager.default.contents(atPath: file.path) else {
                throw CommandFailure("\(file.path) cannot be read")
            }
            try FileDigest.write(
                Array(data), to: keys.appending(path: "\(Self.keysFolder)/\(file.lastPathComponent)"))
        }
        // The last signed head of each log, as of the dump: one that was signed since would not be in it.
        for (tenant, note) in snapshot.notes {
            try FileDigest.write(
                Array(note.utf8), to: keys.appending(path: "\(Self.keysFolder)/\(SigningKeys.headFile(of: tenant))"))
        }
        let after = try keyDigests()
        for (name, digest) in before where after[name] != digest {
            throw CommandFailure("the key \(name) was changed while the backup was written: make it again")
        }
        let manifest = BackupManifest(
            format: BackupManifest.formatName, backupID: UUID.v7(at: storage.clock()),
            createdAt: storage.clock().rfc3339, majorVersion: snapshot.majorVersion, migration: snapshot.migration,
            tenants: snapshot.tenants, files: [])
        try manifest.write(to: keys)
        try manifest.write(to: log)
        return manifest
    }

    private static let versionQuery: Query =
        "SELECT current_setting('server_version_num')::int / 10000"
    private static let headsQuery: Query =
        "SELECT tenant_id, next_position, writer_epoch FROM docket.tenant_head ORDER BY tenant_id"

    /// Both dumps and what the manifest says of them, as of one snapshot.
    private func dump(to log: URL, _ keys: URL) async throws -> Snapshot {
        // As whoever connects, not as the server's role: a dump reads everything.
        var configuration = ConnectionConfiguration(storage.connectionString)
        configuration.statementTimeoutMilliseconds = 0
        // The transaction waits for pg_dump.
        configuration.idleInTransactionTimeoutMilliseconds = 0
        let database = Database(DatabaseConfiguration(configuration))
        let connectionString = storage.connectionString
        do {
            let snapshot = try await database.transaction(isolation: .repeatableRead, retry: .none) {
                tx throws(PostgresError) in
                let name = try tx.value("SELECT pg_export_snapshot()", as: String.self)
                let version = Int(try tx.value(Self.versionQuery, as: Int32.self))
                let migration = try tx.value("SELECT max(number)::int FROM public.schema_migrations", as: Int32.self)
                let newest = try tx.query(
                    """
                    SELECT DISTINCT ON (tenant_id) tenant_id, tree_size, note FROM docket.checkpoint
                     ORDER BY tenant_id, tree_size DESC
                    """
                ) { row throws(PostgresError) in
                    (tenant: try row[0] as UUID, size: try row[1] as Int64, note: try row[2] as String)
                }
                let sizes = Dictionary(newest.map { ($0.tenant, $0.size) }) { first, _ in first }
                let tenants = try tx.query(Self.headsQuery) { row throws(PostgresError) in
                    let id = try row[0] as UUID
                    return BackupManifest.Tenant(
                        tenantID: id, events: try row[1], writerEpoch: try row[2], checkpointSize: sizes[id])
                }
                let program = try ClientProgram(
                    "pg_dump", majorVersion: version, connectionString: connectionString)
                let common = ["--format=custom", "--snapshot=\(name)"]
                try program.run(
                    common + [
                        "--exclude-table-data=docket.subject_key",
                        "--file=\(log.appending(path: Self.logDump).path)",
                    ])
                try program.run(
                    common + [
                        "--data-only", "--table=docket.subject_key",
                        "--file=\(keys.appending(path: Self.keysDump).path)",
                    ])
                return Snapshot(
                    majorVersion: version, migration: Int(migration), tenants: tenants,
                    notes: Dictionary(newest.map { ($0.tenant, $0.note) }) { first, _ in first })
            }
            await database.close()
            for file in [log.appending(path: Self.logDump), keys.appending(path: Self.keysDump)] {
                try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file.path)
                try FileDigest.flush(file)
            }
            return snapshot
        } catch {
            await database.close()
            throw error
        }
    }

    static func makePrivate(_ folder: URL) throws {
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try FileManager.default.setAttributes([.posixPermissions: 0o700], ofItemAtPath: folder.path)
    }

    /// The tenants' keys and signing keys; not what a making of one left.
    private func keyFiles() throws -> [URL] {
        let folder = URL(fileURLWithPath: storage.dataDirectory + "/keys")
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .filter { name in [".key", ".signing", ".signing.next"].contains { name.hasSuffix($0) } }
            .map { folder.appending(path: $0) }
    }

    private func keyDigests() throws -> [String: String] {
        var digests: [String: String] = [:]
        for file in try keyFiles() {
            digests[file.lastPathComponent] = try FileDigest.of(file, as: file.lastPathComponent).digest
        }
        return digests
    }
}
