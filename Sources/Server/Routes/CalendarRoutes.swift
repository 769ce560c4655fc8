import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// What is planned: jobs, maintenance, changes that an automatic action must not meet.
enum CalendarRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/calendars", ReadConfiguration.self) { call in
                let registry = try await call.services.registries.registry(of: call.tenant)
                return .list(
                    try registry.calendar.map { try JSONValue(encoding: $0) }, asOf: registry.nextPosition - 1)
            },
            .post("/v1/calendars", Configure.self, creates: true, replace),
        ]
    }

    /// The whole calendar: what is not named any more is over.
    private static func replace(_ call: Call<Configure>) async throws -> Reply {
        var body = try call.command()
        var entries: [JSONValue] = []
        for (index, item) in body.array("entries", 0...10_000).enumerated() {
            var entry = CommandBody(item, at: "/entries/\(index)")
            entries.append(read(&entry))
            body.adopt(entry)
        }
        try body.finish()
        let data: JSONValue = ["entries": .array(entries)]
        let position = try await call.governance.append(
            [Decision(type: .calendarChanged, data: data)], kind: .calendar,
            stream: UUID.v5(namespace: call.tenant, name: "calendar"), traceID: call.traceID)
        return Reply(.created, data).at(position)
    }

    private static func read(_ body: inout CommandBody) -> JSONValue {
        let kind = body.choice("kind", EnvironmentConflict.Kind.maintenanceWindow)
        let name = body.text("name", 1...300)
        let startsAt = body.instant("starts_at")
        let endsAt = body.instant("ends_at")
        if body.errors.isEmpty, endsAt <= startsAt { body.refuse("ends_at", .range, "lies behind starts_at") }
        var entities: [JSONValue] = []
        for (index, item) in (body.has("entities") ? body.array("entities", 0...1_000) : []).enumerated() {
            var entity = CommandBody(item, at: "\(body.base)/entities/\(index)")
            entities.append([
                "type": .string(entity.choice("type", Entity.EntityType.other).rawValue),
                "value": .string(entity.text("value", 1...4_096)),
            ])
            body.adopt(entity)
        }
        return [
            "kind": .string(kind.rawValue), "name": .string(name), "starts_at": .string(startsAt.rfc3339),
            "ends_at": .string(endsAt.rfc3339), "entities": .array(entities), "event_id": .null,
        ]
    }
}
