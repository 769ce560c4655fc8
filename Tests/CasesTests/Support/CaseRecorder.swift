import Events
import Foundation
import JSON
import Runs

@testable import Cases

/// Does what the log does with decisions: gives each a version, a position and a time, and folds it.
struct CaseRecorder {
    var record: CaseRecord
    private(set) var events: [Event] = []
    private(set) var now: Instant

    init(
        _ record: CaseRecord = CaseRecord(id: Fixture.caseID, tenant: Fixture.tenant), at start: Instant = Fixture.start
    ) {
        self.record = record
        now = start
    }

    /// - Parameter milliseconds: from the event before to the first of these; the others follow a microsecond apart.
    @discardableResult
    mutating func put(
        _ decisions: [Decision], by actor: Actor = Fixture.docket, after milliseconds: Int64 = 1_000
    ) throws -> [Event] {
        now = now.adding(milliseconds: milliseconds)
        return try decisions.map { decision in
            let version = record.version + 1
            let event = Event(
                // Other streams write in between, so positions and versions drift apart.
                position: 10 + version * 3, eventID: Fixture.id("\(record.id.lowercased)/\(version)"),
                type: decision.type.rawValue, streamKind: "case", streamID: record.id, version: version,
                caseID: record.id, recordedAt: now, occurredAt: now, actor: actor, correlationID: record.id,
                data: decision.data)
            now = Instant(microseconds: now.microseconds + 1)
            try record.apply(event)
            events.append(event)
            return event
        }
    }

    @discardableResult
    mutating func put(
        _ type: EventType, _ data: JSONValue = [:], by actor: Actor = Fixture.docket, after milliseconds: Int64 = 1_000
    ) throws -> Event {
        try put([Decision(type: type, data: data)], by: actor, after: milliseconds)[0]
    }

    mutating func wait(_ milliseconds: Int64) { now = now.adding(milliseconds: milliseconds) }

    @discardableResult
    mutating func command(
        _ command: CaseCommand, by subject: String = "alice", after milliseconds: Int64 = 1_000
    ) throws -> [Event] {
        try put(
            record.decide(command, by: Fixture.analyst(subject)), by: Fixture.person(subject), after: milliseconds)
    }

    /// Somebody's decision on the newest approval, appended as the API appends it: refusals too.
    @discardableResult
    mutating func decide(
        _ choice: Approval.Vote.Choice, by subject: String, token: String = "token", digest: Digest? = nil,
        registry: Registry, after milliseconds: Int64 = 1_000
    ) throws -> Rejection? {
        guard let approval = record.approval else { preconditionFailure("there is no approval") }
        let outcome = try record.decide(
            approval: approval.id, choice, reason: "looked at it twice", planDigest: digest ?? approval.planDigest,
            by: Fixture.responder(subject, token: token), registry: registry,
            at: now.adding(milliseconds: milliseconds))
        try put(outcome.decisions, by: Fixture.person(subject), after: milliseconds)
        return outcome.rejection
    }

    var types: [String] { events.map(\.type) }
}
