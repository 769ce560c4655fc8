package import Events
import Runs

package import struct Foundation.UUID

/// A recommendation as the API shows it (contract §4): what was recommended, with the evidence and the gate beside it.
package struct RecommendationView: Codable, Sendable, Hashable {
    package var id: UUID
    package var caseID: UUID
    package var caseVersion: Int64
    package var createdAt: Instant
    package var recommender: Recommendation.Recommender
    package var severity: Severity
    package var summary: CitedText
    package var hypothesis: CitedText
    package var uncertainty: [CitedText]
    package var attackTechniques: [AttackTechnique]
    package var missingContext: [MissingContext]
    package var evidence: [EvidenceView]
    package var playbook: Recommendation.PlaybookChoice?
    package var alternatives: [Recommendation.Alternative]
    package var actions: [PlannedAction]
    package var comparableCases: [ComparableCase]
    package var droppedClaims: [Recommendation.DroppedClaim]
    package var gate: GateResult?
    package var asOfPosition: Int64

    /// - Returns: `nil` while nothing has been recommended.
    package init?(_ record: CaseRecord, asOf position: Int64) {
        guard let recommendation = record.recommendation else { return nil }
        id = recommendation.id
        caseID = recommendation.caseID
        caseVersion = recommendation.caseVersion
        createdAt = recommendation.createdAt
        recommender = recommendation.recommender
        severity = recommendation.severity
        summary = recommendation.summary
        hypothesis = recommendation.hypothesis
        uncertainty = recommendation.uncertainty
        attackTechniques = recommendation.attackTechniques
        missingContext = recommendation.missingContext
        evidence = record.evidenceList(plan: record.plan, demands: record.demands)
        playbook = recommendation.playbook
        alternatives = recommendation.alternatives
        actions = recommendation.actions
        comparableCases = recommendation.comparableCases
        droppedClaims = recommendation.droppedClaims
        gate = record.gate
        asOfPosition = position
    }
}
