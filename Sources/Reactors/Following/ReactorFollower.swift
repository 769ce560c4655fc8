import Cases
import EventLog
import Events
import Logging

import struct Foundation.UUID

/// Leads one reactor along one tenant's log until there is nothing to do: memory, reactions, marks, checkpoint.
///
/// The checkpoint moves after the reaction was appended: a crash repeats, never skips. An event whose reaction fails for a
/// reason of its own is marked, and with it the rest of its stream waits, in order; the checkpoint passes, and everything
/// else goes on. While the log cannot be reached nothing passes.
struct ReactorFollower: Sendable {
    struct Limits: Sendable {
        /// How many events a concurrent reactor works on at the same time.
        var width = 16
        /// How long it stays when it has come to the head of the log, for what its own tenant's stages write next.
        var linger: Duration = .milliseconds(250)
        /// How long it works before it lets others have its place.
        var turn: Duration = .seconds(5)
        /// How often it writes down how far it has come, while it has not come to rest.
        var saving: Duration = .milliseconds(100)
        /// How soon after events a timed reactor is told the time.
        var tickIntervalMs: Int64 = 10_000
        /// Streams that may be set aside; more mean that not the events are at fault, but the reactor.
        var asideMaximum = 100
        /// Attempts in a row before a stream is set aside.
        var attempts = 3
    }

    /// What is kept of a reactor that rests.
    struct Rest: Sendable {
        var reactor: any Reactor
        /// Up to where its memory reaches; `nil` when it has none yet.
        var next: Int64?
        /// Nothing was left to do when it came to rest.
        var isAtHead = true
        /// A timed reactor is to be told the time, whatever it had asked for.
        var isToBeTold = false
    }

    let tenant: UUID
    let log: EventLog
    let positions: ReactorPositions
    let clock: @Sendable () -> Instant
    let share: ReactorShare
    let logger: Logger
    var limits = Limits()

    /// Works until the reactor rests at the head of the log, its turn is over, or another process leads the tenant.
    func run(_ rest: Rest) async throws -> Rest {
        let reactor = rest.reactor
        let place = try await positions.place(of: reactor.name, tenant: tenant)
        // Where somebody else has led it meanwhile, what it remembers is not all.
        if rest.next != place.next {
            if rest.next != nil { await reactor.forget() }
            try await remember(reactor, upTo: place.next)
        }
        var stretch = ReactorStretch(
            self, reactor, place, isNew: rest.next == nil, isToBeTold: rest.next == nil || rest.isToBeTold)
        let isAtHead = try await stretch.run()
        return Rest(reactor: reactor, next: stretch.handled, isAtHead: isAtHead)
    }

    func remember(_ reactor: any Reactor, upTo end: Int64) async throws {
        let types = type(of: reactor).memory
        guard !types.isEmpty else { return }
        var next = try await reactor.memoryStart(before: end)
        while next < end {
            let (page, unreadable) = try await page(from: next, limit: 500, types: Set(types.map(\.rawValue)))
            for event in page.events where event.position < end {
                do {
                    try await reactor.remember(event)
                } catch  where !error.isOfTheLog {
                    forgetting(event, reactor, "\(error)")
                }
            }
            if let unreadable { forgetting(unreadable, reactor, "its body cannot be read") }
            next = page.next
        }
        try await reactor.takeUp(at: end)
    }

    /// What cannot be remembered is missing from the memory; whoever reacts to it marks it.
    private func forgetting(_ event: Event, _ reactor: any Reactor, _ reason: String) {
        logger.error(
            "an event is missing from a reactor's memory",
            metadata: metadata(reactor, event.position, event.type, reason))
    }

    /// The next events of some types; where the first of them has a body that cannot be read, what is known of it instead,
    /// and the page ends behind it.
    func page(
        from position: Int64, limit: Int, types: Set<String>
    ) async throws -> (page: FeedPage, unreadable: Event?) {
        var limit = limit
        while true {
            // The untyped call in this `do` matters: with typed errors only, the catch below crashes Swift 6.3.1.
            do {
                try Task.checkCancellation()
                return (try await log.followedPage(tenant: tenant, from: position, limit: limit, types: types), nil)
            } catch let error as EventLogError where error.code == .corrupt {
                guard limit == 1 else {
                    limit /= 2
                    continue
                }
                guard let found = try await log.first(ofTypes: Array(types), from: position, tenant: tenant),
                    let outline = try await log.outline(at: found, tenant: tenant)
                else { throw error }
                return (FeedPage(events: [], next: found + 1), outline)
            }
        }
    }

    /// One reaction.
    func handle(_ event: Event, _ reactor: any Reactor) async throws -> Reaction {
        // Of the events of one erasure, the one outside any case stands for all.
        guard event.kind == .subjectErased, !type(of: reactor).memory.isEmpty else {
            return try await reactor.react(to: event)
        }
        if event.caseID == nil {
            await reactor.forget()
            try await remember(reactor, upTo: event.position)
        }
        return .done
    }

    func metadata(_ reactor: any Reactor, _ position: Int64, _ type: String, _ error: String) -> Logger.Metadata {
        [
            "reactor": "\(reactor.name)", "position": "\(position)", "type": "\(type)",
            "tenant": "\(tenant.lowercased)",
            "error": "\(error)",
        ]
    }
}

extension Error {
    /// The log or its database is to blame, not the event: the same may work a moment later.
    var isOfTheLog: Bool {
        guard let error = self as? EventLogError else { return false }
        return switch error.code {
        case .queueFull, .unknownTenant, .fenced, .clockBehind, .tenantKey, .outcomeUnknown, .unavailable, .cancelled:
            true
        case .malformed, .unreadable, .tooLarge, .legalHold, .corrupt: false
        }
    }
}
