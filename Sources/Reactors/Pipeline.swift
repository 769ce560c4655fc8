package import Cases
import Detection
package import EventLog
package import Events
package import Foundation
package import Logging
package import Response
package import Runs
import Synchronization

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
        let known = Mutex<Digest?>(nil)
        return ReactorRunner(
            log: log, positions: positions, clock: clock, logger: logger,
            mustTellAll: { moved in
                // The system tenant's rules hold for everybody: a new one that waits for what does not happen begins to
                // wait in every tenant, also where nothing is recorded.
                guard moved.contains(SystemTenant.id) else { return false }
                let shared = try await rules.rules(of: SystemTenant.id)
                guard shared.correlations.hasAbsences else { return false }
                return known.withLock { known in
                    defer { known = shared.digest }
                    return known != shared.digest
                }
            }
        ) { reactors(for: $0) }
    }
}
