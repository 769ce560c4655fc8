import Cases
import EventLog
import Events
import Foundation
import JSON
import Runs
import TestSupport
import Testing

@testable import Reactors

@Suite("Requests that are made anew", .migrated, .timeLimit(.minutes(25)))
struct RenewedRequestTests {
    @Test("a request that comes between an alert's joining and its telling is made anew with the alert's evidence")
    func between() async throws {
        try await World.run { world in
            _ = try await world.send(try world.alert())
            let asked = try await world.caseRecord { $0.approval?.state == .pending }
            // It fits nothing by itself: somebody links it.
            let other = try await world.send(
                try world.alert { alert in
                    alert["source_ref"] = "joins-by-hand"
                    alert["severity"] = "low"
                    alert["entities"] = [["type": "ip", "value": "192.0.2.77", "role": "related"]]
                    guard var data = alert.at("/evidence/0/data"), let pointer = JSONPointer("/evidence/0/data") else {
                        return
                    }
                    data["joined"] = true
                    alert = alert.replacing(at: pointer, with: data)
                })
            let otherID = try #require(other.alertID)
            try await world.settle()
            let alerts = try await world.pipeline.alerts.load([otherID], tenant: world.tenant)
            let alert = try #require(alerts[otherID]?.alert)
            let registry = try await world.pipeline.registries.registry(of: world.tenant)
            let cause = Cause(
                command: Actor(kind: .person, subject: "ana", lane: .analyst), traceID: nil, at: world.clock())
            _ = try await world.cases.update(asked.id, tenant: world.tenant, cause: cause) { record in
                let linked = record.link(alert, overlapScore: 1, shared: [])
                let built = try #require(try PlanBuilder(registry: registry).rebuild(for: record))
                let request = try ApprovalRequest(record: record, registry: registry, built: built).decisions(
                    id: UUID.v5(namespace: asked.id, name: "between"), by: cause.actor,
                    expiresAt: world.clock().adding(milliseconds: 3_600_000), reason: "While it was joining.")
                // The one before falls once, with the joining.
                return linked + request.filter { $0.type != .approvalInvalidated }
            }
            let renewed = try await world.caseRecord { record in
                !record.needsEnrichment && record.approval?.state == .pending
                    && record.approval?.requestedBy.subject == "docket.approve" && record.alerts.count == 2
            }
            let item = try #require(renewed.evidence.first { $0.kind == .cloudAudit })
            #expect(item.data["joined"] == true)
            let bound = renewed.approval?.plan?.evidence.map(\.digest) ?? []
            #expect(bound.contains(item.digest))
            #expect(try await world.decide(.approve, as: "rita", on: renewed) == nil)
            #expect(try await world.decide(.approve, as: "raj", on: renewed) == nil)
            _ = try await world.caseRecord { $0.state == .recovered }
        }
    }
}
