package import Cases
package import Events
import JSON

import struct Foundation.UUID

/// Attaches what is known about the case's entities: assets, owners, environment, evidence; what is unknown is named.
package struct CaseEnricher: Reactor {
    package static let name = "enrich"
    package static let interests: Set<EventType> = [
        .caseOpened, .caseAlertLinked, .caseSplit, .runCompleted, .runFailed, .runCancelled, .rollbackCompleted,
        .rollbackIncomplete,
    ]

    private let bench: Workbench

    package init(_ bench: Workbench) {
        self.bench = bench
    }

    package func react(to event: Event) async throws -> Reaction {
        try await bench.update(for: event, as: Self.name) { record in
            guard record.needsEnrichment else { return [] }
            let gone = try await evidenceSplitOff(record)
            return [try await enrichment(of: record, without: gone)] + record.expire(gone)
        }
        return .done
    }

    /// Everything known about the case's entities as of now.
    func enrichment(of record: CaseRecord, without gone: [EvidenceItem] = []) async throws -> Decision {
        let alerts = try await bench.alerts.load(record.alerts.map(\.alertID), tenant: bench.tenant)
        return enrichment(of: record, alerts: alerts, without: gone, registry: try await bench.registry())
    }

    /// Evidence that came with alerts of another case now.
    private func evidenceSplitOff(_ record: CaseRecord) async throws -> [EvidenceItem] {
        let alerts = try await bench.alerts.load(record.alertsSplitOff ?? [], tenant: bench.tenant)
        let events = Set(alerts.values.map(\.eventID))
        return record.evidence.filter { !$0.eventIDs.isEmpty && events.isSuperset(of: $0.eventIDs) }
    }

    private func enrichment(
        of record: CaseRecord, alerts: [UUID: AlertStore.Found], without gone: [EvidenceItem], registry: Registry
    ) -> Decision {
        let found = record.alerts.compactMap { alerts[$0.alertID] }
        let entities = Self.entities(found, registry: registry)
        let evidence =
            found.flatMap { Self.evidence(of: $0, policy: registry.policy) }
            + Self.assetEvidence(entities, registry: registry)
        let known = Set(evidence.map(\.kind))
        let kept = record.evidence.filter { !known.contains($0.kind) && !gone.contains($0) }
        return CaseRecord.enrich(
            alertIDs: record.alerts.map(\.alertID),
            entities: entities,
            environment: Self.environment(entities, alerts: found.map(\.alert), of: record),
            evidence: evidence + kept,
            missingContext: Self.missingContext(entities),
            conflicts: Self.conflicts(entities, record: record, registry: registry, now: bench.clock()),
            attackTechniques: Array(Set(found.flatMap(\.alert.attackTechniques))).sorted(),
            detectionReason: found.compactMap { $0.alert.rule?.name ?? $0.alert.rule?.uid ?? $0.alert.title }.first,
            registryPosition: registry.nextPosition - 1)
    }

    /// Every mention of the same thing is one entity, in the most telling role, with every event that names it.
    private static func entities(_ found: [AlertStore.Found], registry: Registry) -> [CaseEntity] {
        var order: [EntityKey] = []
        var byKey: [EntityKey: CaseEntity] = [:]
        for alert in found {
            for entity in alert.alert.entities {
                if byKey[entity.key] == nil {
                    order.append(entity.key)
                    byKey[entity.key] = CaseEntity(
                        type: entity.type, value: entity.key.value, role: entity.role,
                        strong: registry.policy.isStrong(entity.type), eventIDs: [],
                        asset: registry.assets[entity.key]?.context)
                }
                if entity.role == .target { byKey[entity.key]?.role = .target }
                if byKey[entity.key]?.eventIDs.contains(alert.eventID) == false {
                    byKey[entity.key]?.eventIDs.append(alert.eventID)
                }
            }
        }
        return order.compactMap { byKey[$0] }
    }

    private static func evidence(of found: AlertStore.Found, policy: Policy) -> [EvidenceItem] {
        let alert = found.alert
        func item(_ kind: EvidenceKind, _ observedAt: Instant, _ summary: String, _ data: JSONValue) -> EvidenceItem {
            EvidenceItem(
                kind: kind, source: alert.source, eventIDs: [found.eventID], observedAt: observedAt,
                staleAfter: policy.freshnessMs(of: kind).map {
                    observedAt.plausible(receivedAt: found.receivedAt).deadline(afterMs: $0)
                }, summary: summary,
                data: data)
        }
        var items = [
            item(
                .rawEvent, alert.occurredAt, "The alert as received from \(alert.source).",
                ["raw_digest": .string(alert.rawDigest.text), "alert_id": .string(alert.alertID.lowercased)])
        ]
        if let rule = alert.rule {
            items.append(
                item(
                    .ruleID, alert.occurredAt, "Rule \(rule.name ?? rule.uid ?? "without a name").",
                    ["uid": rule.uid.map(JSONValue.string) ?? .null, "name": rule.name.map(JSONValue.string) ?? .null]))
        }
        for evidence in alert.evidence {
            let observed = evidence.observedAt ?? alert.occurredAt
            items.append(
                item(evidence.kind, observed, "\(evidence.kind.rawValue) sent with the alert.", evidence.data))
        }
        return items
    }

    private static func assetEvidence(_ entities: [CaseEntity], registry: Registry) -> [EvidenceItem] {
        let assets = entities.compactMap { $0.entity.flatMap { registry.assets[$0.key] } }
        guard
            let first = assets.first(where: { asset in
                entities.contains { $0.entity?.key == asset.key && $0.role == .target }
            }) ?? assets.first
        else { return [] }
        func item(_ kind: EvidenceKind, _ summary: String, _ data: JSONValue) -> EvidenceItem {
            EvidenceItem(
                kind: kind, source: "inventory", eventIDs: first.eventID.map { [$0] } ?? [],
                observedAt: first.observedAt,
                staleAfter: registry.policy.freshnessMs(of: kind).map { first.observedAt.deadline(afterMs: $0) },
                summary: summary, data: data)
        }
        let name = first.name ?? first.value ?? "asset"
        var items = [
            item(
                .assetContext, "\(name): \(first.criticality.rawValue) criticality, \(first.environment.rawValue).",
                [
                    "asset_id": .string(first.id.lowercased), "criticality": .string(first.criticality.rawValue),
                    "environment": .string(first.environment.rawValue), "exposure": .string(first.exposure.rawValue),
                ]),
            item(
                .businessCriticality, "Business criticality \(first.criticality.rawValue).",
                ["criticality": .string(first.criticality.rawValue)]),
        ]
        if let owner = first.owner {
            items.append(item(.owner, "Owned by \(owner).", ["owner": .string(owner)]))
        }
        if let service = first.service {
            items.append(item(.affectedService, "Serves \(service).", ["service": .string(service)]))
        }
        if let cost = first.costRisk { items.append(item(.costRisk, cost, ["text": .string(cost)])) }
        return items
    }

    /// What an inventory should know and does not.
    private static func missingContext(_ entities: [CaseEntity]) -> [MissingContext] {
        let inventoried: Set<Entity.EntityType> = [
            .device, .cloudResource, .workload, .service, .repository, .cloudAccount, .namespace, .secret,
        ]
        return entities.filter { inventoried.contains($0.type) && $0.asset?.owner == nil }.map {
            MissingContext(
                kind: "asset_owner", entity: $0.value,
                reason: $0.asset == nil ? "not in inventory" : "the inventory names no owner")
        }
    }

    private static func environment(
        _ entities: [CaseEntity], alerts: [NormalizedAlert], of record: CaseRecord
    ) -> DeploymentEnvironment {
        let known = entities.compactMap(\.asset?.environment) + alerts.map(\.environment).filter { $0 != .unknown }
        for candidate in [DeploymentEnvironment.production, .staging, .development] where known.contains(candidate) {
            return candidate
        }
        return record.environment
    }

    private static func conflicts(
        _ entities: [CaseEntity], record: CaseRecord, registry: Registry, now: Instant
    ) -> [EnvironmentConflict] {
        let keys = Set(entities.compactMap { $0.entity?.key })
        var conflicts: [EnvironmentConflict] = []
        for key in keys.sorted() {
            if let protection = registry.policy.protection(of: key) {
                conflicts.append(
                    EnvironmentConflict(
                        kind: .protectedEntity, name: "\(key.value): \(protection.reason)", startsAt: nil, endsAt: nil,
                        eventID: nil))
            }
            if let asset = registry.assets[key], asset.environment == .production, asset.criticality == .critical {
                conflicts.append(
                    EnvironmentConflict(
                        kind: .businessCritical, name: asset.name ?? key.value, startsAt: nil, endsAt: nil,
                        eventID: asset.eventID))
            }
        }
        let first = record.anchors.firstOccurredAt ?? now
        for entry in registry.calendar where entry.startsAt <= now && entry.endsAt >= first {
            if entry.entities.contains(where: { keys.contains($0.key) }) {
                conflicts.append(
                    EnvironmentConflict(
                        kind: entry.kind, name: entry.name, startsAt: entry.startsAt, endsAt: entry.endsAt,
                        eventID: entry.eventID))
            }
        }
        return conflicts
    }
}
