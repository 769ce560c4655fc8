import Cases
import Content
import EventLog
import Events
import Foundation
import JSON
import Logging
import Postgres
import Projections
import Reactors
import Response
import Schema
import Sealing

/// An open place: the database at this build's schema, the log, and what is built on it.
struct Storage: Sendable {
    /// The private cluster, when this process owns it.
    let cluster: EmbeddedCluster?
    let connectionString: String
    let dataDirectory: String
    /// Migrations that opening it has applied, in order.
    var applied: [String] = []
    /// Of the log and whatever decides on it.
    let database: Database
    /// Of projections, with connections of its own: whoever reads or writes them, for however long, leaves those of the log
    /// to intake and stages.
    let views: Database
    let log: EventLog
    let clock: @Sendable () -> Instant

    /// - Parameter isOwner: start the private cluster and keep it; otherwise a running one is used where there is one.
    static func open(_ options: StorageOptions, isOwner: Bool) async throws -> Storage {
        let directory = options.resolvedDataDirectory
        if FileManager.default.fileExists(atPath: directory + "/" + Restoration.marker) {
            throw CommandFailure(
                "a restore into \(directory) did not finish: empty the directory, and run 'docket restore' again")
        }
        var cluster: EmbeddedCluster?
        let connectionString: String
        if let url = options.resolvedURL {
            connectionString = url
        } else if !isOwner, let running = try EmbeddedCluster.connectionString(ifRunningIn: directory) {
            connectionString = running
        } else {
            let started = try await EmbeddedCluster.start(configuration(of: directory, isOwner: isOwner))
            cluster = started
            connectionString = started.connectionString
        }
        do {
            let grants = Grants(connectionString: connectionString)
            let applied: [String]
            do {
                applied = try await whileStarting(cluster) { try await migrate(connectionString) }
            } catch {
                throw await grants.translated(error)
            }
            try await grants.check()
            var storage = try make(cluster: cluster, connectionString: connectionString, directory: directory)
            storage.applied = applied
            try await KeyPresence(database: storage.database, directory: storage.keysDirectory).check()
            return storage
        } catch {
            try await cluster?.stop()
            throw error
        }
    }

    /// A server says in its log what becomes of its cluster; a command has nothing to say about that.
    private static func configuration(of directory: String, isOwner: Bool) -> EmbeddedCluster.Configuration {
        var configuration = EmbeddedCluster.Configuration(dataDirectory: directory)
        guard isOwner else { return configuration }
        let logger = Log.logger("docket.database")
        configuration.onChange = { state in
            switch state {
            case .running: logger.info("the private database is ready")
            case .starting(let why): logger.warning("the private database is not ready: \(why)")
            case .stopped: logger.info("the private database is stopped")
            }
        }
        return configuration
    }

    /// Repeats what a private cluster that went away meanwhile broke off; it is on its way back.
    static func whileStarting<Result>(
        _ cluster: EmbeddedCluster?, _ body: () async throws -> Result
    ) async throws -> Result {
        let deadline = ContinuousClock.now + .seconds(60)
        while true {
            do {
                return try await body()
            } catch {
                guard cluster != nil, isDatabaseGone(error), ContinuousClock.now < deadline else {
                    throw error
                }
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    private static func isDatabaseGone(_ error: any Error) -> Bool {
        if let error = error as? EventLogError { return error.cause.map(isDatabaseGone) ?? false }
        return PostgresError.isConnectionGone(error)
    }

    /// - Parameter cluster: the private one, where this process owns it.
    static func make(
        cluster: EmbeddedCluster?, connectionString: String, directory: String
    ) throws -> Storage {
        var connection = ConnectionConfiguration(connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let views = Database(DatabaseConfiguration(connection))
        let clock: @Sendable () -> Instant = { .now() }
        let placement = try Placement(directory: directory)
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: directory + "/keys"), catalogue: try .domain,
            checks: .domain,
            epoch: { placement.writerEpoch(of: $0) }, clock: clock)
        return Storage(
            cluster: cluster, connectionString: connectionString, dataDirectory: directory, database: database,
            views: views, log: log, clock: clock)
    }

    /// Brings the schema up to date, with the rights of whoever connects; gives the names of what was applied.
    @discardableResult
    static func migrate(_ connectionString: String) async throws -> [String] {
        let database = Database(DatabaseConfiguration(ConnectionConfiguration(connectionString)))
        do {
            let applied = try await Migrator(database).migrate()
            try await ProjectionCatalog().install(on: database)
            await database.close()
            return applied.map { "\($0.number) \($0.name)" }
        } catch {
            await database.close()
            throw error
        }
    }

    /// Closes the connections, and stops the cluster if this process started it.
    func close() async throws {
        await views.close()
        await database.close()
        try await cluster?.stop()
    }

    /// The last migration of this build.
    static var latestMigration: Int {
        get throws { try Schema.migrations().count }
    }

    func newestCheckpoint(of tenant: UUID) async throws -> StoredTree.Signed? {
        try await StoredTree(database: database, tenant: tenant).checkpoint()
    }

    var keysDirectory: String { dataDirectory + "/keys" }
    var signingKeys: SigningKeys { SigningKeys(directory: keysDirectory) }
    var sealer: Sealer { Sealer(log: log, database: database, keys: signingKeys, clock: clock) }
    var exporter: Exporter { Exporter(log: log, database: database, keys: signingKeys, clock: clock) }
    var roots: RootLog { RootLog(log: log, database: database, system: SystemTenant.id, clock: clock) }
    var logCheck: LogCheck { LogCheck(log: log, database: database, keys: signingKeys, roots: roots) }

    var tenants: TenantDirectory { TenantDirectory(log: log, clock: clock) }

    /// Opens, does, closes, whatever happens in between. A signal cancels what is done; see `Interruption`.
    static func with<Result>(
        _ options: StorageOptions, _ body: (Storage) async throws -> Result
    ) async throws -> Result {
        try await Interruption.whileOpen {
            let storage = try await open(options, isOwner: false)
            do {
                try await whileStarting(storage.cluster) { try await storage.tenants.prepare() }
                let result = try await body(storage)
                try await storage.close()
                return result
            } catch {
                // A task of its own: a cancelled one could not stop the cluster.
                try await Task { try await storage.close() }.value
                throw error
            }
        }
    }
}

/// What ships, read into the domain's types.
enum Shipped {
    static var policyText: String { Content.defaultPolicy }

    static func policy() throws -> Policy { try JSONValue.parse(policyText).decode() }

    static func outfit() throws -> TenantDirectory.Outfit {
        TenantDirectory.Outfit(policy: try policy(), playbooks: try playbooks())
    }

    private static func playbooks() throws -> [PublishedPlaybook] {
        try Content.playbooks.map { try PublishedPlaybook(shipped: $0.text) }
    }
}

extension Actor {
    /// The operator at the command line: whoever can open the database is one.
    static let commandLine = Actor(kind: .service, subject: "docket.cli", lane: .system)
}
