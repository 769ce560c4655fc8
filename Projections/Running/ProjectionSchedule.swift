import struct Foundation.UUID

/// Which projection of which tenant is brought forward next: bookkeeping without tasks or time.
///
/// First come, first served, and whoever has more to do goes to the end of the queue after each batch: a tenant with a
/// long backlog has at most as many places in it as there are projections.
struct ProjectionSchedule {
    struct Key: Hashable, Sendable {
        var tenant: UUID
        var projection: String
        /// `nil`: the one that readers are sent to, whichever that is.
        var version: Int32?
    }

    private struct Entry {
        /// Known to be taken in.
        var next: Int64 = 0
        var isQueued = false
        var isRunning = false
        /// Attempts in a row that led nowhere.
        var failures = 0
        var notBefore: ContinuousClock.Instant?
    }

    private let projections: [String]
    private let width: Int
    private let delays: RetryDelays
    private var heads: [UUID: Int64] = [:]
    private var entries: [Key: Entry] = [:]
    /// Sets beside the live ones, which are kept up so that readers can be sent there.
    private var asides: Set<Key> = []
    /// Those that wait for their time.
    private var delayed: Set<Key> = []
    private var queue: ArraySlice<Key> = []
    private(set) var running = 0

    init(projections: [String], width: Int, delays: RetryDelays = RetryDelays()) {
        self.projections = projections
        self.width = width
        self.delays = delays
    }

    /// A projection is known to have come this far.
    mutating func seed(_ key: Key, next: Int64) {
        var entry = entries[key] ?? Entry()
        entry.next = max(entry.next, next)
        entries[key] = entry
    }

    /// The tenant has this many events.
    mutating func headMoved(_ tenant: UUID, to head: Int64, at now: ContinuousClock.Instant) {
        heads[tenant] = max(head, heads[tenant] ?? 0)
        for projection in projections { enqueue(Key(tenant: tenant, projection: projection), at: now) }
        for key in asides where key.tenant == tenant { enqueue(key, at: now) }
    }

    /// Something is to be tried again, wherever the projection stands.
    mutating func retry(_ key: Key) {
        var entry = entries[key] ?? Entry()
        if !entry.isQueued, !entry.isRunning {
            entry.isQueued = true
            queue.append(key)
        }
        entries[key] = entry
    }

    /// These sets are to be kept up beside the live ones, and no others.
    mutating func follow(_ found: Set<Key>, at now: ContinuousClock.Instant) {
        for key in asides.subtracting(found) where entries[key]?.isQueued != true && entries[key]?.isRunning != true {
            entries[key] = nil
        }
        asides = found
        for key in found { enqueue(key, at: now) }
    }

    /// The next one to bring forward, or nil when there is none or enough are under way.
    mutating func next() -> Key? {
        guard running < width, let key = queue.popFirst() else { return nil }
        entries[key]?.isQueued = false
        entries[key]?.isRunning = true
        running += 1
        return key
    }

    /// A step has ended; nil means that it failed.
    mutating func finished(_ key: Key, _ step: ProjectionStep?, at now: ContinuousClock.Instant) {
        running -= 1
        entries[key]?.isRunning = false
        switch step {
        case .idle(let next), .advanced(let next, _):
            entries[key]?.next = next
            entries[key]?.failures = 0
            entries[key]?.notBefore = nil
        case .setAside(let mark, _):
            entries[key]?.next = mark.position + 1
            entries[key]?.failures = 0
            entries[key]?.notBefore = nil
        case .leased: entries[key]?.notBefore = now + delays.leased
        case .blocked, nil:
            let failures = entries[key]?.failures ?? 0
            entries[key]?.failures = failures + 1
            entries[key]?.notBefore = now + delays.delay(after: failures + 1)
        }
        if entries[key]?.notBefore != nil { delayed.insert(key) } else { delayed.remove(key) }
        enqueue(key, at: now)
    }

    /// Queues what had to wait and whose time has come.
    mutating func tick(at now: ContinuousClock.Instant) {
        for key in delayed where entries[key]?.notBefore.map({ $0 <= now }) ?? true {
            delayed.remove(key)
            enqueue(key, at: now)
        }
    }

    private mutating func enqueue(_ key: Key, at now: ContinuousClock.Instant) {
        var entry = entries[key] ?? Entry()
        let waits = entry.notBefore.map { now < $0 } ?? false
        if !entry.isQueued, !entry.isRunning, !waits, entry.next < heads[key.tenant] ?? 0 {
            entry.isQueued = true
            queue.append(key)
        }
        entries[key] = entry
    }
}

/// How long to wait before a projection that led nowhere is tried again.
package struct RetryDelays: Sendable {
    package var first: Duration = .milliseconds(500)
    package var maximum: Duration = .seconds(60)
    /// While another worker holds the lease.
    package var leased: Duration = .milliseconds(100)

    package init() {}

    /// Doubling, from the first failure on.
    func delay(after failures: Int) -> Duration { min(maximum, first * (1 << min(max(failures, 1) - 1, 20))) }
}
