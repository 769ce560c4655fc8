package import Events
package import Foundation
import Postgres
import Synchronization

/// The newest events of tenants whose logs grow, read and opened once for all who follow them.
///
/// A dozen stages follow each tenant, each with types of its own: one after the other they would read, unseal and parse
/// what the others have just read. What is kept is small and bounded, and never older than the question: a page is taken
/// from here only when everything up to the head is here, so that an erasure, which is an event too, has emptied it.
final class LogTail: Sendable {
    /// Events of one tenant that are kept, and bytes of them; tenants, of which the one that was asked for longest ago goes.
    private static let eventsMaximum = 1_024
    private static let bytesMaximum = 4 << 20
    private static let tenantsMaximum = 16
    /// A follower that is further behind reads for itself.
    private static let readMaximum: Int64 = 512

    private struct Entry: Sendable {
        let event: Event
        let bytes: Int
    }

    private struct Tail: Sendable {
        /// Of the first entry; there is no gap.
        var start: Int64
        var entries: [Entry] = []
        var bytes = 0
        var usedAt: UInt64 = 0
        var reading: Task<Void, Never>?

        var end: Int64 { start + Int64(entries.count) }
    }

    private struct State {
        var tails: [UUID: Tail] = [:]
        var uses: UInt64 = 0
    }

    private enum Step {
        case page(FeedPage)
        case wait(Task<Void, Never>)
        case elsewhere
    }

    private let state = Mutex(State())

    /// The next events of some types from a position on; `nil` where the log itself is to be asked.
    ///
    /// - Parameter head: of the log, asked a moment ago; beyond the position.
    func page(
        _ log: EventLog, _ tenant: UUID, from position: Int64, head: Int64, limit: Int, types: Set<String>
    ) async -> FeedPage? {
        // One reading may have begun before the head was asked for; the second has not.
        for _ in 0..<3 {
            switch step(log, tenant, position, head, limit, types) {
            case .page(let page): return page
            case .wait(let reading): await reading.value
            case .elsewhere: return nil
            }
        }
        return nil
    }

    private func step(
        _ log: EventLog, _ tenant: UUID, _ position: Int64, _ head: Int64, _ limit: Int, _ types: Set<String>
    ) -> Step {
        state.withLock { state in
            if let reading = state.tails[tenant]?.reading { return .wait(reading) }
            if (state.tails[tenant]?.end ?? -1) < position {
                guard head - position <= Self.readMaximum else { return .elsewhere }
                if state.tails.count >= Self.tenantsMaximum, state.tails[tenant] == nil {
                    let oldest = state.tails.filter { $0.value.reading == nil }.min {
                        $0.value.usedAt < $1.value.usedAt
                    }
                    guard let oldest else { return .elsewhere }
                    state.tails[oldest.key] = nil
                }
                state.tails[tenant] = Tail(start: position)
            }
            guard let tail = state.tails[tenant], tail.start <= position, head - tail.end <= Self.readMaximum else {
                return .elsewhere
            }
            state.uses += 1
            state.tails[tenant]?.usedAt = state.uses
            guard tail.end >= head else {
                let range = tail.end..<head
                let reading = Task { await self.read(log, tenant, range) }
                state.tails[tenant]?.reading = reading
                return .wait(reading)
            }
            var events: [Event] = []
            for entry in tail.entries.dropFirst(Int(position - tail.start)) where types.contains(entry.event.type) {
                events.append(entry.event)
                if events.count == limit { return .page(FeedPage(events: events, next: entry.event.position + 1)) }
            }
            return .page(FeedPage(events: events, next: tail.end))
        }
    }

    /// Adds a range behind what is there. Where it cannot be read whole nothing is kept: whoever asks reads for himself,
    /// and meets only what is wrong with events of his own types.
    private func read(_ log: EventLog, _ tenant: UUID, _ range: Range<Int64>) async {
        let entries: [Entry]?
        do {
            entries = try await Self.entries(log, tenant, range)
        } catch {
            entries = nil
        }
        state.withLock { state in
            guard var tail = state.tails.removeValue(forKey: tenant), let entries, entries.count == range.count else {
                return
            }
            // What was read before it may hold what it erased; what was read with it does not.
            if entries.contains(where: { $0.event.type == Self.erasure }) { tail = Tail(start: range.lowerBound) }
            tail.reading = nil
            tail.entries += entries
            tail.bytes += entries.reduce(0) { $0 + $1.bytes }
            var surplus = 0
            while tail.entries.count - surplus > Self.eventsMaximum || tail.bytes > Self.bytesMaximum {
                tail.bytes -= tail.entries[surplus].bytes
                surplus += 1
            }
            tail.entries.removeFirst(surplus)
            tail.start += Int64(surplus)
            state.tails[tenant] = tail
        }
    }

    private static let erasure = "subject.erased"

    private static func entries(
        _ log: EventLog, _ tenant: UUID, _ range: Range<Int64>
    ) async throws(EventLogError) -> [Entry] {
        let stored = try await log.reading { () throws(PostgresError) in
            try await log.database.query(
                """
                SELECT \(unescaped: StoredEvent.columns) FROM docket.event AS e
                 WHERE e.tenant_id = \(tenant) AND e.position >= \(range.lowerBound) AND e.position < \(range.upperBound)
                 ORDER BY e.position
                """
            ) { row throws(PostgresError) in try StoredEvent(row) }
        }
        let members = try await log.sealedMembers(of: stored.filter(\.isSealed).map(\.position), tenant)
        let events = try log.opened(stored, members, tenant)
        return zip(events, stored).map { event, row in
            let sealed = members[row.position]?.values.reduce(0) { $0 + ($1.ciphertext?.count ?? 0) } ?? 0
            return Entry(event: event, bytes: row.body.count + sealed)
        }
    }
}

extension EventLog {
    /// The next events of some types, for whoever follows a tenant's log closely: what others of this process have read is
    /// not read again.
    package func followedPage(
        tenant: UUID, from position: Int64, limit: Int, types: Set<String>
    ) async throws(EventLogError) -> FeedPage {
        let head = try await head(tenant: tenant)
        guard position < head else { return FeedPage(events: [], next: position) }
        if let page = await tail.page(self, tenant, from: position, head: head, limit: limit, types: types) {
            return page
        }
        return try await page(tenant: tenant, from: position, limit: limit, types: Array(types))
    }
}
