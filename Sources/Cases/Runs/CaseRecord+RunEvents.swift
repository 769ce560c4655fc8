import Events
import Runs

extension CaseRecord {
    mutating func applyRun(_ event: Event) throws {
        guard let taken = try RunEvent(type: event.type, data: event.data) else { return }
        if case .started(let started) = taken { return self.started(started, event) }
        guard let index = runs.firstIndex(where: { $0.id == taken.runID }) else { return }
        runs[index].apply(taken, event)
        guard case .stepVerified(let verified) = taken, let step = runs[index].step(verified.stepID) else { return }
        anchors.lastVerifiedAt = event.recordedAt
        anchors.eventIDs["last_verified"] = event.eventID
        if step.actionClass.isContainment, runs[index].mode == .live {
            anchor(\.containedAt, "contained", event, first: false)
        }
    }

    private mutating func started(_ payload: RunStarted, _ event: Event) {
        runs.append(Run(payload, event, caseID: id))
        if let index = approvals.firstIndex(where: { $0.id == payload.approvalID }) {
            approvals[index].runID = payload.runID
            approvals[index].version = event.version
        }
    }
}
