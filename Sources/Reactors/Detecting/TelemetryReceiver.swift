import Cases
import Detection
package import EventLog
package import Events
package import Intake
import JSON

package import struct Foundation.UUID

/// Takes raw telemetry in: records are held against the tenant's rules, matches are recorded with their raw bytes, and
/// alerts are made of those that call for one. A record that no rule holds for leaves no trace.
///
/// Doing it again with the same items changes nothing: the ids of what it writes come from the records. (A record
/// without a time of its own is a new one each time that it arrives.) What comes again in whole soon after, is answered
/// from memory (`RecentFlushes`); otherwise the log counts how often an alert came again.
package struct TelemetryReceiver: Sendable {
    /// Contract §1; `received = matched + unmatched + deadLettered`.
    package struct Counts: Sendable, Hashable, Codable {
        package var received = 0
        package var matched = 0
        package var unmatched = 0
        package var deadLettered = 0
        package var matches = 0
        package var alertsCreated = 0
        package var alertsDuplicate = 0

        package init() {}

        package static func += (sum: inout Counts, other: Counts) {
            sum.received += other.received
            sum.matched += other.matched
            sum.unmatched += other.unmatched
            sum.deadLettered += other.deadLettered
            sum.matches += other.matches
            sum.alertsCreated += other.alertsCreated
            sum.alertsDuplicate += other.alertsDuplicate
        }
    }

    /// What callers should hand over at once, at most: more is more memory, less is more transactions.
    package static let flushItems = 20_000
    package static let flushBytes = 16 << 20

    /// Records of one flush that are written one by one, of those that agree in rules and fields and make no alert;
    /// what is beyond is counted.
    private static let groupMaximum = 1_000
    /// Bytes of matches in one event: more become several, since events are bounded.
    private static let eventBytes = 160 << 10
    /// Broken records of one flush that are kept one by one; the rest is kept in one piece.
    private static let singleDeadLetters = 20

    private let log: EventLog
    package let rules: RuleStore
    private let registries: RegistryStore
    private let width: Int
    private let recent = RecentFlushes(limit: 5_000)

    /// - Parameter width: how many cores evaluate.
    package init(log: EventLog, rules: RuleStore, registries: RegistryStore, width: Int) {
        self.log = log
        self.rules = rules
        self.registries = registries
        self.width = max(1, width)
    }

    /// - Returns: when everything that matters is durable.
    package func receive(
        _ items: ItemBatch, origin: TelemetryOrigin, tenant: UUID, actor: Actor, traceID: String?, at now: Instant
    ) async throws -> Counts {
        let active = try await rules.rules(of: tenant)
        let minimum = try await registries.registry(of: tenant).policy.correlation.minimumSeverity
        let evaluation = try await TelemetryEvaluation.evaluate(
            items, origin: origin, rules: active, receivedAt: now, width: width)
        rules.activity.note(evaluation.statistics, of: active.set, tenant: tenant, at: now)
        var counts = Counts()
        counts.received = evaluation.received
        counts.deadLettered = evaluation.broken.count
        counts.matched = evaluation.matched.count
        counts.unmatched = counts.received - counts.matched - counts.deadLettered
        counts.matches = evaluation.matched.reduce(0) { $0 + $1.rules.count }
        var writer = AlertWriter(log: log, tenant: tenant, actor: actor, traceID: traceID, now: now)
        let flush = Self.name(of: evaluation.matched, active, minimum, tenant)
        if let known = recent.alerts(of: flush) {
            counts.alertsDuplicate = known
        } else if !evaluation.matched.isEmpty {
            writer.causedBy = try await record(evaluation.matched, active, minimum, writer)
            let (created, duplicate) = try await alert(evaluation.matched, active, minimum, writer)
            counts.alertsCreated = created
            counts.alertsDuplicate = duplicate
            recent.note(flush, alerts: created + duplicate)
        }
        try await bury(evaluation.broken, origin, writer)
        return counts
    }

    /// What makes two flushes the same: the records for which rules hold, the rules, and which of them alert.
    private static func name(
        of matched: [TelemetryEvaluation.Matched], _ active: ActiveRules, _ minimum: Severity, _ tenant: UUID
    ) -> UUID {
        var bytes = active.digest.bytes + Array(minimum.rawValue.utf8)
        for item in matched { bytes += item.digest.bytes + Array(item.normalized.occurredAt.rfc3339.utf8) }
        return UUID.v5(namespace: tenant, name: "flush/" + Digest.sha256(bytes).text)
    }

    /// Writes `detection.matched` with the bytes of its records. - Returns: its id.
    private func record(
        _ matched: [TelemetryEvaluation.Matched], _ active: ActiveRules, _ minimum: Severity, _ writer: AlertWriter
    ) async throws -> UUID {
        var matches: [DetectionMatched.Match] = []
        var places: [Group: Int] = [:]
        var sizes: [Group: Int] = [:]
        var evidence: [Digest: Evidence] = [:]
        for item in matched {
            var match = DetectionMatched.Match(
                ruleIDs: item.rules.map(\.ruleID), occurredAt: item.normalized.occurredAt,
                clockSuspect: item.normalized.clockSuspect, rawDigest: item.digest, rawSize: item.record.bytes.count,
                count: 1, entities: item.normalized.entities, fields: item.fields)
            if active.alerting(item.rules, from: minimum).isEmpty {
                let group = Group(ruleIDs: match.ruleIDs, fields: match.fields)
                sizes[group, default: 0] += 1
                if sizes[group, default: 0] > Self.groupMaximum {
                    if let place = places[group] {
                        matches[place].count += 1
                        matches[place].occurredAt = max(matches[place].occurredAt, match.occurredAt)
                        continue
                    }
                    places[group] = matches.count
                    match.rawDigest = nil
                    matches.append(match)
                    continue
                }
            }
            evidence[item.digest] = Evidence(mediaType: "application/json", bytes: item.record.bytes)
            matches.append(match)
        }
        let logsources = Set(matched.map(\.logsource.description)).sorted().joined(separator: ", ")
        var first: UUID?
        for part in try Self.parts(of: matches) {
            let id = try await append(
                DetectionMatched(logsource: logsources, ruleSet: active.digest, matches: part),
                evidence: part.compactMap { match in match.rawDigest.flatMap { evidence.removeValue(forKey: $0) } },
                writer)
            first = first ?? id
        }
        return first ?? Self.eventID(of: matches, tenant: writer.tenant)
    }

    /// Matches in their order, as many in a list as one event holds.
    private static func parts(of matches: [DetectionMatched.Match]) throws -> [[DetectionMatched.Match]] {
        var parts: [[DetectionMatched.Match]] = []
        var bytes = 0
        for match in matches {
            let size = try JSONValue(encoding: match).canonicalBytes().count + 1
            if parts.isEmpty || bytes + size > Self.eventBytes {
                parts.append([])
                bytes = 0
            }
            parts[parts.count - 1].append(match)
            bytes += size
        }
        return parts
    }

    private func append(
        _ payload: DetectionMatched, evidence: [Evidence], _ writer: AlertWriter
    ) async throws -> UUID {
        let cause = Cause(command: writer.actor, traceID: writer.traceID, at: writer.now)
        var events = cause.events(for: [Decision(payload)])
        events[0].eventID = Self.eventID(of: payload.matches, tenant: writer.tenant)
        let verdict = try await log.append(
            AppendRequest(
                tenant: writer.tenant, streamKind: StreamKind.intake.rawValue,
                streamID: UUID.v5(namespace: writer.tenant, name: "detection"), caseID: nil, expected: .any,
                events: events, evidence: evidence.sorted { $0.digest.text < $1.digest.text }))
        // `mismatch`: the same records have been recorded before, perhaps as seen by other rules for entities.
        guard case .conflict = verdict else { return events[0].eventID }
        throw Contention(caseID: events[0].eventID)
    }

    private struct Group: Hashable {
        var ruleIDs: [String]
        var fields: JSONValue
    }

    /// The same records, matched by the same rules, have the same id.
    private static func eventID(of matches: [DetectionMatched.Match], tenant: UUID) -> UUID {
        let names = matches.map { match in
            "\(match.ruleIDs.joined(separator: ",")) \(match.rawDigest?.text ?? "×\(match.count)") \(match.occurredAt.rfc3339)"
        }
        return UUID.v5(
            namespace: tenant,
            name: "detection.matched/" + Digest.sha256(Array(names.sorted().joined(separator: "\n").utf8)).text)
    }

    private func alert(
        _ matched: [TelemetryEvaluation.Matched], _ active: ActiveRules, _ minimum: Severity, _ writer: AlertWriter
    ) async throws -> (created: Int, duplicate: Int) {
        var alerts: [UUID: AcceptedAlert] = [:]
        var order: [UUID] = []
        var duplicates: [UUID] = []
        for item in matched {
            for match in active.alerting(item.rules, from: minimum) {
                let alert = AlertIntake.alert(
                    of: finding(match, item, active), tenant: writer.tenant, receivedAt: writer.now)
                if alerts[alert.alertID] == nil {
                    order.append(alert.alertID)
                    alerts[alert.alertID] = alert
                } else {
                    duplicates.append(alert.alertID)
                }
            }
        }
        let known = try await log.versions(ofStreams: order, tenant: writer.tenant)
        duplicates += order.filter { known[$0] != nil }
        let fresh = order.filter { known[$0] == nil }.compactMap { alerts[$0] }
        let written = try await withThrowingTaskGroup(of: (UUID, Bool).self) { group in
            var results: [(UUID, Bool)] = []
            var running = 0
            for alert in fresh {
                if running >= 256, let one = try await group.next() {
                    results.append(one)
                    running -= 1
                }
                group.addTask { (alert.alertID, try await writer.writeDetected(alert)) }
                running += 1
            }
            for try await one in group { results.append(one) }
            return results
        }
        duplicates += written.filter { !$0.1 }.map(\.0)
        try await writer.recordDuplicates(of: duplicates)
        return (written.count { $0.1 }, duplicates.count)
    }

    private func finding(
        _ match: RuleMatch, _ item: TelemetryEvaluation.Matched, _ active: ActiveRules
    ) -> RuleFinding {
        let rule = active.rules[match.ruleID]
        return RuleFinding(
            ruleID: match.ruleID, title: match.title, severity: match.severity, description: rule?.description,
            tags: match.tags, pattern: rule?.docket?.pattern, confidenceScore: rule?.docket?.confidenceScore,
            reference: "\(match.ruleID):\(item.digest.text)", occurredAt: item.normalized.occurredAt,
            clockSuspect: item.normalized.clockSuspect, entities: item.normalized.entities,
            evidence: [item.record.evidence(observedAt: item.normalized.occurredAt, digest: item.digest)],
            region: item.normalized.ocsf.at("/cloud/region")?.stringValue, isCorrelation: false,
            rawDigest: item.digest, rawSize: item.record.bytes.count)
    }

    private func bury(_ broken: [BrokenRecord], _ origin: TelemetryOrigin, _ writer: AlertWriter) async throws {
        guard !broken.isEmpty else { return }
        for record in broken.prefix(Self.singleDeadLetters) {
            _ = try await writer.bury(
                letter([record], bytes: record.bytes, origin, writer, reason: record.error.detail),
                raw: record.bytes)
        }
        let rest = broken.dropFirst(Self.singleDeadLetters)
        guard let first = rest.first else { return }
        var bytes: [UInt8] = []
        for record in rest { bytes += record.bytes + [UInt8(ascii: "\n")] }
        let reason = "\(rest.count) more records that cannot be read, the first because: \(first.error.detail)"
        _ = try await writer.bury(letter(Array(rest), bytes: bytes, origin, writer, reason: reason), raw: bytes)
    }

    private func letter(
        _ records: [BrokenRecord], bytes: [UInt8], _ origin: TelemetryOrigin, _ writer: AlertWriter, reason: String
    ) -> DeadLetter {
        DeadLetter(
            deadLetterID: UUID.v7(at: writer.now), source: origin.logsource?.product, sourceRef: nil,
            rawDigest: Digest.sha256(bytes), rawSize: bytes.count,
            mediaType: records.count == 1 ? "application/json" : "application/x-ndjson", reason: reason,
            errors: records.prefix(20).map(\.error), items: records.count, logsource: origin.text)
    }
}
