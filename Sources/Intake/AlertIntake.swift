package import Events
import JSON

package import struct Foundation.UUID

/// Turns the bytes of one item into an alert or into a dead letter: pure, so that the same bytes always give the same
/// outcome.
///
/// Alert content is hostile until proven otherwise. Nothing is dropped silently: what has no place stands under
/// `unmapped`, what is repaired is a warning, and every error of an item is told, not just the first.
package enum AlertIntake {
    /// - Parameters:
    ///   - item: the bytes as received, without the line end or the comma around them.
    ///   - tenant: the namespace of the alert's id.
    ///   - receivedAt: against this an alert's own clock is judged.
    package static func read(
        _ item: [UInt8], mediaType format: IntakeFormat, tenant: UUID, receivedAt: Instant
    ) -> IntakeOutcome {
        var report = IntakeReport()
        let digest = Digest.sha256(item)
        let draft = draft(of: item, format: format, report: &report)
        guard var draft, report.errors.isEmpty else {
            if report.errors.isEmpty { report.error(JSONPointer(tokens: []), .format, report.rejectionReason) }
            return .rejected(
                RejectedAlert(
                    rawDigest: digest, rawSize: item.count, mediaType: format.mediaType, source: report.source,
                    sourceRef: report.sourceRef, reason: report.rejectionReason, errors: report.errors))
        }
        let named = draft.entities.count
        draft.entities = bounded(draft.entities)
        if draft.entities.count < named {
            report.warn(
                "\(named) entities with long values: the first \(draft.entities.count) are entities of the alert")
        }
        let sourceRef = draft.sourceRef ?? digest.text
        let receipt = Receipt(
            alertID: alertID(tenant: tenant, source: draft.source, sourceRef: sourceRef), tenant: tenant,
            receivedAt: receivedAt, sourceRef: sourceRef, rawDigest: digest, rawSize: item.count)
        let alert = normalize(draft, receipt: receipt, unmapped: .object(report.unmapped))
        if alert.clockSuspect {
            report.warn("occurred_at is before 1990 or more than 5 minutes ahead: the source's clock is suspect")
        }
        return .accepted(
            AcceptedAlert(
                source: draft.source, sourceRef: sourceRef, alertID: receipt.alertID, rawDigest: digest,
                rawSize: item.count, mediaType: format.mediaType, alert: alert, warnings: report.allWarnings))
    }

    /// The id of an alert: UUIDv5 of `alert`, source and reference, in the tenant's namespace.
    ///
    /// A source holds no control characters, so no two keys give the same name.
    package static func alertID(tenant: UUID, source: String, sourceRef: String) -> UUID {
        UUID.v5(namespace: tenant, name: "alert\u{1F}\(source)\u{1F}\(sourceRef)")
    }

    private static func draft(
        of item: [UInt8], format: IntakeFormat, report: inout IntakeReport
    ) -> AlertDraft? {
        let root = JSONPointer(tokens: [])
        guard item.count <= IntakeLimits.itemBytes else {
            report.error(root, .length, "an item holds at most \(IntakeLimits.itemBytes) bytes")
            return nil
        }
        guard let value = parse(item, at: root, report: &report) else { return nil }
        switch format {
        case .native: return NativeAlert.read(value, at: root, defaults: AlertDefaults(), report: &report)
        case .ocsf: return OCSFFinding.read(value, at: root, defaults: AlertDefaults(), report: &report)
        case .cloudEvents: return CloudEvent.read(value, report: &report)
        }
    }

    static func parse(_ bytes: [UInt8], at pointer: JSONPointer, report: inout IntakeReport) -> JSONValue? {
        do {
            let (value, warnings) = try JSONValue.parseEvidence(bytes)
            for warning in warnings { report.warn(warning) }
            return value
        } catch {
            let inner = JSONPointer(error.pointer)?.tokens ?? []
            let place = error.offset.map { " (byte \($0))" } ?? ""
            report.error(JSONPointer(tokens: pointer.tokens + inner), error.fieldCode, error.message + place)
            return nil
        }
    }

    /// The first entities, as many as fit into an event.
    static func bounded(_ entities: [Entity]) -> [Entity] {
        var bytes = 0
        return Array(
            entities.prefix(IntakeLimits.entities).prefix { entity in
                bytes += entity.value.utf8.count
                return bytes <= IntakeLimits.entityBytes
            })
    }

    static func normalize(_ draft: AlertDraft, receipt: Receipt, unmapped: JSONValue) -> NormalizedAlert {
        return NormalizedAlert(
            alertID: receipt.alertID, source: draft.source, sourceRef: receipt.sourceRef,
            rawDigest: receipt.rawDigest, title: draft.title, occurredAt: draft.occurredAt, severity: draft.severity,
            confidenceScore: draft.confidenceScore, pattern: draft.pattern, description: draft.description,
            sourceURL: draft.sourceURL, rule: draft.rule, attackTechniques: draft.attackTechniques,
            entities: draft.entities, evidence: draft.evidence, environment: draft.environment, region: draft.region,
            clockSuspect: draft.occurredAt.isSuspect(receivedAt: receipt.receivedAt), unmapped: unmapped,
            ocsf: DetectionFinding.json(of: draft, receipt: receipt, unmapped: unmapped))
    }
}

/// What Docket itself knows of an item: who sent it when, under which id, with which bytes.
struct Receipt {
    var alertID: UUID
    var tenant: UUID
    var receivedAt: Instant
    var sourceRef: String
    var rawDigest: Digest
    /// Bytes.
    var rawSize: Int
}

extension JSONError {
    var fieldCode: FieldError.Code {
        switch code {
        case .encoding: .encoding
        case .depth, .members, .range: .range
        default: .syntax
        }
    }
}
