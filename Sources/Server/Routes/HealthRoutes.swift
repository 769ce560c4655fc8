import Detection
import EventLog
import HTTPTypes
import Hummingbird
import JSON
import NIOCore
import Projections
import Reactors

/// What machines ask about the server itself; open to everyone, so it names no tenant.
struct HealthRoutes: Sendable {
    let services: ServerServices

    var paths: [String] { ["/healthz", "/readyz", "/metrics", "/openapi.json"] }

    func register(on router: Router<DocketContext>, describing endpoints: [EndpointDescription]) {
        let description = OpenAPIDocument(endpoints).json
        router.get("/openapi.json") { _, _ in Reply(.ok, description).response }
        router.get("/healthz") { _, _ in Reply(.ok, ["status": "ok"]).response }
        router.get("/readyz") { _, _ in await readiness().response }
        router.get("/metrics") { _, _ in
            Reply(
                .ok, bytes: Array(services.metrics.exposition(gauges: await gauges()).utf8),
                mediaType: "text/plain; version=0.0.4; charset=utf-8"
            ).response
        }
    }

    /// Ready means: the database answers, no read model stands still, and this clock and the database's agree. What a
    /// single case or stream is set aside for is said, and stops nobody.
    private func readiness() async -> Reply {
        // What the place itself knows (its disk, its own database being started) comes in the words of who knows it.
        var checks = services.checks()
        if checks.contains(where: { $0.name == "database" && !$0.isOK }) { return Self.reply(checks) }
        let asked = await InTime.value(within: .seconds(4)) { try await databaseChecks() }
        checks += asked ?? [ReadinessCheck(name: "database", isOK: false, detail: "does not answer")]
        if services.disk.isFresh(at: services.clock()) {
            checks.removeAll { $0.name == "disk" }
            checks.append(
                ReadinessCheck(name: "disk", isOK: false, detail: "the database says that its disk is full"))
        }
        return Self.reply(checks)
    }

    /// What the database says.
    private func databaseChecks() async throws -> [ReadinessCheck] {
        let offset = try await services.log.clockOffset()
        let blocked = try await services.projections.list().filter(\.isBlocked)
        return [
            ReadinessCheck(name: "database", isOK: true, detail: nil),
            ReadinessCheck(
                name: "clock", isOK: offset.magnitude <= UInt64(EventLog.clockOffsetMaximumMs),
                detail: "\(offset) ms ahead of the database"),
            ReadinessCheck(
                name: "projections", isOK: blocked.isEmpty,
                detail: blocked.isEmpty
                    ? nil : "blocked: \(Set(blocked.map(\.name)).sorted().joined(separator: ", "))"),
            ReadinessCheck(name: "set_aside", isOK: true, detail: try await setAside()),
        ]
    }

    private static func reply(_ checks: [ReadinessCheck]) -> Reply {
        let isReady = checks.allSatisfy(\.isOK)
        return Reply(
            isReady ? .ok : .serviceUnavailable,
            [
                "status": isReady ? "ready" : "not_ready",
                "checks": .array(
                    checks.map {
                        [
                            "name": .string($0.name), "ok": .bool($0.isOK),
                            "detail": $0.detail.map(JSONValue.string) ?? .null,
                        ]
                    }),
            ])
    }

    /// How many streams wait because something cannot take an event of theirs, and what that is; `nil` when none does.
    private func setAside() async throws -> String? {
        let marks = try await services.projections.marks()
        let failures = try await ReactorPositions(services.database).failures()
        let streams = Set(marks.map(\.streamID)).union(failures.map(\.mark.streamID))
        guard !streams.isEmpty else { return nil }
        let names = Set(marks.map(\.projection)).union(failures.map(\.reactor)).sorted().joined(separator: ", ")
        return
            "\(streams.count) \(streams.count == 1 ? "case or stream is" : "cases or streams are") held back by \(names)"
    }

    private func gauges() async -> [Gauge] {
        var gauges: [Gauge] = [
            ("docket_event_streams", [:], Double(services.streams.open))
        ]
        gauges.append(("docket_log_lines_dropped_total", [:], Double(services.droppedLogLines())))
        gauges.append(("docket_detection_rules_skipped_total", [:], Double(services.rules.activity.skipped)))
        if let load = services.rules.load.counters {
            gauges.append(("docket_correlation_entries", [:], Double(load.entriesHeld)))
            gauges.append(("docket_correlation_groups", [:], Double(load.groupsHeld)))
            let dropped = [
                ("entries", load.entriesDropped), ("groups", load.groupsDropped),
                ("combinations", load.combinationsDropped),
            ]
            for (what, count) in dropped {
                gauges.append(("docket_correlation_dropped_total", ["what": what], Double(count)))
            }
        }
        let told = await InTime.value(within: .seconds(4)) { try await databaseGauges() }
        gauges.append(("docket_database_up", [:], told == nil ? 0 : 1))
        return gauges + (told ?? [])
    }

    private typealias Gauge = (name: String, labels: [String: String], value: Double)

    private func databaseGauges() async throws -> [Gauge] {
        var gauges: [Gauge] = []
        let statuses = try await services.projections.list()
        for (name, all) in Dictionary(grouping: statuses, by: \.name) {
            gauges.append(("docket_projection_lag_events", ["projection": name], Double(all.map(\.lag).max() ?? 0)))
        }
        gauges.append(("docket_projections_blocked", [:], Double(statuses.count { $0.isBlocked })))
        for (name, marks) in Dictionary(grouping: try await services.projections.marks(), by: \.projection) {
            gauges.append(("docket_set_aside_streams", ["by": name], Double(marks.count)))
        }
        let failures = try await ReactorPositions(services.database).failures()
        for (name, marks) in Dictionary(grouping: failures, by: \.reactor) {
            gauges.append(("docket_set_aside_streams", ["by": name], Double(marks.count)))
        }
        return gauges
    }
}
