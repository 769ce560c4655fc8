import Cases
import Detection
import EventLog
import Events
import Foundation
import JSON
import Logging
import Postgres
import Projections
import Reactors
import Response
import Runs
import Sealing
import Server
import ServiceLifecycle
import UnixSignals

/// A whole server, put together from its rooms: what `serve` runs, and `demo` with a lab beside it.
struct Assembly: Sendable {
    let storage: Storage
    let pipeline: Pipeline
    let client: GuardedHTTPClient
    let factory: ConnectorFactory
    let logger: Logger
    let options: ServerOptions

    init(storage: Storage, options: ServerOptions, extraNetworks: [CIDR] = []) throws {
        self.storage = storage
        self.options = options
        logger = Log.logger("docket")
        client = GuardedHTTPClient(policy: AddressPolicy(allowed: try options.networks() + extraNetworks))
        let factory = ConnectorFactory(client: client, secretsDirectory: options.secretsDir)
        self.factory = factory
        pipeline = Pipeline(log: storage.log, defaultPolicy: try Shipped.policy(), clock: storage.clock) {
            name, registry throws(ConnectorError) in try factory.connector(name, of: registry)
        }
    }

    /// What must be in the log before anything runs: the system tenant, and the rules that hold for everybody.
    func prepare() async throws {
        try await storage.tenants.prepare()
        let packs = RulePacks(storage: storage, store: pipeline.rules)
        try await packs.publishShipped()
        // A process without intake has no say in the directory.
        guard try options.parts().contains(.intake) || !options.rules.isEmpty else { return }
        let outcome = try await packs.publishDirectories(options.rules)
        for problem in outcome.refused { logger.warning("a rule is refused", metadata: ["rule": "\(problem)"]) }
        let active = try await pipeline.rules.rules(of: SystemTenant.id)
        for problem in active.correlations.refused {
            logger.warning("a correlation is refused", metadata: ["rule": "\(problem)"])
        }
        logger.info(
            "rules",
            metadata: [
                "active": "\(active.set.ruleCount)", "correlations": "\(active.correlations.correlations.count)",
                "published": "\(outcome.published.count)", "retired": "\(outcome.retired.count)",
                "refused": "\(outcome.refused.count)",
            ])
    }

    /// The services in the order in which they start; they end the other way round, so that the database goes last.
    func services(
        _ parts: Set<ServerOptions.Part>, host: String, port: Int, onReady: @escaping @Sendable (Int) async -> Void
    ) throws -> [any Service] {
        var services: [any Service] = []
        if let cluster = storage.cluster { services.append(cluster) }
        services += [storage.database, storage.views]
        services.append(ClockWatch(log: storage.log, logger: logger))
        services.append(ConnectorClient(client: client))
        services.append(MemoryReturn())
        if parts.contains(.projections) {
            let worker = ProjectionWorker(
                source: storage.log, database: storage.views, history: CaseHistory(storage.log), clock: storage.clock
            )
            services.append(ProjectionRunner(worker: worker, source: storage.log, logger: logger))
        }
        if parts.contains(.reactors) {
            services.append(pipeline.runner(positions: ReactorPositions(storage.database), logger: logger))
        }
        if parts.contains(.timers) { services.append(timekeeper) }
        if parts.contains(.sealer) {
            services.append(
                SealerService(sealer: storage.sealer, log: storage.log, roots: storage.roots, logger: logger))
        }
        if parts.contains(.api) || parts.contains(.intake) {
            services.append(try server(host: host, port: port, onReady: onReady))
        }
        return services
    }

    private var timekeeper: Timekeeper {
        let queries = ProjectionQueries(storage.views)
        return Timekeeper(
            cases: pipeline.cases, positions: ReactorPositions(storage.database), clock: storage.clock, logger: logger
        ) { now, failing in
            let agenda = try await queries.agenda(at: now, leavingOut: failing)
            return Timekeeper.Agenda(
                due: agenda.due.map { .init(tenant: $0.tenant, caseID: $0.caseID) }, next: agenda.next)
        }
    }

    private func server(
        host: String, port: Int, onReady: @escaping @Sendable (Int) async -> Void
    ) throws -> DocketServer {
        let factory = factory
        var dependencies = ServerDependencies(
            log: storage.log, database: storage.database, cases: pipeline.cases, alerts: pipeline.alerts,
            registries: pipeline.registries, rules: pipeline.rules, receiver: AlertReceiver(log: storage.log),
            telemetry: TelemetryReceiver(
                log: storage.log, rules: pipeline.rules, registries: pipeline.registries,
                width: ProcessInfo.processInfo.activeProcessorCount),
            signingKeys: storage.signingKeys, exportsDirectory: storage.dataDirectory + "/exports",
            queries: ProjectionQueries(storage.views),
            projections: ProjectionMonitor(database: storage.database), tenants: storage.tenants,
            outfit: try Shipped.outfit(),
            testConnector: { settings, tenant in
                do {
                    let connector = try factory.connector(settings, tenant: tenant)
                    // A key that was never used: any answer at all means that the other side is there.
                    _ = try await connector.probe(UUID())
                    return .init(isReachable: true, detail: nil)
                } catch {
                    return .init(isReachable: false, detail: "\(error)")
                }
            },
            clock: storage.clock, logger: logger)
        dependencies.checks = placeChecks
        dependencies.droppedLogLines = { Log.output.droppedLines }
        return DocketServer(
            dependencies: dependencies, configuration: configuration(host: host, port: port, onReady: onReady))
    }

    /// What only the owner of the private cluster can tell: whether that is being started, and whether its disk is full.
    private var placeChecks: @Sendable () -> [ReadinessCheck] {
        guard let cluster = storage.cluster else { return { [] } }
        let space = DiskSpace(directory: storage.dataDirectory)
        return {
            var checks = [space.check]
            switch cluster.state {
            case .running: break
            case .starting(let why):
                checks.append(
                    ReadinessCheck(name: "database", isOK: false, detail: "the private database is not ready: \(why)"))
            case .stopped:
                checks.append(ReadinessCheck(name: "database", isOK: false, detail: "the private database is stopped"))
            }
            return checks
        }
    }

    private func configuration(
        host: String, port: Int, onReady: @escaping @Sendable (Int) async -> Void
    ) -> ServerConfiguration {
        var configuration = ServerConfiguration(host: host, port: port, onReady: onReady)
        configuration.watchesClients = true
        return configuration
    }

    /// Runs services until a signal or a failure ends them, or `last` has done its work: then all end gracefully.
    func run(_ services: [any Service], until last: (any Service)? = nil) async throws {
        // The last one is the first to be told to end.
        let lastResort = LastResort(connectionString: storage.connectionString, logger: logger)
        var all = (services + [lastResort]).map { ServiceGroupConfiguration.ServiceConfiguration(service: $0) }
        if let last {
            all.append(
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: last, successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup))
        }
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: all, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }
}

/// Waits until the group is told to end, or this task is cancelled, which is an end as well.
func untilShutdown() async {
    do {
        try await gracefulShutdown()
    } catch {
        return
    }
}

/// Closes the connectors' client when everything that uses it has ended.
private struct ConnectorClient: Service {
    let client: GuardedHTTPClient

    func run() async throws {
        await untilShutdown()
        try await client.shutdown()
    }
}
