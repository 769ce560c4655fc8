import Cases
import Events
import JSON
import Runs

/// What this reader may tell this case to do in the state that it is in; nothing else is shown.
extension CasePage {
    var commands: JSONValue {
        let path = "/v1/cases/\(record.id.lowercased)"
        func allows(_ command: CaseCommandName) -> Bool {
            may(HandleCases.self) && TransitionTable.allows(command, in: record.state)
        }
        let missing = record.missingEvidence(
            plan: record.approval?.plan ?? record.plan, demands: record.approval?.demands ?? record.demands)
        let kinds = missing.map(\.kind) + EvidenceKind.allCases.filter { kind in !missing.contains { $0.kind == kind } }
        let asks = record.approval.map { $0.state != .pending && $0.state != .granted } ?? true
        let isMine = record.assignee?.identity == viewer.identity
        return [
            "path": .string(path), "any": .bool(may(HandleCases.self)), "me": .string(viewer.identity.subject),
            "my_issuer": .string(viewer.identity.issuer), "may_assign": .bool(allows(.assign) && !isMine),
            "may_comment": .bool(allows(.comment)), "may_close": .bool(allows(.close)),
            "may_escalate": .bool(allows(.escalate)), "may_recover": .bool(allows(.recover)),
            "may_hold": .bool(allows(.hold) && !record.onHold), "may_resume": .bool(allows(.resume) && record.onHold),
            "may_reopen": .bool(allows(.reopen)),
            "may_keep": .bool(may(LeadCases.self) && !record.legalHold),
            "may_let_go": .bool(may(LeadCases.self) && record.legalHold),
            "may_add": .bool(allows(.addEvidence)),
            "kinds": .array(
                kinds.map { ["value": .string($0.rawValue), "label": .string(Words.sentence($0.rawValue))] }),
            "ask": allows(.requestApproval) && asks && record.activeRun == nil
                ? record.recommendation?.playbook.map {
                    ["playbook_id": .string($0.id), "playbook_name": .string(playbookName ?? $0.id)]
                } ?? .null : .null,
            "verdicts": .array(
                Verdict.allCases.filter { $0 != .unknown && $0 != .duplicate }.map {
                    ["value": .string($0.rawValue), "label": .string(Words.sentence($0.rawValue))]
                }),
        ]
    }
}
