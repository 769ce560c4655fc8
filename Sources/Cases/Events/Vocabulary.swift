package import Events
package import JSON
package import Runs

package import struct Foundation.UUID

/// How many people must agree, from the most free to the strictest.
package enum AutonomyLevel: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
    case auto
    case onePerson = "one_person"
    case twoPerson = "two_person"

    package var requiredApprovals: Int {
        switch self {
        case .auto: 0
        case .onePerson: 1
        case .twoPerson: 2
        }
    }

    package static func < (left: AutonomyLevel, right: AutonomyLevel) -> Bool {
        left.requiredApprovals < right.requiredApprovals
    }
}

package enum ApprovalState: String, Sendable, Hashable, Codable { case pending, granted, denied, expired, invalidated }
package enum PlaybookMode: String, Sendable, Hashable, Codable { case shadow, assisted, live }
package enum EvidenceStatus: String, Sendable, Hashable, Codable { case present, missing, stale }

/// A thing that the case is about, with what the asset registry knows of it.
package struct CaseEntity: Codable, Sendable, Hashable {
    package var type: Entity.EntityType
    /// `nil` once erased.
    package var value: String?
    package var role: Entity.Role
    package var strong: Bool
    package var eventIDs: [UUID]
    package var asset: AssetContext?

    package init(
        type: Entity.EntityType, value: String?, role: Entity.Role, strong: Bool, eventIDs: [UUID], asset: AssetContext?
    ) {
        self.type = type
        self.value = value
        self.role = role
        self.strong = strong
        self.eventIDs = eventIDs
        self.asset = asset
    }

    package var entity: Entity? { value.map { Entity(type: type, value: $0, role: role) } }
}

package struct AssetContext: Codable, Sendable, Hashable {
    package enum Criticality: String, Codable, Sendable, Hashable, CaseIterable { case low, medium, high, critical }
    package enum Sensitivity: String, Codable, Sendable, Hashable, CaseIterable {
        case `public`, `internal`, confidential, restricted
    }
    package enum Exposure: String, Codable, Sendable, Hashable, CaseIterable { case internet, `internal` }

    package var id: UUID
    package var owner: String?
    package var criticality: Criticality
    package var sensitivity: Sensitivity
    package var exposure: Exposure
    package var environment: DeploymentEnvironment
}

package struct AttackTechnique: Codable, Sendable, Hashable {
    package var uid: String
    package var name: String?
    /// The ATT&CK release that the mapping was made with.
    package var attackVersion: String
    package var eventIDs: [UUID]
}

package struct MissingContext: Codable, Sendable, Hashable {
    package var kind: String
    package var entity: String?
    package var reason: String

    package init(kind: String, entity: String?, reason: String) {
        self.kind = kind
        self.entity = entity
        self.reason = reason
    }
}

package struct EnvironmentConflict: Codable, Sendable, Hashable {
    package enum Kind: String, Codable, Sendable, Hashable, CaseIterable {
        case scheduledJob = "scheduled_job"
        case dataPipeline = "data_pipeline"
        case maintenanceWindow = "maintenance_window"
        case changeTicket = "change_ticket"
        case protectedEntity = "protected_entity"
        case businessCritical = "business_critical"
    }

    package var kind: Kind
    /// `nil` once erased.
    package var name: String?
    package var startsAt: Instant?
    package var endsAt: Instant?
    package var eventID: UUID?

    package init(kind: Kind, name: String, startsAt: Instant?, endsAt: Instant?, eventID: UUID?) {
        self.kind = kind
        self.name = name
        self.startsAt = startsAt
        self.endsAt = endsAt
        self.eventID = eventID
    }
}

/// One piece of evidence as the case's stream holds it.
package struct EvidenceItem: Codable, Sendable, Hashable {
    package var kind: EvidenceKind
    package var source: String
    package var eventIDs: [UUID]
    package var observedAt: Instant
    package var staleAfter: Instant?
    package var summary: String?
    /// `null` where it is only cited (`dataSize`) or was erased.
    package var data: JSONValue
    /// SHA-256 of the canonical JSON of kind, source, time and data: what a plan binds.
    package var digest: Digest
    /// Bytes of the data, where the item only cites it: it lies in the event that `eventIDs` names first, and `digest`
    /// says whether it is that. `nil`: the item holds it.
    package var dataSize: Int?

    package init(
        kind: EvidenceKind, source: String, eventIDs: [UUID], observedAt: Instant, staleAfter: Instant?,
        summary: String,
        data: JSONValue
    ) {
        self.kind = kind
        self.source = source
        self.eventIDs = eventIDs
        self.observedAt = observedAt
        self.staleAfter = staleAfter
        self.summary = summary
        self.data = data
        digest = Self.digest(kind, source, observedAt, data)
    }

    private static func digest(
        _ kind: EvidenceKind, _ source: String, _ observedAt: Instant, _ data: JSONValue
    ) -> Digest {
        Digest.ofCanonical([
            "kind": .string(kind.rawValue), "source": .string(source), "observed_at": .string(observedAt.rfc3339),
            "data": data,
        ])
    }

    /// The item without its data, which can be read again from the event that `eventIDs` names first.
    package func citing(bytes: Int) -> EvidenceItem {
        var item = self
        item.data = .null
        item.dataSize = bytes
        return item
    }

    /// The item with its data; `nil` when the data is not what the digest says.
    package func holding(_ data: JSONValue) -> EvidenceItem? {
        guard Self.digest(kind, source, observedAt, data) == digest else { return nil }
        var item = self
        item.data = data
        item.dataSize = nil
        return item
    }

    private enum CodingKeys: CodingKey {
        case kind, source, eventIDs, observedAt, staleAfter, summary, data, digest, dataSize
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encode(source, forKey: .source)
        try container.encode(eventIDs, forKey: .eventIDs)
        try container.encode(observedAt, forKey: .observedAt)
        try container.encodeIfPresent(staleAfter, forKey: .staleAfter)
        try container.encodeIfPresent(summary, forKey: .summary)
        try container.encode(data, forKey: .data)
        try container.encode(digest, forKey: .digest)
        // Only where it says something: most items hold their data.
        if let dataSize { try container.encode(dataSize, forKey: .dataSize) }
    }
}

/// Which evidence kinds a plan's action classes demand, by the policy at the time it was made: part of the event, so
/// that a later policy does not change what was shown.
package struct EvidenceDemands: Codable, Sendable, Hashable {
    private var classes: [String: [ActionClass]]

    package init(of plan: Plan?, policy: Policy) {
        classes = [:]
        for action in (plan?.actionClasses ?? []).sorted(by: { $0.rawValue < $1.rawValue }) {
            for kind in policy.row(for: action).requiredEvidence { classes[kind.rawValue, default: []].append(action) }
        }
    }

    package init() { classes = [:] }

    package subscript(kind: EvidenceKind) -> [ActionClass] { classes[kind.rawValue] ?? [] }

    package func encode(to encoder: any Encoder) throws { try classes.encode(to: encoder) }
    package init(from decoder: any Decoder) throws { classes = try [String: [ActionClass]](from: decoder) }
}

package struct MissingEvidence: Codable, Sendable, Hashable {
    package var kind: EvidenceKind
    package var status: EvidenceStatus
    package var requiredBy: [ActionClass]
}

package struct ComparableCase: Codable, Sendable, Hashable {
    package var caseID: UUID
    package var overlapScore: Double
    package var shared: [String]
    package var verdict: Verdict?

    package init(caseID: UUID, overlapScore: Double, shared: [String], verdict: Verdict?) {
        self.caseID = caseID
        self.overlapScore = overlapScore
        self.shared = shared
        self.verdict = verdict
    }
}

package struct CitedText: Codable, Sendable, Hashable {
    package var text: String
    package var eventIDs: [UUID]

    package init(_ text: String, _ eventIDs: [UUID]) {
        self.text = text
        self.eventIDs = eventIDs
    }
}
