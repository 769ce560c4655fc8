package import Cases
import Events
import Foundation
package import JSON
import Response
package import Runs

/// Chooses the playbook for a case and binds it: the same case, registry and evidence give the same plan, byte for byte.
package struct PlanBuilder: Sendable {
    package struct Built: Sendable {
        package var plan: Plan
        package var actions: [PlannedAction]
        package var playbook: PublishedPlaybook
        /// The parameters that the requester gave.
        package var given: JSONValue
        /// Whether the playbook says that a service goes away while it acts.
        package var losesService: Bool
    }

    package struct Choice: Sendable {
        package var built: Built?
        package var alternatives: [Recommendation.Alternative]
    }

    private let registry: Registry

    package init(registry: Registry) {
        self.registry = registry
    }

    /// The first playbook, by name, that answers the case's pattern and can be bound; the others with why not.
    package func choose(for record: CaseRecord) -> Choice {
        var built: Built?
        var alternatives: [Recommendation.Alternative] = []
        for published in registry.playbooks.values.sorted(by: { ($0.name, $0.playbookID) < ($1.name, $1.playbookID) }) {
            guard let pattern = record.pattern, published.patterns.contains(pattern) else { continue }
            if built != nil {
                alternatives.append(.init(playbookID: published.playbookID, whyNot: "another playbook comes first"))
                continue
            }
            do {
                built = try build(published, for: record, given: [:])
            } catch let refusal as PlaybookRefusal {
                alternatives.append(
                    .init(
                        playbookID: published.playbookID,
                        whyNot: refusal.problems.map(\.detail).joined(separator: "; ")))
            } catch {
                alternatives.append(.init(playbookID: published.playbookID, whyNot: "\(error)"))
            }
        }
        return Choice(built: built, alternatives: alternatives)
    }

    /// Binds one playbook to a case.
    ///
    /// - Parameter given: parameters from the person who asks.
    /// - Throws: `PlaybookRefusal` with everything that stands in the way.
    package func build(_ published: PublishedPlaybook, for record: CaseRecord, given: JSONValue) throws -> Built {
        let playbook = try Playbook(document: published.document)
        // First without evidence: which kinds are demanded follows from the action classes.
        let draft = try bind(playbook, published, record, given: given, demands: nil)
        let demands = EvidenceDemands(of: draft, policy: registry.policy)
        let plan = try bind(playbook, published, record, given: given, demands: demands)
        return Built(
            plan: plan,
            actions: plan.steps.map { action(for: $0, record: record) },
            playbook: published, given: given, losesService: Self.losesService(playbook))
    }

    /// The plan of the playbook that this case's plan came from, as it would be made now.
    ///
    /// - Returns: `nil` when there was none, or the playbook can no longer be bound to the case.
    package func rebuild(for record: CaseRecord) throws -> Built? {
        guard let published = record.plan.flatMap({ registry.playbooks[$0.playbook.id] }) else { return nil }
        do {
            return try build(published, for: record, given: record.givenParameters)
        } catch is PlaybookRefusal {
            return nil
        }
    }

    private func bind(
        _ playbook: Playbook, _ published: PublishedPlaybook, _ record: CaseRecord, given: JSONValue,
        demands: EvidenceDemands?
    ) throws -> Plan {
        let bound = demands.map { Set(record.boundEvidence(demands: $0).map(\.digest)) } ?? []
        let items = record.evidence.filter { !record.expiredEvidence.contains($0.digest) }
        let evidence = items.compactMap { item -> PlanContext.Evidence? in
            guard let eventID = item.eventIDs.first else { return nil }
            // All evidence may fill parameters; what the matrix demands is bound.
            return PlanContext.Evidence(
                item: Plan.BoundEvidence(kind: item.kind, eventID: eventID, digest: item.digest), data: item.data,
                isBound: bound.contains(item.digest))
        }
        let context = PlanContext(
            caseID: record.id, policyVersion: registry.policy.version, entities: record.targetsInScope,
            evidence: evidence, given: given)
        return try Plan(binding: playbook, version: published.version, to: context)
    }

    private func action(for step: Plan.Step, record: CaseRecord) -> PlannedAction {
        PlannedAction(
            stepID: step.stepID, name: step.name, actionClass: step.actionClass,
            level: registry.policy.level(for: step.actionClass, in: record.environment(of: step.targets)),
            targets: step.targets, parameters: step.parameters, reversible: step.reversible,
            rollbackMaxMs: step.rollback?.maxMs, blastRadius: blastRadius(of: step, record: record))
    }

    /// How far the action reaches, from the inventory: targets, the services that they carry, everything that depends
    /// on them. The score (0…100) grows with criticality, exposure, production and the number of dependents.
    private func blastRadius(of step: Plan.Step, record: CaseRecord) -> PlannedAction.BlastRadius {
        let keys = step.targets.map(\.key)
        let assets = keys.compactMap { registry.assets[$0] }
        let dependents = registry.dependents(of: keys)
        let environment = record.environment(of: step.targets)
        let criticality = assets.map { Self.weight($0.criticality) }.max() ?? 0
        let score =
            criticality
            + (environment == .production || environment == .unknown ? 20 : 0)
            + (assets.contains { $0.exposure == .internet } ? 10 : 0)
            + min(30, dependents.count * 5)
        return PlannedAction.BlastRadius(
            targetCount: step.targets.count, environment: environment,
            services: Set((assets + dependents).compactMap(\.service)).sorted(), dependents: dependents.count,
            impactScore: min(100, score), basisEventIDs: (assets + dependents).compactMap(\.eventID))
    }

    private static func weight(_ criticality: AssetContext.Criticality) -> Int {
        switch criticality {
        case .low: 5
        case .medium: 15
        case .high: 30
        case .critical: 40
        }
    }

    private static func losesService(_ playbook: Playbook) -> Bool {
        playbook.steps.values.contains { step in
            guard case .action(let action) = step.body, let docket = action.docket else { return true == step.isAction }
            return docket.gate["service_lost"]?.boolValue ?? true
        }
    }
}
