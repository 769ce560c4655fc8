import EventLog
import Events
import Foundation
import JSON
import TestSupport
import Testing

@Suite("What a reader refuses is not recorded", .migrated)
struct PayloadCheckTests {
    /// What the readers of the tests' one type expect.
    private struct Comment: Decodable {
        var text: String
        var at: Instant
    }

    private static let checks = PayloadChecks { type, data in
        if type == "case.noted" { _ = try data.decode(Comment.self) }
    }

    private static let good: JSONValue = ["text": "a", "at": "2026-03-01T12:00:00.000000Z"]

    @Test(
        "a payload that its type cannot read back is an error that names type and member, and leaves no trace",
        arguments: [
            (["text": "a"], "/at"), (["text": 1, "at": "2026-03-01T12:00:00Z"], "/text"),
            // What a sum beyond the year 9999 would be written as.
            (["text": "a", "at": "+10000-01-29T00:00:00.000000Z"], "/at"), ([:], "/text"),
        ] as [(JSONValue, String)])
    func refused(data: JSONValue, member: String) async throws {
        try await LogFixture.with(checks: Self.checks) { log in
            let error = await #expect(throws: EventLogError.self) {
                try await log.append([log.event("case.noted", data: data)])
            }
            #expect(error?.code == .unreadable)
            let text = "\(error?.description ?? "")"
            #expect(text.contains("case.noted") && text.contains(member), "\(text)")
            let head = try await log.log.head(tenant: log.tenant)
            #expect(head == 0)
        }
    }

    @Test("a request is refused as a whole, and others that wait with it are recorded")
    func others() async throws {
        try await LogFixture.with(checks: Self.checks) { log in
            let outcomes = try await withThrowingTaskGroup(of: Bool.self) { group in
                for index in 0..<40 {
                    let bad = index.isMultiple(of: 4)
                    group.addTask {
                        let events = [
                            log.event("case.noted", data: Self.good),
                            log.event("case.noted", data: bad ? ["text": "a"] : Self.good),
                        ]
                        do {
                            return try await log.append(events).isAppended
                        } catch let error as EventLogError where error.code == .unreadable {
                            return false
                        }
                    }
                }
                return try await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(outcomes.count(where: \.self) == 30)
            let head = try await log.log.head(tenant: log.tenant)
            #expect(head == 60)
        }
    }

    @Test("what is checked is the newest form, as readers will see it")
    func upcast() async throws {
        var upcasters = Upcasters()
        upcasters.register("case.noted", from: 1) { old in
            var new = old
            new["at"] = "2026-03-01T12:00:00Z"
            return new
        }
        let checks = PayloadChecks(upcasters: upcasters) { _, data in _ = try data.decode(Comment.self) }
        try await LogFixture.with(upcasters: upcasters, checks: checks) { log in
            let isAppended = try await log.append([log.event("case.noted", data: ["text": "a"])]).isAppended
            #expect(isAppended)
        }
    }
}
