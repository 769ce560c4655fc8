import EventLog
import JSON
import Synchronization

import struct Foundation.UUID

/// What a stage remembers of a tenant's log, with snapshots of it (`StageMemories`): work is taken up from the newest
/// one, and a new one is saved whenever enough has been noted.
///
/// What is remembered must follow from the events alone, in their order, so that a snapshot and the events after it
/// give what a fold from position 0 gives.
final class KeptMemory<Memory: Codable & Sendable>: Sendable {
    private struct State {
        var memory: Memory
        var ticket: StageMemories.Ticket?
        /// Events noted since the last snapshot.
        var unsaved = 0
    }

    private let name: String
    private let code: String
    private let tenant: UUID
    private let log: EventLog
    private let empty: @Sendable () -> Memory
    private let eventsUnsaved: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - code: raised whenever what is remembered, or how it is written, changes.
    ///   - eventsUnsaved: after so many events that were noted a snapshot is saved.
    init(
        _ name: String, code: String, tenant: UUID, log: EventLog, eventsUnsaved: Int = 2_000,
        empty: @escaping @Sendable () -> Memory
    ) {
        self.name = name
        self.code = code
        self.tenant = tenant
        self.log = log
        self.empty = empty
        self.eventsUnsaved = eventsUnsaved
        state = Mutex(State(memory: empty()))
    }

    /// Takes up the newest snapshot of before a position, or nothing.
    ///
    /// - Returns: where noting must go on.
    func begin(before position: Int64) async throws -> Int64 {
        let ticket = try await log.memories.ticket(name, code: code, tenant: tenant)
        let snapshot = try await log.memories.load(ticket, before: position)
        var memory = empty()
        var next: Int64 = 0
        if let snapshot, let part = snapshot.parts.first {
            do {
                memory = try part.decode()
                next = snapshot.nextPosition
            } catch {
                // A snapshot that cannot be read is none: the log has everything that was in it.
                memory = empty()
            }
        }
        let found = memory
        state.withLock { $0 = State(memory: found, ticket: ticket) }
        return next
    }

    func drop() {
        let memory = empty()
        state.withLock { $0 = State(memory: memory) }
    }

    func callAsFunction<Value: Sendable>(_ body: (inout Memory) throws -> Value) rethrows -> Value {
        try state.withLock { try body(&$0.memory) }
    }

    /// Everything up to a position was noted, the event there included.
    func noted(_ position: Int64) async throws {
        let isDue = state.withLock { state in
            state.unsaved += 1
            return state.unsaved >= eventsUnsaved
        }
        if isDue { try await save(before: position + 1) }
    }

    /// Everything before a position was noted.
    func takenUp(at position: Int64) async throws {
        // A fold of more than this took a while: the next start need not do it again.
        if state.withLock({ $0.unsaved >= eventsUnsaved / 10 }) { try await save(before: position) }
    }

    func save(before position: Int64) async throws {
        let (memory, ticket) = state.withLock { ($0.memory, $0.ticket) }
        guard let ticket else { return }
        try await log.memories.save([try JSONValue(encoding: memory)], before: position, ticket)
        state.withLock { $0.unsaved = 0 }
    }
}
