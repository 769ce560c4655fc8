package import Cases
package import EventLog
package import Events
package import Foundation
package import Logging
package import Response
package import Runs

/// The stages in the order in which an event meets them, assembled for one process.
///
/// `detection.matched` → track → `correlation.matched` and its alert; `alert.normalized` → correlate → `case.opened` → enrich → link → recommend → gate → approve or execute → recover;
/// clocks run beside them. No stage calls the next one: each follows the log.
package struct Pipeline: Sendable {
    package let cases: CaseStore
    package let alerts: AlertStore
    package let registries: RegistryStore
    package let rules: RuleStore
    private let log: EventLog
    private let clock: @Sendable () -> Instant
    private let connector: RunExecutor.MakeConnector

    /// - Parameters:
    ///   - defaultPolicy: what holds for a tenant without an approved policy.
    ///   - connector: makes one of a tenant's connectors by its name.
    package init(
        log: EventLog, defaultPolicy: Policy, clock: @escaping @Sendable () -> Instant,
        connector: @escaping RunExecutor.MakeConnector = RunExecutor.noConnector
    ) {
        self.log = log
        self.clock = clock
        self.connector = connector
        cases = CaseStore(log: log)
        alerts = AlertStore(log: log)
        registries = RegistryStore(log: log, defaultPolicy: defaultPolicy)
        rules = RuleStore(log: log)
    }

    /// One tenant's stages, each with a memory of its own.
    package func reactors(for tenant: UUID) -> [any Reactor] {
        // The system tenant has no cases.
        guard tenant != SystemTenant.id else { return [] }
        let bench = Workbench(tenant: tenant, cases: cases, alerts: alerts, registries: registries, clock: clock)
        return [
            CorrelationTracker(bench, rules: rules), AlertCorrelator(bench), CaseEnricher(bench), CaseCorrelator(bench),
            CaseRecommender(bench),
            GateKeeper(bench), CaseCloser(bench),
            ApprovalRequester(bench), RunExecutor(bench, connector: connector), CaseRecoverer(bench),
            ClockKeeper(bench),
        ]
    }

    /// The service that leads them all along the log.
    package func runner(positions: ReactorPositions, logger: Logger) -> ReactorRunner {
        ReactorRunner(log: log, positions: positions, clock: clock, logger: logger) { reactors(for: $0) }
    }
}
