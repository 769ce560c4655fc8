import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite(.database) struct TransactionTests {
    @Test("what a body did is committed when it returns, and gone when it throws")
    func commitAndRollback() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        try await database.transaction { tx throws(PostgresError) in try tx.execute("INSERT INTO t VALUES (1)") }
        struct Reason: Error {}
        do {
            try await database.transaction { tx throws(PostgresError) in
                try tx.execute("INSERT INTO t VALUES (2)")
                throw PostgresError.abandon(Reason())
            }
            Issue.record("the body threw")
        } catch {
            #expect(error.code == .abandoned)
            #expect(error.cause is Reason)
        }
        #expect(try await database.value("SELECT array_agg(a) FROM t", as: [Int32].self) == [1])
    }

    @Test("a body that swallows a statement's error is told that COMMIT became ROLLBACK")
    func swallowed() async throws {
        let database = try TestDatabase.current.database
        await #expect {
            try await database.transaction { tx throws(PostgresError) in
                do { try tx.execute("SELECT 1/0") } catch {}
            }
        } throws: { ($0 as? PostgresError)?.code == .rolledBack }
    }

    @Test("a savepoint loses only its own part")
    func savepoint() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        try await database.transaction { tx throws(PostgresError) in
            try tx.execute("INSERT INTO t VALUES (1)")
            do {
                try tx.savepoint { part throws(PostgresError) in
                    try part.execute("INSERT INTO t VALUES (2)")
                    try part.execute("SELECT 1/0")
                }
            } catch {
                try tx.execute("INSERT INTO t VALUES (3)")
            }
        }
        #expect(try await database.value("SELECT array_agg(a ORDER BY a) FROM t", as: [Int32].self) == [1, 3])
    }

    @Test("SQLSTATE and the constraint surface; the value does not")
    func violation() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE person (name text CONSTRAINT person_name_key UNIQUE)")
        try await database.execute("INSERT INTO person VALUES (\("Ada Secret"))")
        do {
            try await database.execute("INSERT INTO person VALUES (\("Ada Secret"))")
            Issue.record("the second insert was accepted")
        } catch {
            #expect(error.sqlState == "23505")
            #expect(error.constraintName == "person_name_key")
            #expect(error.tableName == "person")
            #expect(error.serverDetail?.contains("Ada Secret") == true)
            #expect(!error.description.contains("Secret"))
            #expect(!String(reflecting: error).contains("Secret"))
            var dumped = ""
            dump(error, to: &dumped)
            #expect(!dumped.contains("Secret"))
        }
        do {
            _ = try await database.value("SELECT \("Secret")::text::int", as: Int32.self)
            Issue.record("text became a number")
        } catch {
            #expect(error.sqlState == "22P02")
            #expect(!error.description.contains("Secret"))
        }
    }

    @Test("a real serialization failure is run again and succeeds")
    func serialization() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE counter (n int)")
        try await database.execute("INSERT INTO counter VALUES (0)")
        let runs = Counter()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<5 {
                        do {
                            try await database.transaction(
                                isolation: .serializable, retry: RetryPolicy(attemptsMaximum: 100)
                            ) { tx throws(PostgresError) in
                                _ = runs.next()
                                let n = try tx.value("SELECT n FROM counter", as: Int32.self)
                                try tx.execute("SELECT pg_sleep(0.002)")
                                try tx.execute("UPDATE counter SET n = \(n + 1)")
                            }
                        } catch {
                            Issue.record(error)
                        }
                    }
                }
            }
        }
        #expect(try await database.value("SELECT n FROM counter", as: Int32.self) == 20)
        #expect(runs.value > 20, "nothing was run again")
    }

    @Test("without retries a serialization failure surfaces as 40001")
    func noRetry() async throws {
        let database = try TestDatabase.current.database
        await #expect {
            try await database.transaction(retry: .none) { tx throws(PostgresError) in
                try tx.execute("DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$")
            }
        } throws: { ($0 as? PostgresError)?.sqlState == "40001" }
    }

    @Test("the victim of a real deadlock is run again")
    func deadlock() async throws {
        var configuration = ConnectionConfiguration(
            try TestDatabase.current.connectionString + " options='-c deadlock_timeout=50ms'")
        configuration.lockTimeoutMilliseconds = 0
        let database = Database(DatabaseConfiguration(configuration))
        try await database.execute("CREATE TABLE t (id int PRIMARY KEY, n int)")
        try await database.execute("INSERT INTO t VALUES (1, 0), (2, 0)")
        // A sequence counts also what is not committed: the two see each other's first row in it.
        try await database.execute("CREATE SEQUENCE held MINVALUE 0 START 0")
        try await database.execute("SELECT nextval('held')")
        let runs = Counter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for order in [[1, 2], [2, 1]] {
                group.addTask {
                    try await database.transaction { tx throws(PostgresError) in
                        let run = runs.next()
                        try tx.execute("UPDATE t SET n = n + 1 WHERE id = \(order[0])")
                        // The first two runs wait until both hold their first row.
                        if run <= 2 {
                            try tx.execute("SELECT nextval('held')")
                            while try tx.value("SELECT last_value FROM held", as: Int64.self) < 2 {
                                try tx.execute("SELECT pg_sleep(0.01)")
                            }
                        }
                        try tx.execute("UPDATE t SET n = n + 1 WHERE id = \(order[1])")
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await database.value("SELECT array_agg(n ORDER BY id) FROM t", as: [Int32].self) == [2, 2])
        #expect(runs.value == 3)
        await database.close()
    }

    @Test("a connection that breaks inside COMMIT leaves the outcome unknown")
    func commitUnknown() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        // A deferred trigger runs at COMMIT; it ends its own backend there.
        try await database.transaction { tx throws(PostgresError) in
            try tx.run(
                script: """
                    CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(10); RETURN NULL; END $$;
                    CREATE CONSTRAINT TRIGGER fall AFTER INSERT ON t DEFERRABLE INITIALLY DEFERRED
                        FOR EACH ROW EXECUTE FUNCTION fall();
                    """)
        }
        await #expect {
            try await database.transaction { tx throws(PostgresError) in try tx.execute("INSERT INTO t VALUES (1)") }
        } throws: { ($0 as? PostgresError)?.code == .commitUnknown }
        await #expect { try await database.execute("INSERT INTO t VALUES (1)") } throws: {
            ($0 as? PostgresError)?.code == .commitUnknown
        }
        #expect(try await database.value("SELECT count(*) FROM t", as: Int.self) == 0)
    }

    @Test("an error that COMMIT itself reports is definite")
    func deferredViolation() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await #expect {
            try await database.transaction { tx throws(PostgresError) in try tx.execute("INSERT INTO t VALUES (1), (1)")
            }
        } throws: {
            let error = $0 as? PostgresError
            return error?.code == .server && error?.sqlState == "23505"
        }
    }

    @Test("a backend that is killed in a transaction is replaced, and the transaction run again")
    func killed() async throws {
        let database = try TestDatabase.current.database
        try await database.execute("CREATE TABLE t (a int)")
        let runs = Counter()
        try await database.transaction { tx throws(PostgresError) in
            let run = runs.next()
            try tx.execute("INSERT INTO t VALUES (1)")
            if run == 1 { try tx.execute("SELECT pg_terminate_backend(pg_backend_pid())") }
        }
        #expect(runs.value == 2)
        #expect(try await database.value("SELECT count(*) FROM t", as: Int.self) == 1)
        #expect(database.load.open == 1)
    }

    @Test("a read-only transaction refuses to write")
    func readOnly() async throws {
        let database = try TestDatabase.current.database
        await #expect {
            try await database.transaction(isReadOnly: true) { tx throws(PostgresError) in
                try tx.execute("CREATE TABLE t (a int)")
            }
        } throws: { ($0 as? PostgresError)?.sqlState == "25006" }
    }
}

/// Counts the runs of a body.
private final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { count.withLock { $0 } }

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count
        }
    }
}
