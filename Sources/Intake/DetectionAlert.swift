package import Events
package import JSON

package import struct Foundation.UUID

/// What a detection rule says when it holds, and what about: from this an alert is made.
package struct RuleFinding: Sendable, Hashable {
    package var ruleID: String
    package var title: String
    package var severity: Severity
    package var description: String?
    /// Sigma tags, such as `attack.t1110.001`.
    package var tags: [String]
    package var pattern: String?
    package var confidenceScore: Int?
    /// Of the source of alerts `sigma`: what tells this alert from others of the rule.
    package var reference: String
    package var occurredAt: Instant
    package var clockSuspect: Bool
    package var entities: [Entity]
    /// Beside the rule itself, which is always evidence.
    package var evidence: [NormalizedAlert.EvidenceItem]
    package var region: String?
    /// Made of several records by a correlation: opens a case whatever its severity.
    package var isCorrelation: Bool
    /// SHA-256 and number of the bytes that are kept as the alert's raw input.
    package var rawDigest: Digest
    package var rawSize: Int

    package init(
        ruleID: String, title: String, severity: Severity, description: String?, tags: [String], pattern: String?,
        confidenceScore: Int?, reference: String, occurredAt: Instant, clockSuspect: Bool, entities: [Entity],
        evidence: [NormalizedAlert.EvidenceItem], region: String?, isCorrelation: Bool, rawDigest: Digest, rawSize: Int
    ) {
        self.ruleID = ruleID
        self.title = title
        self.severity = severity
        self.description = description
        self.tags = tags
        self.pattern = pattern
        self.confidenceScore = confidenceScore
        self.reference = reference
        self.occurredAt = occurredAt
        self.clockSuspect = clockSuspect
        self.entities = entities
        self.evidence = evidence
        self.region = region
        self.isCorrelation = isCorrelation
        self.rawDigest = rawDigest
        self.rawSize = rawSize
    }
}

extension AlertIntake {
    /// `source` of every alert that a Sigma rule or correlation makes (contract §1).
    package static let detectionSource = "sigma"

    /// The alert that a finding becomes, with an OCSF Detection Finding of its own.
    package static func alert(of finding: RuleFinding, tenant: UUID, receivedAt: Instant) -> AcceptedAlert {
        var draft = AlertDraft(
            source: detectionSource, sourceRef: finding.reference,
            title: finding.title.truncated(to: IntakeLimits.title), occurredAt: finding.occurredAt,
            originalTime: finding.occurredAt.rfc3339, severity: finding.severity)
        draft.confidenceScore = finding.confidenceScore
        draft.pattern = finding.pattern
        draft.description = finding.description?.truncated(to: IntakeLimits.description)
        draft.rule = NormalizedAlert.Rule(uid: finding.ruleID, name: finding.title)
        draft.attackTechniques = finding.tags.compactMap(technique)
        draft.entities = bounded(finding.entities)
        let rule: JSONValue = [
            "id": .string(finding.ruleID), "title": .string(finding.title), "kind": "sigma",
            "level": .string(finding.severity.rawValue), "tags": .array(finding.tags.map { .string($0) }),
        ]
        draft.evidence =
            finding.evidence
            + [NormalizedAlert.EvidenceItem(kind: .ruleID, observedAt: finding.occurredAt, data: rule)]
        draft.region = finding.region
        draft.addFinding()
        let receipt = Receipt(
            alertID: alertID(tenant: tenant, source: draft.source, sourceRef: finding.reference), tenant: tenant,
            receivedAt: receivedAt, sourceRef: finding.reference, rawDigest: finding.rawDigest, rawSize: finding.rawSize
        )
        var alert = normalize(draft, receipt: receipt, unmapped: [:])
        alert.isCorrelation = finding.isCorrelation
        alert.clockSuspect = alert.clockSuspect || finding.clockSuspect
        return AcceptedAlert(
            source: draft.source, sourceRef: finding.reference, alertID: receipt.alertID, rawDigest: finding.rawDigest,
            rawSize: finding.rawSize, mediaType: "application/json", alert: alert, warnings: [])
    }

    /// `attack.t1110.001` is T1110.001; tactics and other tags are none.
    private static func technique(_ tag: String) -> String? {
        guard tag.hasPrefix("attack.t") else { return nil }
        let id = tag.dropFirst("attack.".count).uppercased()
        let digits = id.dropFirst()
        let isTechnique =
            digits.prefix(4).count == 4 && digits.prefix(4).allSatisfy(\.isNumber)
            && (digits.count == 4
                || (digits.count == 8 && digits.dropFirst(4).first == "." && digits.suffix(3).allSatisfy(\.isNumber)))
        return isTechnique ? id : nil
    }
}

extension RawRecord {
    /// Bytes up to which a record is shown whole; a longer one is read from its raw bytes.
    private static let shownBytes = 16 << 10

    /// The record as evidence of an alert.
    package func evidence(observedAt: Instant, digest: Digest) -> NormalizedAlert.EvidenceItem {
        let data: JSONValue =
            bytes.count <= Self.shownBytes
            ? value.settled()
            : ["raw_digest": .string(digest.text), "raw_size": .integer(Int64(bytes.count))]
        return NormalizedAlert.EvidenceItem(kind: .rawEvent, observedAt: observedAt, data: data)
    }
}
