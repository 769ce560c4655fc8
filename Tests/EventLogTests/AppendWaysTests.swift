import Events
import Foundation
import JSON
import Postgres
import SeededChance
import TestSupport
import Testing

@testable import EventLog

/// docket.append has a short way, for calls in which everything is new, and a long one.
@Suite(.migrated) struct AppendWaysTests {
    /// One row of the log as both ways must leave it; markers of sealed members and leaves depend on the tenant.
    private struct Stored: Sendable, Equatable {
        var position: Int64
        var stream: UUID
        var version: Int64
        var event: UUID
        var recordedAt: Int64
        var sealedMembers: Int64
        var columns: String
    }

    @Test("both ways leave the same rows and give the same verdicts", arguments: [1, 2, 3] as [UInt64])
    func same(seed: UInt64) async throws {
        try await LogFixture.with { log in
            var random = SeededGenerator(seed: seed)
            let other = UUID()
            try await log.log.createTenant(other)
            let streams = (0..<6).map { _ in UUID() }
            var versions: [UUID: Int64] = [:]
            var known: [(stream: UUID, event: NewEvent)] = []
            var shortWays = 0
            for _ in 0..<40 {
                var batch: [AppendRequest] = []
                for stream in streams.shuffled(using: &random).prefix(Int.random(in: 1...4, using: &random)) {
                    var events = (0..<Int.random(in: 1...3, using: &random)).map { n in
                        n == 1
                            ? log.event("case.commented", data: ["text": .string("text \(n)")])
                            : log.event(data: ["n": .integer(Int64(n))])
                    }
                    let version = versions[stream] ?? 0
                    var expected: ExpectedVersion = Bool.random(using: &random) ? .any : .exactly(version)
                    switch Int.random(in: 0..<12, using: &random) {
                    case 0: expected = .exactly(version + 1)
                    case 1: if let old = known.randomElement(using: &random) { events = [old.event] }
                    case 2: if let old = known.last(where: { $0.stream == stream }) { events = [old.event] }
                    default: break
                    }
                    let evidence =
                        Bool.random(using: &random)
                        ? [] : [Evidence(mediaType: "text/plain", bytes: [UInt8(random.next() & 3)])]
                    batch.append(log.request(events, stream: stream, expected: expected, evidence: evidence))
                }
                log.clock.advance(milliseconds: 7)
                let verdicts = try await append(batch, tenant: log.tenant, log)
                // A request that cannot be new sends the other tenant's call the long way.
                let doomed = log.request([log.event()], stream: UUID(), expected: .exactly(9))
                let long = try await append(batch + [doomed], tenant: other, log)
                #expect(long.dropLast() == verdicts[...] && long.last == .conflict(current: 0), "seed \(seed)")
                if verdicts.allSatisfy(\.isAppended) { shortWays += 1 }
                for (request, verdict) in zip(batch, verdicts) {
                    guard case .appended(let range) = verdict else { continue }
                    versions[request.streamID] = range.lastVersion
                    known += request.events.map { (request.streamID, $0) }
                }
            }
            let stored = try await rows(log.tenant, log)
            #expect(try await rows(other, log) == stored, "seed \(seed)")
            #expect(stored.map(\.position) == Array(0..<Int64(stored.count)))
            #expect((5..<40).contains(shortWays), "both ways were gone: \(shortWays) of 40")
            let evidence = try await log.superuser.query(
                "SELECT count(*), min(first_position), max(first_position) FROM docket.evidence GROUP BY tenant_id"
            ) { row throws(PostgresError) in [try row[0] as Int64, try row[1] as Int64, try row[2] as Int64] }
            #expect(evidence.count == 2 && evidence[0] == evidence[1])
        }
    }

    @Test("events outside their request's share are refused on either way", arguments: [[1, 1], [1, 3], [2, 2]])
    func shares(firstEvents: [Int]) async throws {
        try await LogFixture.with { log in
            let ids = (0..<2).map { _ in UUID() }
            let state = await sqlState { () throws(PostgresError) in
                _ = try await log.application.write(
                    """
                    SELECT first_position FROM docket.append(\(log.tenant), 0, clock_timestamp(), ROW(
                        ARRAY['case', 'case'], \(ids), ARRAY[NULL, NULL]::uuid[], ARRAY[0, 0]::bigint[],
                        \(firstEvents.map { Int32($0) }), ARRAY[1, 2], \(ids.map { _ in UUID() }), ARRAY['t', 't'],
                        ARRAY[1, 1], ARRAY[clock_timestamp(), clock_timestamp()], ARRAY['{}', '{}'],
                        ARRAY[NULL, NULL]::uuid[], \(ids), ARRAY[NULL, NULL]::text[], ARRAY['{}', '{}'],
                        '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}'
                    )::docket.append_batch)
                    """
                ) { row throws(PostgresError) in try row[0] as Int64? }
            }
            // The long way does not use the shares at all, and everything here is new.
            let head = try await log.log.head(tenant: log.tenant)
            #expect(state == nil && head == 2 || state != nil && head == 0, "\(state ?? "none") \(head)")
            let versions = try await log.superuser.query("SELECT version FROM docket.event ORDER BY position") {
                row throws(PostgresError) in try row[0] as Int64
            }
            #expect(versions.allSatisfy { $0 == 1 })
        }
    }

    private func append(
        _ batch: [AppendRequest], tenant: UUID, _ log: LogFixture
    ) async throws -> [AppendVerdict] {
        let key = try await log.log.key(tenant)
        let requests = try batch.map { request in
            var request = request
            request.tenant = tenant
            return try PreparedRequest(request, log.log.catalogue, .none, key: key)
        }
        let call = try AppendCall(requests, tenant: tenant, key: key, stored: [:])
        let query = call.query(tenant: tenant, epoch: 0, now: log.clock.now)
        let verdicts = try await log.application.write(query) { row throws(PostgresError) in try call.verdicts(row) }
        return try #require(verdicts.first)
    }

    private func rows(_ tenant: UUID, _ log: LogFixture) async throws -> [Stored] {
        try await log.superuser.query(
            """
            SELECT e.position, e.stream_id, e.version, e.event_id, e.recorded_at,
                   (SELECT count(*) FROM docket.sealed s WHERE s.tenant_id = e.tenant_id AND s.position = e.position),
                   concat_ws('|', e.type, e.schema_version, e.occurred_at, e.case_id, e.actor, e.correlation_id,
                             CASE WHEN e.type <> 'case.commented' THEN e.body::text END,
                             (SELECT t.version FROM docket.stream t
                               WHERE t.tenant_id = e.tenant_id AND t.stream_id = e.stream_id))
              FROM docket.event e WHERE e.tenant_id = \(tenant) ORDER BY e.position
            """
        ) { row throws(PostgresError) in
            Stored(
                position: try row[0], stream: try row[1], version: try row[2], event: try row[3],
                recordedAt: (try row[4] as PostgresTimestamp).microseconds, sealedMembers: try row[5],
                columns: try row[6])
        }
    }

    private func sqlState(_ body: () async throws(PostgresError) -> Void) async -> String? {
        do {
            try await body()
            return nil
        } catch {
            return error.sqlState ?? "\(error)"
        }
    }
}
