import Cases
import EventLog
import Events
import Foundation
import JSON
import Runs
import Synchronization

/// One run's events, as its driver reads and writes them.
final class RunFeed: Sendable {
    /// Another driver of the same run recorded something in the place of what this one was about to record.
    struct Interrupted: Error {}

    private let context: Workbench
    private let caseID: UUID
    private let runID: UUID
    private let actor: Actor
    private let cause: Event
    /// The case stream's version up to which events were read.
    private let version: Mutex<Int64>

    /// - Parameter version: of the case record that the run was taken from.
    init(_ context: Workbench, run: Run, version: Int64, actor: Actor, cause: Event) {
        self.context = context
        caseID = run.caseID
        runID = run.id
        self.actor = actor
        self.cause = cause
        self.version = Mutex(version)
    }

    /// The case's events since the last look; the run takes its own.
    func news() async throws -> [Event] {
        var all: [Event] = []
        while true {
            let after = version.withLock { $0 }
            let events = try await context.cases.log.read(
                stream: caseID, tenant: context.tenant, after: after, upTo: nil, limit: 500)
            if let last = events.last?.version { version.withLock { $0 = max($0, last) } }
            all += events
            if events.count < 500 { return all }
        }
    }

    /// Appends what the machine says. The id is derived from the run and the number of its events, so a second driver
    /// of the same run cannot say the same thing twice.
    ///
    /// - Returns: the event's id, or `nil` when somebody said something about the run that the machine has not seen.
    func record(_ event: RunEvent, of run: Run) async throws -> UUID? {
        let new = NewEvent(
            eventID: UUID.v5(namespace: runID, name: "\(run.eventCount)/\(event.type)/\(event.stepID ?? "")"),
            type: event.type, occurredAt: context.clock(), actor: actor, causedBy: cause.eventID,
            correlationID: cause.correlationID, traceID: cause.traceID, data: try event.data)
        var expected = version.withLock { $0 }
        while true {
            let verdict = try await context.cases.log.append(
                AppendRequest(
                    tenant: context.tenant, streamKind: StreamKind.case.rawValue, streamID: caseID, caseID: caseID,
                    expected: .exactly(expected), events: [new], evidence: []))
            switch verdict {
            case .appended, .duplicate: return new.eventID
            case .mismatch: throw Interrupted()
            case .conflict(let current):
                // Comments and clocks may pass by; a word about this run may not.
                guard try await !hasWord(after: expected) else { return nil }
                expected = current
            }
        }
    }

    private func hasWord(after version: Int64) async throws -> Bool {
        var last = version
        while true {
            let events = try await context.cases.log.read(
                stream: caseID, tenant: context.tenant, after: last, upTo: nil, limit: 500)
            for event in events where try RunEvent(type: event.type, data: event.data)?.runID == runID { return true }
            guard events.count == 500, let next = events.last?.version else { return false }
            last = next
        }
    }
}
