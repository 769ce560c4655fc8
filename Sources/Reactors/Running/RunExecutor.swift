package import Cases
import EventLog
package import Events
import Foundation
import JSON
package import Response

/// Starts approved runs and drives every active one, forwards and backwards, until it ends or has to wait.
///
/// After a crash the events that are not finished are reacted to again; the driver is made from the log and goes on
/// where it is safe to. Cases run at the same time, one case's events one after the other.
package struct RunExecutor: Reactor {
    package static let name = "execute"
    package static let interests: Set<EventType> = [
        .approvalQuorumReached, .gateAutoApproved, .runStarted, .runResumed, .runCancelled, .rollbackRequested,
    ]
    package static let isConcurrent = true

    private let bench: Workbench
    private let connectors: @Sendable (Registry) async throws -> [String: any Connector]

    /// - Parameter connectors: makes the tenant's connectors, by name.
    package init(_ bench: Workbench, connectors: @escaping @Sendable (Registry) async throws -> [String: any Connector])
    {
        self.bench = bench
        self.connectors = connectors
    }

    package func react(to event: Event) async throws {
        guard let caseID = event.caseID else { return }
        if event.kind == .approvalQuorumReached || event.kind == .gateAutoApproved {
            try await start(event)
        }
        guard let record = try await bench.cases.load(caseID, tenant: bench.tenant), let run = record.runToDrive else {
            return
        }
        try await drive(run, of: record, cause: event)
    }

    private func start(_ event: Event) async throws {
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name, salt: "start") { record in
            guard !registry.isHalted(playbook: record.plan?.playbook.id) else {
                return record.invalidatingApproval(cause: "automation_halted")
            }
            let decisions = record.start(
                run: UUID.v5(namespace: event.eventID, name: "run"),
                currentPlan: try PlanBuilder(registry: registry)
                    .rebuild(for: try await bench.cases.withEvidence(record))?.plan, mode: .live)
            guard decisions.isEmpty, record.needsNewRecommendation else { return decisions }
            // What may run by itself is another plan by now: look at the case anew, gate and all.
            return [try await CaseEnricher(bench).enrichment(of: record)]
        }
    }

    private func drive(_ run: Run, of record: CaseRecord, cause event: Event, attempt: Int = 0) async throws {
        guard let json = run.plan?.json else { return }
        let plan = try Response.Plan(json: json)
        let registry = try await bench.registry()
        let feed = try await RunFeed(bench: bench, caseID: record.id, runID: run.id)
        var machine = RunMachine(plan: plan, runID: run.id, history: feed.history)
        let actor = Actor(kind: .playbook, subject: plan.playbook.id, lane: .soar)
        let driver = RunDriver(
            connectors: try await connectors(registry),
            record: { try await feed.append($0, actor: actor, cause: event) },
            external: { try await feed.external() },
            conflict: { step in try await conflict(for: step, playbook: plan.playbook.id, of: record.id) })
        do {
            if case .wait(.outcomeUnknown) = try await driver.drive(&machine) {
                guard try await waitBeforeProbing(feed, attempt: attempt) else { return }
                try await driveAgain(record.id, cause: event, attempt: attempt + 1)
            }
        } catch is RunFeed.Interrupted {
            // Somebody wrote about this run at the same moment: begin again from what the log says now.
            try await driveAgain(record.id, cause: event, attempt: attempt)
        }
    }

    private func driveAgain(_ caseID: UUID, cause event: Event, attempt: Int) async throws {
        guard let record = try await bench.cases.load(caseID, tenant: bench.tenant), let run = record.runToDrive else {
            return
        }
        try await drive(run, of: record, cause: event, attempt: attempt)
    }

    /// An unknown outcome is probed again, after 1, 2, 4, … seconds and then every minute, for about an hour. Whatever
    /// somebody says about the run meanwhile (a rollback, for example) has an event of its own and goes first.
    private func waitBeforeProbing(_ feed: RunFeed, attempt: Int) async throws -> Bool {
        guard attempt < 66 else { return false }
        for _ in 0..<min(60, 1 << min(attempt, 6)) {
            try await Task.sleep(for: .seconds(1))
            if try await !feed.external().isEmpty { return false }
        }
        return true
    }

    /// Looked at again immediately before each step: the environment may have changed since the approval.
    private func conflict(for step: PlanStep, playbook: String, of caseID: UUID) async throws -> String? {
        let registry = try await bench.registry()
        if registry.isHalted(playbook: playbook) { return "Automation is halted." }
        let now = bench.clock()
        let keys = step.targets.compactMap { target in
            Entity.EntityType(rawValue: target.type).map {
                EntityKey(type: $0, value: Entity.normalize(target.value, as: $0))
            }
        }
        for key in keys {
            if let protection = registry.policy.protection(of: key) {
                return "\(key.value) is protected: \(protection.reason)"
            }
        }
        let known = Set(try await bench.cases.load(caseID, tenant: bench.tenant)?.conflicts.map(\.name) ?? [])
        let new = registry.calendar.first { entry in
            entry.startsAt <= now && now < entry.endsAt && !known.contains(entry.name)
                && entry.entities.contains { keys.contains($0.key) }
        }
        return new.map { "\($0.kind.rawValue) \($0.name) began." }
    }
}
