import EventLog
import Events
import Foundation
import JSON
import TestSupport
import Testing

@Suite("Streams", .migrated)
struct StreamTests {
    private static func order(_ left: UUID, _ right: UUID) -> Bool { left.uuidString < right.uuidString }

    /// Appends events of these types to a stream, as many in a request as one may hold.
    private func write(_ types: [String], to stream: UUID, _ log: LogFixture) async throws {
        for start in stride(from: 0, to: types.count, by: 500) {
            let part = types[start..<min(start + 500, types.count)]
            try await log.append(
                part.enumerated().map { log.event($0.element, data: ["n": .integer(Int64(start + $0.offset))]) },
                stream: stream)
        }
    }

    @Test("a stream of any length is read whole, a page at a time, from a version on and up to a position")
    func pages() async throws {
        try await LogFixture.with { log in
            let stream = UUID()
            try await write(Array(repeating: "case.assigned", count: 1_300), to: stream, log)
            try await log.append([log.event()])
            var versions: [Int64] = []
            var sizes: [Int] = []
            for try await page in log.log.stream(stream, tenant: log.tenant) {
                versions += page.map(\.version)
                sizes.append(page.count)
            }
            #expect(versions == Array(1...1_300))
            #expect(sizes == [256, 256, 256, 256, 256, 20])

            var some: [Int64] = []
            for try await page in log.log.stream(stream, tenant: log.tenant, after: 10, upTo: 29, pagesOf: 5) {
                #expect(page.count <= 5 && !page.isEmpty)
                some += page.map(\.version)
            }
            #expect(some == Array(11...30))
            for try await page in log.log.stream(UUID(), tenant: log.tenant) {
                Issue.record("a page of a stream that is not there: \(page)")
            }
        }
    }

    @Test("the newest and the oldest event of some types is found in each of many streams, whatever lies between")
    func edges() async throws {
        try await LogFixture.with { log in
            let (long, short, none, other) = (UUID(), UUID(), UUID(), UUID())
            try await write(
                ["case.opened"] + Array(repeating: "case.commented", count: 700) + ["case.closed"], to: long, log)
            try await write(["case.closed", "case.opened"], to: short, log)
            try await write(["case.assigned"], to: none, log)
            let streams = [long, short, none, other, long]
            let wanted = ["case.opened", "case.closed"]
            let newest = try await log.log.latest(of: wanted, streams: streams, tenant: log.tenant)
            #expect(newest.mapValues(\.type) == [long: "case.closed", short: "case.opened"])
            #expect(newest[long]?.version == 702)
            let oldest = try await log.log.earliest(of: wanted, streams: streams, tenant: log.tenant)
            #expect(oldest.mapValues(\.type) == [long: "case.opened", short: "case.closed"])
            let position = try #require(newest[long]?.position)
            let later = try await log.log.latest(of: wanted, streams: streams, tenant: log.tenant, after: position)
            #expect(Set(later.keys) == [short])
            #expect(try await log.log.latest(of: wanted, streams: streams, tenant: UUID()).isEmpty)
            #expect(try await log.log.latest(of: wanted, streams: [], tenant: log.tenant).isEmpty)

            let both = try await log.log.events(
                [newest[long]?.eventID, oldest[short]?.eventID, UUID()].compactMap(\.self), tenant: log.tenant)
            #expect(both.values.map(\.type) == ["case.closed", "case.closed"])
            let places = try await log.log.events(at: [0, position, 1_000_000], tenant: log.tenant)
            #expect(places.map(\.position) == [0, position])
        }
    }

    @Test("more streams are asked for than one query takes")
    func many() async throws {
        try await LogFixture.with { log in
            let streams = (0..<1_203).map { _ in UUID() }
            try await withThrowingDiscardingTaskGroup { group in
                for stream in streams {
                    group.addTask { try await log.append([log.event("case.opened")], stream: stream) }
                }
            }
            let found = try await log.log.latest(of: ["case.opened"], streams: streams, tenant: log.tenant)
            #expect(Set(found.keys) == Set(streams))
            let streamsOfFound = found.mapValues(\.streamID)
            #expect(streamsOfFound.keys.sorted(by: Self.order) == streamsOfFound.values.sorted(by: Self.order))
        }
    }

    @Test("the head comes with the newest position of some types from a position on")
    func heads() async throws {
        try await LogFixture.with { log in
            let none = try await log.log.head(tenant: log.tenant, newestOf: ["a.b"], from: 0)
            #expect(none.next == 0 && none.newest == nil)
            for type in ["a.b", "c.d", "a.b", "e.f"] { try await log.append([log.event(type)]) }
            let cases: [([String], Int64, Int64?)] = [(["a.b", "c.d"], 0, 2), (["c.d"], 1, 1), (["c.d"], 2, nil)]
            for (types, position, expected) in cases {
                let found = try await log.log.head(tenant: log.tenant, newestOf: types, from: position)
                #expect(found.next == 4 && found.newest == expected, "\(types) from \(position)")
            }
            let code = await logErrorCode {
                _ = try await log.log.head(tenant: UUID(), newestOf: ["c.d"], from: 0)
            }
            #expect(code == .unknownTenant)
        }
    }

    @Test(
        "an event that is larger than its type may be is refused, sealed members counted, and nothing of its request is kept"
    )
    func sizes() async throws {
        try await LogFixture.with { log in
            let large = JSONValue.string(String(repeating: "x", count: SealingCatalogue.eventBytesMaximum))
            let payloads: [JSONValue] = [["n": large], ["text": large]]
            for data in payloads {
                let events = [log.event("case.assigned"), log.event("case.commented", data: data)]
                let code = await logErrorCode { _ = try await log.append(events) }
                #expect(code == .tooLarge)
            }
            let head = try await log.log.head(tenant: log.tenant)
            #expect(head == 0)
            let most = JSONValue.string(String(repeating: "x", count: SealingCatalogue.eventBytesMaximum - 2_000))
            let verdict = try await log.append([log.event(data: ["n": most])])
            #expect(verdict.isAppended)
        }
    }
}
