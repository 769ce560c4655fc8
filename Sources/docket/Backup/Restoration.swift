import EventLog
import Events
import Foundation
import JSON
import Postgres
import Proof
import Reactors
import Sealing

/// Puts a backup back: into an empty data directory with a private cluster, or into an empty database.
struct Restoration {
    /// In the data directory while a restore is at work, and after one that did not finish: no command works on what is
    /// only half there.
    static let marker = "restore.incomplete"

    let log: URL
    let keys: URL
    let options: StorageOptions

    /// What became of a restore.
    struct Outcome: Sendable {
        var manifest: BackupManifest
        /// By tenant, what the check of the restored log found.
        var findings: [(tenant: TenantDirectory.Tenant, findings: [LogCheck.Finding])]
    }

    private var directory: String { options.resolvedDataDirectory }
    private var markerFile: String { directory + "/" + Self.marker }

    /// Everything that can be known before anything is written.
    func check() async throws -> BackupManifest {
        let manifest = try BackupManifest.read(log)
        let ofKeys = try BackupManifest.read(keys)
        guard manifest.files.contains(where: { $0.path == BackupWriter.logDump }) else {
            throw CommandFailure("\(log.path) is not the folder of a backup's log: it holds no \(BackupWriter.logDump)")
        }
        guard ofKeys.files.contains(where: { $0.path == BackupWriter.keysDump }) else {
            throw CommandFailure(
                "\(keys.path) is not the folder of a backup's keys: it holds no \(BackupWriter.keysDump)")
        }
        guard manifest.backupID == ofKeys.backupID else {
            throw CommandFailure(
                "\(keys.path) holds the keys of another backup (\(ofKeys.createdAt), not \(manifest.createdAt))")
        }
        let known = try Storage.latestMigration
        guard manifest.migration <= known else {
            throw CommandFailure(
                "the backup is of migration \(manifest.migration), this build ends at \(known): use a newer build")
        }
        if FileManager.default.fileExists(atPath: directory) {
            guard try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty else {
                throw CommandFailure(
                    "\(directory) is not empty: restore into a new directory, and put that in its place afterwards")
            }
        }
        if let url = options.resolvedURL {
            let database = Database(url)
            do {
                let isEmpty = try await database.value(
                    "SELECT to_regnamespace('docket') IS NULL AND to_regclass('public.schema_migrations') IS NULL",
                    as: Bool.self)
                await database.close()
                guard isEmpty else {
                    throw CommandFailure("the database holds a log already: restore into an empty database")
                }
            } catch {
                await database.close()
                throw error
            }
        }
        _ = try ClientProgram("pg_restore", majorVersion: manifest.majorVersion, connectionString: "dbname=docket")
        return manifest
    }

    /// - Parameter told: what is being done, for people.
    func run(told: (String) -> Void) async throws -> Outcome {
        let manifest = try await check()
        try prepareDirectory()
        told("keys to \(directory)/keys")
        try copyKeys()
        let (cluster, connectionString) = try await database()
        do {
            told("the database")
            try await load(manifest, connectionString)
            try await Storage.migrate(connectionString)
            told("the next writer epoch of \(manifest.tenants.count) tenants")
            try await fence(connectionString)
            let storage = try Storage.make(
                cluster: cluster, connectionString: connectionString, directory: directory)
            told("the check of the restored log")
            let findings = try await inspect(storage)
            try await storage.close()
            guard unlink(markerFile) == 0 else { throw CommandFailure("cannot remove \(markerFile)") }
            return Outcome(manifest: manifest, findings: findings)
        } catch {
            try await Task { try await cluster?.stop() }.value
            throw error
        }
    }

    private func prepareDirectory() throws {
        try FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true,
            attributes: [.posixPermissions: options.resolvedURL == nil && geteuid() == 0 ? 0o755 : 0o700])
        try FileDigest.write(
            Array("A restore did not finish: empty this directory, and restore again.\n".utf8),
            to: URL(fileURLWithPath: markerFile))
    }

    private func copyKeys() throws {
        let target = URL(fileURLWithPath: directory + "/keys")
        try BackupWriter.makePrivate(target)
        let source = keys.appending(path: BackupWriter.keysFolder)
        for name in try FileManager.default.contentsOfDirectory(atPath: source.path).sorted() {
            guard let data = FileManager.default.contents(atPath: source.appending(path: name).path) else {
                throw CommandFailure("\(source.path)/\(name) cannot be read")
            }
            try FileDigest.write(Array(data), to: target.appending(path: name))
        }
        try FileDigest.flush(target)
    }

    private func database() async throws -> (EmbeddedCluster?, String) {
        if let url = options.resolvedURL { return (nil, url) }
        let cluster = try await EmbeddedCluster.start(.init(dataDirectory: directory))
        return (cluster, cluster.connectionString)
    }

    /// The tables first, then the rows of both dumps, then what guards them: the guards would refuse the rows.
    private func load(_ manifest: BackupManifest, _ connectionString: String) async throws {
        var configuration = ConnectionConfiguration(connectionString)
        configuration.statementTimeoutMilliseconds = 0
        configuration.idleInTransactionTimeoutMilliseconds = 0
        let database = Database(DatabaseConfiguration(configuration))
        let program = try ClientProgram(
            "pg_restore", majorVersion: manifest.majorVersion, connectionString: connectionString)
        let files = (
            log: log.appending(path: BackupWriter.logDump).path, keys: keys.appending(path: BackupWriter.keysDump).path
        )
        do {
            try await database.transaction { tx throws(PostgresError) in
                try tx.run(script: Self.roles)
            }
            try await database.transaction(retry: .none) { _ throws(PostgresError) in
                let common = ["--exit-on-error", "--single-transaction"]
                try program.run(common + ["--section=pre-data", files.log])
                try program.run(common + ["--section=data", files.log])
                try program.run(common + ["--section=data", files.keys])
                try program.run(common + ["--section=post-data", files.log])
            }
            try await database.execute("ANALYZE")
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }

    /// Roles belong to a cluster, not to a dump; the first migration makes them where a log is new.
    private static let roles = """
        DO $roles$
        DECLARE
            v_role text;
        BEGIN
            FOREACH v_role IN ARRAY
                ARRAY['docket_owner', 'docket_app', 'docket_reader', 'docket_reporter', 'docket_eraser']
            LOOP
                CONTINUE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role);
                EXECUTE format('CREATE ROLE %I NOLOGIN', v_role);
            END LOOP;
            IF NOT pg_has_role('docket_owner', 'MEMBER') THEN
                EXECUTE format('GRANT docket_owner TO %I', current_user);
            END IF;
        END
        $roles$
        """

    /// Whoever still writes in the place that was lost, or that the backup was made in, writes under an older epoch.
    private func fence(_ connectionString: String) async throws {
        let database = Database(connectionString)
        do {
            let tenants = try await database.query(
                "SELECT tenant_id, writer_epoch FROM docket.tenant_head ORDER BY tenant_id"
            ) { row throws(PostgresError) in (id: try row[0] as UUID, epoch: try row[1] as Int64) }
            var placement = try Placement(directory: directory)
            for tenant in tenants {
                try await database.execute("SELECT docket.fence_tenant(\(tenant.id), \(tenant.epoch + 1))")
                placement = placement.settingWriterEpoch(tenant.epoch + 1, of: tenant.id)
            }
            try placement.save()
            await database.close()
        } catch {
            await database.close()
            throw error
        }
    }

    private func inspect(
        _ storage: Storage
    ) async throws -> [(tenant: TenantDirectory.Tenant, findings: [LogCheck.Finding])] {
        var findings: [(tenant: TenantDirectory.Tenant, findings: [LogCheck.Finding])] = []
        for tenant in try await storage.tenants.list() {
            let file = log.appending(path: "\(BackupWriter.checkpointsFolder)/\(tenant.id.lowercased).note")
            let known = try FileManager.default.contents(atPath: file.path).map { [try SignedNote(Array($0))] } ?? []
            findings.append((tenant, try await storage.logCheck.check(tenant.id, seen: known)))
        }
        return findings
    }
}
