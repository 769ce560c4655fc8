import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

/// The world held against the log, after anything that may happen at any moment of a step.
///
/// `DOCKET_RUN_SEQUENCES` makes it longer; the number of a failing sequence is its seed.
@Suite("Run model")
struct RunModelTests {
    private static let sequences =
        ProcessInfo.processInfo.environment["DOCKET_RUN_SEQUENCES"].flatMap(UInt64.init) ?? 10_000
    private static let share: UInt64 = 500

    @Test(
        "whatever happens at whatever moment, no effect stands that the log calls undone or never done",
        arguments: stride(from: 0, to: sequences, by: UInt64.Stride(share)).map { $0 })
    func worldAndLogAgree(first: UInt64) async throws {
        for seed in first..<first + Self.share {
            let problems = try Self.problems(seed: seed)
            #expect(problems.isEmpty, "seed \(seed): \(problems.joined(separator: "; "))")
            // Tests share a thread a core: what waits for a server must not wait for this one.
            await Task.yield()
        }
    }

    /// Plays one sequence to its end and undoes what stands. Returns what is wrong.
    static func problems(seed: UInt64) throws -> [String] {
        var model = try RunModel(seed: seed)
        for _ in 0..<80 { try model.happen() }
        guard try model.settle() else { return ["never came to rest"] }
        var problems = disagreements(model)
        // What stands can always be undone, also after an undo that was incomplete or asked for some steps only.
        let standing = model.plan.steps.filter { $0.reversible && isIsolated($0.stepID, model) }
        model.rollBack(all: true)
        if !standing.isEmpty, model.run.state != .rollingBack { problems.append("an undo was refused") }
        guard try model.settle() else { return problems + ["never came to rest after the undo"] }
        problems += disagreements(model)
        let left = standing.filter { isIsolated($0.stepID, model) }.map(\.stepID)
        if !left.isEmpty { problems.append("not undone in a calm world: \(left)") }
        if !problems.isEmpty { problems.append(model.trace.suffix(400).joined(separator: "\n")) }
        return problems
    }

    private static func isIsolated(_ stepID: String, _ model: RunModel) -> Bool {
        model.world.objects["host of \(stepID)"]?["isolated"] == true
    }

    private static func disagreements(_ model: RunModel) -> [String] {
        var problems: [String] = []
        let run = model.run
        for step in run.steps {
            let stands = isIsolated(step.stepID, model)
            switch step.state {
            case .pending, .skipped, .rolledBack:
                if stands { problems.append("\(step.stepID) stands and the log says \(step.state)") }
            case .failed:
                if stands, !step.isApplied { problems.append("\(step.stepID) stands and the log says it never did") }
            case .prepared, .outcomeUnknown:
                problems.append("\(step.stepID) is \(step.state) although everything can be known")
            case .executed, .verified:
                if !stands, run.rollback == nil, step.actionClass.isContainment {
                    problems.append("\(step.stepID) does not stand and the log says \(step.state)")
                }
            case .rollbackRefused: break
            }
            let executions = model.events.filter {
                $0.type == "step.executed" && $0.data["step_id"]?.stringValue == step.stepID
            }
            if executions.count > 1 { problems.append("\(step.stepID) was executed \(executions.count) times") }
            if (model.world.objects["host of \(step.stepID)"]?["notices"]?.int64Value ?? 0) > 1 {
                problems.append("\(step.stepID) was applied twice")
            }
        }
        if let rollback = run.rollback, !run.state.isActive {
            let asked = run.steps.filter { rollback.asks(for: $0.stepID) && $0.needsRestoring }
            let standing = asked.filter { isIsolated($0.stepID, model) }.map(\.stepID)
            if run.state == .rolledBack, !standing.isEmpty { problems.append("rolled back, and \(standing) stand") }
            if run.state == .rolledBack, !rollback.steps.contains(where: { $0.outcome == .restored }) {
                problems.append("rolled back, and nothing was restored")
            }
            if let unnamed = standing.first(where: { !rollback.unrestoredStepIDs.contains($0) }) {
                problems.append("\(unnamed) stands, and the end of the rollback does not name it")
            }
        }
        return problems
    }
}
