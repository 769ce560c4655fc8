import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import Reactors

@Suite("What stages keep of their memory", .migrated)
struct KeptMemoryTests {
    private func notes(_ log: CorrelatedLog, every events: Int = 10) -> KeptMemory<[String: Int]> {
        KeptMemory("notes", code: "1", tenant: log.tenant, log: log.log, eventsUnsaved: events) { [:] }
    }

    private func note(_ positions: Range<Int64>, in memory: KeptMemory<[String: Int]>) async throws {
        for position in positions {
            memory { $0["\(position % 7)", default: 0] += Int(position) }
            try await memory.noted(position)
        }
    }

    @Test("work is taken up from a snapshot with the same result as from the first event, wherever it ended")
    func takenUp() async throws {
        try await CorrelationTests.run { log in
            let whole = notes(log, every: .max)
            #expect(try await whole.begin(before: 100) == 0)
            try await note(0..<100, in: whole)
            for end in [Int64(0), 3, 10, 25, 99, 100] {
                let first = notes(log)
                try await note(try await first.begin(before: end)..<end, in: first)
                try await first.takenUp(at: end)
                let second = notes(log)
                let start = try await second.begin(before: end)
                #expect(start <= end && end - start < 20, "\(start) of \(end)")
                try await note(start..<100, in: second)
                let (resumed, expected) = (second { $0 }, whole { $0 })
                #expect(resumed == expected, "ended at \(end)")
            }
        }
    }

    @Test("a snapshot of what lies behind the checkpoint is not taken up")
    func behind() async throws {
        try await CorrelationTests.run { log in
            let first = notes(log, every: 50)
            _ = try await first.begin(before: 0)
            try await note(0..<50, in: first)
            let second = notes(log)
            #expect(try await second.begin(before: 49) == 0)
            let isEmpty = second { $0.isEmpty }
            #expect(isEmpty)
            #expect(try await second.begin(before: 50) == 50)
        }
    }

    @Test(
        "the configuration of a tenant comes from its snapshot and what followed, and equals a fold from the first event"
    )
    func registry() async throws {
        try await World.run { world in
            let policy = try await world.pipeline.registries.registry(of: world.tenant).policy
            let first = RegistryStore(log: world.log, defaultPolicy: policy)
            let before = try await first.registry(of: world.tenant)
            try await first.saveSnapshots(after: 1)
            try await world.govern(
                Decision(type: .automationHalted, data: ["playbook_id": "p", "reason": "Stop."]))
            let second = RegistryStore(log: world.log, defaultPolicy: policy)
            let after = try await second.registry(of: world.tenant)
            #expect(!before.isHalted(playbook: "p") && after.isHalted(playbook: "p"))
            #expect(!after.playbooks.isEmpty && after.assets.count == before.assets.count)
            // Nobody else's: without the kept rows all of it is folded from the log.
            for table in ["stage_memory", "stage_memory_part"] {
                try await TestDatabase.current.database.execute("DELETE FROM projection.\(unescaped: table)")
            }
            let third = RegistryStore(log: world.log, defaultPolicy: policy)
            let folded = try await third.registry(of: world.tenant)
            func text(_ registry: Registry) throws -> [String] {
                try registry.snapshot().map { $0.canonicalString().sorted().map(String.init).joined() }
            }
            #expect(try text(folded) == text(after))
            #expect(folded.nextPosition == after.nextPosition)
        }
    }

    @Test("stages that restart from their snapshots know what a stage knows that has seen everything")
    func stages() async throws {
        try await CorrelationTests.run { log in
            // Cases of three patterns; some closed by people, some merged.
            var verdicts: [Event] = []
            func note(_ type: EventType, _ number: Int, _ data: JSONValue) {
                let position = Int64(verdicts.count * 3)
                verdicts.append(
                    Event(
                        position: position, eventID: UUID.v5(namespace: log.tenant, name: "\(position)"),
                        type: type.rawValue, streamKind: "case",
                        streamID: UUID.v5(namespace: log.tenant, name: "case/\(number)"), version: 1,
                        caseID: UUID.v5(namespace: log.tenant, name: "case/\(number)"),
                        recordedAt: CorrelatedLog.start, occurredAt: CorrelatedLog.start,
                        actor: Actor(kind: .person, subject: "ada", lane: .analyst), correlationID: log.tenant,
                        data: data))
            }
            for number in 0..<400 {
                note(.caseOpened, number, ["pattern": .string("pattern-\(number % 3)")])
                guard number >= 20 else { continue }
                switch number % 4 {
                case 0: note(.caseMerged, number - 20, ["into": .null])
                case 1: break
                default:
                    note(.caseClosed, number - 20, ["verdict": number.isMultiple(of: 2) ? "benign" : "true_positive"])
                }
            }
            let whole = CaseCorrelator(log.bench)
            _ = try await whole.memoryStart(before: .max)
            for event in verdicts { try await whole.remember(event) }
            let middle = verdicts[verdicts.count / 2].position
            let first = CaseCorrelator(log.bench)
            _ = try await first.memoryStart(before: 0)
            for event in verdicts where event.position < middle { try await first.remember(event) }
            try await first.past.save(before: middle)
            let second = CaseCorrelator(log.bench)
            let start = try await second.memoryStart(before: .max)
            #expect(start == middle)
            for event in verdicts where event.position >= start { try await second.remember(event) }
            let (resumed, expected) = (second.past { $0 }, whole.past { $0 })
            #expect(resumed == expected && !expected.patterns.isEmpty && expected.verdicts.count == 3)
        }
    }
}
