import Foundation
import Synchronization

/// Group commit: many tasks append, one of them at a time writes for all that wait with it.
///
/// Whoever finds the tenant idle leads: it writes its batch, hands out the verdicts, and passes the lead to the first of
/// those who came meanwhile. So there is no task of the log's own, and never more than one transaction a tenant.
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
        let waiter: CheckedContinuation<Wake, Never>?
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

    /// Writes a batch, wakes its members, and passes the lead on; gives the verdict on the first, which is the leader's.
    private func lead(_ batch: [Member], _ tenant: UUID) async -> Verdict {
        // A task of its own, awaited here: the leader's cancellation must not cancel what others wait for.
        let verdicts = await Task { await self.writer.write(batch.map(\.request), tenant: tenant) }.value
        for (member, verdict) in zip(batch, verdicts) { member.waiter?.resume(returning: .done(verdict)) }

        let next = state.withLock { $0.queue.nextBatch(of: tenant).map(\.ticket) }
        if let first = next.first {
            let members = [Member(request: first.request, waiter: nil)] + next.dropFirst()
            first.waiter?.resume(returning: .lead(members))
        }
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
                case .lead: continuation.resume(returning: .lead([Member(request: request, waiter: nil)]))
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
