package import Cases
package import EventLog
package import Events
package import Foundation
package import Logging
package import Postgres
package import Projections
package import Reactors
package import Sealing

/// Everything that the server works with, as values: a test hands over the same ones that `docket serve` does.
package struct ServerDependencies: Sendable {
    /// What a connector's test came to.
    package struct ConnectorTest: Sendable, Hashable {
        package var isReachable: Bool
        /// Why not, in words that hold no secret.
        package var detail: String?

        package init(isReachable: Bool, detail: String?) {
            self.isReachable = isReachable
            self.detail = detail
        }
    }

    package var log: EventLog
    /// Connected with a role that may do what `docket_app` may.
    package var database: Database
    package var cases: CaseStore
    package var alerts: AlertStore
    package var registries: RegistryStore
    package var rules: RuleStore
    package var receiver: AlertReceiver
    package var telemetry: TelemetryReceiver
    package var signingKeys: SigningKeys
    /// Where evidence packages are made: `<directory>/<tenant>/<id>`.
    package var exportsDirectory: String
    package var queries: ProjectionQueries
    package var projections: ProjectionMonitor
    package var tenants: TenantDirectory
    /// What a tenant made through the API begins with.
    package var outfit: TenantDirectory.Outfit
    /// Reaches out to a tenant's connector, under the address rules that hold for it.
    package var testConnector: @Sendable (ConnectorSettings, UUID) async -> ConnectorTest
    /// What else must be well for the server to be ready, beside what it finds out itself; asked for each `/readyz`.
    package var checks: @Sendable () -> [ReadinessCheck] = { [] }
    /// Log lines that could not be written.
    package var droppedLogLines: @Sendable () -> Int = { LogOutput.standardError.droppedLines }
    package var clock: @Sendable () -> Instant
    package var logger: Logger

    package init(
        log: EventLog, database: Database, cases: CaseStore, alerts: AlertStore, registries: RegistryStore,
        rules: RuleStore,
        receiver: AlertReceiver, telemetry: TelemetryReceiver, signingKeys: SigningKeys, exportsDirectory: String,
        queries: ProjectionQueries,
        projections: ProjectionMonitor, tenants: TenantDirectory,
        outfit: TenantDirectory.Outfit,
        testConnector: @escaping @Sendable (ConnectorSettings, UUID) async -> ConnectorTest,
        clock: @escaping @Sendable () -> Instant, logger: Logger
    ) {
        self.log = log
        self.database = database
        self.cases = cases
        self.alerts = alerts
        self.registries = registries
        self.rules = rules
        self.receiver = receiver
        self.telemetry = telemetry
        self.signingKeys = signingKeys
        self.exportsDirectory = exportsDirectory
        self.queries = queries
        self.projections = projections
        self.tenants = tenants
        self.outfit = outfit
        self.testConnector = testConnector
        self.clock = clock
        self.logger = logger
    }
}
