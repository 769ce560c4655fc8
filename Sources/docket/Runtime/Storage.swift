import Cases
import Content
import EventLog
import Events
import Foundation
import JSON
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
    let database: Database
    let log: EventLog
    let clock: @Sendable () -> Instant

    /// - Parameter isOwner: start the private cluster and keep it; otherwise a running one is used where there is one.
    static func open(_ options: StorageOptions, isOwner: Bool) async throws -> Storage {
        let directory = options.resolvedDataDirectory
        var cluster: EmbeddedCluster?
        let connectionString: String
        if let url = options.resolvedURL {
            connectionString = url
        } else if !isOwner, let running = try EmbeddedCluster.connectionString(ifRunningIn: directory) {
            connectionString = running
        } else {
            let started = try await EmbeddedCluster.start(EmbeddedCluster.Configuration(dataDirectory: directory))
            cluster = started
            connectionString = started.connectionString
        }
        do {
            try await migrate(connectionString)
            return try make(cluster: cluster, connectionString: connectionString, directory: directory)
        } catch {
            try await cluster?.stop()
            throw error
        }
    }

    private static func make(
        cluster: EmbeddedCluster?, connectionString: String, directory: String
    ) throws -> Storage {
        var connection = ConnectionConfiguration(connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let clock: @Sendable () -> Instant = { .now() }
        let placement = try Placement(directory: directory)
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: directory + "/keys"), catalogue: try .domain,
            checks: .domain,
            epoch: { placement.writerEpoch(of: $0) }, clock: clock)
        return Storage(
            cluster: cluster, connectionString: connectionString, dataDirectory: directory, database: database,
            log: log,
            clock: clock)
    }

    /// Brings the schema up to date, with the rights of whoever connects; gives the names of what was applied.
    @discardableResult
    static func migrate(_ connectionString: String) async throws -> [String] {
        let database = Database(DatabaseConfiguration(ConnectionConfiguration(connectionString)))
        do {
            let applied = try await Migrator(database).migrate()
            try await ProjectionCatalog().install(on: database)
            await database.close()
            return applied.map(\.name)
        } catch {
            await database.close()
            throw error
        }
    }

    /// Closes the connections, and stops the cluster if this process started it.
    func close() async throws {
        await database.close()
        try await cluster?.stop()
    }

    var signingKeys: SigningKeys { SigningKeys(directory: dataDirectory + "/keys") }
    var sealer: Sealer { Sealer(log: log, database: database, keys: signingKeys, clock: clock) }
    var exporter: Exporter { Exporter(log: log, database: database, keys: signingKeys, clock: clock) }
    var roots: RootLog { RootLog(log: log, database: database, system: SystemTenant.id, clock: clock) }
    var logCheck: LogCheck { LogCheck(log: log, database: database, keys: signingKeys, roots: roots) }

    var tenants: TenantDirectory { TenantDirectory(log: log, clock: clock) }

    /// Opens, does, closes, whatever happens in between.
    static func with<Result>(
        _ options: StorageOptions, _ body: (Storage) async throws -> Result
    ) async throws -> Result {
        let storage = try await open(options, isOwner: false)
        do {
            try await storage.tenants.prepare()
            let result = try await body(storage)
            try await storage.close()
            return result
        } catch {
            try await storage.close()
            throw error
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
