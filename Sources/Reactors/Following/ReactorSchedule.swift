import struct Foundation.UUID

/// Which reactor of which tenant is led next: bookkeeping without tasks or time.
///
/// Only tenants in which something happens have an entry. A reactor that rests keeps its memory for a while, so that a
/// busy tenant's need not be read again; then its entry goes, and the tenant costs nothing.
struct ReactorSchedule {
    struct Key: Hashable, Sendable {
        var tenant: UUID
        var reactor: String
    }

    private struct Entry {
        var rest: ReactorFollower.Rest
        /// The newest head of the tenant that was told.
        var head: Int64 = 0
        var isQueued = false
        var isRunning = false
        var isToBeTold = false
        var notBefore: ContinuousClock.Instant?
        var restsSince: ContinuousClock.Instant
    }

    private let width: Int
    private var entries: [Key: Entry] = [:]
    private var queue: ArraySlice<Key> = []
    /// Entries that failed and wait until they are tried again.
    private var delayed: Set<Key> = []
    private(set) var running = 0

    /// - Parameter width: reactors that are led at the same time.
    init(width: Int) { self.width = width }

    var count: Int { entries.count }

    func knows(_ key: Key) -> Bool { entries[key] != nil }

    /// A tenant's reactor that has no entry gets one, without a memory.
    mutating func add(_ key: Key, _ reactor: any Reactor, at now: ContinuousClock.Instant) {
        guard entries[key] == nil else { return }
        entries[key] = Entry(rest: .init(reactor: reactor, next: nil), restsSince: now)
    }

    /// There is something to do for a reactor, or there may be.
    ///
    /// - Parameters:
    ///   - head: of the tenant's log, when that is what has moved.
    ///   - isToBeTold: a timed reactor is to be told the time, after what it does now.
    mutating func want(
        _ key: Key, head: Int64? = nil, isToBeTold: Bool = false, at now: ContinuousClock.Instant
    ) {
        if isToBeTold { entries[key]?.isToBeTold = true }
        if let head, let known = entries[key]?.head { entries[key]?.head = max(head, known) }
        enqueue(key, at: now)
    }

    /// The next one to lead, or nil when there is none or enough are led.
    mutating func next() -> (key: Key, rest: ReactorFollower.Rest)? {
        guard running < width, let key = queue.popFirst(), var rest = entries[key]?.rest else { return nil }
        rest.isToBeTold = entries[key]?.isToBeTold ?? false
        entries[key]?.isToBeTold = false
        entries[key]?.isQueued = false
        entries[key]?.isRunning = true
        running += 1
        return (key, rest)
    }

    /// A reactor has come to rest.
    mutating func rested(_ key: Key, _ rest: ReactorFollower.Rest, isMine: Bool, at now: ContinuousClock.Instant) {
        running -= 1
        guard isMine else {
            entries[key] = nil
            return
        }
        entries[key]?.isRunning = false
        entries[key]?.rest = rest
        entries[key]?.restsSince = now
        let isBehind = rest.next ?? 0 < entries[key]?.head ?? 0
        if !rest.isAtHead || isBehind || entries[key]?.isToBeTold == true { enqueue(key, at: now) }
    }

    /// Leading a reactor has failed: its memory may be half filled, so a new one begins from nothing, a little later.
    mutating func failed(
        _ key: Key, replacement: (any Reactor)?, retryAt: ContinuousClock.Instant, at now: ContinuousClock.Instant
    ) {
        running -= 1
        guard let replacement else {
            entries[key] = nil
            return
        }
        entries[key]?.isRunning = false
        entries[key]?.rest = .init(reactor: replacement, next: nil)
        entries[key]?.notBefore = retryAt
        entries[key]?.restsSince = now
        delayed.insert(key)
    }

    /// Queues what had to wait and whose time has come, and forgets what has rested for long.
    mutating func tick(at now: ContinuousClock.Instant, forgetting rest: Duration) {
        for key in delayed where (entries[key]?.notBefore ?? now) <= now {
            delayed.remove(key)
            entries[key]?.notBefore = nil
            enqueue(key, at: now)
        }
        for (key, entry) in entries
        where !entry.isRunning && !entry.isQueued && entry.notBefore == nil && now - entry.restsSince > rest {
            entries[key] = nil
        }
    }

    private mutating func enqueue(_ key: Key, at now: ContinuousClock.Instant) {
        guard let entry = entries[key], !entry.isQueued, !entry.isRunning, entry.notBefore.map({ $0 <= now }) ?? true
        else { return }
        entries[key]?.isQueued = true
        queue.append(key)
    }
}
