import Cases
package import EventLog
package import Events
package import Foundation
package import Logging
import ServiceLifecycle

/// Fires what time alone brings about: breaches, approvals and evidence that expire.
///
/// Where to look, a projection may tell; what is due, the case's own stream says. Ids are derived from what became
/// due, so it fires once however many timers run. A case that fails is tried again later and later, and stops no other.
package struct Timekeeper: Service {
    /// The name under which it marks cases that fail, beside the reactors'.
    package static let name = "timer"

    /// A case with something due, as the projection of due times lists it.
    package struct Candidate: Sendable, Hashable {
        package var tenant: UUID
        package var caseID: UUID

        package init(tenant: UUID, caseID: UUID) {
            self.tenant = tenant
            self.caseID = caseID
        }
    }

    /// What is due at an instant, over all tenants, and when there is something next.
    package struct Agenda: Sendable {
        /// Too many do no harm.
        package var due: [Candidate]
        /// `nil` when nothing is known to become due.
        package var next: Instant?

        package init(due: [Candidate], next: Instant? = nil) {
            self.due = due
            self.next = next
        }
    }

    package struct Limits: Sendable {
        /// At least this long between two looks while logs grow.
        package var busy: Duration = .milliseconds(250)
        /// At most this long between two looks.
        package var idle: Duration = .seconds(2)

        package init() {}
    }

    private let cases: CaseStore
    private let positions: ReactorPositions
    private let clock: @Sendable () -> Instant
    private let agenda: @Sendable (Instant, _ failing: [UUID]) async throws -> Agenda
    private let logger: Logger
    private let limits: Limits
    private let failures = TimerFailures()

    /// - Parameter agenda: what is due at an instant, leaving out some cases.
    package init(
        cases: CaseStore, positions: ReactorPositions, clock: @escaping @Sendable () -> Instant,
        limits: Limits = Limits(), logger: Logger,
        agenda: @escaping @Sendable (Instant, _ failing: [UUID]) async throws -> Agenda
    ) {
        self.cases = cases
        self.positions = positions
        self.clock = clock
        self.agenda = agenda
        self.logger = logger
        self.limits = limits
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            let moves = cases.log.headMoves()
            var isReady = false
            while !Task.isCancelled {
                do {
                    if !isReady {
                        try await remember()
                        isReady = true
                    }
                    let next = try await fireAll()
                    try await Task.sleep(for: limits.busy)
                    let wait = next.map { Duration.milliseconds($0.milliseconds(since: clock())) } ?? limits.idle
                    // A log that grows may bring a new time along.
                    if wait > .zero { _ = try await moves.next(timeout: min(wait, limits.idle)) }
                } catch is CancellationError {
                    return
                } catch {
                    if Task.isCancelled { return }
                    logger.error("deadline scan failed; retrying", metadata: ["error": "\(error)"])
                    do { try await Task.sleep(for: .seconds(1)) } catch { return }
                }
            }
        }
    }

    /// Fires everything that is due now.
    ///
    /// - Returns: when there is something next.
    @discardableResult
    package func fireAll() async throws -> Instant? {
        let now = clock()
        let agenda = try await agenda(now, failures.waiting(at: now))
        for candidate in Set(agenda.due).union(failures.due(at: now)).subtracting(failures.waitingCases(at: now)) {
            try Task.checkCancellation()
            do {
                try await fire(candidate, at: now)
                try await settle(candidate)
            } catch is CancellationError {
                throw CancellationError()
            } catch  where !error.isOfTheLog {
                try await postpone(candidate, error, at: now)
            }
        }
        return [agenda.next, failures.nextDue].compactMap(\.self).min()
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

    /// Cases that failed under an earlier process are tried at once.
    private func remember() async throws {
        for failure in try await positions.failures() where failure.reactor == Self.name {
            failures.put(failure.mark, of: .init(tenant: failure.tenant, caseID: failure.mark.streamID), dueAt: clock())
        }
    }

    private func settle(_ candidate: Candidate) async throws {
        guard let mark = failures.mark(of: candidate) else { return }
        _ = try await positions.lift(mark, reactor: Self.name, tenant: candidate.tenant, upTo: .max)
        failures.remove(candidate)
    }

    /// The case is marked at its first event, and looked at again later.
    private func postpone(_ candidate: Candidate, _ error: any Error, at now: Instant) async throws {
        let known = failures.mark(of: candidate)
        let attempts = (known?.attempts ?? 0) + 1
        logger.log(
            level: known == nil ? .critical : .error, "the timer cannot handle a case; it is tried again later",
            metadata: [
                "tenant": "\(candidate.tenant.lowercased)", "case": "\(candidate.caseID.lowercased)",
                "error": "\(error)",
            ])
        let dueAt = now.adding(milliseconds: ReactorStretch.pauseMs(after: attempts))
        if var mark = known {
            mark.reason = "\(error)"
            mark.attempts = attempts
            mark.dueAt = dueAt
            try await positions.mark(mark, reactor: Self.name, tenant: candidate.tenant)
            failures.put(mark, of: candidate, dueAt: dueAt)
        } else if let first = try await first(of: candidate) {
            let mark = ReactorMark(
                first, setsAside: false, reason: "\(error)", attempts: attempts, since: now, dueAt: dueAt)
            try await positions.mark(mark, reactor: Self.name, tenant: candidate.tenant)
            failures.put(mark, of: candidate, dueAt: dueAt)
        }
    }

    private func first(of candidate: Candidate) async throws -> Event? {
        do {
            return try await cases.log.read(
                stream: candidate.caseID, tenant: candidate.tenant, after: 0, upTo: nil, limit: 1
            ).first
        } catch let error as EventLogError where error.code == .corrupt {
            return nil  // Whoever reads the case finds that, and marks it.
        }
    }
}
