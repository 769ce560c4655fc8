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
        .approvalQuorumReached, .gateAutoApproved, .runStarted, .runResumed, .rollbackRequested,
    ]
    package static let isConcurrent = true

    private let bench: Workbench
    private let connectors: @Sendable (Registry) async throws -> [String: any Connector]

    /// - Parameter connectors: makes the tenant's connectors, by name.
    package init(_ bench: Workbench, connectors: @escaping @Sendable (Registry) async throws -> [String: any Connector]) {
        self.bench = bench
        self.connectors = connectors
    }

    package func react(to event: Event) async throws {
        guard let caseID = event.caseID else { return }
        if event.kind == .approvalQuorumReached || event.kind == .gateAutoApproved {
            try await start(event)
        }
        guard let record = try await bench.cases.load(caseID, tenant: bench.tenant), let run = record.activeRun,
            run.state != .paused
        else { return }
        try await drive(run, of: record, cause: event)
    }

    private func start(_ event: Event) async throws {
        let registry = try await bench.registry()
        try await bench.update(for: event, as: Self.name, salt: "start") { record in
            guard !registry.isHalted(playbook: record.plan?.playbook.id) else {
                return record.invalidatingApproval(cause: "automation_halted")
            }
            return record.start(
                run: UUID.v5(namespace: event.eventID, name: "run"),
                currentPlan: try currentPlan(of: record, registry: registry), mode: .live)
        }
    }

    /// The plan as it would be built now, with the parameters that the approved one was given.
    private func currentPlan(of record: CaseRecord, registry: Registry) throws -> Cases.Plan? {
        guard let approved = record.plan, let published = registry.playbooks[approved.playbook.id] else { return nil }
        return try? PlanBuilder(registry: registry).build(published, for: record, given: record.givenParameters).plan
    }

    private func drive(_ run: Run, of record: CaseRecord, cause event: Event) async throws {
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
            conflict: { step in try await conflict(for: step, of: record.id) })
        do {
            _ = try await driver.drive(&machine)
        } catch is RunFeed.Interrupted {
            // Somebody wrote about this run at the same moment: begin again from what the log says now.
            guard let current = try await bench.cases.load(record.id, tenant: bench.tenant),
                let active = current.activeRun, active.state != .paused
            else { return }
            try await drive(active, of: current, cause: event)
        }
    }

    /// Looked at again immediately before each step: the environment may have changed since the approval.
    private func conflict(for step: PlanStep, of caseID: UUID) async throws -> String? {
        let registry = try await bench.registry()
        if registry.isHalted(playbook: nil) { return "Automation is halted." }
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
