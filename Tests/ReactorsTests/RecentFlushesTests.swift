import Content
import EventLog
import Events
import Foundation
import TestSupport
import Testing

@testable import Reactors

@Suite("Flushes sent again", .migrated, .timeLimit(.minutes(25)))
struct RecentFlushesTests {
    @Test("what comes again in whole is answered from memory, and leaves no trace in the log")
    func again() async throws {
        try await World.run { world in
            let lines = SSHTakeover(start: Date().addingTimeInterval(-1_800)).auditLines
            let first = try await world.sendTelemetry(lines, product: "kubernetes", service: "audit")
            let head = try await world.log.head(tenant: world.tenant)
            let second = try await world.sendTelemetry(lines, product: "kubernetes", service: "audit")
            let later = try await world.log.head(tenant: world.tenant)
            #expect(first.matched > 0 && second.matched == first.matched && later == head)
            #expect(second.alertsCreated == 0 && second.alertsDuplicate == first.alertsCreated + first.alertsDuplicate)
            // One line more is another flush.
            let third = try await world.sendTelemetry(
                lines + lines.map { $0.replacingOccurrences(of: "\"verb\":\"", with: "\"verb\": \"") },
                product: "kubernetes", service: "audit")
            #expect(third.matched == 2 * first.matched)
            let last = try await world.log.head(tenant: world.tenant)
            #expect(last > later)
        }
    }

    @Test("the last flushes are known, older ones are not kept")
    func bounded() {
        let recent = RecentFlushes(limit: 10)
        let ids = (0..<100).map { _ in UUID() }
        for (place, id) in ids.enumerated() { recent.note(id, alerts: place) }
        let known = ids.compactMap { recent.alerts(of: $0) }
        #expect(known.suffix(10) == Array(90..<100)[...] && known.count < 20)
    }
}
