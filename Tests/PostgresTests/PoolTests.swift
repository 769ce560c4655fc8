import Testing

@testable import Postgres

@Suite struct PoolTests {
    @Test("connections are made up to the maximum, then callers wait, then they are refused")
    func limits() {
        var pool = Pool<Int, String>(maximum: 1, waitersMaximum: 1)
        guard case .open = pool.acquire() else { return #expect(Bool(false), "the first makes one") }
        guard case .wait = pool.acquire() else { return #expect(Bool(false), "the second waits") }
        pool.enqueue(pool.nextID(), "second")
        guard case .refuse(.poolExhausted) = pool.acquire() else { return #expect(Bool(false), "the third is refused") }
    }

    @Test("a connection given back goes to the first who waits")
    func handOver() {
        var pool = Pool<Int, String>(maximum: 1, waitersMaximum: 9)
        _ = pool.acquire()
        pool.enqueue(pool.nextID(), "a")
        pool.enqueue(pool.nextID(), "b")
        guard case ("a", .use(7))? = pool.release(7) else { return #expect(Bool(false), "a gets it") }
        guard case ("b", .open)? = pool.release(nil) else {
            return #expect(Bool(false), "b gets the broken one's place")
        }
        #expect(pool.open == 1)
        #expect(pool.release(nil) == nil)
        #expect(pool.open == 0)
    }

    @Test("who left the queue is not woken")
    func leaving() {
        var pool = Pool<Int, String>(maximum: 1, waitersMaximum: 9)
        _ = pool.acquire()
        let id = pool.nextID()
        pool.enqueue(id, "a")
        #expect(pool.leave(id) == "a")
        #expect(pool.leave(id) == nil)
        #expect(pool.release(7) == nil)
        guard case .use(7) = pool.acquire() else { return #expect(Bool(false), "it is idle") }
    }

    @Test("a closed pool is drained when the last lent connection is back")
    func closing() {
        var pool = Pool<Int, String>(maximum: 2, waitersMaximum: 9)
        _ = pool.acquire()
        _ = pool.acquire()
        _ = pool.release(1)
        let closed = pool.close()
        #expect(closed.idle == [1])
        #expect(!pool.isDrained)
        _ = pool.release(2)
        #expect(pool.isDrained)
    }
}

@Suite struct RetryPolicyTests {
    @Test("delays double, are bounded, and are spread by chance")
    func delays() {
        let policy = RetryPolicy(attemptsMaximum: 9, firstDelay: .milliseconds(10), delayMaximum: .milliseconds(50))
        #expect((1...4).map { policy.delay(after: $0, random: 1) } == [10, 20, 40, 50].map { .milliseconds($0) })
        #expect(policy.delay(after: 1, random: 0.5) == .milliseconds(5))
        #expect(policy.delay(after: 5000, random: 1) == .milliseconds(50))
    }
}

@Suite struct StatementCacheTests {
    @Test("a text is run directly, then prepared, then found; its name is never used again")
    func lifecycle() {
        var cache = StatementCache()
        let query: Query = "SELECT \(1)"
        #expect(cache.meet(query) == .direct)
        #expect(cache.meet(query) == .prepare("s1"))
        cache.keep(query, as: "s1")
        #expect(cache.meet(query) == .prepared("s1"))
        cache.invalidate()
        #expect(cache.isOverfull)
        #expect(cache.meet(query) == .direct)
    }
}
