import Events
import Foundation
import JSON
import Runs
import SeededChance
import Synchronization
import Testing

@testable import Response

@Suite("RunMachine")
struct RunMachineTests {
    static let host: JSONValue = ["isolated": false, "policies": ["default"]]

    static func plan(actions: Int, targets: [String] = ["web-1"], edit: (inout JSONValue) -> Void = { _ in }) throws
        -> Plan
    {
        let document = Samples.document(actions: actions, extension: Samples.isolate, edit: edit)
        return try Plan(
            binding: Playbook(document: document), version: 1,
            to: Samples.context(targets.map { Entity(type: .device, value: $0, role: .target) }))
    }

    @Test("captured, done, verified: each recorded before the next, and the world asked in that order")
    func happy() async throws {
        let plan = try Self.plan(actions: 1)
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world) == .finished(.completed))
        #expect(log.types == ["run.started", "step.prepared", "step.executed", "step.verified", "run.completed"])
        #expect(world.log == ["get web-1", "isolate web-1", "get web-1"])
        let step = try #require(try log.run().step(plan.steps[0].stepID))
        #expect(step.preState == Self.host)
        #expect(step.observed == ["isolated": true, "policies": ["default"]])
        let machine = try #require(RunMachine(try log.run(), at: log.now))
        let key = machine.key(plan.steps[0].stepID, ofRollback: false)
        #expect(log.events[1].data["idempotency_key"]?.stringValue == key.lowercased)
        #expect(world.state.withLock { $0.applications } == [key: 1])
    }

    /// What an earlier step says about where to act next.
    struct Choice: Sendable, CustomTestStringConvertible {
        var output: JSONValue
        var states: [String]
        var end: String
        var testDescription: String { output.canonicalString() }
    }

    @Test(
        "acts on the targets that an earlier step found, on nothing else, and fails where they lie outside the plan",
        arguments: [
            Choice(output: "web-2", states: ["verified", "skipped", "verified"], end: "run.completed"),
            Choice(output: ["web-1", "web-2"], states: ["verified", "verified", "verified"], end: "run.completed"),
            Choice(output: "", states: ["verified", "skipped", "skipped"], end: "run.completed"),
            Choice(output: .null, states: ["verified", "skipped", "skipped"], end: "run.completed"),
            Choice(output: "db-1", states: ["verified", "failed", "skipped"], end: "run.failed"),
            Choice(output: ["web-2", "db-1"], states: ["verified", "failed", "skipped"], end: "run.failed"),
        ])
    func chosenTargets(_ choice: Choice) async throws {
        var content = try Self.plan(actions: 1, targets: ["web-1", "web-2"]).content
        // The finding step is the first; the others ask it.
        var finder = content.steps[0]
        finder.stepID = Samples.action(7)
        finder.playbookStepID = finder.stepID
        finder.operation = "find"
        finder.capture = nil
        finder.verify = []
        finder.rollback = nil
        finder.reversible = false
        for index in content.steps.indices {
            content.steps[index].targetFrom = "step:\(finder.stepID):output:/where"
        }
        let first = try #require(content.flow.nodes[content.flow.start]?.next)
        var node = try #require(content.flow.nodes[first])
        node.steps = [finder.stepID]
        node.next = first
        content.flow.nodes[finder.stepID] = node
        content.flow.nodes[content.flow.start]?.next = finder.stepID
        content.steps.insert(finder, at: 0)
        let plan = try Plan(content)
        let world = FakeWorld(["web-1": Self.host, "web-2": Self.host])
        world.state.withLock { $0.outputs["find"] = ["where": choice.output] }
        let log = try RunLog([.start(plan)])
        _ = try await log.drive(world)
        let states = try log.run().steps.map(\.state.rawValue)
        #expect(states == choice.states)
        #expect(log.types.contains(choice.end))
        let isolated = ["web-1", "web-2"].filter { world.objects[$0]?["isolated"] == true }
        #expect(isolated.count == choice.states.dropFirst().count { $0 == "verified" })
    }

    @Test(
        "after a crash between prepared and executed the outcome is probed, never the act repeated blindly",
        arguments: [true, false])
    func crashAfterPrepared(wasApplied: Bool) async throws {
        let plan = try Self.plan(actions: 1)
        let world = FakeWorld(["web-1": Self.host], forgetful: true)
        let crashed = Mutex(false)
        let log = try RunLog([.start(plan)]) { event in
            let isFirst = crashed.withLock { crashed in
                defer { crashed = crashed || event.kind == (wasApplied ? .stepExecuted : .stepPrepared) }
                return !crashed
            }
            return (
                wasApplied && isFirst && event.kind == .stepExecuted,
                !wasApplied && isFirst && event.kind == .stepPrepared
            )
        }
        await #expect(throws: RunLog.Crash.self) { try await log.drive(world) }
        #expect(world.log.filter { $0 == "isolate web-1" }.count == (wasApplied ? 1 : 0))
        #expect(try await log.drive(world) == .finished(.completed))
        #expect(world.log.filter { $0 == "isolate web-1" }.count == 1)
        #expect(world.log.contains("probe"))
        #expect(log.types.contains("step.retried") == !wasApplied)
    }

    @Test("an answer that was lost is probed; where no probe answers, the step is unknown until one does")
    func unknown() async throws {
        let plan = try Self.plan(actions: 1)
        let isDown = Mutex(true)
        let world = FakeWorld(["web-1": Self.host], forgetful: true) { what in
            what == "isolate" ? .lostAfter : what == "probe" && isDown.withLock { $0 } ? .unreachable : .none
        }
        let log = try RunLog([.start(plan)])
        let id = plan.steps[0].stepID
        #expect(try await log.drive(world) == .wait(.outcomeUnknown(id)))
        #expect(log.types.last == "step.outcome_unknown")
        #expect(try await log.drive(world) == .wait(.outcomeUnknown(id)))
        #expect(log.types.filter { $0 == "step.outcome_unknown" }.count == 1)
        isDown.withLock { $0 = false }
        #expect(try await log.drive(world) == .finished(.completed))
        #expect(world.log.filter { $0 == "isolate web-1" }.count == 1)
    }

    @Test(
        "a step that fails says why, and fails the run",
        arguments: [
            ("isolate", FakeWorld.Trouble.refuse, "refused", false), ("get", .refuse, "capture-failed", false),
            ("get", .unreachable, "capture-failed", false), ("isolate", .unreachable, "not-applied", false),
        ])
    func failure(what: String, trouble: FakeWorld.Trouble, code: String, applied: Bool) async throws {
        let plan = try Self.plan(actions: 2)
        let world = FakeWorld(["web-1": Self.host]) { $0 == what ? trouble : .none }
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world) == .finished(.failed))
        let failed = try #require(log.events.first { $0.kind == .stepFailed })
        #expect(failed.data.at("/error/code")?.stringValue == code)
        #expect(failed.data["applied"] == .bool(applied))
        #expect(try log.run().step(plan.steps[1].stepID)?.state == .skipped)
        #expect(log.events.last?.data["failed_step_id"]?.stringValue == plan.steps[0].stepID)
        #expect(world.objects["web-1"] == Self.host)
    }

    @Test("an effect that cannot be seen fails the step, and can be undone")
    func verificationFails() async throws {
        let plan = try Self.plan(actions: 1) { document in
            document["workflow"]![Samples.action(0)]!["step_extensions"]![DocketAction.extensionID]!["operation"] =
                "nothing"
        }
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world) == .finished(.failed))
        let failed = try #require(log.events.first { $0.kind == .stepFailed })
        #expect(failed.data.at("/error/code") == "verification-failed")
        #expect(failed.data["observed"] == ["isolated": false, "policies": ["default"], "nothing": 1])
        try log.append(.undo())
        #expect(try await log.drive(world) == .finished(.rolledBack))
        #expect(world.objects["web-1"] == Self.host)
    }

    @Test("the failure branch runs, and the run has failed all the same")
    func failureBranch() async throws {
        let plan = try Self.plan(actions: 2) { document in
            let first = Samples.action(0)
            document["workflow"]![first]!["on_completion"] = nil
            document["workflow"]![first]!["on_success"] = .string("end--\(Samples.uuids[1])")
            document["workflow"]![first]!["on_failure"] = .string(Samples.action(1))
            document["workflow"]![Samples.action(1)]!["step_extensions"]![DocketAction.extensionID]!["operation"] =
                "flag"
            document["workflow"]![Samples.action(1)]!["step_extensions"]![DocketAction.extensionID]!["verify"] = [
                ["pointer": "/flag", "operator": "exists"]
            ]
        }
        let world = FakeWorld(["web-1": Self.host]) { $0 == "isolate" ? .refuse : .none }
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world) == .finished(.failed))
        #expect(world.objects["web-1"]?["flag"] == 1)
        let calm = FakeWorld(["web-1": Self.host])
        let calmLog = try RunLog([.start(plan)])
        #expect(try await calmLog.drive(calm) == .finished(.completed))
        #expect(calm.objects["web-1"]?["flag"] == nil)
        #expect(try calmLog.run().step(plan.steps[1].stepID)?.state == .skipped)
    }

    @Test("what was observed chooses the branch", arguments: [true, false])
    func branches(isolated: Bool) async throws {
        let condition = "if-condition--\(Samples.uuids[20])"
        let ends = ["end--\(Samples.uuids[21])", "end--\(Samples.uuids[22])"]
        let plan = try Self.plan(actions: 3) { document in
            document["workflow"]![Samples.action(0)]!["on_completion"] = .string(condition)
            document["workflow"]![condition] = [
                "type": "if-condition", "on_true": .string(Samples.action(1)), "on_false": .string(Samples.action(2)),
                "condition": .string("step:\(Samples.action(0)):observed:/isolated = \(isolated)"),
                "on_completion": .string("end--\(Samples.uuids[1])"),
            ]
            document["workflow"]![Samples.action(1)]!["on_completion"] = .string(ends[0])
            document["workflow"]![Samples.action(2)]!["on_completion"] = .string(ends[1])
            for end in ends { document["workflow"]![end] = ["type": "end"] }
        }
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(FakeWorld(["web-1": Self.host])) == .finished(.completed))
        let state = try log.run()
        #expect(state.step(Samples.action(isolated ? 1 : 2))?.state == .verified)
        #expect(state.step(Samples.action(isolated ? 2 : 1))?.state == .skipped)
    }

    @Test("a conflict found at the last moment pauses the run before the act; resumed, it goes on")
    func conflict() async throws {
        let plan = try Self.plan(actions: 1)
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world, conflict: { _ in "maintenance window" }) == .wait(.paused))
        #expect(log.events.last?.data["reason"] == "maintenance window")
        #expect(world.objects["web-1"] == Self.host)
        try log.append(.resume)
        #expect(try await log.drive(world) == .finished(.completed))
    }

    @Test("a cancelled run starts nothing more, and finds out what became of what it had begun")
    func cancelled() async throws {
        let plan = try Self.plan(actions: 2)
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)]) { ($0.kind == .stepExecuted, false) }
        await #expect(throws: RunLog.Crash.self) { try await log.drive(world) }
        let after = try RunLog(log.all + [.cancel])
        #expect(try await after.drive(world) == .finished(.cancelled))
        #expect(try after.run().step(plan.steps[0].stepID)?.state == .verified)
        #expect(try after.run().step(plan.steps[1].stepID)?.state == .pending)
    }

    @Test("shadow mode does everything but act")
    func shadow() async throws {
        let plan = try Self.plan(actions: 1)
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan, mode: .shadow)])
        #expect(try await log.drive(world) == .finished(.completed))
        #expect(world.log == ["get web-1"])
        #expect(log.types == ["run.started", "step.skipped", "run.completed"])
    }

    @Test("a target outside the approved plan is not touched")
    func outOfScope() async throws {
        var content = try Self.plan(actions: 1).content
        content.targets = [Entity(type: .device, value: "web-9", role: .target)]
        let plan = try Plan(content)
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)])
        #expect(try await log.drive(world) == .finished(.failed))
        #expect(log.events[1].data.at("/error/code") == "out-of-scope")
        #expect(world.log == [])
    }

    @Test("a manual step waits for its person")
    func manual() async throws {
        let plan = try Plan(binding: Playbook(document: Samples.document()), version: 1, to: Samples.context([]))
        let log = try RunLog([.start(plan)])
        let world = FakeWorld([:])
        let id = plan.steps[0].stepID
        #expect(try await log.drive(world) == .wait(.manualStep(id)))
        try log.append(
            .stepExecuted(
                StepExecuted(
                    runID: .testRun, stepID: id,
                    outcome: ActOutcome(output: .object([:]), before: .null, after: .null))))
        #expect(try await log.drive(world) == .finished(.completed))
    }
}
