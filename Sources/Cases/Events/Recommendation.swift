package import Events
package import JSON
import Runs

package import struct Foundation.UUID

/// A step as people see it before they decide, with its predicted reach.
package struct PlannedAction: Codable, Sendable, Hashable {
    package struct BlastRadius: Codable, Sendable, Hashable {
        package var targetCount: Int
        package var environment: DeploymentEnvironment
        package var services: [String]
        /// Everything that depends on the targets, transitively.
        package var dependents: Int
        package var impactScore: Int
        package var basisEventIDs: [UUID]

        package init(
            targetCount: Int, environment: DeploymentEnvironment, services: [String], dependents: Int, impactScore: Int,
            basisEventIDs: [UUID]
        ) {
            self.targetCount = targetCount
            self.environment = environment
            self.services = services
            self.dependents = dependents
            self.impactScore = impactScore
            self.basisEventIDs = basisEventIDs
        }
    }

    package var stepID: String
    package var name: String
    package var actionClass: ActionClass
    package var level: AutonomyLevel
    package var targets: [Entity]
    package var parameters: JSONValue
    package var reversible: Bool
    package var rollbackMaxMs: Int64?
    package var blastRadius: BlastRadius

    package init(
        stepID: String, name: String, actionClass: ActionClass, level: AutonomyLevel, targets: [Entity],
        parameters: JSONValue, reversible: Bool, rollbackMaxMs: Int64?, blastRadius: BlastRadius
    ) {
        self.stepID = stepID
        self.name = name
        self.actionClass = actionClass
        self.level = level
        self.targets = targets
        self.parameters = parameters
        self.reversible = reversible
        self.rollbackMaxMs = rollbackMaxMs
        self.blastRadius = blastRadius
    }
}

/// What Docket suggests, with every claim cited (contract §4). The gate and the evidence stand beside it.
package struct Recommendation: Codable, Sendable, Hashable {
    package struct Recommender: Codable, Sendable, Hashable {
        package enum Kind: String, Codable, Sendable, Hashable { case deterministic, model }
        package var kind: Kind
        package var name: String
        package var version: String

        package init(kind: Kind, name: String, version: String) {
            self.kind = kind
            self.name = name
            self.version = version
        }
    }

    package struct PlaybookChoice: Codable, Sendable, Hashable {
        package var id: String
        package var version: Int
        package var digest: Digest
        package var mode: PlaybookMode

        package init(id: String, version: Int, digest: Digest, mode: PlaybookMode) {
            self.id = id
            self.version = version
            self.digest = digest
            self.mode = mode
        }
    }

    package struct Alternative: Codable, Sendable, Hashable {
        package var playbookID: String
        package var whyNot: String

        package init(playbookID: String, whyNot: String) {
            self.playbookID = playbookID
            self.whyNot = whyNot
        }
    }

    package struct DroppedClaim: Codable, Sendable, Hashable {
        package var text: String
        package var reason: String
    }

    package var id: UUID
    package var caseID: UUID
    package var caseVersion: Int64
    package var createdAt: Instant
    package var recommender: Recommender
    package var severity: Severity
    package var summary: CitedText
    package var hypothesis: CitedText
    package var uncertainty: [CitedText]
    package var attackTechniques: [AttackTechnique]
    package var missingContext: [MissingContext]
    package var playbook: PlaybookChoice?
    package var alternatives: [Alternative]
    package var actions: [PlannedAction]
    package var comparableCases: [ComparableCase]
    package var droppedClaims: [DroppedClaim]

    package init(
        id: UUID, caseID: UUID, caseVersion: Int64, createdAt: Instant, recommender: Recommender, severity: Severity,
        summary: CitedText, hypothesis: CitedText, uncertainty: [CitedText], attackTechniques: [AttackTechnique],
        missingContext: [MissingContext], playbook: PlaybookChoice?, alternatives: [Alternative],
        actions: [PlannedAction], comparableCases: [ComparableCase], droppedClaims: [DroppedClaim] = []
    ) {
        self.id = id
        self.caseID = caseID
        self.caseVersion = caseVersion
        self.createdAt = createdAt
        self.recommender = recommender
        self.severity = severity
        self.summary = summary
        self.hypothesis = hypothesis
        self.uncertainty = uncertainty
        self.attackTechniques = attackTechniques
        self.missingContext = missingContext
        self.playbook = playbook
        self.alternatives = alternatives
        self.actions = actions
        self.comparableCases = comparableCases
        self.droppedClaims = droppedClaims
    }
}
