/// The pool's bookkeeping, without I/O, locks or time: what to do is returned, and done by `Database`.
///
/// `open` counts the connections that exist or are being made, lent ones included; it never passes `maximum`.
struct Pool<Resource, Waiter> {
    enum Acquisition {
        case use(Resource)
        /// Make one: the place is already counted.
        case open
        case wait
        case refuse(PostgresError.Code)
    }

    /// What a waiter is woken with.
    enum Grant {
        case use(Resource)
        case open
        case refuse(PostgresError.Code)
    }

    let maximum: Int
    let waitersMaximum: Int
    private(set) var open = 0
    private(set) var isClosed = false
    private var idle: [Resource] = []
    private var waiters: [(id: UInt64, waiter: Waiter)] = []
    private var lastID: UInt64 = 0

    init(maximum: Int, waitersMaximum: Int) {
        self.maximum = maximum
        self.waitersMaximum = waitersMaximum
    }

    var waiting: Int { waiters.count }
    var isDrained: Bool { isClosed && open == 0 }

    /// The last one back is the first one out: its caches are warm, and surplus ones stay idle.
    mutating func acquire() -> Acquisition {
        if isClosed { return .refuse(.closed) }
        if let resource = idle.popLast() { return .use(resource) }
        if open < maximum {
            open += 1
            return .open
        }
        return waiters.count < waitersMaximum ? .wait : .refuse(.poolExhausted)
    }

    mutating func nextID() -> UInt64 {
        lastID += 1
        return lastID
    }

    /// Joins the queue, after `acquire` said `wait`.
    mutating func enqueue(_ id: UInt64, _ waiter: Waiter) { waiters.append((id, waiter)) }

    /// Leaves the queue; nil when the waiter was served already.
    mutating func leave(_ id: UInt64) -> Waiter? {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return waiters.remove(at: index).waiter
    }

    /// Gives one back; the waiter to wake, with what, or nil. A broken one's place goes to whoever waits.
    mutating func release(_ resource: Resource?) -> (Waiter, Grant)? {
        guard !isClosed else {
            open -= 1
            return nil
        }
        guard let resource else {
            if !waiters.isEmpty { return (waiters.removeFirst().waiter, .open) }
            open -= 1
            return nil
        }
        if !waiters.isEmpty { return (waiters.removeFirst().waiter, .use(resource)) }
        idle.append(resource)
        return nil
    }

    /// Refuses newcomers; gives what to close and whom to turn away. Lent ones come back by `release`.
    mutating func close() -> (idle: [Resource], waiters: [Waiter]) {
        isClosed = true
        defer {
            open -= idle.count
            idle.removeAll()
            waiters.removeAll()
        }
        return (idle, waiters.map(\.waiter))
    }
}
