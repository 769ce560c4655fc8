import Foundation
import Synchronization

/// Group commit: many tasks append, a few of them at a time write for all that wait with them.
///
/// Whoever finds a lane free and the tenant idle leads: it writes its batch, hands out the verdicts, and passes the lane
/// to the first of those whose turn it is by then. So there is no task of the log's own, never more than one transaction
/// a tenant, and no more at once than there are lanes.
final class Appender: Sendable {
    typealias Verdict = Result<AppendVerdict, EventLogError>

    private enum Wake: Sendable {
        case done(Verdict)
        /// Write these, the waker's own entry first.
        case lead([Member])
    }

    /// One request in a batch, and who waits for its verdict; the leader's own has nobody to wake.
    private struct Member: Sendable {
        let request: PreparedRequest
        var waiter: CheckedContinuation<Wake, Never>?
    }

    private struct State {
        var queue: AppendQueue<Member>
        var lastID: UInt64 = 0
    }

    private let state: Mutex<State>
    private let writer: BatchWriter

    init(writer: BatchWriter, limits: EventLog.Limits) {
        self.writer = writer
        state = Mutex(State(queue: AppendQueue(limits: limits)))
    }

    func append(_ request: PreparedRequest, tenant: UUID) async throws(EventLogError) -> AppendVerdict {
        switch await join(request, tenant) {
        case .done(let verdict): return try verdict.get()
        case .lead(let batch): return try await lead(batch, tenant).get()
        }
    }

    /// Writes a batch, wakes its members, and passes the lane on; gives the verdict on the first, which is the leader's.
    private func lead(_ batch: [Member], _ tenant: UUID) async -> Verdict {
        // A task of its own, awaited here: the leader's cancellation must not cancel what others wait for. It goes before
        // what those do who have just been woken: hundreds of them, while the database would wait for this one.
        let verdicts = await Task(priority: .high) {
            await self.writer.write(batch.map(\.request), tenant: tenant)
        }.value
        // The lane first: the next batch is on its way while the members of this one wake.
        if let next = state.withLock({ $0.queue.finished(tenant) }) {
            let members = next.entries.map(\.ticket)
            members[0].waiter?.resume(returning: .lead([Member(request: members[0].request)] + members.dropFirst()))
        }
        for (member, verdict) in zip(batch, verdicts) { member.waiter?.resume(returning: .done(verdict)) }
        return verdicts[0]
    }

    private func join(_ request: PreparedRequest, _ tenant: UUID) async -> Wake {
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let admission = state.withLock { state in
                    state.queue.admit(
                        .init(
                            id: id, stream: request.streamID, eventCount: request.drafts.count,
                            byteCount: request.byteCount, ticket: Member(request: request, waiter: continuation)),
                        tenant: tenant)
                }
                switch admission {
                case .lead: continuation.resume(returning: .lead([Member(request: request)]))
                case .full:
                    let error = EventLogError(.queueFull, "too much waits to be written for this tenant")
                    continuation.resume(returning: .done(.failure(error)))
                case .wait:
                    // A cancellation before this line found nothing to withdraw.
                    if Task.isCancelled { withdraw(id, tenant) }
                }
            }
        } onCancel: {
            withdraw(id, tenant)
        }
    }

    private func withdraw(_ id: UInt64, _ tenant: UUID) {
        let entry = state.withLock { $0.queue.withdraw(id, tenant: tenant) }
        let error = EventLogError(.cancelled, "the task was cancelled before its request was sent")
        entry?.ticket.waiter?.resume(returning: .done(.failure(error)))
    }
}
