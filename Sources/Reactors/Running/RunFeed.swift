import Cases
import EventLog
import Events
import Foundation
import JSON
import Response
import Synchronization

/// One run's events, as its driver reads and writes them.
final class RunFeed: Sendable {
    /// Another writer said something about the run that the driver has not read.
    struct Interrupted: Error {}

    let history: [Response.RunEvent]
    private let bench: Workbench
    private let caseID: UUID
    private let runID: UUID
    private let seen: Mutex<Seen>

    private struct Seen {
        /// The case stream's version up to which events were read or written here.
        var version: Int64
        /// How many events the run has: part of the ids of those to come.
        var count: Int
    }

    init(bench: Workbench, caseID: UUID, runID: UUID) async throws {
        self.bench = bench
        self.caseID = caseID
        self.runID = runID
        let (events, version) = try await Self.read(bench, caseID, runID, after: 0)
        history = events
        seen = Mutex(Seen(version: version, count: events.count))
    }

    /// The run's events that others appended since the last look.
    func external() async throws -> [Response.RunEvent] {
        let after = seen.withLock(\.version)
        let (events, version) = try await Self.read(bench, caseID, runID, after: after)
        seen.withLock { seen in
            seen.version = max(seen.version, version)
            seen.count += events.count
        }
        return events
    }

    /// Appends what the machine says. The id is derived from the run and the number of its events, so a second driver
    /// of the same run cannot say the same thing twice.
    func append(_ event: Response.RunEvent, actor: Actor, cause: Event) async throws {
        guard let type = EventType(rawValue: event.type) else { return }
        let (version, count) = seen.withLock { ($0.version, $0.count) }
        var expected = version
        while true {
            let new = NewEvent(
                eventID: UUID.v5(namespace: runID, name: "\(count)/\(event.type)/\(event.stepID ?? "")"),
                type: type.rawValue, occurredAt: bench.clock(), actor: actor, causedBy: cause.eventID,
                correlationID: cause.correlationID, traceID: cause.traceID, data: event.data)
            let verdict = try await bench.cases.log.append(
                AppendRequest(
                    tenant: bench.tenant, streamKind: StreamKind.case.rawValue, streamID: caseID, caseID: caseID,
                    expected: .exactly(expected), events: [new], evidence: []))
            switch verdict {
            case .appended(let range), .duplicate(let range):
                seen.withLock { seen in
                    seen.version = max(seen.version, range.lastVersion)
                    seen.count += 1
                }
                return
            case .mismatch: throw Interrupted()
            case .conflict(let current):
                // Comments and clocks may pass by; a word about this run may not.
                let (events, _) = try await Self.read(bench, caseID, runID, after: expected)
                guard events.isEmpty else { throw Interrupted() }
                expected = current
            }
        }
    }

    private static func read(
        _ bench: Workbench, _ caseID: UUID, _ runID: UUID, after version: Int64
    ) async throws -> ([Response.RunEvent], Int64) {
        var found: [Response.RunEvent] = []
        var last = version
        while true {
            let events = try await bench.cases.log.read(
                stream: caseID, tenant: bench.tenant, after: last, upTo: nil, limit: 500)
            for event in events {
                last = event.version
                if let runEvent = Response.RunEvent(type: event.type, data: event.data), runEvent.runID == runID {
                    found.append(runEvent)
                }
            }
            if events.count < 500 { return (found, last) }
        }
    }
}
