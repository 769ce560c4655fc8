package import Events

package import struct Foundation.UUID

/// What the gate found: three signals, each with its threshold, its sources and what would change it (contract §5).
package struct GateResult: Codable, Sendable, Hashable {
    package enum Outcome: String, Codable, Sendable, Hashable { case auto, escalate, shadow }

    package struct Signal: Codable, Sendable, Hashable {
        package enum Name: String, Codable, Sendable, Hashable {
            case patternConfidence = "pattern_confidence"
            case environment
            case playbookAccuracy = "playbook_accuracy"
        }

        package var name: Name
        package var passed: Bool
        package var value: Double?
        package var `operator`: String
        package var threshold: Double
        package var eventIDs: [UUID]
        package var explanation: String
        package var wouldChange: String
        /// The environment signal's: what speaks against acting.
        package var conflicts: [EnvironmentConflict]?
        /// The accuracy signal's: how many decisions stand behind the value.
        package var n: Int?
        package var correct: Int?
        package var nImported: Int?
        package var interval: WilsonInterval?
    }

    package var decision: Outcome
    package var requiredApprovals: Int
    package var level: AutonomyLevel
    package var policyVersion: Int
    package var evaluatedAt: Instant
    package var eventID: UUID?
    package var fellShort: [String]
    package var signals: [Signal]
    /// The standing approval that lowered the level to `auto`.
    package var standingApprovalID: UUID?
}
