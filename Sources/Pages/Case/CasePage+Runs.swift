import Cases
import Events
import JSON
import Runs

/// What was done, step by step, and how it can be undone.
extension CasePage {
    var runs: JSONValue {
        get throws {
            let latest = record.runs.last?.id
            return .array(try record.runs.reversed().map { try run($0, isLatest: $0.id == latest) })
        }
    }

    private func run(_ run: Run, isLatest: Bool) throws -> JSONValue {
        let isStanding = !run.standing.isEmpty
        let mayUndo =
            isLatest && may(Respond.self) && isStanding && TransitionTable.allows(.rollback, in: record.state)
            && run.state != .rollingBack
        return [
            "id": .string(run.id.lowercased), "short_id": .string(Words.shortID(run.id.lowercased)),
            "state": .string(Words.sentence(run.state.rawValue)), "tone": .string(Self.tone(run.state)),
            "mode": .string(Words.sentence(run.mode.rawValue)),
            "trigger": .string(run.trigger == .auto ? "started by the gate" : "started by approval"),
            "started": PageTime.json(run.startedAt),
            "took": run.endedAt.map { .string(Words.duration(ms: Double($0.milliseconds(since: run.startedAt)))) }
                ?? .null,
            "reason": run.reason.map(JSONValue.string) ?? .null,
            "steps": .array(try run.steps.enumerated().map { try step($1, number: $0 + 1) }),
            "rollback": run.rollback.map { rollback($0, of: run) } ?? .null, "may_undo": .bool(mayUndo),
            "may_pause": .bool(isLatest && may(Respond.self) && run.state == .running),
            "may_resume": .bool(isLatest && may(Respond.self) && run.state == .paused),
            "may_cancel": .bool(isLatest && may(Respond.self) && [.running, .paused].contains(run.state)),
            "reason_codes": .array(
                RollbackReason.allCases.filter { $0 != .expired }.map {
                    ["value": .string($0.rawValue), "label": .string(Words.sentence($0.rawValue))]
                }),
        ]
    }

    private func rollback(_ rollback: Run.Rollback, of run: Run) -> JSONValue {
        [
            "who": .string(rollback.requestedBy.subject), "at": PageTime.json(rollback.requestedAt),
            "code": .string(Words.sentence(rollback.reasonCode.rawValue)),
            "reason": .string(rollback.reason ?? "(erased)"), "completed": PageTime.json(rollback.completedAt),
            "unrestored": .string(
                rollback.unrestoredStepIDs.isEmpty
                    ? "" : Words.plural(rollback.unrestoredStepIDs.count, "step") + " not restored"),
            "results": .array(
                rollback.steps.map { result in
                    [
                        "name": .string(run.step(result.stepID)?.name ?? result.stepID),
                        "outcome": .string(Words.sentence(result.outcome.rawValue)),
                    ]
                }),
        ]
    }

    private func step(_ step: RunStep, number: Int) throws -> JSONValue {
        let marks: [(String, Instant?)] = [
            ("Captured", step.preparedAt), ("Acted", step.executedAt), ("Verified", step.verifiedAt),
            ("Put back", step.rolledBackAt),
        ]
        return [
            "number": .integer(Int64(number)), "name": .string(step.name),
            "class": .string(Words.sentence(step.actionClass.rawValue)),
            "state": .string(Words.sentence(step.state.rawValue)), "state_name": .string(step.state.rawValue),
            "tone": .string(Self.tone(step.state)), "id": .string("step-\(number)"),
            "targets": .array(try step.targets.map { CaseCard.entity(try JSONValue(encoding: $0)) }),
            "attempts": step.attempts > 1 ? .string("\(step.attempts) attempts") : .null,
            "marks": .array(
                marks.compactMap { label, at in at.map { ["label": .string(label), "at": PageTime.json($0)] } }),
            "pre_state": PrettyJSON.json(step.preState), "observed": PrettyJSON.json(step.observed),
            "output": PrettyJSON.json(step.output),
            "error": step.error.map { .string("\(Words.sentence($0.code)): \($0.message ?? "")") } ?? .null,
            "expires": PageTime.json(step.expiresAt), "citations": citations.links(step.eventIDs),
        ]
    }

    private static func tone(_ state: RunState) -> String {
        switch state {
        case .running, .rollingBack: "moving"
        case .completed, .rolledBack: "good"
        case .paused: "waiting"
        case .failed, .cancelled, .rollbackIncomplete: "bad"
        }
    }

    private static func tone(_ state: StepState) -> String {
        switch state {
        case .verified, .rolledBack: "good"
        case .prepared, .executed: "moving"
        case .failed, .outcomeUnknown, .rollbackRefused: "bad"
        case .pending, .skipped: "still"
        }
    }
}
