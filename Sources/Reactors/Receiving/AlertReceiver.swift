import Cases
package import EventLog
package import Events
package import Intake
import JSON

package import struct Foundation.UUID

/// Takes alerts in: raw bytes kept exactly, one stream an alert, nothing lost and nothing double.
///
/// Whether an alert is new is asked of its own stream, whose id is derived from (tenant, source, source_ref).
package struct AlertReceiver: Sendable {
    package enum Status: String, Sendable, Hashable, Codable {
        case created, duplicate, updated
        case deadLettered = "dead_lettered"
    }

    /// What became of one item (contract §1).
    package struct Result: Sendable, Hashable, Codable {
        package var index: Int
        package var status: Status
        package var alertID: UUID?
        package var deadLetterID: UUID?
        package var source: String?
        package var sourceRef: String?
        package var position: Int64?
        package var warnings: [String]
        package var errors: [FieldError]
    }

    package struct Item: Sendable {
        package var bytes: [UInt8]
        package var format: IntakeFormat

        package init(bytes: [UInt8], format: IntakeFormat) {
            self.bytes = bytes
            self.format = format
        }
    }

    package let log: EventLog

    package init(log: EventLog) {
        self.log = log
    }

    /// Results in the order of the items. Items with the same key are handled one after the other.
    package func receive(
        _ items: [Item], tenant: UUID, actor: Actor, traceID: String?, at now: Instant
    ) async throws -> [Result] {
        var results = [Result?](repeating: nil, count: items.count)
        var groups: [UUID: [(Int, AcceptedAlert)]] = [:]
        var order: [UUID] = []
        var rejected: [(Int, RejectedAlert, Item)] = []
        for (index, item) in items.enumerated() {
            switch AlertIntake.read(item.bytes, mediaType: item.format, tenant: tenant, receivedAt: now) {
            case .accepted(let accepted):
                if groups[accepted.alertID] == nil { order.append(accepted.alertID) }
                groups[accepted.alertID, default: []].append((index, accepted))
            case .rejected(let refusal): rejected.append((index, refusal, item))
            }
        }
        let writer = Writer(log: log, tenant: tenant, actor: actor, traceID: traceID, now: now)
        let found = try await withThrowingTaskGroup(of: [Result].self) { group in
            var collected: [Result] = []
            var running = 0
            func collectOne() async throws {
                if let some = try await group.next() { collected += some }
                running -= 1
            }
            for id in order {
                // The log coalesces what runs at the same time into one transaction.
                if running >= 256 { try await collectOne() }
                let accepted = groups[id] ?? []
                group.addTask {
                    var results: [Result] = []
                    for (index, alert) in accepted {
                        results.append(try await writer.write(alert, raw: items[index].bytes, index: index))
                    }
                    return results
                }
                running += 1
            }
            for (index, refusal, item) in rejected {
                if running >= 256 { try await collectOne() }
                group.addTask { [try await writer.reject(refusal, raw: item.bytes, index: index)] }
                running += 1
            }
            while running > 0 { try await collectOne() }
            return collected
        }
        for result in found { results[result.index] = result }
        let complete = results.compactMap(\.self)
        try await writer.recordDuplicates(complete)
        return complete
    }
}

private struct Writer: Sendable {
    let log: EventLog
    let tenant: UUID
    let actor: Actor
    let traceID: String?
    let now: Instant

    func write(_ accepted: AcceptedAlert, raw: [UInt8], index: Int) async throws -> AlertReceiver.Result {
        var result = AlertReceiver.Result(
            index: index, status: .created, alertID: accepted.alertID, deadLetterID: nil, source: accepted.source,
            sourceRef: accepted.sourceRef, position: nil, warnings: accepted.warnings, errors: [])
        while true {
            let earlier = try await log.read(
                stream: accepted.alertID, tenant: tenant, after: 0, upTo: nil, limit: 1_000)
            let arrivals = earlier.filter { $0.kind == .alertIngested || $0.kind == .alertUpdated }
            if arrivals.contains(where: { $0.data["raw_digest"]?.stringValue == accepted.rawDigest.text }) {
                result.status = .duplicate
                result.position = nil
                return result
            }
            result.status = arrivals.isEmpty ? .created : .updated
            let verdict = try await append(
                accepted, raw: raw, after: earlier.last?.version ?? 0, isNew: arrivals.isEmpty)
            switch verdict {
            case .appended(let range):
                result.position = range.lastPosition
                return result
            case .duplicate(let range):
                result.position = range.lastPosition
                return result
            // Somebody sent the same alert at the same moment: look again.
            case .mismatch, .conflict: continue
            }
        }
    }

    private func append(
        _ accepted: AcceptedAlert, raw: [UInt8], after version: Int64, isNew: Bool
    ) async throws -> AppendVerdict {
        let correlation = UUID.v5(namespace: accepted.alertID, name: accepted.rawDigest.text)
        let arrival = Arrival(
            alertID: accepted.alertID, source: accepted.source, sourceRef: accepted.sourceRef,
            rawDigest: accepted.rawDigest, rawSize: accepted.rawSize, mediaType: accepted.mediaType)
        let decisions = [
            Decision(type: isNew ? .alertIngested : .alertUpdated, arrival),
            Decision(type: .alertNormalized, accepted.alert),
        ]
        let cause = Cause(command: actor, traceID: traceID, correlationID: correlation, at: now)
        var events = cause.events(for: decisions)
        for index in events.indices { events[index].occurredAt = accepted.alert.occurredAt }
        events[1].causedBy = events[0].eventID
        return try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.alert.rawValue, streamID: accepted.alertID, caseID: nil,
                expected: .exactly(version), events: events,
                evidence: [Evidence(mediaType: accepted.mediaType, bytes: raw)]))
    }

    /// A dead letter: what was wrong, with the bytes kept.
    func reject(_ refusal: RejectedAlert, raw: [UInt8], index: Int) async throws -> AlertReceiver.Result {
        let id = UUID.v7(at: now)
        let decision = Decision(
            type: .alertRejected,
            DeadLetter(
                deadLetterID: id, source: refusal.source, sourceRef: refusal.sourceRef, rawDigest: refusal.rawDigest,
                rawSize: refusal.rawSize, reason: refusal.reason, errors: refusal.errors))
        let cause = Cause(command: actor, traceID: traceID, at: now)
        let verdict = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: StreamKind.intake.rawValue, streamID: id, caseID: nil,
                expected: .exactly(0),
                events: cause.events(for: [decision]),
                evidence: [Evidence(mediaType: refusal.mediaType, bytes: raw)]))
        var position: Int64?
        if case .appended(let range) = verdict { position = range.lastPosition }
        return AlertReceiver.Result(
            index: index, status: .deadLettered, alertID: nil, deadLetterID: id, source: refusal.source,
            sourceRef: refusal.sourceRef, position: position, warnings: [], errors: refusal.errors)
    }

    /// One event a request, however many duplicates it held.
    func recordDuplicates(_ results: [AlertReceiver.Result]) async throws {
        var counts: [UUID: Int] = [:]
        for result in results where result.status == .duplicate {
            if let id = result.alertID { counts[id, default: 0] += 1 }
        }
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

private struct DeadLetter: Codable, Sendable, Hashable {
    var deadLetterID: UUID
    var source: String?
    var sourceRef: String?
    var rawDigest: Digest
    var rawSize: Int
    var reason: String
    var errors: [FieldError]
}

private struct Deduplicated: Codable, Sendable, Hashable {
    struct Item: Codable, Sendable, Hashable {
        var alertID: UUID
        var count: Int
    }
    var items: [Item]
}
