package import Cases
import EventLog
package import Events
import Foundation
import JSON
package import Response
package import Runs

/// Starts approved runs and drives every active one, forwards and backwards, until it ends or has to wait.
///
/// After a crash the events that are not finished are reacted to again; the driver is made from the log and goes on
/// where it is safe to. Cases run at the same time, one case's events one after the other. An outcome that nobody can
/// tell yet is probed again later: the reaction ends with the time, and holds nothing until then.
package struct RunExecutor: Reactor {
    package static let name = "execute"
    package static let interests: Set<EventType> = [
        .approvalQuorumReached, .gateAutoApproved, .runStarted, .runResumed, .runCancelled, .rollbackRequested,
    ]
    package static let isConcurrent = true

    /// Makes one of a tenant's connectors by its name, when a step needs it.
    package typealias MakeConnector =
        @Sendable (_ name: String, _ registry: Registry) async throws(ConnectorError) -> any Connector

    /// For a server that acts on nothing.
    package static let noConnector: MakeConnector = { name, _ throws(ConnectorError) in
        throw ConnectorError(.forbidden, "there is no connector '\(name)'")
    }

    /// How long an unknown outcome is probed before it is left to people.
    static let patienceMs: Int64 = 3_600_000

    private let bench: Workbench
    private let connector: MakeConnector

    package init(_ bench: Workbench, connector: @escaping MakeConnector) {
        self.bench = bench
        self.connector = connector
    }

    package func react(to event: Event) async throws -> Reaction {
        guard let caseID = event.caseID else { return .done }
        if event.kind == .approvalQuorumReached || event.kind == .gateAutoApproved {
            try await start(event)
        }
        while true {
            guard let record = try await bench.cases.load(caseID, tenant: bench.tenant), let run = record.runToDrive
            else { return .done }
            do {
                return try await drive(run, of: record, cause: event)
            } catch is RunFeed.Interrupted {
                // Another driver of this run was faster: begin again from what the log says now.
                try Task.checkCancellation()
            }
        }
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

    private func drive(_ run: Run, of record: CaseRecord, cause event: Event) async throws -> Reaction {
        guard var machine = RunMachine(run, at: bench.clock()) else { return .done }
        let playbook = machine.plan.playbook.id
        let registry = try await bench.registry()
        let feed = RunFeed(
            bench, run: run, version: record.version, actor: Actor(kind: .playbook, subject: playbook, lane: .soar),
            cause: event)
        let driver = RunDriver(
            connector: { name throws(ConnectorError) in try await connector(name, registry) },
            record: { try await feed.record($0, of: $1) }, news: { try await feed.news() },
            conflict: { step in try await conflict(for: step, playbook: playbook, of: record.id) }, clock: bench.clock)
        guard case .wait(.outcomeUnknown(let step)) = try await driver.drive(&machine) else { return .done }
        return Self.nextProbe(of: machine.run.step(step)?.unknownSince, at: bench.clock())
    }

    /// An unknown outcome is probed again after as long as it has been unknown, at most every minute, for an hour.
    static func nextProbe(of since: Instant?, at now: Instant) -> Reaction {
        let elapsed = now.milliseconds(since: since ?? now)
        guard elapsed < patienceMs else { return .done }
        return .again(at: now.adding(milliseconds: min(60_000, max(1_000, elapsed))))
    }

    /// Looked at again immediately before each step: the environment may have changed since the approval.
    private func conflict(for step: Plan.Step, playbook: String, of caseID: UUID) async throws -> String? {
        let registry = try await bench.registry()
        if registry.isHalted(playbook: playbook) { return "Automation is halted." }
        let now = bench.clock()
        let keys = step.targets.map(\.key)
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
