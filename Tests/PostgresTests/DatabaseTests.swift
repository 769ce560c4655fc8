import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.database) struct DatabaseTests {
    private func database(_ change: (inout DatabaseConfiguration) -> Void) throws -> Database {
        var configuration = DatabaseConfiguration(ConnectionConfiguration(try TestDatabase.current.connectionString))
        change(&configuration)
        return Database(configuration)
    }

    private func code(_ body: () async throws -> Void) async -> PostgresError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? PostgresError)?.code
        }
    }

    @Test("a statement that runs longer than its timeout is ended by the server")
    func statementTimeout() async throws {
        let database = try database { $0.connection.statementTimeoutMilliseconds = 50 }
        await #expect { try await database.execute("SELECT pg_sleep(10)") } throws: {
            let error = $0 as? PostgresError
            return error?.code == .server && error?.sqlState == "57014"
        }
        await database.close()
    }

    @Test("waiting for a lock longer than its timeout is refused with 55P03")
    func lockTimeout() async throws {
        let database = try database { $0.connection.lockTimeoutMilliseconds = 50 }
        try await database.execute("CREATE TABLE t (a int)")
        let other = try TestDatabase.current.database
        let state = try await other.transaction { tx throws(PostgresError) in
            try tx.execute("LOCK TABLE t")
            // The second connection is asked from within the first one's transaction, so the lock is surely held.
            return try tx.value("SELECT 1", as: Int.self)
        }
        #expect(state == 1)
        // Until it is told to let go: a busy machine must not be faster to forget than to ask.
        let holder = Task {
            try await other.transaction { tx throws(PostgresError) in
                try tx.execute("LOCK TABLE t")
                try tx.execute("SELECT pg_sleep(600)")
            }
        }
        try await untilTrue {
            try await database.value(
                "SELECT EXISTS (SELECT FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 't'::regclass)")
        }
        await #expect { try await database.execute("INSERT INTO t VALUES (1)") } throws: {
            ($0 as? PostgresError)?.sqlState == "55P03"
        }
        holder.cancel()
        #expect(await code { try await holder.value } == .cancelled)
        await database.close()
    }

    @Test("cancelling the task cancels the statement on the server and leaves the pool whole")
    func cancellation() async throws {
        let database = try TestDatabase.current.database
        let observer = try self.database(named: "observer")
        let task = Task { try await database.execute("SELECT pg_sleep(30) /* victim */") }
        let running: Query =
            "SELECT count(*) = \(1) FROM pg_stat_activity WHERE query LIKE '%/* victim */%' AND state = 'active' AND pid <> pg_backend_pid()"
        try await untilTrue { try await observer.value(running) }
        let start = ContinuousClock.now
        task.cancel()
        let code = await code { _ = try await task.value }
        #expect(code == .cancelled)
        #expect(ContinuousClock.now - start < .seconds(25))
        try await untilTrue { try await !observer.value(running, as: Bool.self) }
        #expect(try await database.value("SELECT 1", as: Int.self) == 1)
        await observer.close()
    }

    @Test("a task that is already cancelled runs nothing")
    func alreadyCancelled() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            try await database.execute("INSERT INTO t VALUES (1)")
        }
        task.cancel()
        #expect(await code { try await task.value } == .cancelled)
        #expect(try await database.value("SELECT count(*) FROM t", as: Int.self) == 0)
    }

    @Test("the pool makes no more connections than its maximum")
    func bounded() async throws {
        let database = try database {
            $0.connectionsMaximum = 2
            $0.acquireTimeout = .seconds(600)
        }
        let most = Gauge()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    try await database.transaction { tx throws(PostgresError) in
                        most.change(by: 1)
                        try tx.execute("SELECT pg_sleep(0.005)")
                        most.change(by: -1)
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(most.most == 2)
        #expect(database.load.open == 2)
        await database.close()
        #expect(database.load.open == 0)
    }

    @Test("who waits too long for a connection is told so, and who finds the queue full at once")
    func deadline() async throws {
        let database = try database {
            $0.connectionsMaximum = 1
            $0.waitersMaximum = 1
            $0.acquireTimeout = .milliseconds(50)
        }
        let holder = Task { try await database.execute("SELECT pg_sleep(30)") }
        let observer = try TestDatabase.current.database
        try await untilTrue {
            try await observer.value("SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(30)'")
        }
        async let first = code { try await database.execute("SELECT 1") }
        while database.load.waiting == 0 { await Task.yield() }
        #expect(await code { try await database.execute("SELECT 2") } == .poolExhausted)
        #expect(await first == .timeout)
        #expect(database.load.waiting == 0)
        holder.cancel()
        #expect(await code { _ = try await holder.value } == .cancelled)
        #expect(try await database.value("SELECT 3", as: Int32.self) == 3)
        await database.close()
    }

    @Test("a waiter whose task is cancelled leaves the queue")
    func cancelledWaiter() async throws {
        let database = try database { $0.connectionsMaximum = 1 }
        let holder = Task { try await database.execute("SELECT pg_sleep(30)") }
        while database.load.open == 0 { await Task.yield() }
        let waiter = Task { try await database.execute("SELECT 1") }
        while database.load.waiting == 0 { await Task.yield() }
        waiter.cancel()
        #expect(await code { _ = try await waiter.value } == .cancelled)
        #expect(database.load.waiting == 0)
        holder.cancel()
        _ = await holder.result
        await database.close()
    }

    @Test("a backend killed while idle is replaced without an error, even for a write")
    func killedIdle() async throws {
        let database = try database { $0.connectionsMaximum = 1 }
        let pid = try await database.value("SELECT pg_backend_pid()", as: Int32.self)
        let observer = try TestDatabase.current.database
        try await observer.execute("SELECT pg_terminate_backend(\(pid), 5000)")
        try await database.execute("CREATE TABLE t (a int)")
        #expect(try await database.value("SELECT pg_backend_pid()", as: Int32.self) != pid)
        #expect(database.load.open == 1)
        await database.close()
    }

    @Test("a closed client refuses work and lets running work end")
    func close() async throws {
        let database = try database { $0.connectionsMaximum = 1 }
        let running = Task { try await database.value("SELECT 1 FROM pg_sleep(0.2)", as: Int.self) }
        while database.load.open == 0 { await Task.yield() }
        let waiter = Task { try await database.value("SELECT 2", as: Int.self) }
        while database.load.waiting == 0 { await Task.yield() }
        await database.close()
        #expect(try await running.value == 1)
        #expect(await code { _ = try await waiter.value } == .closed)
        #expect(await code { try await database.execute("SELECT 1") } == .closed)
    }

    @Test("an unreachable server is a connection error that holds no password")
    func unreachable() async throws {
        let database = Database("host=/nonexistent dbname=x password=hunter2")
        do {
            try await database.execute("SELECT 1")
            Issue.record("connected to nowhere")
        } catch {
            #expect(error.code == .connectionFailed)
            #expect(!error.description.contains("hunter2"))
        }
        #expect(database.load.open == 0)
        #expect(await code { try await Database("host = = hunter2").execute("SELECT 1") } == .connectionFailed)
    }

    @Test("a database that is not UTF8 is refused by name")
    func encoding() async throws {
        let current = try TestDatabase.current
        try await current.database.execute("CREATE DATABASE latin ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
        let latin = Database(current.connectionString + " dbname=latin")
        do {
            try await latin.execute("SELECT 1")
            Issue.record("SQL_ASCII was accepted")
        } catch {
            #expect(error.code == .wrongEncoding)
            #expect(error.description.contains("SQL_ASCII"))
        }
        await latin.close()
        try await current.database.execute("DROP DATABASE latin")
    }

    @Test("notices do not reach standard error")
    func notices() async throws {
        // The receiver is libpq's; that a notice is raised and the statement succeeds is what can be seen from here.
        let database = try TestDatabase.current.database
        try await database.execute("DO $$ BEGIN RAISE NOTICE 'nobody reads this'; END $$")
    }

    private func database(named name: String) throws -> Database {
        try database { $0.connection.applicationName = name }
    }

    private func untilTrue(_ condition: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(300)
        while try await !condition() {
            try #require(ContinuousClock.now < deadline, "waited 20 s")
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

/// How many bodies run at once, and how many did at most.
private final class Gauge: Sendable {
    private let state = Mutex((now: 0, most: 0))

    var most: Int { state.withLock { $0.most } }

    func change(by step: Int) {
        state.withLock { $0 = ($0.now + step, max($0.most, $0.now + step)) }
    }
}
