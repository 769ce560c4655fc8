import Events
import Foundation
import JSON
import SeededChance
import Testing

@testable import Cases

@Suite("A tenant's configuration")
struct RegistryTests {
    private func asset(_ name: String, dependsOn: [String], at position: Int64) throws -> Event {
        let data: JSONValue = [
            "id": .string(UUID.v5(namespace: Fixture.tenant, name: name).lowercased), "type": "device",
            "value": .string(name), "name": .null, "owner": .null, "service": .string("service of \(name)"),
            "criticality": "high", "sensitivity": "internal", "exposure": "internal", "environment": "production",
            "region": .null, "labels": [], "cost_risk": .null, "observed_at": "2026-03-01T12:00:00.000000Z",
            "depends_on": .array(dependsOn.map { ["type": "device", "value": .string($0)] }), "event_id": .null,
        ]
        return event(.assetRegistered, data, at: position)
    }

    private func event(_ type: EventType, caseID: UUID? = nil, _ data: JSONValue, at position: Int64) -> Event {
        let time = Instant(microseconds: 1_772_366_400_000_000 + position)
        return Event(
            position: position, eventID: UUID.v5(namespace: Fixture.tenant, name: "event/\(position)"),
            type: type.rawValue, streamKind: "tenant", streamID: Fixture.tenant, version: position + 1, caseID: caseID,
            recordedAt: time, occurredAt: time, actor: Actor(kind: .person, subject: "ada", lane: .analyst),
            correlationID: Fixture.tenant, data: data)
    }

    private func names(_ assets: [Asset]) -> [String] { assets.compactMap(\.value) }
    private func key(_ name: String) -> EntityKey { EntityKey(type: .device, value: name) }

    @Test("what depends on an asset is found through its index as by looking at every asset", arguments: 0..<10)
    func dependents(seed: UInt64) throws {
        var chance = SeededGenerator(seed: seed)
        var registry = Registry(tenant: Fixture.tenant, policy: try OpenAdminPort.registry().policy)
        var model: [String: Set<String>] = [:]
        // Registered again with other dependencies, too.
        for position in 0..<400 {
            let name = "host-\(Int.random(in: 0..<60, using: &chance))"
            let on = (0..<Int.random(in: 0..<4, using: &chance)).map { _ in
                "host-\(Int.random(in: 0..<60, using: &chance))"
            }
            model[name] = Set(on)
            try registry.apply(try asset(name, dependsOn: on, at: Int64(position)))
        }
        for name in ["host-0", "host-7", "host-59", "nobody"] {
            var seen: Set<String> = [name]
            var frontier: Set<String> = [name]
            var expected: [String] = []
            while !frontier.isEmpty {
                let reached = model.filter { !seen.contains($0.key) && !$0.value.isDisjoint(with: frontier) }.keys
                    .sorted()
                expected += reached
                frontier = Set(reached)
                seen.formUnion(reached)
            }
            #expect(names(registry.dependents(of: [key(name)])) == expected, "seed \(seed)")
        }
    }

    @Test("of what everything depends on, so many dependents are given and no more")
    func hub() throws {
        var registry = Registry(tenant: Fixture.tenant, policy: try OpenAdminPort.registry().policy)
        for number in 0..<1_500 {
            try registry.apply(try asset("host-\(number)", dependsOn: ["hub"], at: Int64(number)))
        }
        #expect(registry.dependents(of: [key("hub")]).count == Registry.dependentsMaximum)
    }

    @Test("a snapshot and the events after it give what a fold from the first event gives")
    func snapshot() throws {
        let policy = try OpenAdminPort.registry().policy
        var changed = policy
        changed.version += 1
        let proposal = PolicyProposal(proposalID: Fixture.tenant, policy: changed)
        let cases = (0..<40).map { UUID.v5(namespace: Fixture.tenant, name: "case/\($0)") }
        var events: [(EventType, UUID?, JSONValue)] = [
            (.tenantCreated, nil, ["name": "acme"]), (.policyProposed, nil, try JSONValue(encoding: proposal)),
            (
                .historyImported, nil,
                ["playbook_id": "p", "n": 100, "correct": 99, "source": "elsewhere"]
            ),
            (
                .connectorChanged, nil,
                [
                    "id": .string(Fixture.tenant.lowercased), "name": "lab", "kind": "http",
                    "base_url": "http://127.0.0.1", "secret_ref": .null, "kinds": ["device": "hosts"],
                ]
            ),
            (.automationHalted, nil, ["playbook_id": "p", "reason": "Stop."]),
        ]
        for (index, id) in cases.enumerated() {
            events.append(
                (.runStarted, id, ["mode": "live", "plan": ["playbook": ["id": .string("p-\(index % 3)")]]]))
            events.append((.gateAutoApproved, id, ["standing_approval_id": .string(cases[index % 4].lowercased)]))
        }
        events.append(
            (.policyApproved, nil, try JSONValue(encoding: PolicyApproved(proposalID: Fixture.tenant, version: 2))))
        for id in cases.prefix(30) {
            events.append((.caseClosed, id, ["verdict": "true_positive", "verdict_id": 2, "reason": "So it was."]))
        }
        var all = events.enumerated().map {
            event($0.element.0, caseID: $0.element.1, $0.element.2, at: Int64($0.offset))
        }
        for number in 0..<5_000 {
            all.append(
                try asset("host-\(number % 4_500)", dependsOn: ["host-\(number / 10)"], at: Int64(all.count)))
        }
        var whole = Registry(tenant: Fixture.tenant, policy: policy)
        for event in all { try whole.apply(event) }
        let parts = try whole.snapshot()
        #expect(parts.count == 4)
        for cut in [0, 1, 7, 40, 120, all.count / 2, all.count] {
            var before = Registry(tenant: Fixture.tenant, policy: policy)
            for event in all.prefix(cut) { try before.apply(event) }
            // As text, as the database keeps it.
            let kept = try before.snapshot().map {
                try JSONValue.parse($0.canonicalBytes(), limits: .init(members: .max))
            }
            var restored = try Registry(snapshot: kept, tenant: Fixture.tenant, nextPosition: before.nextPosition)
            for event in all.dropFirst(cut) { try restored.apply(event) }
            #expect(restored.nextPosition == whole.nextPosition && restored.policy == whole.policy, "cut at \(cut)")
            #expect(try sorted(restored.snapshot()) == sorted(parts), "cut at \(cut)")
            let (some, others) = (
                restored.dependents(of: [key("host-3"), key("host-0")]),
                whole.dependents(of: [key("host-3"), key("host-0")])
            )
            #expect(some == others)
        }
    }

    /// Lists whose order is that of a dictionary, in order.
    private func sorted(_ parts: [JSONValue]) -> [JSONValue] {
        parts.map { part in
            guard var members = part.objectValue else { return part }
            for (name, member) in members {
                guard let elements = member.arrayValue else { continue }
                members[name] = .array(elements.sorted { $0.canonicalString() < $1.canonicalString() })
            }
            return .object(members)
        }
    }
}
