import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Projections

/// Figures with their definitions, and the cases behind each (contract §8).
enum MetricRoutes {
    private static let parameters: Set<String> = ["from", "to", "bucket", "group_by", "time_zone", "as_of_position"]

    static var all: [Endpoint] {
        [
            .get("/v1/metrics", ReadMetrics.self, definitions),
            .get("/v1/metrics/{metric}", ReadMetrics.self, query: parameters, reads: ["metrics"], report),
            .get(
                "/v1/metrics/{metric}/events", ReadMetrics.self, query: parameters.union(["limit", "cursor"]),
                reads: ["metrics"], samples),
        ]
    }

    private static func definitions(_ call: Call<ReadMetrics>) async throws -> Reply {
        let items = MetricName.allCases.map { metric -> JSONValue in
            [
                "metric": .string(metric.rawValue), "unit": .string(metric.unit.rawValue),
                "definition": .string(metric.definition),
            ]
        }
        return .list(items, asOf: try await call.services.lastPosition(of: call.tenant))
    }

    private static func report(_ call: Call<ReadMetrics>) async throws -> Reply {
        let query = try query(call)
        let facts = try await facts(call)
        let report = MetricReport(query, facts: facts.value, asOf: facts.asOfPosition)
        return .resource(try JSONValue(encoding: report), version: facts.asOfPosition)
    }

    private static func samples(_ call: Call<ReadMetrics>) async throws -> Reply {
        let query = try query(call)
        let facts = try await facts(call)
        let all = MetricReport.samples(query, facts: facts.value)
        // A sample has no id of its own; at one position the order is fixed, so a place in it is a cursor.
        let start = min(Int(try call.query.integer("cursor") ?? 0), all.count)
        let end = min(start + (try call.query.limit()), all.count)
        let items = all[start..<end].map { sample -> JSONValue in
            [
                "case_id": .string(sample.caseID.lowercased), "value": sample.value.map { JSONValue($0) } ?? .null,
                "start_event_id": sample.startEventID.map { .string($0.lowercased) } ?? .null,
                "end_event_id": sample.endEventID.map { .string($0.lowercased) } ?? .null,
                "counted": .bool(sample.excludedReason == nil),
                "excluded_reason": sample.excludedReason.map(JSONValue.string) ?? .null,
                "group": .object(sample.group.mapValues(JSONValue.string)),
            ]
        }
        return Reply(
            .ok,
            [
                "items": .array(items), "next_cursor": end < all.count ? .string(String(end)) : .null,
                "has_more": .bool(end < all.count), "as_of_position": .integer(facts.asOfPosition),
            ])
    }

    /// Without `from` and `to` everything counts: a default that read the clock would give another answer each time.
    private static func query(_ call: Call<ReadMetrics>) throws -> MetricQuery {
        guard let metric = MetricName(rawValue: try call.name("metric")) else { throw Rejection.notFound }
        let groups = call.query.list("group_by")
        if let unknown = groups.first(where: { !MetricQuery.groups.contains($0) }) {
            throw Problem.validation([
                FieldError("/group_by", .enum, "'\(unknown.prefix(50))' is no group", allowed: MetricQuery.groups)
            ])
        }
        let timeZone = try call.query.text("time_zone") ?? "UTC"
        guard TimeZone(identifier: timeZone) != nil else {
            throw Problem.validation([FieldError("/time_zone", .enum, "is no time zone of the IANA database")])
        }
        let from = try call.query.instant("from") ?? Instant(microseconds: 0)
        let to = try call.query.instant("to") ?? Instant(microseconds: 253_402_300_799_999_999)
        guard from < to else { throw Problem.validation([FieldError("/to", .range, "lies behind from")]) }
        return MetricQuery(
            metric: metric, from: from, to: to, bucket: try call.query.choice("bucket"), groupBy: groups,
            timeZone: timeZone)
    }

    private static func facts(_ call: Call<ReadMetrics>) async throws -> Positioned<[CaseFacts]> {
        guard let position = try call.query.integer("as_of_position") else {
            return try await call.services.queries.facts(tenant: call.tenant)
        }
        return Positioned(
            try await fold(call, upTo: try await call.history.known(position)), asOf: position)
    }

    /// What the projection would have said at that position, from the log alone.
    private static func fold(_ call: Call<ReadMetrics>, upTo last: Int64) async throws -> [CaseFacts] {
        var records: [UUID: CaseRecord] = [:]
        var next: Int64 = 0
        while next <= last {
            let page = try await call.services.log.page(tenant: call.tenant, from: next, limit: 1_000)
            for event in page.events where event.position <= last && event.streamKind == StreamKind.case.rawValue {
                var record = records[event.streamID] ?? CaseRecord(id: event.streamID, tenant: call.tenant)
                records[event.streamID] = nil  // so that it is uniquely referenced while it changes
                try record.apply(event)
                records[event.streamID] = record
            }
            guard page.next > next else { break }
            next = page.next
        }
        return records.sorted { $0.key.lowercased < $1.key.lowercased }.map { CaseFacts($0.value) }
    }
}
