import Cases
import EventLog
import Events
import Foundation
import Intake
import JSON
import Reactors
import Synchronization

extension VolumeBenchmark {
    static let batchAlerts = 10_000

    /// 10,000 alerts in one batch: about 2,000 hosts, five alerts each.
    func alerts() async throws {
        let tenant = try await makeTenant()
        let items = (0..<Self.batchAlerts).map { AlertReceiver.Item(bytes: Self.alert($0, form: 0), format: .native) }
        let receiver = AlertReceiver(log: log)
        let pipeline = makePipeline()
        try ResidentMemory.resetPeak()
        // Alone first, then with every stage and projection at work on the same cores.
        let receiving = try await Bench.seconds { try await receive(items, receiver, tenant) }
        let written = try await log.head(tenant: tenant)
        let afterReceiving = try Self.memory()
        let times = Mutex((0.0, 0.0))
        let stages = pipeline.reactors(for: tenant).map { type(of: $0).name }
        try await withStages(pipeline) {
            let start = ContinuousClock.now
            try await wait(for: ["correlate"], to: written, tenant)
            let grouped = ContinuousClock.now
            try await wait(for: stages, to: try await log.head(tenant: tenant), tenant)
            times.withLock {
                $0 = (Bench.seconds(grouped - start), Bench.seconds(ContinuousClock.now - start))
            }
        }
        // Afterwards, so that no stage works on it.
        let peer = try await appendAgain(tenant, before: written)
        Self.line(
            "alerts in one batch, received",
            "\(Int(Double(items.count) / receiving)) alerts/s   limit (the same events appended) \(Int(peer / 2)) alerts/s"
                + "   ratio \(Bench.hundredths(Double(items.count) / receiving / (peer / 2)))   \(afterReceiving)")
        let (grouping, all) = times.withLock { $0 }
        let sequential = try await sequentialRate(2_000, tenant)
        let events = try await log.head(tenant: tenant) - written
        Self.line(
            "grouped into cases",
            "\(Int(Double(items.count) / grouping)) alerts/s   limit (one commit after the other) \(Int(sequential))/s"
                + "   ratio \(Bench.hundredths(Double(items.count) / grouping / sequential))   with all stages done "
                + "\(Int(Double(items.count) / all)) alerts/s, \(events) events   \(try Self.memory())")
    }

    /// 5,000 forms of one alert, one request after the other.
    func forms() async throws {
        let tenant = try await makeTenant()
        let receiver = AlertReceiver(log: log)
        var seconds: [Double] = []
        for form in 0..<5_000 {
            let item = AlertReceiver.Item(bytes: Self.alert(0, form: form), format: .native)
            seconds.append(try await Bench.seconds { try await receive([item], receiver, tenant) })
        }
        let first = 100 / seconds.prefix(100).reduce(0, +)
        let last = 100 / seconds.suffix(100).reduce(0, +)
        let sequential = try await sequentialRate(1_000, tenant)
        Self.line(
            "5,000 forms of one alert",
            "first hundred \(Int(first))/s   last hundred \(Int(last))/s   last to first \(Bench.hundredths(last / first))"
                + "   limit (one commit after the other) \(Int(sequential))/s   ratio \(Bench.hundredths(last / sequential))"
        )
    }

    private func receive(_ items: [AlertReceiver.Item], _ receiver: AlertReceiver, _ tenant: UUID) async throws {
        let results = try await receiver.receive(items, tenant: tenant, actor: Self.actor, traceID: nil, at: .now())
        guard results.allSatisfy({ $0.status == .created || $0.status == .updated }) else { throw Unexpected() }
    }

    struct Unexpected: Error {}

    /// The same events once more, as they are, in another tenant. - Returns: events a second.
    private func appendAgain(_ tenant: UUID, before end: Int64) async throws -> Double {
        var events: [Event] = []
        try await log.scan(tenant: tenant, from: 0) { chunk in
            events += try chunk.events().filter { $0.streamKind == StreamKind.alert.rawValue && $0.position < end }
        }
        let count = events.count
        let pairs = Dictionary(grouping: events, by: \.streamID).values.map { $0.sorted { $0.version < $1.version } }
        let other = UUID.v7()
        try await log.createTenant(other)
        let seconds = try await Bench.seconds {
            try await withThrowingDiscardingTaskGroup { group in
                for start in 0..<256 {
                    group.addTask {
                        for index in stride(from: start, to: pairs.count, by: 256) {
                            _ = try await log.append(
                                AppendRequest(
                                    tenant: other, streamKind: StreamKind.alert.rawValue, streamID: UUID.v7(),
                                    expected: .exactly(0),
                                    events: pairs[index].map {
                                        NewEvent(
                                            eventID: UUID.v7(), type: $0.type, occurredAt: $0.occurredAt,
                                            actor: $0.actor, correlationID: $0.correlationID, data: $0.data)
                                    }))
                        }
                    }
                }
            }
        }
        return Double(count) / seconds
    }

    static func alert(_ number: Int, form: Int) -> [UInt8] {
        let json: JSONValue = [
            "source": "edr-prod", "source_ref": .string("B-\(number)"),
            "title": .string("Suspicious PowerShell command line on web-\(number % 2_000)"),
            "occurred_at": .string(Instant.now().rfc3339), "severity": "high", "confidence_score": 88,
            "rule": ["uid": "r-17", "name": "Encoded command from a document"], "attack_techniques": ["T1059.001"],
            "entities": [
                ["type": "device", "value": .string("web-\(number % 2_000).example.com"), "role": "target"],
                ["type": "user", "value": .string("svc-\(number % 2_000)"), "role": "actor"],
            ],
            "evidence": [
                [
                    "kind": "edr_evidence", "observed_at": .string(Instant.now().rfc3339),
                    "data": [
                        "parent": "winword.exe", "pid": .integer(Int64(number % 60_000)), "signed": true,
                        "command": "powershell.exe -NoProfile -EncodedCommand SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA",
                        "form": .integer(Int64(form)),
                    ],
                ]
            ], "environment": "production", "region": "eu-west-1",
        ]
        return json.canonicalBytes()
    }
}
