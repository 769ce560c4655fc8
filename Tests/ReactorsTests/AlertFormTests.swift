import EventLog
import Events
import Foundation
import Intake
import JSON
import TestSupport
import Testing

@testable import Reactors

@Suite("Forms of an alert", .migrated)
struct AlertFormTests {
    private func receive(_ forms: [Int], _ log: CorrelatedLog) async throws -> [AlertReceiver.Result] {
        let items = forms.map { form -> AlertReceiver.Item in
            let json: JSONValue = [
                "source": "edr", "source_ref": "A-1", "title": .string("Form \(form)"), "severity": "high",
                "occurred_at": .string(CorrelatedLog.start.rfc3339),
            ]
            return .init(bytes: json.canonicalBytes(), format: .native)
        }
        return try await AlertReceiver(log: log.log).receive(
            items, tenant: log.tenant, actor: Actor(kind: .service, subject: "siem", lane: .siem), traceID: nil,
            at: CorrelatedLog.start)
    }

    @Test("any number of forms of one alert come in, each as an update of the same alert")
    func many() async throws {
        let log = try await CorrelatedLog(try CorrelationTests.rules())
        let first = try await receive([0], log)
        #expect(first.map(\.status) == [.created])
        var positions: [Int64] = []
        for start in stride(from: 1, to: 1_500, by: 300) {
            let results = try await receive(Array(start..<min(start + 300, 1_500)), log)
            #expect(Set(results.map(\.status)) == [.updated] && Set(results.map(\.alertID)) == [first[0].alertID])
            positions += results.compactMap(\.position)
        }
        #expect(positions.count == 1_499 && positions == positions.sorted())
        // One more on its own, long after the thousandth event of the stream.
        #expect(try await receive([1_500], log).map(\.status) == [.updated])
        let id = try #require(first[0].alertID)
        let found = try await AlertStore(log: log.log).load([id], tenant: log.tenant)
        #expect(found[id]?.alert.title == "Form 1500")
        #expect(try await log.log.versions(ofStreams: [id], tenant: log.tenant)[id] == 2 * 1_501)
        try await log.close()
    }

    @Test("only the newest form's bytes are a duplicate: an earlier form that comes back is an update")
    func duplicates() async throws {
        let log = try await CorrelatedLog(try CorrelationTests.rules())
        let one = try await receive([1, 1, 2, 2, 1], log)
        #expect(one.map(\.status) == [.created, .duplicate, .updated, .duplicate, .updated])
        #expect(try await receive([1], log).map(\.status) == [.duplicate])
        #expect(try await receive([2], log).map(\.status) == [.updated])
        #expect(try await receive([2, 1, 1], log).map(\.status) == [.duplicate, .updated, .duplicate])
        let tallies = try await log.events("alert.deduplicated")
        let counts = tallies.map { $0.data.at("/items/0/count") }
        #expect(counts == [2, 1, 2])
        try await log.close()
    }

    @Test("a form that somebody else writes at the same moment is seen, and nothing is written twice")
    func race() async throws {
        let log = try await CorrelatedLog(try CorrelationTests.rules())
        _ = try await receive([0], log)
        let statuses = try await withThrowingTaskGroup(of: [AlertReceiver.Status].self) { group in
            for _ in 0..<8 { group.addTask { try await receive([7], log).map(\.status) } }
            var all: [AlertReceiver.Status] = []
            for try await some in group { all += some }
            return all
        }
        let updates = statuses.count { $0 == .updated }
        #expect(updates == 1 && Set(statuses) == [.updated, .duplicate])
        #expect(try await log.events("alert.updated").count == 1)
        try await log.close()
    }
}
