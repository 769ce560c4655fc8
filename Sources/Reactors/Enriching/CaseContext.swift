import Cases
import Events
import JSON

import struct Foundation.UUID

/// What is known about a case, gathered from its alerts and the inventory, within the policy's limits: the content of
/// `case.enriched`.
struct CaseContext {
    /// Events that an entity cites at most: the first that named it.
    static let citationsMaximum = 20
    // Bytes of the event's members, which together stay below what an event may have (256 KiB).
    private static let entityBytesMaximum = 96 << 10
    private static let evidenceBytesMaximum = 40 << 10
    /// Of the evidence's data; larger data is cited.
    private static let dataBytesMaximum = 32 << 10
    /// Of what is missing, and of what stands in the way.
    private static let lineBytesMaximum = 12 << 10
    private static let techniquesMaximum = 200
    private static let alertsMaximum = 1_000

    private let record: CaseRecord
    private let registry: Registry
    private let limits: Policy.CaseLimits
    private var order: [EntityKey] = []
    private var entities: [EntityKey: CaseEntity] = [:]
    private var omittedEntities: Set<EntityKey> = []
    private var evidence: [EvidenceItem] = []
    private var omittedEvidence = 0
    private var techniques: Set<String> = []
    private var environments: Set<DeploymentEnvironment> = []
    private var detectionReason: String?

    /// - Parameter isAnew: nothing of what the record knows from its alerts is taken over, for all are added again.
    init(_ record: CaseRecord, registry: Registry, isAnew: Bool) {
        self.record = record
        self.registry = registry
        limits = registry.policy.caseLimits ?? Policy.CaseLimits()
        guard !isAnew else { return }
        for entity in record.entities {
            guard let key = entity.entity?.key else { continue }
            order.append(key)
            entities[key] = entity
            entities[key]?.asset = registry.assets[key]?.context
        }
        techniques = Set(record.attackTechniques.map(\.uid))
        environments = [record.environment]
        detectionReason = record.detectionReason
    }

    /// Takes in what an alert says.
    ///
    /// - Parameter value: reads data that is kept apart from its alert.
    mutating func add(
        _ found: AlertStore.Found, value: (NormalizedAlert.Apart) async throws -> JSONValue
    ) async throws {
        let alert = found.alert
        for entity in alert.entities { add(entity, from: found.eventID) }
        for item in alert.attackTechniques where techniques.count < Self.techniquesMaximum { techniques.insert(item) }
        environments.insert(alert.environment)
        detectionReason = detectionReason ?? alert.rule?.name ?? alert.rule?.uid ?? alert.title
        add(
            item(
                found, .rawEvent, alert.occurredAt, "The alert as received from \(alert.source).",
                ["raw_digest": .string(alert.rawDigest.text), "alert_id": .string(alert.alertID.lowercased)]))
        if let rule = alert.rule {
            add(
                item(
                    found, .ruleID, alert.occurredAt, "Rule \(rule.name ?? rule.uid ?? "without a name").",
                    ["uid": rule.uid.map(JSONValue.string) ?? .null, "name": rule.name.map(JSONValue.string) ?? .null]))
        }
        for sent in alert.evidence {
            let data = if let apart = sent.apart { try await value(apart) } else { sent.data }
            let summary = "\(sent.kind.rawValue) sent with the alert."
            let whole = item(found, sent.kind, sent.observedAt ?? alert.occurredAt, summary, data)
            // What is too large for the alert's event is too large for this one.
            add(sent.apart.map { whole.citing(bytes: $0.size) } ?? whole)
        }
    }

    /// Every mention of the same thing is one entity, in the most telling role, with the first events that name it.
    private mutating func add(_ entity: Entity, from eventID: UUID) {
        let key = entity.key
        if entities[key] == nil {
            guard order.count < limits.maxEntities else {
                if omittedEntities.count < 10_000 { omittedEntities.insert(key) }
                return
            }
            order.append(key)
            entities[key] = CaseEntity(
                type: entity.type, value: key.value, role: entity.role, strong: registry.policy.isStrong(entity.type),
                eventIDs: [], asset: registry.assets[key]?.context)
        }
        if entity.role == .target { entities[key]?.role = .target }
        guard let cited = entities[key]?.eventIDs, cited.count < Self.citationsMaximum, !cited.contains(eventID) else {
            return
        }
        entities[key]?.eventIDs.append(eventID)
    }

    /// An item of the same kind and source replaces the older one, as it does in the record.
    private mutating func add(_ item: EvidenceItem) {
        if let index = evidence.firstIndex(where: { $0.kind == item.kind && $0.source == item.source }) {
            evidence[index] = item
            return
        }
        let isKnown = record.evidence.contains { $0.kind == item.kind && $0.source == item.source }
        let others = evidence.count { new in
            !record.evidence.contains { $0.kind == new.kind && $0.source == new.source }
        }
        guard isKnown || record.evidence.count + others < limits.maxEvidence else {
            omittedEvidence += 1
            return
        }
        evidence.append(item)
    }

    private func item(
        _ found: AlertStore.Found, _ kind: EvidenceKind, _ observedAt: Instant, _ summary: String, _ data: JSONValue
    ) -> EvidenceItem {
        EvidenceItem(
            kind: kind, source: found.alert.source, eventIDs: [found.eventID], observedAt: observedAt,
            staleAfter: registry.policy.freshnessMs(of: kind).map {
                observedAt.plausible(receivedAt: found.receivedAt).deadline(afterMs: $0)
            },
            summary: summary, data: data)
    }

    /// What the case is told.
    func decision(at now: Instant) throws -> Decision {
        let known = order.compactMap { self.entities[$0] }
        let entities = try Self.fitting(known, bytes: Self.entityBytesMaximum)
        // What comes from the inventory is a few lines, and the case has it from nowhere else.
        let fitting = try Self.fitting(cited(evidence), bytes: Self.evidenceBytesMaximum + Self.dataBytesMaximum)
        let evidence = fitting + Self.assetEvidence(entities, registry: registry)
        let entitiesOmitted = omittedEntities.count + known.count - entities.count
        let evidenceOmitted = omittedEvidence + self.evidence.count - fitting.count
        return CaseRecord.enrich(
            alertIDs: alertIDs, entities: entities, environment: environment(entities), evidence: evidence,
            missingContext: try Self.fitting(Self.missingContext(entities), bytes: Self.lineBytesMaximum),
            conflicts: try Self.fitting(
                Self.conflicts(entities, record: record, registry: registry, now: now), bytes: Self.lineBytesMaximum),
            attackTechniques: techniques.sorted(), detectionReason: detectionReason,
            registryPosition: registry.nextPosition - 1, entitiesOmitted: entitiesOmitted == 0 ? nil : entitiesOmitted,
            evidenceOmitted: evidenceOmitted == 0 ? nil : evidenceOmitted)
    }

    /// Alerts whose context the event has: all of them, or, of a case with very many, those that are new. The rest of
    /// those wait for the next one.
    private var alertIDs: [UUID] {
        let alerts = record.alerts.count <= Self.alertsMaximum ? record.alerts : record.alerts.filter(\.isPending)
        return alerts.prefix(Self.alertsMaximum).map(\.alertID)
    }

    /// The first items, as many as fit into a part of the event.
    private static func fitting<Item: Encodable>(_ items: [Item], bytes: Int) throws -> [Item] {
        var left = bytes
        var fitting: [Item] = []
        for item in items {
            left -= try JSONValue(encoding: item).canonicalBytes().count + 1
            guard left >= 0 else { break }
            fitting.append(item)
        }
        return fitting
    }

    /// Cites the largest data, until what is left fits into the event.
    private func cited(_ items: [EvidenceItem]) -> [EvidenceItem] {
        var items = items
        let sizes = items.map { $0.data.canonicalBytes().count }
        var bytes = sizes.reduce(0, +)
        for index in sizes.indices.sorted(by: { (sizes[$1], $0) < (sizes[$0], $1) }) {
            guard bytes > Self.dataBytesMaximum, sizes[index] > 0 else { break }
            guard items[index].dataSize == nil else { continue }
            items[index] = items[index].citing(bytes: sizes[index])
            bytes -= sizes[index]
        }
        return items
    }

    private func environment(_ entities: [CaseEntity]) -> DeploymentEnvironment {
        let known = environments.union(entities.compactMap(\.asset?.environment))
        for candidate in [DeploymentEnvironment.production, .staging, .development] where known.contains(candidate) {
            return candidate
        }
        return record.environment
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
