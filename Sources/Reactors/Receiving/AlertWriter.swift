import Cases
import EventLog
import Events
import Intake
import JSON

import struct Foundation.UUID

/// Writes what arrives: alerts with their raw bytes, dead letters, and the tally of what was there already.
struct AlertWriter: Sendable {
    let log: EventLog
    let tenant: UUID
    let actor: Actor
    let traceID: String?
    let now: Instant
    /// The event that led to the alerts, where there is one.
    var causedBy: UUID?

    /// What the log has of an alert: all that says what becomes of another form of it.
    struct Known: Sendable {
        /// Of the alert's stream; 0: there is none.
        var version: Int64 = 0
        /// Of the bytes of its newest form.
        var digest: String?
    }

    /// What the log has of some alerts, in two queries; new alerts have no entry.
    func known(_ ids: [UUID]) async throws -> [UUID: Known] {
        // The versions first: a form that comes in between makes the append a conflict, and is looked at then.
        let versions = try await log.versions(ofStreams: ids, tenant: tenant)
        guard !versions.isEmpty else { return [:] }
        let arrivals = try await log.latest(
            of: [EventType.alertIngested.rawValue, EventType.alertUpdated.rawValue], streams: Array(versions.keys),
            tenant: tenant)
        return versions.reduce(into: [:]) { all, stream in
            all[stream.key] = Known(
                version: stream.value, digest: arrivals[stream.key]?.data["raw_digest"]?.stringValue)
        }
    }

    /// Writes one form of an alert, unless its bytes are those of the newest form.
    ///
    /// - Parameter known: what the log has of the alert, `known` or what this left there for the form before.
    func write(
        _ accepted: AcceptedAlert, raw: [UInt8], index: Int, _ known: inout Known
    ) async throws -> AlertReceiver.Result {
        var result = AlertReceiver.Result(
            index: index, status: .created, alertID: accepted.alertID, deadLetterID: nil, source: accepted.source,
            sourceRef: accepted.sourceRef, position: nil, warnings: accepted.warnings, errors: [])
        while true {
            if known.digest == accepted.rawDigest.text {
                result.status = .duplicate
                return result
            }
            let isNew = known.digest == nil
            result.status = isNew ? .created : .updated
            switch try await append(accepted, raw: raw, after: known.version, isNew: isNew) {
            case .appended(let range), .duplicate(let range):
                result.position = range.lastPosition
                known = Known(version: range.lastVersion, digest: accepted.rawDigest.text)
                return result
            // Somebody wrote to the alert's stream at the same moment: look again.
            case .mismatch, .conflict:
                known = try await self.known([accepted.alertID])[accepted.alertID] ?? Known()
            }
        }
    }

    private func append(
        _ accepted: AcceptedAlert, raw: [UInt8]?, after version: Int64, isNew: Bool
    ) async throws -> AppendVerdict {
        let correlation = UUID.v5(namespace: accepted.alertID, name: accepted.rawDigest.text)
        let (decisions, parts) = try Self.decisions(accepted, isNew: isNew)
        var cause = Cause(command: actor, traceID: traceID, correlationID: correlation, at: now)
        cause.causedBy = causedBy
        return try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.alert.rawValue, streamID: accepted.alertID, caseID: nil,
                expected: .exactly(version), events: Self.events(cause.events(for: decisions), of: accepted),
                evidence: Self.distinct(
                    (raw.map { [Evidence(mediaType: accepted.mediaType, bytes: $0)] } ?? []) + parts)))
    }

    /// Each content once: the raw bytes may be those of a part.
    static func distinct(_ evidence: [Evidence]) -> [Evidence] {
        var seen: Set<Digest> = []
        return evidence.filter { seen.insert($0.digest).inserted }
    }

    /// What the arrival says, and what of it is too large for an event.
    static func decisions(_ accepted: AcceptedAlert, isNew: Bool) throws -> (decisions: [Decision], parts: [Evidence]) {
        let arrival = Arrival(
            alertID: accepted.alertID, source: accepted.source, sourceRef: accepted.sourceRef,
            rawDigest: accepted.rawDigest, rawSize: accepted.rawSize, mediaType: accepted.mediaType)
        let (data, parts) = try AlertParts.split(accepted.alert, rawSize: accepted.rawSize)
        return (
            [
                Decision(type: isNew ? .alertIngested : .alertUpdated, arrival),
                Decision(type: .alertNormalized, data: data),
            ], parts
        )
    }

    /// The two events of an arrival, at the time of what happened, the second caused by the first.
    static func events(_ events: [NewEvent], of accepted: AcceptedAlert) -> [NewEvent] {
        var events = events
        for index in events.indices { events[index].occurredAt = accepted.alert.occurredAt }
        events[1].causedBy = events[0].eventID
        return events
    }

    /// An alert that detection made: whose reference says which rule and which bytes, so that there is never another
    /// form of it. Its raw bytes are evidence already.
    ///
    /// - Returns: `false` when it was there already.
    func writeDetected(_ accepted: AcceptedAlert) async throws -> Bool {
        switch try await append(accepted, raw: nil, after: 0, isNew: true) {
        case .appended: true
        case .duplicate, .mismatch, .conflict: false
        }
    }

    /// A dead letter: what was wrong, with the bytes kept.
    func reject(_ refusal: RejectedAlert, raw: [UInt8], index: Int) async throws -> AlertReceiver.Result {
        let letter = DeadLetter(
            deadLetterID: UUID.v7(at: now), source: refusal.source, sourceRef: refusal.sourceRef,
            rawDigest: refusal.rawDigest, rawSize: refusal.rawSize, mediaType: refusal.mediaType,
            reason: refusal.reason, errors: refusal.errors)
        let position = try await bury(letter, raw: raw)
        return AlertReceiver.Result(
            index: index, status: .deadLettered, alertID: nil, deadLetterID: letter.deadLetterID,
            source: refusal.source, sourceRef: refusal.sourceRef, position: position, warnings: [],
            errors: refusal.errors)
    }

    func bury(_ letter: DeadLetter, raw: [UInt8]) async throws -> Int64? {
        let cause = Cause(command: actor, traceID: traceID, at: now)
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.intake.rawValue, streamID: letter.deadLetterID, caseID: nil,
                expected: .exactly(0), events: cause.events(for: [Decision(type: .alertRejected, letter)]),
                evidence: [Evidence(mediaType: letter.mediaType, bytes: raw)]))
        guard case .appended(let range) = verdict else { return nil }
        return range.lastPosition
    }

    /// One event a request, however many duplicates it held.
    func recordDuplicates(_ results: [AlertReceiver.Result]) async throws {
        try await recordDuplicates(of: results.filter { $0.status == .duplicate }.compactMap(\.alertID))
    }

    func recordDuplicates(of alerts: [UUID]) async throws {
        let counts = alerts.reduce(into: [UUID: Int]()) { $0[$1, default: 0] += 1 }
        guard !counts.isEmpty else { return }
        let items = counts.sorted { $0.key.uuidString < $1.key.uuidString }
            .map { Deduplicated.Item(alertID: $0.key, count: $0.value) }
        let cause = Cause(command: actor, traceID: traceID, at: now)
        _ = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.intake.rawValue,
                streamID: UUID.v5(namespace: tenant, name: "deduplication"), caseID: nil, expected: .any,
                events: cause.events(for: [Decision(type: .alertDeduplicated, Deduplicated(items: items))]),
                evidence: []))
    }
}

private struct Arrival: Codable, Sendable, Hashable {
    var alertID: UUID
    var source: String
    var sourceRef: String
    var rawDigest: Digest
    var rawSize: Int
    var mediaType: String
}

/// The data of `alert.rejected`.
struct DeadLetter: Codable, Sendable, Hashable {
    var deadLetterID: UUID
    var source: String?
    var sourceRef: String?
    var rawDigest: Digest
    var rawSize: Int
    var mediaType: String
    var reason: String
    var errors: [FieldError]
    /// How many items it stands for: of a stream of broken lines only the first are kept one by one.
    var items = 1
    /// Of telemetry: where the sender says that it is from (`product=windows`); empty when nothing was said. `nil` for
    /// alerts.
    var logsource: String?
}

private struct Deduplicated: Codable, Sendable, Hashable {
    struct Item: Codable, Sendable, Hashable {
        var alertID: UUID
        var count: Int
    }
    var items: [Item]
}
