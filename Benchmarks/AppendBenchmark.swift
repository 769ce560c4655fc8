import EventLog
import Events
import Foundation
import JSON
import Postgres
import Synchronization

/// Appends single events from many tasks, as independent callers would, each waiting for its verdict.
///
/// The limit: the same rows by binary COPY into a table of the same shape and indexes, which grows as the log does,
/// committing as many at a time as the appender reached, over as many connections as it uses.
struct AppendBenchmark {
    let place: BenchPlace
    let tasks: Int
    let tenants: Int
    private static let eventsPerRound = 20_000

    func report() async throws {
        var ids: [UUID] = []
        for _ in 0..<tenants {
            let id = UUID.v7()
            try await place.log.createTenant(id)
            ids.append(id)
        }
        try await CopyLimit.prepare(place.owner)
        var appended: [Double] = []
        var copied: [Double] = []
        var sizes: [Double] = []
        var p99: [Double] = []
        // A round before the first that counts: connections, plans, and the first pages of every index.
        for round in -1..<Bench.rounds {
            let before = place.log.batchesWritten
            let (seconds, latency) = try await append(to: ids)
            let batch = max(1, Self.eventsPerRound / max(1, place.log.batchesWritten - before))
            let limit = CopyLimit(
                database: place.owner, batch: batch, connections: min(tenants, EventLog.Limits().lanes))
            let rate = try await limit.run(Self.eventsPerRound, from: (round + 1) * Self.eventsPerRound)
            guard round >= 0 else { continue }
            appended.append(Double(Self.eventsPerRound) / seconds)
            p99.append(latency)
            sizes.append(Double(batch))
            copied.append(rate)
        }
        Bench.report(
            "append, \(tasks) tasks, \(tenants) tenants", appended, limit: copied,
            remark: "\(Int(Bench.median(sizes))) events a commit, p99 \(Bench.hundredths(Bench.median(p99))) ms")
    }

    /// - Returns: seconds for all, and the 99th percentile of one append in milliseconds.
    private func append(to tenantIDs: [UUID]) async throws -> (seconds: Double, p99: Double) {
        let latencies = Latencies()
        let seconds = try await Bench.seconds {
            try await withThrowingDiscardingTaskGroup { group in
                for task in 0..<tasks {
                    group.addTask {
                        var own: [Double] = []
                        for index in stride(from: task, to: Self.eventsPerRound, by: tasks) {
                            let start = ContinuousClock.now
                            try await Self.append(
                                place.log, tenant: tenantIDs[Self.scatter(index) % tenantIDs.count], index)
                            own.append(Bench.seconds(ContinuousClock.now - start) * 1_000)
                        }
                        latencies.add(own)
                    }
                }
            }
        }
        return (seconds, latencies.p99)
    }

    /// The same for an index in every round, and without a pattern in which tasks would travel together from tenant to
    /// tenant (the finalizer of SplitMix64).
    private static func scatter(_ index: Int) -> Int {
        var z = UInt64(index) &* 0x9E37_79B9_7F4A_7C15
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return Int(truncatingIfNeeded: (z ^ z >> 31) >> 1)
    }

    /// A tenant with this many events.
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

/// What the tasks measured, in milliseconds.
private final class Latencies: Sendable {
    private let values = Mutex<[Double]>([])

    var p99: Double { values.withLock { $0.sorted()[$0.count * 99 / 100] } }
    func add(_ more: [Double]) { values.withLock { $0 += more } }
}

/// What PostgreSQL can take in.
struct CopyLimit {
    let database: Database
    let batch: Int
    let connections: Int

    static func prepare(_ database: Database) async throws {
        try await database.transaction { tx throws(PostgresError) in
            try tx.run(script: "CREATE TABLE public.bench_event (LIKE docket.event INCLUDING ALL)")
        }
    }

    /// - Parameter position: of the first row; positions and times go on from round to round.
    /// - Returns: rows a second.
    func run(_ count: Int, from position: Int) async throws -> Double {
        let share = count / connections
        let seconds = try await Bench.seconds {
            try await withThrowingDiscardingTaskGroup { group in
                for connection in 0..<connections {
                    group.addTask { try await copy(share, from: position + connection * share) }
                }
            }
        }
        return Double(share * connections) / seconds
    }

    private func copy(_ count: Int, from position: Int) async throws {
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
                    for index in start..<min(start + batch, count) { try Self.write(&writer, tenant, position + index) }
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
