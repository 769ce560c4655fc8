package import Events
import JSON

/// One promise with a deadline. A breached clock still runs until what it waits for happens.
package struct SLAClock: Codable, Sendable, Hashable {
    package enum Status: String, Codable, Sendable, Hashable { case running, paused, ended }
    package enum Outcome: String, Codable, Sendable, Hashable { case met, breached, cancelled }

    package var clock: String
    package var status: Status
    package var outcome: Outcome?
    package var startedAt: Instant
    package var targetMs: Int64
    package var atRiskAt: Instant
    package var dueAt: Instant
    package var pausedMs: Int64
    package var pauseReason: String?
    package var breachedAt: Instant?
    package var endedAt: Instant?
    package var pausedSince: Instant?
    package var atRisk: Bool

    package static let acknowledge = "acknowledge"
    package static let contain = "contain"
    package static let resolve = "resolve"
}

extension CaseRecord {
    mutating func applySLA(_ kind: EventType, _ event: Event) throws {
        let payload: SLAClockEvent = try event.data.decode()
        if kind == .slaStarted {
            guard let target = payload.targetMs, let risk = payload.atRiskAt, let due = payload.dueAt else { return }
            sla.append(
                SLAClock(
                    clock: payload.clock, status: .running, outcome: nil,
                    // It counts from what it was started for, however late that was written down.
                    startedAt: due.adding(milliseconds: -target), targetMs: target, atRiskAt: risk, dueAt: due,
                    pausedMs: 0, pauseReason: nil, breachedAt: nil, endedAt: nil,
                    pausedSince: nil, atRisk: false))
            sources["sla"] = event.eventID
            return
        }
        // A reopened case has a second clock of the same name; events are about the newest.
        guard let index = sla.lastIndex(where: { $0.clock == payload.clock }) else { return }
        switch kind {
        case .slaPaused:
            sla[index].status = .paused
            sla[index].pausedSince = event.recordedAt
            sla[index].pauseReason = payload.reason
        case .slaResumed:
            if let since = sla[index].pausedSince {
                let paused = event.recordedAt.milliseconds(since: since)
                sla[index].pausedMs += paused
                sla[index].dueAt = sla[index].dueAt.deadline(afterMs: paused)
                sla[index].atRiskAt = sla[index].atRiskAt.deadline(afterMs: paused)
            }
            sla[index].status = .running
            sla[index].pausedSince = nil
            sla[index].pauseReason = nil
        case .slaAtRisk: sla[index].atRisk = true
        case .slaBreached: sla[index].breachedAt = event.recordedAt
        case .slaMet, .slaCancelled:
            if let since = sla[index].pausedSince {
                sla[index].pausedMs += event.recordedAt.milliseconds(since: since)
                sla[index].pausedSince = nil
                sla[index].pauseReason = nil
            }
            sla[index].status = .ended
            sla[index].endedAt = event.recordedAt
            sla[index].outcome =
                kind == .slaCancelled ? .cancelled : sla[index].breachedAt == nil ? .met : .breached
        case .slaRetargeted:
            if let target = payload.targetMs { sla[index].targetMs = target }
            if let due = payload.dueAt { sla[index].dueAt = due }
            if let risk = payload.atRiskAt { sla[index].atRiskAt = risk }
        default: break
        }
    }
}
