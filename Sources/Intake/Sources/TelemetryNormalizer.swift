package import Events
package import JSON

/// Raw telemetry as an OCSF 1.9 event.
package struct NormalizedTelemetry: Sendable, Hashable {
    /// `nil`: read without knowing the source.
    package var source: TelemetrySource?
    /// Valid by the schema of OCSF 1.9; what has no place in it stands under `unmapped`.
    package var ocsf: JSONValue
    package var occurredAt: Instant
    package var entities: [Entity]
    /// The record's time is missing, unreadable, before 1990 or more than five minutes ahead of its receipt.
    package var clockSuspect: Bool
}

/// Why a record is no event of its source: the reason of a dead letter.
package struct TelemetryRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Code: String, Sendable, Hashable { case notAnObject, notThisSource, manyRecords }

    package var code: Code
    package var reason: String

    package var description: String { reason }
}

/// Turns one record of a known source into an OCSF event. A pure function of its arguments.
package enum TelemetryNormalizer {
    /// Normalizes one record; a CloudTrail record may still stand under `event`, `detail` or alone in `Records`.
    ///
    /// A time that is missing or unreadable is no reason to lose an event: it then gets the time of receipt and a
    /// suspect clock.
    ///
    /// - Parameters:
    ///   - rawDigest: SHA-256 of the bytes as received.
    ///   - rawSize: Their number.
    package static func normalize(
        _ record: JSONValue, source: TelemetrySource, rawDigest: Digest, rawSize: Int, receivedAt: Instant
    ) throws(TelemetryRefusal) -> NormalizedTelemetry {
        let records = source.records(in: record)
        guard records.count == 1 else {
            throw TelemetryRefusal(
                code: .manyRecords, reason: "the document holds \(records.count) records, not one: split it first")
        }
        guard records[0].objectValue != nil else {
            throw TelemetryRefusal(
                code: .notAnObject, reason: "a record is an object, not \(records[0].typeName)")
        }
        let settled = records[0].settled()
        let draft: TelemetryDraft? =
            switch source {
            case .cloudtrail: CloudTrailSource.read(settled, receivedAt: receivedAt)
            case .windows: WindowsSource.read(settled, receivedAt: receivedAt)
            case .sshd: SSHDSource.read(settled, receivedAt: receivedAt)
            case .kubernetes: KubernetesSource.read(settled, receivedAt: receivedAt)
            }
        guard let draft else {
            throw TelemetryRefusal(code: .notThisSource, reason: source.expectation)
        }
        return finish(draft, source, TelemetryReceipt(rawDigest: rawDigest, rawSize: rawSize, receivedAt: receivedAt))
    }

    /// Normalizes a record of any source: what is no event of its source, or of none that is known, becomes a Base Event.
    ///
    /// For records that a rule holds for: by then it is too late to refuse them.
    package static func normalizeAny(
        _ record: RawRecord, rawDigest: Digest, receivedAt: Instant
    ) -> NormalizedTelemetry {
        if let source = record.source,
            let known = try? normalize(
                record.value, source: source, rawDigest: rawDigest, rawSize: record.bytes.count, receivedAt: receivedAt)
        {
            return known
        }
        let receipt = TelemetryReceipt(rawDigest: rawDigest, rawSize: record.bytes.count, receivedAt: receivedAt)
        return finish(GenericSource.read(record.value.settled(), receivedAt: receivedAt), nil, receipt)
    }

    private static func finish(
        _ draft: TelemetryDraft, _ source: TelemetrySource?, _ receipt: TelemetryReceipt
    ) -> NormalizedTelemetry {
        let receivedAt = receipt.receivedAt
        let time = draft.time ?? receivedAt
        let suspect = draft.time.map { $0.isSuspect(receivedAt: receivedAt) } ?? true
        return NormalizedTelemetry(
            source: source, ocsf: draft.event(receipt), occurredAt: time, entities: draft.entities(),
            clockSuspect: suspect)
    }
}

/// What Docket itself knows of a record.
struct TelemetryReceipt {
    var rawDigest: Digest
    /// Bytes.
    var rawSize: Int
    var receivedAt: Instant
}

extension TelemetrySource {
    /// What a record of the source has at least, for a refusal.
    fileprivate var expectation: String {
        switch self {
        case .cloudtrail: "a CloudTrail record has texts in 'eventName' and 'eventSource'"
        case .windows: "a Windows event has an event id and a channel or provider"
        case .sshd: "a line of sshd has a 'program' of that name and a text in 'message'"
        case .kubernetes:
            "an audit event has an 'apiVersion' of audit.k8s.io or a user, and a text in 'verb' or 'requestURI'"
        }
    }
}

extension JSONValue {
    /// A depth that leaves room for the members under which a record's parts are placed, within what JSON may nest.
    private static let carriedDepth = 40

    /// What every reader can carry: integers beyond ±2^53 become decimal strings (RFC 7493), and what is nested too
    /// deep becomes its own canonical text.
    func settled(depth: Int = 0) -> JSONValue {
        switch self {
        case .integer(let number) where isIntegerBeyondExactness: return .string(String(number))
        case .array(let elements):
            guard depth < Self.carriedDepth else { return .string(canonicalString()) }
            return .array(elements.map { $0.settled(depth: depth + 1) })
        case .object(let members):
            guard depth < Self.carriedDepth else { return .string(canonicalString()) }
            return .object(members.mapValues { $0.settled(depth: depth + 1) })
        default: return self
        }
    }
}
