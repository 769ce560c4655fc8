import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Reactors

/// The log itself: pages, CloudEvents batches, and a stream (contract §3).
enum EventRoutes {
    static var all: [Endpoint] {
        [
            .get(
                "/v1/events", ReadCases.self, query: ["after", "limit", "cursor", "type", "case_id"],
                produces: [.json, .cloudEventBatch]
            ) { call in try await page(call, caseID: try call.query.uuid("case_id")) },
            .get(
                "/v1/cases/{id}/events", ReadCases.self, query: ["after", "limit", "cursor", "type"],
                produces: [.json, .cloudEventBatch]
            ) { call in
                let id = try call.id()
                guard try await call.services.cases.load(id, tenant: call.tenant) != nil else {
                    throw Rejection.notFound
                }
                return try await page(call, caseID: id)
            },
            .get(
                "/v1/events/stream", ReadCases.self, query: ["after", "type", "case_id"], produces: [.eventStream],
                stream),
        ]
    }

    private static func page(_ call: Call<ReadCases>, caseID: UUID?) async throws -> Reply {
        let after =
            try call.query.integer("cursor") ?? call.query.integer("after", in: -1...JSONValue.exactIntegerLimit) ?? -1
        let head = try await call.services.log.head(tenant: call.tenant)
        let page = try await call.services.log.page(
            tenant: call.tenant, from: after + 1, limit: try call.query.limit(), types: try types(call.query),
            caseID: caseID)
        if call.accepted == .cloudEventBatch {
            return Reply(
                .ok, bytes: JSONValue.array(page.events.map { $0.cloudEvent(tenant: call.tenant) }).canonicalBytes(),
                mediaType: MediaType.cloudEventBatch.description)
        }
        // A filter may leave out everything up to the end; going on from there is as good as from the last hit.
        let nextAfter = max(after, page.next - 1)
        let hasMore = page.next < head
        return Reply(
            .ok,
            [
                "items": .array(page.events.map(\.json)), "next_after": .integer(nextAfter),
                "next_cursor": hasMore ? .string(String(nextAfter)) : .null, "has_more": .bool(hasMore),
                "as_of_position": .integer(max(head, page.next) - 1),
            ])
    }

    private static func types(_ query: QueryParameters) throws -> [String]? {
        let types = try query.choices("type", EventType.self).map(\.rawValue)
        return types.isEmpty ? nil : types
    }

    private static func stream(_ call: Call<ReadCases>) async throws -> Reply {
        var after = try call.query.integer("after", in: -1...JSONValue.exactIntegerLimit) ?? -1
        // What the browser saw last counts more than where it once began.
        if let text = call.headers[.lastEventID], !text.isEmpty {
            guard let last = Int64(text), last >= -1 else {
                throw Problem.validation([FieldError("/Last-Event-ID", .type, "is a position")])
            }
            after = last
        }
        let stream = EventStream(
            tenant: call.tenant, after: after, types: try types(call.query), caseID: try call.query.uuid("case_id"),
            caller: call.caller, services: call.services)
        guard let slot = call.services.streams.enter() else {
            throw Problem(
                .rateLimited, "Too many event streams are open: close one, or read pages.", headers: [.retryAfter: "10"]
            )
        }
        return Reply(
            stream: ResponseBody { writer in
                try await stream.write(to: &writer)
                withExtendedLifetime(slot) {}
            }, mediaType: .eventStream)
    }
}

extension Event {
    /// As contract §3 shows it.
    var json: JSONValue {
        [
            "position": .integer(position), "event_id": .string(eventID.lowercased), "type": .string(type),
            "schema_version": .integer(Int64(schemaVersion)), "stream_kind": .string(streamKind),
            "stream_id": .string(streamID.lowercased), "version": .integer(version),
            "case_id": caseID.map { .string($0.lowercased) } ?? .null, "recorded_at": .string(recordedAt.rfc3339),
            "occurred_at": .string(occurredAt.rfc3339),
            "actor": [
                "kind": .string(actor.kind.rawValue), "issuer": .string(actor.issuer),
                "subject": .string(actor.subject),
                "lane": .string(actor.lane.rawValue),
            ],
            "caused_by": causedBy.map { .string($0.lowercased) } ?? .null,
            "correlation_id": .string(correlationID.lowercased), "trace_id": traceID.map(JSONValue.string) ?? .null,
            "data": data, "sealed": .array(sealed.map(JSONValue.string)),
            "leaf_hash": .string(Data(leafHash).base64EncodedString()),
        ]
    }

    /// CloudEvents 1.0, structured JSON.
    func cloudEvent(tenant: UUID) -> JSONValue {
        [
            "specversion": "1.0", "id": .string(eventID.lowercased), "source": .string("/tenants/\(tenant.lowercased)"),
            "type": .string("docket.\(type)"), "subject": .string("\(streamKind)/\(streamID.lowercased)"),
            "time": .string(recordedAt.rfc3339), "datacontenttype": "application/json", "position": .integer(position),
            "data": data,
        ]
    }
}
