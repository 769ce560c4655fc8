import Cases
import Detection
import Events
import HTTPTypes
import Intake
import JSON
import Reactors

/// Raw events in, for detection (contract §1).
enum TelemetryRoutes {
    static var all: [Endpoint] {
        [
            Endpoint(
                .post, "/v1/telemetry", SendAlerts.self,
                Endpoint.Options(
                    query: ["product", "category", "service"],
                    body: BodyRule(size: .telemetry, mediaTypes: [.ndjson, .json]), creates: true), receive)
        ]
    }

    /// Answers when every match is durable. What was written before a failure stays; repeating the request adds what is
    /// missing and doubles nothing.
    private static func receive(_ call: Call<SendAlerts>) async throws -> Reply {
        let origin = TelemetryOrigin(
            logsource: Logsource(
                product: try call.query.text("product"), category: try call.query.text("category"),
                service: try call.query.text("service")))
        var counts = TelemetryReceiver.Counts()
        for flush in try flushes(of: call) {
            counts += try await call.services.telemetry.receive(
                flush, origin: origin, tenant: call.tenant, actor: call.permit.actor, traceID: call.traceID,
                at: call.now)
        }
        note(counts, call)
        return Reply(.accepted, ["counts": try JSONValue(encoding: counts)])
            .at(try await call.services.lastPosition(of: call.tenant))
    }

    private static func flushes(of call: Call<SendAlerts>) throws -> ItemChunks {
        let bytes = call.body.bytes
        let layout = call.body.mediaType == .ndjson ? .lines : BatchReader.detect(bytes).layout
        return try ItemChunks(
            bytes, layout: layout, itemsMaximum: TelemetryReceiver.flushItems,
            bytesMaximum: TelemetryReceiver.flushBytes)
    }

    private static func note(_ counts: TelemetryReceiver.Counts, _ call: Call<SendAlerts>) {
        let metrics = call.services.metrics
        for (outcome, count) in [
            ("matched", counts.matched), ("unmatched", counts.unmatched), ("dead_lettered", counts.deadLettered),
        ] where count > 0 {
            metrics.count("docket_telemetry_records_total", ["outcome": outcome], by: Double(count))
        }
        if counts.matches > 0 { metrics.count("docket_detection_matches_total", [:], by: Double(counts.matches)) }
    }
}
