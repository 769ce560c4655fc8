import Events
import Foundation
import JSON
import Response
import Runs
import SeededChance
import Synchronization
import Testing

/// Undoing, and undoing after anything that may go wrong.
extension RunMachineTests {
    @Test("undone in reverse order, each compared before and after, to exactly what was")
    func rollback() async throws {
        let plan = try Self.plan(actions: 1, targets: ["web-1", "web-2"])
        let objects = ["web-1": Self.host, "web-2": Self.host]
        let world = FakeWorld(objects)
        let log = try RunLog([.start(plan)])
        _ = try await log.drive(world)
        try log.append(.undo())
        #expect(try await log.drive(world) == .finished(.rolledBack))
        #expect(world.objects == objects)
        let undone = log.events.filter { $0.kind == .stepRolledBack }
        #expect(undone.map(\.stepID) == plan.steps.reversed().map(\.stepID))
        #expect(undone.allSatisfy { $0.data["restored_digest"]?.stringValue == Digest.ofCanonical(Self.host).text })
        #expect(log.types.last == "rollback.completed")
        #expect(try log.run().standing.isEmpty)
        #expect(world.log.suffix(4) == ["probe", "get web-1", "release web-1", "get web-1"])
    }

    @Test("a world that is not as it was left is not touched; what the step needed stays too; a retry can succeed")
    func drift() async throws {
        let plan = try Self.plan(actions: 2, targets: ["web-1"]) { document in
            document["workflow"]![Samples.action(1)]!["step_extensions"]![DocketAction.extensionID]!["operation"] =
                "flag"
            document["workflow"]![Samples.action(1)]!["step_extensions"]![DocketAction.extensionID]!["verify"] = [
                ["pointer": "/flag", "operator": "equals", "value": 1]
            ]
        }
        let world = FakeWorld(["web-1": Self.host])
        let log = try RunLog([.start(plan)])
        _ = try await log.drive(world)
        let left = world.objects["web-1"]!
        world.state.withLock { $0.objects["web-1"]!["policies"] = ["other"] }
        let drifted = world.objects["web-1"]!
        try log.append(.undo())
        #expect(try await log.drive(world) == .finished(.rollbackIncomplete))
        let refused = try #require(log.events.first { $0.kind == .stepRollbackRefused })
        #expect(refused.stepID == plan.steps[1].stepID)
        #expect(refused.data["expected"] == left)
        #expect(refused.data["found"] == drifted)
        #expect(log.events.last?.data["unrestored_step_ids"] == .array(plan.steps.map { .string($0.stepID) }))
        #expect(world.objects["web-1"] == drifted)
        world.state.withLock { $0.objects["web-1"] = left }
        try log.append(.undo())
        #expect(try await log.drive(world) == .finished(.rolledBack))
        #expect(world.objects["web-1"] == Self.host)
    }

    @Test("chosen steps are undone, the others left")
    func chosenSteps() async throws {
        let plan = try Self.plan(actions: 1, targets: ["web-1", "web-2"])
        let world = FakeWorld(["web-1": Self.host, "web-2": Self.host])
        let log = try RunLog([.start(plan)])
        _ = try await log.drive(world)
        try log.append(.undo([plan.steps[0].stepID]))
        #expect(try await log.drive(world) == .finished(.rolledBack))
        #expect(world.objects["web-1"] == Self.host)
        #expect(world.objects["web-2"]?["isolated"] == true)
        #expect(try log.run().standing.map(\.stepID) == [plan.steps[1].stepID])
    }

    @Test("random troubles and crashes never apply twice, and always end in something known", arguments: 0..<400)
    func property(seed: UInt64) async throws {
        let plan = try Self.plan(actions: 2, targets: ["web-1", "web-2"])
        let objects = ["web-1": Self.host, "web-2": Self.host]
        let random = Mutex(SeededGenerator(seed: seed))
        let isCalm = Mutex(false)
        @Sendable func roll(_ sides: Int) -> Int { random.withLock { Int.random(in: 0..<sides, using: &$0) } }
        let world = FakeWorld(objects, forgetful: true) { what in
            guard !isCalm.withLock({ $0 }) else { return .none }
            switch roll(10) {
            case 0: return what == "get" ? .none : .refuse
            case 1: return .unreachable
            case 2: return .lostBefore
            case 3, 4: return .lostAfter
            default: return .none
            }
        }
        let log = try RunLog([.start(plan)]) { _ in
            guard !isCalm.withLock({ $0 }) else { return (false, false) }
            return (roll(8) == 0, roll(8) == 0)
        }
        func settle() async throws -> RunDirective {
            for round in 0..<200 {
                if round == 100 { isCalm.withLock { $0 = true } }
                do {
                    let directive = try await log.drive(world)
                    if case .wait(.outcomeUnknown) = directive, round < 150 {
                        log.wait(1_000 << Int64(min(round, 5)))
                        continue
                    }
                    return directive
                } catch is RunLog.Crash {
                    continue
                }
            }
            Issue.record("never settled")
            return .wait(.paused)
        }
        let end = try await settle()
        #expect([.finished(.completed), .finished(.failed)].contains(end), "\(end)")
        try checkOnce(world, log)
        if roll(4) > 0 {
            isCalm.withLock { $0 = false }
            try? log.append(.undo())
            if log.events.last?.kind != .rollbackRequested { return }
            let undone = try await settle()
            #expect([.finished(.rolledBack), .finished(.rollbackIncomplete)].contains(undone), "\(undone)")
            try checkOnce(world, log)
            if undone == .finished(.rolledBack) { #expect(world.objects == objects) }
            let standing = try log.run().standing
            #expect(standing.isEmpty || undone == .finished(.rollbackIncomplete))
        }
    }

    /// The world forgets keys, so every act sent without certainty would count.
    private func checkOnce(_ world: FakeWorld, _ log: RunLog) throws {
        let applications = world.state.withLock { $0.applications }
        #expect(applications.values.allSatisfy { $0 == 1 }, "\(applications)")
        for step in try log.run().steps where step.state == .verified {
            let id = step.stepID
            #expect(log.events.filter { $0.kind == .stepExecuted && $0.stepID == id }.count == 1)
        }
    }
}
