import Cases
import EventLog
import Events
import Foundation
import JSON
import Logging
import Reactors
import ServiceLifecycle
import Synchronization

/// Counts denied attempts and writes them down as `access.denied`, so that a flood of them cannot flood the log.
///
/// The first denial of a principal on a route is written at the next flush, those that follow within the same minute as
/// one event at its end. Attempts by nobody known go to the system tenant. Memory is bounded: beyond `keysMaximum` all
/// denials of a tenant share one line.
final class AccessDenials: Service {
    private struct Key: Hashable {
        var tenant: UUID
        var actor: Actor
        var route: String
        var reason: String
        var minute: Int64
    }

    private struct Tally {
        var pending = 0
        /// Something of this minute is in the log already: the rest waits for the minute's end.
        var isWritten = false
    }

    private static let keysMaximum = 10_000
    private static let microsecondsPerMinute: Int64 = 60_000_000

    private let log: EventLog
    private let clock: @Sendable () -> Instant
    private let interval: Duration
    private let logger: Logger
    private let tallies = Mutex<[Key: Tally]>([:])

    init(log: EventLog, clock: @escaping @Sendable () -> Instant, interval: Duration, logger: Logger) {
        self.log = log
        self.clock = clock
        self.interval = interval
        self.logger = logger
    }

    /// Somebody known asked for what their roles do not carry.
    func record(_ principal: Principal, route: String, reason: String) {
        record(principal.tenant, principal.actor(lane: principal.roles == [.ingest] ? .siem : .analyst), route, reason)
    }

    /// Nobody known asked.
    func recordAnonymous(route: String) {
        record(
            SystemTenant.id, Actor(kind: .service, subject: "anonymous", lane: .system), route, "unauthenticated")
    }

    private func record(_ tenant: UUID, _ actor: Actor, _ route: String, _ reason: String) {
        let minute = clock().microseconds / Self.microsecondsPerMinute
        tallies.withLock { tallies in
            var key = Key(tenant: tenant, actor: actor, route: route, reason: reason, minute: minute)
            if tallies[key] == nil, tallies.count >= Self.keysMaximum {
                key.actor = Actor(kind: .service, subject: "many", lane: .system)
                key.route = "many"
            }
            tallies[key, default: Tally()].pending += 1
        }
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: self.interval)
                } catch {
                    return
                }
                await self.flush()
            }
        }
        await flush(isFinal: true)
    }

    /// Writes what is due. What cannot be written now is kept for the next time.
    func flush(isFinal: Bool = false) async {
        let minute = clock().microseconds / Self.microsecondsPerMinute
        let due = tallies.withLock { tallies -> [(Key, Int)] in
            var due: [(Key, Int)] = []
            for (key, tally) in tallies {
                if tally.pending > 0, !tally.isWritten || key.minute < minute || isFinal {
                    due.append((key, tally.pending))
                    tallies[key] = Tally(pending: 0, isWritten: true)
                } else if tally.pending == 0, key.minute < minute {
                    tallies[key] = nil
                }
            }
            return due
        }
        for (key, count) in due {
            do {
                try await write(key, count)
            } catch {
                tallies.withLock { tallies in
                    tallies[key, default: Tally()].pending += count
                    tallies[key]?.isWritten = false
                }
                logger.warning("denied attempts are not written down yet", metadata: ["error": "\(error)"])
            }
        }
    }

    private func write(_ key: Key, _ count: Int) async throws {
        let decision = Decision(
            type: .accessDenied,
            data: ["route": .string(key.route), "reason": .string(key.reason), "count": .integer(Int64(count))])
        try await GovernanceWriter(log: log, tenant: key.tenant, actor: key.actor, clock: clock)
            .append([decision], kind: .access, stream: UUID.v5(namespace: key.tenant, name: "access"))
    }
}
