package import Events
package import JSON

package import struct Foundation.UUID

/// Exactly what would be done, to what, by which playbook, on which evidence: what people approve, byte for byte
/// (contract §6).
///
/// `json` is the plan and `digest` binds all of it; `content` is read from it. A plan that was read back keeps members
/// that this version does not know, so its digest stays the one that was approved.
package struct Plan: Sendable, Hashable {
    package let json: JSONValue
    package let content: Content

    /// Everything that carrying a plan out needs, so that a changed verification or timeout is a changed plan.
    ///
    /// Values that only the run can know stand as expressions (`Step.inputs`, `$from` over `pre_state`).
    package struct Content: Codable, Sendable, Hashable {
        package var caseID: UUID
        package var playbook: PlaybookReference
        package var policyVersion: Int
        package var steps: [Step]
        /// Everything that any step may act on.
        package var targets: [Entity]
        package var maxTargets: Int
        package var evidence: [BoundEvidence]
        package var flow: PlanFlow

        package init(
            caseID: UUID, playbook: PlaybookReference, policyVersion: Int, steps: [Step], targets: [Entity],
            maxTargets: Int, evidence: [BoundEvidence], flow: PlanFlow
        ) {
            self.caseID = caseID
            self.playbook = playbook
            self.policyVersion = policyVersion
            self.steps = steps
            self.targets = targets
            self.maxTargets = maxTargets
            self.evidence = evidence
            self.flow = flow
        }
    }

    package init(_ content: Content) throws {
        self.content = content
        json = try JSONValue(encoding: content)
    }

    /// - Throws: `JSONError` when a member is missing or of another type.
    package init(json: JSONValue) throws {
        self.json = json
        content = try json.decode()
    }

    package var caseID: UUID { content.caseID }
    package var playbook: PlaybookReference { content.playbook }
    package var policyVersion: Int { content.policyVersion }
    package var steps: [Step] { content.steps }
    package var targets: [Entity] { content.targets }
    package var maxTargets: Int { content.maxTargets }
    package var evidence: [BoundEvidence] { content.evidence }
    package var flow: PlanFlow { content.flow }

    /// `plan_digest`: SHA-256 of the plan's canonical JSON, nothing else.
    package var digest: Digest { Digest.ofCanonical(json) }

    package var actionClasses: Set<ActionClass> { Set(steps.map(\.actionClass)) }

    package func step(_ id: String) -> Step? { steps.first { $0.stepID == id } }
}

extension Plan: Codable {
    package func encode(to encoder: any Encoder) throws { try json.encode(to: encoder) }
    package init(from decoder: any Decoder) throws { try self.init(json: JSONValue(from: decoder)) }
}

extension Plan {
    package struct PlaybookReference: Codable, Sendable, Hashable {
        package var id: String
        package var version: Int
        package var digest: Digest

        package init(id: String, version: Int, digest: Digest) {
            self.id = id
            self.version = version
            self.digest = digest
        }
    }

    package struct BoundEvidence: Codable, Sendable, Hashable {
        package var kind: EvidenceKind
        package var eventID: UUID
        package var digest: Digest

        package init(kind: EvidenceKind, eventID: UUID, digest: Digest) {
            self.kind = kind
            self.eventID = eventID
            self.digest = digest
        }
    }
}
