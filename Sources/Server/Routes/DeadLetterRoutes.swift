import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import Intake
import JSON
import Projections
import Reactors

/// What was no alert: kept, listed, and tried again.
enum DeadLetterRoutes {
    static var all: [Endpoint] {
        [
            .list(
                "/v1/ingest/dead_letters", ReadCases.self, query: ["source", "retried"], reads: ["dead_letters"], list),
            .get("/v1/ingest/dead_letters/{id}", ReadCases.self, reads: ["dead_letters"], get),
            .post("/v1/ingest/dead_letters/{id}:retry", HandleCases.self, retry),
        ]
    }

    private enum Answer: String, CaseIterable { case yes = "true", no = "false" }

    private static func list(_ call: Call<ReadCases>) async throws -> Reply {
        let page = try await call.services.queries.deadLetters(
            tenant: call.tenant, source: try call.query.text("source"),
            isRetried: try call.query.choice("retried", Answer.self).map { $0 == .yes }, page: try call.query.page())
        return Reply(.ok, page.json)
    }

    private static func get(_ call: Call<ReadCases>) async throws -> Reply {
        let found = try await find(try call.id(), call.tenant, call.services)
        return .resource(found.view, version: found.version)
    }

    private static func find(
        _ id: UUID, _ tenant: UUID, _ services: ServerServices
    ) async throws -> VersionedView {
        try await services.find(in: "dead_letters", tenant: tenant) {
            try await services.queries.deadLetter(id, tenant: tenant)
        }
    }

    /// Reads the kept bytes once more, with what Docket can read today.
    private static func retry(_ call: Call<HandleCases>) async throws -> Reply {
        let id = try call.id()
        let letter = try await find(id, call.tenant, call.services).view
        guard let digest = letter.at("/raw/digest")?.stringValue.flatMap({ Digest(text: $0) }),
            let evidence = try await call.services.log.evidence(tenant: call.tenant, digest: digest)
        else { throw Rejection.notFound }
        if let logsource = letter["logsource"]?.stringValue {
            return try await retryTelemetry(evidence, origin: TelemetryOrigin(text: logsource), id, call)
        }
        let results = try await call.services.receiver.receive(
            [.init(bytes: evidence.bytes, format: format(of: evidence))], tenant: call.tenant, actor: call.permit.actor,
            traceID: call.traceID, at: call.now)
        guard let result = results.first else { throw Problem.defect }
        let position = try await call.governance.append(
            [
                Decision(
                    type: .alertRetried,
                    data: [
                        "dead_letter_id": .string(id.lowercased), "status": .string(result.status.rawValue),
                        "alert_id": result.alertID.map { .string($0.lowercased) } ?? .null,
                    ])
            ], kind: .intake, stream: id, traceID: call.traceID)
        if result.status == .deadLettered { throw AlertRoutes.deadLettered(result) }
        return Reply(.ok, try JSONValue(encoding: result)).at(position)
    }

    /// Records that could not be read; one piece may hold many.
    private static func retryTelemetry(
        _ evidence: Evidence, origin: TelemetryOrigin, _ id: UUID, _ call: Call<HandleCases>
    ) async throws -> Reply {
        let items = evidence.bytes.split(separator: UInt8(ascii: "\n")).map(Array.init)
        let counts = try await call.services.telemetry.receive(
            ItemBatch(items), origin: origin, tenant: call.tenant, actor: call.permit.actor, traceID: call.traceID,
            at: call.now)
        let status = counts.deadLettered == counts.received ? "dead_lettered" : "read"
        let position = try await call.governance.append(
            [
                Decision(
                    type: .alertRetried,
                    data: ["dead_letter_id": .string(id.lowercased), "status": .string(status), "alert_id": .null])
            ], kind: .intake, stream: id, traceID: call.traceID)
        return Reply(.ok, ["status": .string(status), "counts": try JSONValue(encoding: counts)]).at(position)
    }

    private static func format(of evidence: Evidence) -> IntakeFormat {
        if evidence.mediaType == IntakeFormat.cloudEvents.mediaType { return .cloudEvents }
        guard case .alerts(let format) = BatchReader.detect(evidence.bytes).content else { return .native }
        return format
    }
}
