import Cases
import EventLog
import Events
import Foundation
import JSON
import Reactors

extension VolumeBenchmark {
    /// 100,000 assets in batches of 10,000, while the configuration is asked for after each as a stage asks for it.
    func assets() async throws {
        let tenant = try await makeTenant()
        let registries = RegistryStore(log: log, defaultPolicy: policy)
        try ResidentMemory.resetPeak()
        var rates: [Double] = []
        for batch in 0..<10 {
            let seconds = try await Bench.seconds {
                try await register((batch * 10_000)..<((batch + 1) * 10_000), tenant)
                _ = try await registries.registry(of: tenant)
            }
            rates.append(10_000 / seconds)
        }
        let registry = try await registries.registry(of: tenant)
        guard registry.assets.count == 100_000 else { throw Unexpected() }
        let peer = try await appendRate(tenant)
        let total = 100_000 / rates.map { 10_000 / $0 }.reduce(0, +)
        Self.line(
            "100,000 assets",
            "\(Int(total)) assets/s   limit (the same events appended) \(Int(peer))/s   ratio "
                + "\(Bench.hundredths(total / peer))   last batch to first \(Bench.hundredths((rates.last ?? 0) / rates[0]))   "
                + "\(try Self.memory())")
        // One more asset at a time, as a change of one of them is.
        let single = try await Bench.seconds {
            for number in 0..<200 {
                try await register((100_000 + number)..<(100_001 + number), tenant)
                _ = try await registries.registry(of: tenant)
            }
        }
        Self.line("  one by one, and asked for", "\(Int(200 / single))/s")
        let lookUps = Bench.secondsNow {
            for number in 0..<100_000 {
                _ = registry.assets[EntityKey(type: .device, value: "host-\(number).example.com")]
            }
        }
        Self.line("  look-ups", "\(Int(100_000 / lookUps))/s")
        let dependents = Bench.secondsNow {
            for number in 0..<1_000 {
                _ = registry.dependents(of: [EntityKey(type: .device, value: "host-\(number).example.com")])
            }
        }
        Self.line("  dependents of one", "\(Int(1_000 / dependents))/s")
        let saving = try await Bench.seconds { try await registries.saveSnapshots(after: 1) }
        let fresh = RegistryStore(log: log, defaultPolicy: policy)
        let loading = try await Bench.seconds { _ = try await fresh.registry(of: tenant) }
        Self.line(
            "  snapshot",
            "written in \(Bench.hundredths(saving)) s, taken up in \(Bench.hundredths(loading)) s   \(try Self.memory())"
        )
    }

    private func register(_ numbers: Range<Int>, _ tenant: UUID) async throws {
        let writer = GovernanceWriter(log: log, tenant: tenant, actor: Self.actor, clock: { .now() })
        try await withThrowingDiscardingTaskGroup { group in
            for start in 0..<min(512, numbers.count) {
                group.addTask {
                    for index in stride(from: start, to: numbers.count, by: 512) {
                        let number = numbers.lowerBound + index
                        try await writer.append(
                            [Decision(type: .assetRegistered, data: Self.asset(number, tenant))], kind: .asset,
                            stream: UUID.v5(namespace: tenant, name: "asset/\(number)"))
                    }
                }
            }
        }
    }

    /// Assets appended by nobody but the log itself. - Returns: events a second.
    private func appendRate(_ tenant: UUID) async throws -> Double {
        let other = UUID.v7()
        try await log.createTenant(other)
        return 10_000
            / (try await Bench.seconds {
                try await withThrowingDiscardingTaskGroup { group in
                    for start in 0..<512 {
                        group.addTask {
                            for number in stride(from: start, to: 10_000, by: 512) {
                                _ = try await log.append(
                                    AppendRequest(
                                        tenant: other, streamKind: StreamKind.asset.rawValue, streamID: UUID.v7(),
                                        expected: .any,
                                        events: [
                                            NewEvent(
                                                eventID: UUID.v7(), type: EventType.assetRegistered.rawValue,
                                                occurredAt: .now(), actor: Self.actor, correlationID: UUID.v7(),
                                                data: Self.asset(number, other))
                                        ]))
                            }
                        }
                    }
                }
            })
    }

    private static func asset(_ number: Int, _ tenant: UUID) -> JSONValue {
        [
            "id": .string(UUID.v5(namespace: tenant, name: "asset/\(number)").lowercased), "type": "device",
            "value": .string("host-\(number).example.com"), "name": .string("Host \(number)"),
            "owner": .string("team-\(number % 50)"), "service": .string("service-\(number % 400)"),
            "criticality": "high", "sensitivity": "internal", "exposure": "internal", "environment": "production",
            "region": "eu-west-1", "labels": ["linux", "web"],
            "depends_on": [["type": "device", "value": .string("host-\(number / 10).example.com")]],
            "cost_risk": .null, "observed_at": "2026-03-01T12:00:00.000000Z", "event_id": .null,
        ]
    }
}
