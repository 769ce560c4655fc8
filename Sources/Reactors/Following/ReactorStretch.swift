import Cases
import EventLog
import Events

import struct Foundation.UUID

/// One stretch of a follower's work, from a stored place to rest.
struct ReactorStretch {
    /// Another process has lifted a mark behind which this one passed events over: begin again from what is stored.
    struct Superseded: Error {}

    enum Signal: Sendable {
        case finished(Event, key: UUID, Reaction)
        case failed(Event, key: UUID, reason: String)
        case resumed(ReactorMark, key: UUID, Resumption)
        /// The log has this head, or the time to wait was over.
        case woken(head: Int64)
    }

    typealias Group = ThrowingTaskGroup<Signal, any Error>

    let follower: ReactorFollower
    let reactor: any Reactor
    /// What it reacts to, and the erasures that its memory must not outlive.
    let followed: Set<EventType>
    let isConcurrent: Bool
    let isTimed: Bool
    var window: CompletionWindow
    var events: [Int64: Event] = [:]
    var book: MarkBook
    /// The head of the log as far as it is known; unknown at first.
    var head = Int64.max
    var tickAt: Instant?
    private var stored: (next: Int64, tickAt: Instant?)
    private var storedAt = ContinuousClock.now
    private var isWaiting = false

    init(
        _ follower: ReactorFollower, _ reactor: any Reactor, _ place: ReactorPositions.Place, isNew: Bool,
        isToBeTold: Bool
    ) {
        self.follower = follower
        self.reactor = reactor
        let kind = type(of: reactor)
        followed = kind.memory.isEmpty ? kind.interests : kind.interests.union([.subjectErased])
        isConcurrent = kind.isConcurrent
        isTimed = kind.isTimed
        // One after the other needs no bound on what runs, only on what is read ahead.
        window = CompletionWindow(next: place.next, limit: isConcurrent ? follower.limits.width : 64)
        book = MarkBook(place.marks, next: place.next)
        stored = (place.next, place.tickAt)
        tickAt = place.tickAt
        if isNew { book.retryFailures(at: follower.clock()) }
        if isTimed, isToBeTold { tickAt = follower.clock() }
    }

    /// Everything before this was handled or marked.
    var handled: Int64 { window.checkpoint }

    private var isResting: Bool { window.isIdle && book.busy.isEmpty && window.next >= head }

    /// - Returns: whether nothing was left to do.
    mutating func run() async throws -> Bool {
        let end = ContinuousClock.now + follower.limits.turn
        return try await withThrowingTaskGroup(of: Signal.self) { group in
            defer { group.cancelAll() }
            while follower.share.isMine(follower.tenant) {
                try await fill(&group)
                retry(&group)
                if isSaveDue { try await save() }
                if isResting, try await tick() { continue }
                if window.isIdle, book.busy.isEmpty, ContinuousClock.now >= end {
                    try await save()
                    return window.next >= head
                }
                await wait(&group)
                guard let signal = try await group.next() else { continue }
                if case .woken(let seen) = signal {
                    isWaiting = false
                    let hasMoved = seen > window.next
                    head = max(head == .max ? 0 : head, seen)
                    if !hasMoved, isResting, !isSoon {
                        try await save()
                        return true
                    }
                } else {
                    try await take(signal, &group)
                }
            }
            return false
        }
    }

    /// Something is due within the time in which nobody would wake it up again.
    private var isSoon: Bool {
        let horizon = follower.clock().adding(milliseconds: 2_000)
        return [book.nextDue, isTimed ? tickAt : nil].contains { $0.map { $0 <= horizon } ?? false }
    }

    /// Reads on as far as there is room.
    private mutating func fill(_ group: inout Group) async throws {
        while window.hasRoom, window.next < head {
            let (page, unreadable) = try await follower.page(
                from: window.next, limit: window.limit, types: Set(followed.map(\.rawValue)))
            if let unreadable { try await passOver(unreadable) }
            for event in page.events {
                let key = key(event.streamID)
                events[event.position] = event
                if window.add(event.position, key: key) { start(event.position, key, &group) }
            }
            // A page that goes no further was read at the head.
            if page.next == window.next, page.events.isEmpty, unreadable == nil { head = page.next }
            window.skip(to: page.next)
        }
    }

    func key(_ stream: UUID) -> UUID { isConcurrent ? stream : follower.tenant }

    /// Begins work whose turn it is: an event, or a mark that has become due.
    mutating func start(_ position: Int64, _ key: UUID, _ group: inout Group) {
        var next: Int64? = position
        while let position = next {
            next = nil
            let (follower, reactor) = (follower, reactor)
            if let event = events[position] {
                guard !book.isAside(event.streamID) else {
                    book.passOver(event)
                    events[position] = nil
                    next = window.finish(position, key: key)
                    continue
                }
                group.addTask { try await follower.react(event, reactor, key: key, mayFail: true) }
            } else if let mark = book.mark(at: position) {
                let upTo = book.aside[mark.streamID] ?? position
                let followed = followed
                group.addTask {
                    .resumed(mark, key: key, try await follower.resume(mark, reactor, followed, upTo: upTo))
                }
            } else {
                next = window.finish(position, key: key)
            }
        }
    }

    mutating func finish(_ position: Int64, _ key: UUID, _ group: inout Group) {
        events[position] = nil
        if let following = window.finish(position, key: key) { start(following, key, &group) }
    }

    private mutating func retry(_ group: inout Group) {
        for mark in book.due(at: follower.clock()).prefix(max(0, follower.limits.width - book.busy.count)) {
            book.begin(mark.position)
            let key = key(mark.streamID)
            if window.addAgain(mark.position, key: key) { start(mark.position, key, &group) }
        }
    }

    /// One task at a time waits for the log to grow, for as long as there is nothing else to do.
    private mutating func wait(_ group: inout Group) async {
        guard !isWaiting else { return }
        isWaiting = true
        let (follower, seen, hasRoom) = (follower, window.next, window.hasRoom)
        var time = isResting ? follower.limits.linger : .seconds(1)
        if let due = [book.nextDue, isResting && isTimed ? tickAt : nil].compactMap(\.self).min() {
            time = min(time, .milliseconds(max(1, due.milliseconds(since: follower.clock()))))
        }
        if window.checkpoint != stored.next { time = min(time, max(untilSave, .milliseconds(1))) }
        let timeout = time
        group.addTask {
            // Without room what the log has is of no use yet.
            guard hasRoom else {
                try await Task.sleep(for: timeout)
                return .woken(head: seen)
            }
            return .woken(
                head: try await follower.log.waitForHead(tenant: follower.tenant, beyond: seen, timeout: timeout))
        }
    }

    /// Only at the head of the log, so that what time brings about is not decided before what was recorded in it.
    ///
    /// - Returns: whether the log has grown meanwhile.
    private mutating func tick() async throws -> Bool {
        guard isTimed, let due = tickAt, due <= follower.clock() else { return false }
        let now = follower.clock()
        head = try await follower.log.head(tenant: follower.tenant)
        guard head <= window.next else { return true }
        tickAt = try await reactor.tick(at: now, position: window.next).map { max($0, now.adding(milliseconds: 1)) }
        try await save()
        return false
    }

    /// The place is written down now and then, and when it comes to rest: a commit for each event would cost as much as the
    /// work itself, and after a crash repeating some of them is as harmless as repeating one.
    private var isSaveDue: Bool { untilSave <= .zero }

    private var untilSave: Duration { storedAt + follower.limits.saving - ContinuousClock.now }

    /// Writes down how far the reactor has come.
    mutating func save() async throws {
        storedAt = .now
        let next = window.checkpoint
        guard next != stored.next || tickAt != stored.tickAt else { return }
        let isSaved = try await follower.positions.advance(
            reactor.name, tenant: follower.tenant, to: next, tickAt: tickAt, settingAside: Array(book.aside.keys))
        guard isSaved else { throw Superseded() }
        stored = (next, tickAt)
    }
}
