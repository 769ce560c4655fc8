import EventLog
import Events
import Foundation
import JSON
import Postgres
import Proof
import Schema
import Sealing

/// Side-by-side measurements of the log against what PostgreSQL itself can do.
@main
struct Bench {
    static let rounds = 5
    static let eventsPerRound = 20_000

    static func main() async throws {
        let folder = "/tmp/docket-bench-\(UUID().uuidString.prefix(8).lowercased())"
        let cluster = try await EmbeddedCluster.start(.init(dataDirectory: folder))
        do {
            try await run(cluster)
        } catch {
            try await cluster.stop()
            throw error
        }
        try await cluster.stop()
        try FileManager.default.removeItem(atPath: folder)
    }

    private static func run(_ cluster: EmbeddedCluster) async throws {
        let owner = Database(DatabaseConfiguration(ConnectionConfiguration(cluster.connectionString)))
        try await Migrator(owner).migrate()
        var connection = ConnectionConfiguration(cluster.connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: cluster.keysDirectory), catalogue: SealingCatalogue())
        print("\(eventsPerRound) events a round, \(rounds) rounds, medians")
        for (tasks, tenants) in [(64, 1), (512, 1), (64, 100), (512, 100)] {
            var appended: [Double] = []
            var copied: [Double] = []
            var sizes: [Double] = []
            for _ in 0..<rounds {
                let before = log.batchesWritten
                appended.append(try await AppendBenchmark(log: log, tasks: tasks, tenants: tenants).run(eventsPerRound))
                // The limit commits as many rows at a time as the appender did, over as many connections as it uses.
                let batch = max(1, eventsPerRound / max(1, log.batchesWritten - before))
                sizes.append(Double(batch))
                copied.append(
                    try await CopyLimit(database: owner, batch: batch, connections: min(tenants, 8)).run(eventsPerRound)
                )
            }
            report("append, \(tasks) tasks, \(tenants) tenants", appended, limit: copied)
            print("  events a commit: \(Int(sizes.sorted()[sizes.count / 2]))")
        }
        var read: [Double] = []
        var limit: [Double] = []
        let tenant = try await AppendBenchmark.fill(log, eventsPerRound)
        for _ in 0..<rounds {
            read.append(try await FeedBenchmark(log: log, tenant: tenant).run())
            limit.append(try await CopyOutLimit(database: owner, tenant: tenant).run())
        }
        report("feed", read, limit: limit)
        try await ProofBenchmark(log: log, database: database, keys: SigningKeys(directory: cluster.keysDirectory))
            .run(tenant)
        await database.close()
        await owner.close()
    }

    private static func report(_ name: String, _ measured: [Double], limit: [Double]) {
        func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
        let (value, bound) = (median(measured), median(limit))
        print(
            "\(name.padding(toLength: 32, withPad: " ", startingAt: 0)) \(Int(value)) events/s   limit \(Int(bound))   "
                + "ratio \((value / bound * 100).rounded() / 100)")
    }

    static func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        try await body()
        let elapsed = ContinuousClock.now - start
        return Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    }
}

extension EmbeddedCluster {
    /// Beside the cluster, in a folder of this process.
    fileprivate var keysDirectory: String { "/tmp/docket-bench-keys-\(getpid())" }
}

/// Appends single events from many tasks, as independent callers would.
struct AppendBenchmark {
    let log: EventLog
    let tasks: Int
    let tenants: Int

    func run(_ count: Int) async throws -> Double {
        var ids: [UUID] = []
        for _ in 0..<tenants {
            let id = UUID.v7()
            try await log.createTenant(id)
            ids.append(id)
        }
        let tenantIDs = ids
        let seconds = try await Bench.seconds {
            try await withThrowingDiscardingTaskGroup { group in
                for task in 0..<tasks {
                    group.addTask {
                        for index in stride(from: task, to: count, by: tasks) {
                            try await Self.append(log, tenant: tenantIDs[index % tenantIDs.count], index)
                        }
                    }
                }
            }
        }
        return Double(count) / seconds
    }

    static func fill(_ log: EventLog, _ count: Int) async throws -> UUID {
        let tenant = UUID.v7()
        try await log.createTenant(tenant)
        try await withThrowingDiscardingTaskGroup { group in
            for task in 0..<256 {
                group.addTask {
                    for index in stride(from: task, to: count, by: 256) { try await append(log, tenant: tenant, index) }
                }
            }
        }
        return tenant
    }

    private static func append(_ log: EventLog, tenant: UUID, _ index: Int) async throws {
        let event = NewEvent(
            eventID: UUID.v7(), type: "case.commented", occurredAt: .now(),
            actor: Actor(kind: .service, subject: "bench", lane: .system), correlationID: UUID.v7(),
            data: ["text": .string("A comment of ordinary length, number \(index), as people write them.")])
        _ = try await log.append(
            AppendRequest(
                tenant: tenant, streamKind: "case", streamID: UUID.v7(), caseID: nil, expected: .exactly(0),
                events: [event], evidence: []))
    }
}

/// What PostgreSQL can take in: the same rows by binary COPY into a table of the same shape and indexes, committing as
/// many at a time as the appender reached, over as many connections.
struct CopyLimit {
    let database: Database
    let batch: Int
    let connections: Int

    func run(_ count: Int) async throws -> Double {
        try await database.transaction { tx throws(PostgresError) in
            try tx.run(
                script: """
                    DROP TABLE IF EXISTS public.bench_event;
                    CREATE TABLE public.bench_event (LIKE docket.event INCLUDING ALL);
                    """)
        }
        let share = count / connections
        let seconds = try await Bench.seconds {
            try await withThrowingDiscardingTaskGroup { group in
                for _ in 0..<connections { group.addTask { try await copy(share) } }
            }
        }
        return Double(share * connections) / seconds
    }

    private func copy(_ count: Int) async throws {
        let tenant = UUID.v7()
        for start in stride(from: 0, to: count, by: batch) {
            try await database.transaction { tx throws(PostgresError) in
                _ = try tx.copy(
                    into: """
                        public.bench_event (tenant_id, position, stream_id, version, event_id, type, schema_version,
                          recorded_at, occurred_at, case_id, actor, caused_by, correlation_id, trace_id, body,
                          sealed_digest, leaf_hash)
                        """
                ) { writer throws(PostgresError) in
                    for index in start..<min(start + batch, count) { try Self.write(&writer, tenant, index) }
                }
            }
        }
    }

    private static func write(_ writer: inout CopyWriter, _ tenant: UUID, _ index: Int) throws(PostgresError) {
        let time = PostgresTimestamp(microseconds: 1_700_000_000_000_000 + Int64(index))
        let actor = PostgresJSON(#"{"issuer":"docket","kind":"service","lane":"system","subject":"bench"}"#)
        let body = PostgresJSON(
            #"{"actor":{"issuer":"docket","kind":"service","lane":"system","subject":"bench"},"case_id":null,"caused_by":null,"correlation_id":"0190f0a0-0000-7000-8000-000000000000","data":{"text":"A comment of ordinary length, number 1000, as people write them."},"occurred_at":"2026-11-21T02:38:00.123456Z","schema_version":1,"stream_kind":"case","trace_id":null,"type":"case.commented"}"#
        )
        let hash = [UInt8](repeating: 7, count: 32)
        try writer.row(
            tenant, Int64(index), UUID.v7(), Int64(1), UUID.v7(), "case.commented", Int32(1), time, time, UUID?.none,
            actor, UUID?.none, UUID.v7(), String?.none, body, hash, hash)
    }
}

/// Reads a tenant's whole feed, decoded.
struct FeedBenchmark {
    let log: EventLog
    let tenant: UUID

    func run() async throws -> Double {
        var count = 0
        let seconds = try await Bench.seconds {
            var next: Int64 = 0
            while true {
                let events = try await log.feed(tenant: tenant, from: next, limit: 5_000)
                guard let last = events.last else { break }
                count += events.count
                next = last.position + 1
            }
        }
        return Double(count) / seconds
    }
}

/// The same rows as PostgreSQL hands them out, undecoded.
struct CopyOutLimit {
    let database: Database
    let tenant: UUID

    func run() async throws -> Double {
        let id = tenant.lowercased
        let (count, seconds) = try await database.transaction { tx throws(PostgresError) in
            var count = 0
            let start = ContinuousClock.now
            try tx.copy(
                from: Query(unescaped: "SELECT * FROM docket.event WHERE tenant_id = '\(id)' ORDER BY position")
            ) {
                _ throws(PostgresError) in count += 1
            }
            let elapsed = ContinuousClock.now - start
            return (
                count, Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
            )
        }
        return Double(count) / seconds
    }
}

/// Sealing what was appended, and verifying what was exported: one core each.
struct ProofBenchmark {
    let log: EventLog
    let database: Database
    let keys: SigningKeys

    func run(_ tenant: UUID) async throws {
        let count = Double(try await log.head(tenant: tenant))
        let sealing = try await Bench.seconds {
            _ = try await Sealer(log: log, database: database, keys: keys).seal(tenant)
        }
        print("sealing                          \(Int(count / sealing)) events/s")
        let folder = URL(fileURLWithPath: "/tmp/docket-bench-package-\(getpid())")
        _ = try await Exporter(log: log, database: database, keys: keys)
            .export(.range(from: 0, to: nil), of: tenant, to: folder)
        var rates: [Double] = []
        for _ in 0..<Bench.rounds {
            let seconds = try await Bench.seconds { _ = try PackageVerifier.verify(at: folder) }
            rates.append(count / seconds)
        }
        print("offline verification             \(Int(rates.sorted()[rates.count / 2])) events/s")
        try FileManager.default.removeItem(at: folder)
    }
}
