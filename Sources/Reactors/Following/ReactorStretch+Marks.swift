import Cases
import EventLog
import Events
import Logging

import struct Foundation.UUID

/// What came of looking at a mark again.
struct Resumption: Sendable {
    /// Events on the way that asked to be looked at again.
    var again: [(event: Event, at: Instant)] = []
    /// Where the stream stands now, and why; `nil` when nothing of it is left.
    var stuck: (event: Event, reason: String)?
    /// The log could not be reached: nothing was learned.
    var isUnsettled = false
}

extension ReactorStretch {
    /// Writes down what a reaction came to, and lets what waits behind it begin.
    mutating func take(_ signal: Signal, _ group: inout Group) async throws {
        switch signal {
        case .woken: break
        case .finished(let event, let key, let reaction):
            if isTimed {
                let soon = follower.clock().adding(milliseconds: follower.limits.tickIntervalMs)
                tickAt = min(tickAt ?? soon, soon)
            }
            if case .again(let instant) = reaction { try await ask(event, again: instant) }
            finish(event.position, key, &group)
        case .failed(let event, let key, let reason):
            guard book.failures < follower.limits.asideMaximum else {
                follower.logger.critical(
                    "a reactor fails at too many events and stands still",
                    metadata: follower.metadata(reactor, event.position, event.type, reason))
                let (follower, reactor) = (follower, reactor)
                group.addTask { try await follower.react(event, reactor, key: key, mayFail: false) }
                return
            }
            try await setAside(event, reason)
            finish(event.position, key, &group)
        case .resumed(let mark, let key, let outcome):
            try await settle(mark, outcome)
            finish(mark.position, key, &group)
        }
    }

    /// The reactor wants to see the event again; one such wish a stream is enough, the latest.
    private mutating func ask(_ event: Event, again instant: Instant) async throws {
        let mark = ReactorMark(
            event, setsAside: false, reason: nil, attempts: 0, since: follower.clock(), dueAt: instant)
        try await write(mark, inPlaceOf: book.waiting(in: event.streamID))
    }

    /// An event whose body cannot be read: its stream is set aside, unless it is already.
    mutating func passOver(_ event: Event) async throws {
        if book.isAside(event.streamID) { return book.passOver(event) }
        guard type(of: reactor).isolatesStreams, book.failures < follower.limits.asideMaximum else {
            throw EventLogError(.corrupt, "the body at position \(event.position) cannot be read")
        }
        try await setAside(event, "its body cannot be read")
    }

    private mutating func setAside(_ event: Event, _ reason: String) async throws {
        follower.logger.critical(
            "a reaction fails; the rest of its stream is set aside",
            metadata: follower.metadata(reactor, event.position, event.type, reason))
        let now = follower.clock()
        let mark = ReactorMark(
            event, setsAside: true, reason: reason, attempts: 1, since: now, dueAt: now.adding(milliseconds: 1_000))
        try await write(mark, inPlaceOf: nil)
    }

    private mutating func settle(_ mark: ReactorMark, _ outcome: Resumption) async throws {
        let now = follower.clock()
        var mark = mark
        for wish in outcome.again where wish.event.position != mark.position || mark.setsAside {
            try await ask(wish.event, again: wish.at)
        }
        if outcome.isUnsettled {
            mark.dueAt = now.adding(milliseconds: 1_000)
            book.put(mark)
            book.end(mark.position)
            return
        }
        if let stuck = outcome.stuck {
            let isSame = stuck.event.position == mark.position
            let attempts = isSame ? mark.attempts + 1 : 1
            let next = ReactorMark(
                stuck.event, setsAside: mark.setsAside, reason: stuck.reason, attempts: attempts,
                since: isSame ? mark.since : now, dueAt: now.adding(milliseconds: Self.pauseMs(after: attempts)))
            follower.logger.error(
                "a reaction fails again", metadata: follower.metadata(reactor, next.position, next.type, stuck.reason))
            return try await write(next, inPlaceOf: mark)
        }
        if !mark.setsAside, let wish = outcome.again.last {
            mark.dueAt = wish.at
            mark.reason = nil
            mark.attempts = 0
            return try await write(mark, inPlaceOf: mark)
        }
        guard
            try await follower.positions.lift(
                mark, reactor: reactor.name, tenant: follower.tenant, upTo: window.next)
        else { throw Superseded() }
        if mark.setsAside {
            follower.logger.notice(
                "a stream that was set aside goes on",
                metadata: follower.metadata(reactor, mark.position, mark.type, mark.reason ?? ""))
        }
        book.remove(mark.position)
    }

    private mutating func write(_ mark: ReactorMark, inPlaceOf old: ReactorMark?) async throws {
        if let old {
            try await follower.positions.move(old, to: mark, reactor: reactor.name, tenant: follower.tenant)
        } else {
            try await follower.positions.mark(mark, reactor: reactor.name, tenant: follower.tenant)
        }
        book.put(mark)
        if let old, old.position != mark.position { book.remove(old.position) }
        book.end(mark.position)
    }

    /// 2, 4, 8, … seconds, and then every five minutes.
    static func pauseMs(after attempts: Int) -> Int64 { min(300_000, 1_000 << min(max(attempts, 0), 10)) }
}

extension ReactorFollower {
    /// Reacts to an event. While the log cannot be reached it is tried again, for as long as that takes.
    ///
    /// - Parameter mayFail: after a few attempts the event is given back as failed; otherwise it is tried for ever.
    func react(
        _ event: Event, _ reactor: any Reactor, key: UUID, mayFail: Bool
    ) async throws -> ReactorStretch.Signal {
        var pause = Duration.milliseconds(50)
        var failures = 0
        while true {
            do {
                return .finished(event, key: key, try await handle(event, reactor))
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                try Task.checkCancellation()
                logger.error(
                    "a reaction failed and is tried again",
                    metadata: metadata(reactor, event.position, event.type, "\(error)"))
                if !error.isOfTheLog { failures += 1 }
                if mayFail, type(of: reactor).isolatesStreams, failures >= limits.attempts {
                    return .failed(event, key: key, reason: "\(error)")
                }
                try await Task.sleep(for: pause)
                pause = min(pause * 2, .seconds(10))
            }
        }
    }

    /// Looks at a mark again: at its event alone, or where it sets a stream aside at that stream's events up to a
    /// position, in order.
    func resume(
        _ mark: ReactorMark, _ reactor: any Reactor, _ followed: Set<EventType>, upTo last: Int64
    ) async throws -> Resumption {
        var outcome = Resumption()
        do {
            guard
                let first = try await log.feed(tenant: tenant, from: mark.position, limit: 1).first,
                first.position == mark.position
            else { return Resumption(isUnsettled: true) }
            var page = [first]
            while !page.isEmpty {
                for event in page {
                    guard event.position <= last else { return outcome }
                    guard event.kind.map(followed.contains) ?? false else { continue }
                    do {
                        if case .again(let at) = try await handle(event, reactor) { outcome.again.append((event, at)) }
                    } catch is CancellationError {
                        throw CancellationError()
                    } catch  where !error.isOfTheLog {
                        outcome.stuck = (event, "\(error)")
                        return outcome
                    }
                }
                guard mark.setsAside, let version = page.last?.version else { return outcome }
                page = try await log.read(stream: mark.streamID, tenant: tenant, after: version, upTo: nil, limit: 500)
            }
            return outcome
        } catch is CancellationError {
            throw CancellationError()
        } catch let error as EventLogError where error.code == .corrupt {
            guard let outline = try await log.outline(at: mark.position, tenant: tenant) else {
                return Resumption(isUnsettled: true)
            }
            outcome.stuck = (outline, "\(error)")
            return outcome
        } catch {
            try Task.checkCancellation()
            outcome.isUnsettled = true
            return outcome
        }
    }
}
