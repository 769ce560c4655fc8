import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// The switch: everything automatic stops, for the tenant or for one playbook.
enum AutomationRoutes {
    static var all: [Endpoint] {
        [
            .post("/v1/automation:halt", HaltAutomation.self) { try await turn(.automationHalted, $0) },
            .post("/v1/automation:resume", LeadCases.self) { try await turn(.automationResumed, $0) },
        ]
    }

    private static func turn<C: Capability>(_ type: EventType, _ call: Call<C>) async throws -> Reply {
        var body = try call.command()
        let reason = body.text("reason")
        let playbookID = body.optionalText("playbook_id", 1...300)
        let registry = try await call.services.registries.registry(of: call.tenant)
        if let playbookID, registry.playbooks[playbookID] == nil {
            body.refuse("playbook_id", .enum, "there is no such playbook")
        }
        try body.finish()
        let scope = playbookID.map(JSONValue.string) ?? .null
        let position = try await call.governance.append(
            [Decision(type: type, data: ["reason": .string(reason), "playbook_id": scope])], kind: .tenant,
            stream: UUID.v5(namespace: call.tenant, name: "automation"), traceID: call.traceID)
        return Reply(
            .ok, ["halted": .bool(type == .automationHalted), "playbook_id": scope, "reason": .string(reason)]
        )
        .at(position)
    }
}
