import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import Intake
import JSON
import Projections
import Reactors

/// Alerts in, and alerts to look at (contract §1).
enum AlertRoutes {
    private static let formats: [MediaType: IntakeFormat] = [
        .json: .native, .cloudEvent: .cloudEvents, .ocsf: .ocsf,
    ]

    static var all: [Endpoint] {
        [
            .post(
                "/v1/alerts", SendAlerts.self, creates: true,
                body: BodyRule(size: .single, mediaTypes: [.json, .cloudEvent, .ocsf]), receive),
            .post(
                "/v1/alerts:batch", SendAlerts.self, creates: true,
                body: BodyRule(size: .batch, mediaTypes: [.json, .ndjson, .cloudEventBatch, .ocsf]), receiveBatch),
            .list(
                "/v1/alerts", ReadCases.self, query: ["source", "source_ref", "disposition", "entity", "case_id"],
                reads: ["alerts"], list),
            .get("/v1/alerts/{id}", ReadCases.self, reads: ["alerts"], get),
            .get("/v1/alerts/{id}/raw", ReadCases.self, query: ["digest"], produces: [], raw),
        ]
    }

    private static func receive(_ call: Call<SendAlerts>) async throws -> Reply {
        let format = formats[call.body.mediaType] ?? .native
        let results = try await deliver([.init(bytes: call.body.bytes, format: format)], call)
        guard let result = results.first else { throw Problem.defect }
        if result.status == .deadLettered { throw deadLettered(result) }
        let position =
            if let position = result.position { position } else {
                try await call.services.lastPosition(of: call.tenant)
            }
        return Reply(result.status == .created ? .created : .ok, try JSONValue(encoding: result)).at(position)
    }

    static func deadLettered(_ result: AlertReceiver.Result) -> Problem {
        Problem(
            .deadLettered,
            "The item is no alert. Its bytes are kept: correct the source, or retry the dead letter once Docket can read it.",
            errors: result.errors,
            members: ["dead_letter_id": result.deadLetterID.map { .string($0.lowercased) } ?? .null])
    }

    private static func receiveBatch(_ call: Call<SendAlerts>) async throws -> Reply {
        let limits = call.services.configuration.limits
        let items = try BatchReader.items(
            of: call.body.bytes, layout: call.body.mediaType == .ndjson ? .lines : .array,
            limits: .init(bodyBytes: limits.batchBytes, itemBytes: limits.singleBytes, items: limits.batchItems))
        let format: IntakeFormat =
            switch call.body.mediaType {
            case .cloudEventBatch: .cloudEvents
            case .ocsf: .ocsf
            default: .native
            }
        let results = try await deliver(items.map { .init(bytes: $0.bytes, format: format) }, call)
        func count(_ status: AlertReceiver.Status) -> JSONValue {
            .integer(Int64(results.count { $0.status == status }))
        }
        return Reply(
            .ok,
            [
                "counts": [
                    "received": .integer(Int64(results.count)), "created": count(.created),
                    "duplicate": count(.duplicate), "updated": count(.updated), "dead_lettered": count(.deadLettered),
                ],
                "items": .array(try results.map { try JSONValue(encoding: $0) }),
            ]
        ).at(try await call.services.lastPosition(of: call.tenant))
    }

    private static func deliver(
        _ items: [AlertReceiver.Item], _ call: Call<SendAlerts>
    ) async throws -> [AlertReceiver.Result] {
        let results = try await call.services.receiver.receive(
            items, tenant: call.tenant, actor: call.permit.actor, traceID: call.traceID, at: call.now)
        for (status, group) in Dictionary(grouping: results, by: \.status) {
            call.services.metrics.count("docket_alerts_total", ["status": status.rawValue], by: Double(group.count))
        }
        return results
    }

    private static func list(_ call: Call<ReadCases>) async throws -> Reply {
        var filter = AlertFilter()
        filter.source = try call.query.text("source")
        filter.sourceRef = try call.query.text("source_ref")
        filter.dispositions = try call.query.choices("disposition")
        filter.entity = try call.query.entity()
        filter.caseID = try call.query.uuid("case_id")
        let page = try await call.services.queries.alerts(
            tenant: call.tenant, filter: filter, page: try call.query.page())
        return Reply(.ok, page.json)
    }

    private static func get(_ call: Call<ReadCases>) async throws -> Reply {
        let found = try await find(call)
        return .resource(try await whole(found.view, call), version: found.version)
    }

    /// The view with what is too large for an event, and so for a list: read by the digests that the event has for it.
    private static func whole(_ view: JSONValue, _ call: Call<ReadCases>) async throws -> JSONValue {
        let isPartial =
            view["ocsf"]?.isNull ?? true || view["unmapped"]?.isNull ?? true
            || (view["evidence"]?.arrayValue ?? []).contains { $0["data"]?.isNull ?? true }
            || view["description"]?.isNull ?? true
        guard isPartial, let id = view["id"]?.stringValue.flatMap(UUID.init(uuidString:)) else { return view }
        let events = try await call.services.log.latest(
            of: [EventType.alertNormalized.rawValue], streams: [id], tenant: call.tenant)
        guard let apart = events[id]?.data["apart"] else { return view }
        return try await AlertParts.joined(view, apart: apart, in: call.services.log, tenant: call.tenant)
    }

    private static func find(_ call: Call<ReadCases>) async throws -> VersionedView {
        let id = try call.id()
        return try await call.services.find(in: "alerts", tenant: call.tenant) {
            try await call.services.queries.alert(id, tenant: call.tenant)
        }
    }

    /// The bytes exactly as received. They are hostile: never shown by a browser as what they claim to be.
    ///
    /// A correlation's alert rests on many records. Its own raw input lists them, and `?digest=` reads one of those.
    private static func raw(_ call: Call<ReadCases>) async throws -> Reply {
        guard let own = try await find(call).view.at("/raw/digest")?.stringValue.flatMap({ Digest(text: $0) }),
            var evidence = try await call.services.log.evidence(tenant: call.tenant, digest: own)
        else { throw Rejection.notFound }
        var digest = own
        if let wanted = try call.query.text("digest"), wanted != own.text {
            let records = (try? JSONValue.parseEvidence(evidence.bytes).value["records"]?.arrayValue) ?? []
            guard records.contains(where: { $0["raw_digest"]?.stringValue == wanted }),
                let named = Digest(text: wanted),
                let found = try await call.services.log.evidence(tenant: call.tenant, digest: named)
            else { throw Rejection.notFound }
            (digest, evidence) = (named, found)
        }
        return Reply(
            .ok, bytes: evidence.bytes, mediaType: evidence.mediaType,
            headers: [
                .contentDisposition: "attachment", .contentSecurityPolicy: "default-src 'none'; sandbox",
                .eTag: "\"\(digest.text)\"",
            ])
    }
}
