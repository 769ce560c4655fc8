package import JSON

package import struct Foundation.UUID

/// An alert in Docket's own terms: the payload of `alert.normalized`.
///
/// It holds what the following stages decide on; `ocsf` is the same alert as an OCSF 1.9 Detection Finding, for
/// everyone who speaks OCSF. The bytes as received are evidence, found by `rawDigest`.
package struct NormalizedAlert: Sendable, Hashable, Codable {
    /// Reads the payload of `alert.normalized`.
    ///
    /// - Returns: `nil` once its content was erased.
    /// - Throws: `JSONError` for a payload of another shape.
    package static func read(_ event: Event) throws -> NormalizedAlert? {
        let data = event.data
        let isErased =
            ["title", "ocsf", "source_ref"].contains { data[$0]?.isNull ?? false }
            || (data["entities"]?.arrayValue ?? []).contains { $0["value"]?.isNull ?? false }
        let apart: [Apart] = try data["apart"]?.decode([Apart]?.self) ?? []
        guard apart.isEmpty else { return try read(data, without: apart) }
        guard isErased else { return try data.decode() }
        // What is left of it: entities that still have a value, and no text.
        guard var rest = data.objectValue, data["source_ref"]?.isNull == false else { return nil }
        for name in ["title", "ocsf", "unmapped"] where rest[name]?.isNull ?? true {
            rest[name] = name == "title" ? .string("(erased)") : .object([:])
        }
        rest["entities"] = .array((data["entities"]?.arrayValue ?? []).filter { $0["value"]?.isNull == false })
        rest["evidence"] = .array((data["evidence"]?.arrayValue ?? []).filter { $0["data"]?.isNull == false })
        return try JSONValue.object(rest).decode()
    }

    /// What is kept apart is `null` in the event, and not erased.
    private static func read(_ data: JSONValue, without apart: [Apart]) throws -> NormalizedAlert? {
        guard var rest = data.objectValue, data["source_ref"]?.isNull == false else { return nil }
        for name in ["title", "ocsf", "unmapped"] where rest[name]?.isNull ?? true {
            rest[name] = name == "title" ? .string("(erased)") : .object([:])
        }
        rest["entities"] = .array((data["entities"]?.arrayValue ?? []).filter { $0["value"]?.isNull == false })
        let kept = Set(apart.compactMap(\.evidenceIndex))
        var evidence: [EvidenceItem] = []
        for (index, item) in (data["evidence"]?.arrayValue ?? []).enumerated() {
            guard item["data"]?.isNull == false || kept.contains(index) else { continue }
            var item: EvidenceItem = try item.decode()
            item.apart = apart.first { $0.evidenceIndex == index }
            evidence.append(item)
        }
        rest["evidence"] = []
        var alert: NormalizedAlert = try JSONValue.object(rest).decode()
        alert.evidence = evidence
        return alert
    }

    /// A member of `alert.normalized` that is too large for an event: its canonical JSON is kept as evidence, and the
    /// event has `null` in its place and this in its list `apart`.
    package struct Apart: Sendable, Hashable, Codable {
        /// JSON Pointer from the event's data.
        package var pointer: String
        package var digest: Digest
        /// Bytes.
        package var size: Int

        package init(pointer: String, digest: Digest, size: Int) {
            self.pointer = pointer
            self.digest = digest
            self.size = size
        }

        /// Which item of the alert's evidence it is the data of.
        package var evidenceIndex: Int? {
            let parts = pointer.split(separator: "/")
            return parts.count == 3 && parts[0] == "evidence" && parts[2] == "data" ? Int(parts[1]) : nil
        }
    }

    package struct Rule: Sendable, Hashable, Codable {
        package var uid: String?
        package var name: String?

        package init(uid: String?, name: String?) {
            self.uid = uid
            self.name = name
        }
    }

    package struct EvidenceItem: Sendable, Hashable, Codable {
        package var kind: EvidenceKind
        package var observedAt: Instant?
        /// `null` where it is kept apart.
        package var data: JSONValue
        /// Where its data is, when that is too large for the event. Told by the event's list, not by the item.
        package var apart: Apart?

        private enum CodingKeys: CodingKey { case kind, observedAt, data }

        package init(kind: EvidenceKind, observedAt: Instant?, data: JSONValue) {
            self.kind = kind
            self.observedAt = observedAt
            self.data = data
        }
    }

    package var alertID: UUID
    package var source: String
    package var sourceRef: String
    package var rawDigest: Digest
    package var title: String
    package var occurredAt: Instant
    package var severity: Severity
    package var confidenceScore: Int?
    package var pattern: String?
    package var description: String?
    package var sourceURL: String?
    package var rule: Rule?
    package var attackTechniques: [String]
    package var entities: [Entity]
    package var evidence: [EvidenceItem]
    package var environment: DeploymentEnvironment
    package var region: String?
    /// Made by a correlation: opens a case whatever its severity.
    package var isCorrelation: Bool
    package var clockSuspect: Bool
    package var unmapped: JSONValue
    package var ocsf: JSONValue

    package init(
        alertID: UUID, source: String, sourceRef: String, rawDigest: Digest, title: String, occurredAt: Instant,
        severity: Severity, confidenceScore: Int? = nil, pattern: String? = nil, description: String? = nil,
        sourceURL: String? = nil, rule: Rule? = nil, attackTechniques: [String] = [], entities: [Entity] = [],
        evidence: [EvidenceItem] = [], environment: DeploymentEnvironment = .unknown, region: String? = nil,
        isCorrelation: Bool = false, clockSuspect: Bool = false, unmapped: JSONValue = [:], ocsf: JSONValue = [:]
    ) {
        self.alertID = alertID
        self.source = source
        self.sourceRef = sourceRef
        self.rawDigest = rawDigest
        self.title = title
        self.occurredAt = occurredAt
        self.severity = severity
        self.confidenceScore = confidenceScore
        self.pattern = pattern
        self.description = description
        self.sourceURL = sourceURL
        self.rule = rule
        self.attackTechniques = attackTechniques
        self.entities = entities
        self.evidence = evidence
        self.environment = environment
        self.region = region
        self.isCorrelation = isCorrelation
        self.clockSuspect = clockSuspect
        self.unmapped = unmapped
        self.ocsf = ocsf
    }
}
