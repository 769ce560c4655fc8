import EventLog
import Events
import Foundation
import Postgres

/// Reads a tenant's whole feed, decoded; the limit is the same rows as PostgreSQL hands them out, undecoded.
struct FeedBenchmark {
    let place: BenchPlace
    private static let events = 100_000

    func report() async throws {
        let tenant = try await AppendBenchmark.fill(place.log, Self.events)
        var read: [Double] = []
        var scanned: [Double] = []
        var limit: [Double] = []
        for _ in 0..<Bench.rounds {
            read.append(try await pages(tenant))
            scanned.append(try await scan(tenant))
            limit.append(try await place.copyOut(tenant))
        }
        Bench.report("feed, pages of 5,000", read, limit: limit)
        Bench.report("feed, scanned", scanned, limit: limit)
    }

    private func pages(_ tenant: UUID) async throws -> Double {
        var count = 0
        let seconds = try await Bench.seconds {
            var next: Int64 = 0
            while true {
                let events = try await place.log.feed(tenant: tenant, from: next, limit: 5_000)
                guard let last = events.last else { break }
                count += events.count
                next = last.position + 1
            }
        }
        return Double(count) / seconds
    }

    /// As a rebuild reads.
    private func scan(_ tenant: UUID) async throws -> Double {
        var count = 0
        let seconds = try await Bench.seconds {
            try await place.log.scan(tenant: tenant, from: 0) { count += try $0.events().count }
        }
        return Double(count) / seconds
    }
}

extension BenchPlace {
    /// The limit of all reading: a tenant's rows as PostgreSQL hands them out, undecoded; rows a second.
    func copyOut(_ tenant: UUID) async throws -> Double {
        let (count, seconds) = try await owner.transaction { tx throws(PostgresError) in
            try tx.run(script: "SET LOCAL statement_timeout = 0")
            var count = 0
            let start = ContinuousClock.now
            try tx.copy(
                from: """
                    SELECT * FROM docket.event WHERE tenant_id = '\(unescaped: tenant.lowercased)' ORDER BY position
                    """
            ) { _ throws(PostgresError) in count += 1 }
            return (count, Bench.seconds(ContinuousClock.now - start))
        }
        return Double(count) / seconds
    }
}
