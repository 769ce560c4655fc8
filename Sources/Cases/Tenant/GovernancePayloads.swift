package import Events
package import JSON

package import struct Foundation.UUID

/// A thing that the tenant owns: what blast radius and evidence are derived from.
package struct Asset: Payload {
    package static let type = EventType.assetRegistered
    package var id: UUID
    package var type: Entity.EntityType
    /// `nil` once erased.
    package var value: String?
    package var name: String?
    package var owner: String?
    package var service: String?
    package var criticality: AssetContext.Criticality
    package var sensitivity: AssetContext.Sensitivity
    package var exposure: AssetContext.Exposure
    package var environment: DeploymentEnvironment
    package var region: String?
    package var labels: [String]
    package var dependsOn: [Dependency]
    /// What an outage of this asset costs, in words for the approver.
    package var costRisk: String?
    /// When the inventory last saw it.
    package var observedAt: Instant
    package var eventID: UUID?

    package struct Dependency: Codable, Sendable, Hashable {
        package var type: Entity.EntityType
        /// `nil` once erased.
        package var value: String?
        package var key: EntityKey { EntityKey(type: type, value: Entity.normalize(value ?? "", as: type)) }
    }

    package var key: EntityKey { EntityKey(type: type, value: Entity.normalize(value ?? "", as: type)) }

    package var context: AssetContext {
        AssetContext(
            id: id, owner: owner, criticality: criticality, sensitivity: sensitivity, exposure: exposure,
            environment: environment)
    }
}

package struct PublishedPlaybook: Payload {
    package static let type = EventType.playbookPublished
    package var playbookID: String
    package var version: Int
    package var digest: Digest
    package var name: String
    package var mode: PlaybookMode
    /// The threat patterns that it answers.
    package var patterns: [String]
    /// CACAO 2.0, as published.
    package var document: JSONValue
    package var eventID: UUID?
    package var publishedBy: Actor?

    package init(
        playbookID: String, version: Int, digest: Digest, name: String, mode: PlaybookMode, patterns: [String],
        document: JSONValue
    ) {
        self.playbookID = playbookID
        self.version = version
        self.digest = digest
        self.name = name
        self.mode = mode
        self.patterns = patterns
        self.document = document
    }
}

/// `playbook.promoted` and `playbook.demoted`.
package struct PlaybookModeChanged: Codable, Sendable, Hashable {
    package var playbookID: String
    package var mode: PlaybookMode
}

package struct PolicyProposal: Payload {
    package static let type = EventType.policyProposed
    package var proposalID: UUID
    package var policy: Policy

    package init(proposalID: UUID, policy: Policy) {
        self.proposalID = proposalID
        self.policy = policy
    }
}

package struct PolicyApproved: Payload {
    package static let type = EventType.policyApproved
    package var proposalID: UUID
    package var version: Int

    package init(proposalID: UUID, version: Int) {
        self.proposalID = proposalID
        self.version = version
    }
}

package struct ConnectorSettings: Payload {
    package static let type = EventType.connectorChanged
    package var id: UUID
    package var name: String
    package var kind: String
    package var baseURL: String
    package var secretRef: String?
    /// From entity type to the kind that the other side calls it.
    package var kinds: [String: String]

    package init(id: UUID, name: String, kind: String, baseURL: String, secretRef: String?, kinds: [String: String]) {
        self.id = id
        self.name = name
        self.kind = kind
        self.baseURL = baseURL
        self.secretRef = secretRef
        self.kinds = kinds
    }
}

package struct Token: Payload {
    package static let type = EventType.tokenCreated
    package var id: UUID
    package var issuer: String
    package var subject: String
    package var roles: [Role]
    package var createdAt: Instant
    package var expiresAt: Instant?
    /// SHA-256 of the secret: the token itself is never kept.
    package var secretDigest: Digest
    package var revokedAt: Instant?

    package init(
        id: UUID, issuer: String = "docket", subject: String, roles: [Role], createdAt: Instant, expiresAt: Instant?,
        secretDigest: Digest
    ) {
        self.id = id
        self.issuer = issuer
        self.subject = subject
        self.roles = roles
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.secretDigest = secretDigest
    }

    package func isValid(at now: Instant) -> Bool {
        revokedAt == nil && expiresAt.map { now < $0 } ?? true
    }
}

/// Who gave whom which role: an approver whom the requester made an approver does not count.
package struct RoleGrant: Codable, Sendable, Hashable {
    package var grantor: Identity
    package var grantee: Identity
    package var roles: [Role]
}

package struct CalendarEntry: Codable, Sendable, Hashable {
    package var kind: EnvironmentConflict.Kind
    package var name: String
    package var startsAt: Instant
    package var endsAt: Instant
    package var entities: [Asset.Dependency]
    package var eventID: UUID?
}

package struct CalendarChanged: Payload {
    package static let type = EventType.calendarChanged
    package var entries: [CalendarEntry]
}

package struct HistoryImported: Payload {
    package static let type = EventType.historyImported
    package var playbookID: String
    package var n: Int
    package var correct: Int
    package var source: String

    package init(playbookID: String, n: Int, correct: Int, source: String) {
        self.playbookID = playbookID
        self.n = n
        self.correct = correct
        self.source = source
    }
}

/// How often a playbook was right, by where the knowledge comes from.
package struct PlaybookHistory: Codable, Sendable, Hashable {
    package var live = 0
    package var liveCorrect = 0
    package var imported = 0
    package var importedCorrect = 0
    package var eventIDs: [UUID] = []

    package init() {}

    mutating func add(_ import: HistoryImported, eventID: UUID) {
        imported += `import`.n
        importedCorrect += `import`.correct
        eventIDs.append(eventID)
    }

    mutating func add(isCorrect: Bool, eventID: UUID) {
        live += 1
        if isCorrect { liveCorrect += 1 }
        // The newest are what a reader wants to see; the counts hold them all.
        eventIDs = Array((eventIDs + [eventID]).suffix(100))
    }

    /// Whether a verdict says that acting was right; `nil` when it says nothing about it.
    static func judgement(of verdict: Verdict) -> Bool? {
        switch verdict {
        case .truePositive, .suspicious, .securityRisk, .managedExternally: true
        case .falsePositive, .benign: false
        case .unknown, .disregard, .test, .insufficientData, .duplicate, .other: nil
        }
    }

    package func counts(includingImported: Bool) -> (n: Int, correct: Int) {
        includingImported ? (live + imported, liveCorrect + importedCorrect) : (live, liveCorrect)
    }
}

/// Somebody took the history away: `evidence.exported`.
package struct EvidenceExported: Payload {
    package static let type = EventType.evidenceExported
    /// Of a package that the server keeps; `nil` for one that a command wrote.
    package var exportID: UUID?
    /// `nil`: positions.
    package var caseID: UUID?
    package var from: Int64?
    package var to: Int64?
    package var treeSize: Int64
    package var events: Int64
    /// What is sealed and the raw input were left out.
    package var withheld: Bool
    package var manifestDigest: Digest

    package init(
        exportID: UUID?, caseID: UUID?, from: Int64?, to: Int64?, treeSize: Int64, events: Int64, withheld: Bool,
        manifestDigest: Digest
    ) {
        self.exportID = exportID
        self.caseID = caseID
        self.from = from
        self.to = to
        self.treeSize = treeSize
        self.events = events
        self.withheld = withheld
        self.manifestDigest = manifestDigest
    }
}

/// What was known of a subject is gone: `subject.erased`. Says how much it was and under which keys, not what it was.
///
/// Stands once in the stream of erasures, in as many parts as the list of keys needs, and once, without reason and keys,
/// in the stream of each case that changed: so the case's version moves, and nobody keeps a fold of before.
package struct SubjectErased: Payload {
    package static let type = EventType.subjectErased
    /// The id of the entity's own key.
    package var subjectID: UUID
    package var entityType: Entity.EntityType
    package var reason: String?
    /// Whose decision or request it rests on.
    package var authority: String?
    package var keys: Int64
    package var sealedMembers: Int64
    package var evidenceItems: Int64
    package var cases: Int64
    /// Events that mention the subject in the clear, where no erasure reaches.
    package var clearEvents: Int64
    /// The keys that were deleted: to be deleted again whenever a backup of before was restored.
    package var keyIDs: [UUID]
    /// 1, 2, … of `parts`.
    package var part: Int
    package var parts: Int

    package init(
        subjectID: UUID, entityType: Entity.EntityType, reason: String?, authority: String?, keys: Int64,
        sealedMembers: Int64, evidenceItems: Int64, cases: Int64, clearEvents: Int64, keyIDs: [UUID], part: Int,
        parts: Int
    ) {
        self.subjectID = subjectID
        self.entityType = entityType
        self.reason = reason
        self.authority = authority
        self.keys = keys
        self.sealedMembers = sealedMembers
        self.evidenceItems = evidenceItems
        self.cases = cases
        self.clearEvents = clearEvents
        self.keyIDs = keyIDs
        self.part = part
        self.parts = parts
    }
}
