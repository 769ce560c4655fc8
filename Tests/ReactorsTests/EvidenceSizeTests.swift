import Cases
import EventLog
import Events
import Foundation
import JSON
import Runs
import TestSupport
import Testing

@testable import Reactors

@Suite("Large evidence", .migrated, .timeLimit(.minutes(25)))
struct EvidenceSizeTests {
    private static let padding = String(repeating: "a long line of an audit trail ", count: 20_000)

    /// Story (c)'s alert with evidence of 600 KB.
    private func large(_ world: World, _ number: Int) throws -> [UInt8] {
        try world.alert { alert in
            alert["source_ref"] = .string("large-\(number)")
            guard var data = alert.at("/evidence/0/data"), let pointer = JSONPointer("/evidence/0/data") else { return }
            data["padding"] = .string(Self.padding)
            data["number"] = .integer(Int64(number))
            alert = alert.replacing(at: pointer, with: data)
        }
    }

    /// Bytes of each event with what is sealed of it.
    private func sizes(_ world: World) async throws -> [(type: String, bytes: Int)] {
        try await world.log.feed(tenant: world.tenant, from: 0, limit: 5_000).map {
            ($0.type, $0.data.canonicalBytes().count)
        }
    }

    @Test("what is too large for an event is cited, by the digest that a plan binds, and fills the plan all the same")
    func walk() async throws {
        try await World.run { world in
            for number in 1...8 { _ = try await world.send(try large(world, number)) }
            var record = try await world.caseRecord { $0.alerts.count == 8 && $0.approval?.state == .pending }
            try await world.settle()
            record = try #require(try await world.cases.load(record.id, tenant: world.tenant))
            let tooLarge = try await sizes(world).filter { !$0.type.hasPrefix("playbook") && $0.bytes > 256 << 10 }
            #expect(tooLarge.isEmpty, "\(tooLarge)")

            let item = try #require(record.evidence.first { $0.kind == .cloudAudit })
            #expect(item.data.isNull && (item.dataSize ?? 0) > Self.padding.utf8.count)
            #expect(try JSONValue(encoding: record).canonicalBytes().count < 256 << 10)
            // The same item with its data, as it stood in events of before.
            let whole = try #require(
                try await world.cases.withEvidence(record).evidence.first { $0.kind == .cloudAudit })
            #expect(whole.data["padding"]?.stringValue == Self.padding && whole.dataSize == nil)
            #expect(
                EvidenceItem(
                    kind: whole.kind, source: whole.source, eventIDs: whole.eventIDs, observedAt: whole.observedAt,
                    staleAfter: whole.staleAfter, summary: whole.summary ?? "", data: whole.data
                ).digest == item.digest)
            let plan = try #require(record.approval?.plan)
            #expect(plan.evidence.map(\.digest).contains(item.digest))
            #expect(plan.steps.first?.parameters.at("/rule/to_port") == 22)

            #expect(try await world.decide(.approve, as: "rita", on: record) == nil)
            #expect(try await world.decide(.approve, as: "raj", on: record) == nil)
            record = try await world.caseRecord { $0.state == .recovered }
            #expect(record.run?.state == .completed)
        }
    }

    @Test("an alert is read whole again, whatever of it is kept apart")
    func alert() async throws {
        try await World.run { world in
            let bytes = try large(world, 1)
            let sent = try JSONValue.parse(bytes)
            let id = try #require(try await world.send(bytes).alertID)
            let event = try #require(
                try await world.log.latest(of: ["alert.normalized"], streams: [id], tenant: world.tenant)[id])
            #expect(event.data.canonicalBytes().count <= AlertParts.bytesMaximum)
            let apart = try #require(event.data["apart"]?.arrayValue)
            let pointers = apart.compactMap { $0["pointer"]?.stringValue }
            #expect(pointers.contains("/evidence/0/data"))
            let whole = try await AlertParts.joined(
                event.data, apart: event.data["apart"] ?? [], in: world.log, tenant: world.tenant)
            #expect(whole.at("/evidence/0/data") == sent.at("/evidence/0/data"))
            #expect(whole["ocsf"]?.objectValue?.isEmpty == false)
            let alert = try #require(try NormalizedAlert.read(event))
            #expect(alert.title == sent["title"]?.stringValue)
            #expect(
                alert.evidence.first?.apart?.digest
                    == Digest.sha256(sent.at("/evidence/0/data")?.canonicalBytes() ?? []))
        }
    }

    @Test("a case holds as much as the policy says, and tells how much it leaves out")
    func limits() async throws {
        try await World.run { world in
            var policy = try await world.pipeline.registries.registry(of: world.tenant).policy
            policy.version += 1
            policy.caseLimits = .init(maxEntities: 5, maxEvidence: 4, maxTimeline: 2)
            try await GovernanceWriter(
                log: world.log, tenant: world.tenant, actor: .init(kind: .person, subject: "lee", lane: .analyst),
                clock: world.clock
            ).adopt(policy)
            for number in 1...4 {
                _ = try await world.send(
                    try world.alert { alert in
                        alert["source_ref"] = .string("many-\(number)")
                        alert["source"] = .string("source-\(number)")
                        let others = (1...10).map { other -> JSONValue in
                            ["type": "ip", "value": .string("192.0.2.\(number * 10 + other)"), "role": "related"]
                        }
                        alert["entities"] = .array((alert["entities"]?.arrayValue ?? []) + others)
                    })
            }
            try await world.settle()
            let record = try await world.caseRecord { $0.alerts.count == 4 && !$0.alerts.contains { $0.isPending } }
            #expect(record.entities.count == 5 && record.timeline.count <= 2)
            // The inventory's items are the case's own.
            let others = record.evidence.count { $0.source != "inventory" }
            #expect(others <= 4)
            let newest = try await world.log.latest(
                of: ["case.enriched"], streams: [record.id], tenant: world.tenant)[record.id]
            #expect(newest?.data["entities_omitted"]?.int64Value ?? 0 > 0)
        }
    }
}
