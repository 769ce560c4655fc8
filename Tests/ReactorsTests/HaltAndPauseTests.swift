import Cases
import Events
import Foundation
import JSON
import Runs
import TestSupport
import Testing

@testable import Reactors

@Suite("Stopping what runs", .migrated, .timeLimit(.minutes(25)))
struct HaltAndPauseTests {
    @Test("with automation halted an approved plan does not start, and says why")
    func halted() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let record = try await world.caseRecord { $0.approval?.state == .pending }
            let before = try await world.labState()
            try await world.govern(Decision(type: .automationHalted, data: ["playbook_id": .null, "reason": "drill"]))
            _ = try await world.decide(.approve, as: "rita", on: record)
            _ = try await world.decide(.approve, as: "raj", on: record)
            let stopped = try await world.caseRecord { $0.approval?.state == .invalidated }
            #expect(stopped.approval?.stateReason == "automation_halted")
            #expect(stopped.runs.isEmpty)
            #expect(try await world.labState() == before)
        }
    }

    @Test("a protection that appears after the approval pauses the run before it touches anything")
    func protectedMeanwhile() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let record = try await world.caseRecord { $0.approval?.state == .pending }
            _ = try await world.decide(.approve, as: "rita", on: record)
            let before = try await world.labState()
            let now = world.clock()
            try await world.govern(
                Decision(
                    type: .calendarChanged,
                    data: [
                        "entries": [
                            [
                                "kind": "maintenance_window", "name": "network change",
                                "starts_at": .string(now.adding(milliseconds: -1_000).rfc3339),
                                "ends_at": .string(now.adding(milliseconds: 3_600_000).rfc3339),
                                "entities": [["type": "cloud_resource", "value": "sg-0a1"]], "event_id": .null,
                            ]
                        ]
                    ]))
            _ = try await world.decide(.approve, as: "raj", on: record)
            let paused = try await world.caseRecord { $0.run?.state == .paused }
            #expect(paused.run?.steps.first?.executedAt == nil)
            #expect(try await world.labState() == before)
        }
    }
}
