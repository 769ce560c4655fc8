import Cases
import EventLog
package import Events
package import Foundation
package import Logging
import ServiceLifecycle

/// Fires what time alone brings about: breaches, approvals and evidence that expire.
///
/// Where to look, a projection may tell; what is due, the case's own stream says. Ids are derived from what became
/// due, so it fires once however many timers run.
package struct Timekeeper: Service {
    /// A case with something due, as the projection of due times lists it.
    package struct Candidate: Sendable, Hashable {
        package var tenant: UUID
        package var caseID: UUID

        package init(tenant: UUID, caseID: UUID) {
            self.tenant = tenant
            self.caseID = caseID
        }
    }

    private let cases: CaseStore
    private let clock: @Sendable () -> Instant
    private let candidates: @Sendable (Instant) async throws -> [Candidate]
    private let logger: Logger
    private let interval: Duration

    /// - Parameter candidates: cases that may have something due at an instant; too many do no harm.
    package init(
        cases: CaseStore, clock: @escaping @Sendable () -> Instant, interval: Duration = .milliseconds(250),
        logger: Logger, candidates: @escaping @Sendable (Instant) async throws -> [Candidate]
    ) {
        self.cases = cases
        self.clock = clock
        self.interval = interval
        self.logger = logger
        self.candidates = candidates
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await fireAll()
                    try await Task.sleep(for: interval)
                } catch is CancellationError {
                    return
                } catch {
                    logger.error("the timer stumbled and goes on", metadata: ["error": "\(error)"])
                    do { try await Task.sleep(for: .seconds(1)) } catch { return }
                }
            }
        }
    }

    /// Fires everything that is due now.
    package func fireAll() async throws {
        let now = clock()
        for candidate in try await candidates(now) {
            try await fire(candidate, at: now)
        }
    }

    package func fire(_ candidate: Candidate, at now: Instant) async throws {
        guard let record = try await cases.load(candidate.caseID, tenant: candidate.tenant) else { return }
        for due in record.dueTimes where due.at <= now {
            let cause = Cause(
                timer: "\(due.kind.rawValue)/\(due.key)", in: record.id,
                correlationID: record.correlationID ?? record.id, at: now)
            _ = try await cases.update(candidate.caseID, tenant: candidate.tenant, cause: cause) { current in
                current.dueTimes.contains(due) ? current.fire(due) : []
            }
        }
    }
}
