import Cases
import Content
import EventLog
import Events
import Foundation
import JSON
import SeededChance
import TestSupport
import Testing

@testable import Reactors

@Suite("Alerts become cases", .migrated, .timeLimit(.minutes(25)))
struct CorrelationTests {
    static let minute: Int64 = 60_000

    /// Tight rules, so that a short stream meets every limit.
    static func rules() throws -> Policy.Correlation {
        var rules = (try JSONValue.parse(Content.defaultPolicy).decode() as Policy).correlation
        rules.windowMs = 10 * minute
        rules.latenessMs = 10 * minute
        rules.maxAgeMs = 40 * minute
        rules.maxAlerts = 6
        return rules
    }

    static func run(
        _ rules: Policy.Correlation? = nil, _ body: (CorrelatedLog) async throws -> Void
    ) async throws {
        let log = try await CorrelatedLog(try rules ?? Self.rules())
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(log))
        } catch {
            outcome = .failure(error)
        }
        try await log.close()
        try outcome.get()
    }

    static func item(
        _ reference: String, _ entities: [Entity], at minutes: Int64 = 0, arriving: Int64? = nil,
        severity: Severity = .high
    ) -> CorrelatedLog.Item {
        CorrelatedLog.Item(
            reference: reference, occurredAt: CorrelatedLog.start.adding(milliseconds: minutes * minute),
            arrivesAt: CorrelatedLog.start.adding(milliseconds: (arriving ?? minutes) * minute), severity: severity,
            entities: entities)
    }

    static func user(_ value: String, _ role: Entity.Role = .target) -> Entity {
        Entity(type: .user, value: value, role: role)
    }

    /// Alerts in the order in which they come; one in five is late, some of them more than is allowed.
    private static func stream(_ seed: UInt64, count: Int) -> [CorrelatedLog.Item] {
        var chance = SeededGenerator(seed: seed)
        var items: [CorrelatedLog.Item] = []
        for index in 0..<count {
            let at = Int64.random(in: 0...(120 * minute), using: &chance)
            let isLate = Int.random(in: 0..<5, using: &chance) == 0
            let late =
                isLate ? Int64.random(in: 0...(25 * minute), using: &chance) : .random(in: 0...3_000, using: &chance)
            let entities = (0..<Int.random(in: 1...3, using: &chance)).map { _ in
                Entity(
                    type: [.user, .device, .ip, .process].randomElement(using: &chance) ?? .user,
                    value: "10.0.0.\(Int.random(in: 1...4, using: &chance))",
                    role: [.actor, .target, .related].randomElement(using: &chance) ?? .target)
            }
            items.append(
                CorrelatedLog.Item(
                    reference: "\(index)", occurredAt: CorrelatedLog.start.adding(milliseconds: at),
                    arrivesAt: CorrelatedLog.start.adding(milliseconds: at + late),
                    severity: Int.random(in: 0..<3, using: &chance) == 0 ? .low : .high, entities: entities))
        }
        return items.sorted { ($0.arrivesAt, $0.reference) < ($1.arrivesAt, $1.reference) }
    }

    /// What the log says became of each alert, by the order of arrival.
    private static func fates(_ log: CorrelatedLog, _ ids: [UUID]) async throws -> [NaiveCorrelation.Fate] {
        let place = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
        var fates = [NaiveCorrelation.Fate](repeating: .init(), count: ids.count)
        for record in try await log.cases() {
            let opener = record.alerts.first.flatMap { place[$0.alertID] }
            for linked in record.alerts {
                guard let index = place[linked.alertID] else { continue }
                #expect(fates[index].opener == nil, "an alert is in two cases")
                fates[index] = .init(
                    opener: opener, score: linked.joining?.overlapScore, by: linked.joining?.by?.rawValue,
                    full: linked.joining == nil ? record.continues?.reason.rawValue : nil,
                    others: linked.joining?.alsoFits.map(\.overlapScore) ?? [])
            }
        }
        return fates
    }

    enum Portions: CaseIterable { case oneByOne, allAtOnce, restarted }

    @Test(
        "one by one, all at once, or with restarts anywhere: the cases are those of the documented rules",
        arguments: UInt64(1)...6, Portions.allCases)
    func equality(seed: UInt64, portions: Portions) async throws {
        let items = Self.stream(seed, count: 70)
        try await Self.run { log in
            var chance = SeededGenerator(seed: seed &* 31)
            var ids: [UUID] = []
            for item in items {
                ids.append(try await log.ingest(item))
                switch portions {
                case .oneByOne: try await log.work()
                case .allAtOnce: break
                case .restarted:
                    // Mostly there is more to do than is done, so its own decisions lie beyond the checkpoint.
                    if Int.random(in: 0..<3, using: &chance) > 0 { continue }
                    try await log.work(.random(in: 1...8, using: &chance))
                    if Int.random(in: 0..<2, using: &chance) == 0 {
                        try await log.restart(loses: .random(using: &chance))
                    }
                }
            }
            while portions == .restarted, Int.random(in: 0..<5, using: &chance) > 0 {
                try await log.work(.random(in: 1...30, using: &chance))
                try await log.restart(loses: .random(using: &chance))
            }
            try await log.work()
            var naive = NaiveCorrelation(rules: try Self.rules())
            let arrivals = try await log.events("alert.normalized")
            for (index, item) in items.enumerated() {
                naive.take(
                    .init(
                        index: index, occurredAt: item.occurredAt, arrivedAt: arrivals[index].recordedAt,
                        severity: item.severity, entities: item.entities))
            }
            let found = try await Self.fates(log, ids)
            for index in found.indices {
                #expect(found[index] == naive.fates[index], "alert \(index) of seed \(seed), \(portions)")
            }
            // The stream meets what it is there for.
            let all = Set(naive.fates.flatMap { [$0.by, $0.full].compactMap(\.self) })
            if seed == 1 { #expect(all.isSuperset(of: ["overlap", "tagged"])) }
        }
    }

    @Test("with people who merge and split in between, restarts change nothing", arguments: UInt64(1)...4)
    func people(seed: UInt64) async throws {
        let items = Self.stream(seed &+ 100, count: 60)
        var outcomes: [[Set<Int>]] = []
        for restarts in [false, true] {
            try await Self.run { log in
                var chance = SeededGenerator(seed: seed)
                var ids: [UUID] = []
                for item in items {
                    ids.append(try await log.ingest(item))
                    try await log.work()
                    let (first, second) = (Int.random(in: 0..<ids.count, using: &chance), ids.count - 1)
                    let deed = Int.random(in: 0..<8, using: &chance)
                    if restarts, ids.count % 3 == 0 { try await log.restart(loses: ids.count % 2 == 0) }
                    guard let one = try await log.record(ofAlert: ids[first]),
                        let other = try await log.record(ofAlert: ids[second])
                    else { continue }
                    if deed == 0, one.id != other.id {
                        try await log.decide(.merge(into: other.id, reason: "The same."), on: one.id)
                    } else if deed == 1, other.alerts.count > 1 {
                        let id = UUID()
                        try await log.decide(
                            .split(alertIDs: [ids[second]], newCaseID: id, reason: "Another."), on: other.id)
                    }
                    try await log.work()
                }
                let place = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($1, $0) })
                let open = try await log.cases().filter { !$0.state.isClosed }
                outcomes.append(
                    open.map { Set($0.alerts.compactMap { place[$0.alertID] }) }.sorted {
                        ($0.min() ?? 0) < ($1.min() ?? 0)
                    })
            }
        }
        #expect(outcomes[0] == outcomes[1])
        let members = outcomes[0].flatMap { $0 }
        #expect(Set(members).count == members.count, "an alert is in one open case")
    }

    @Test("a late alert joins by its own time")
    func late() async throws {
        try await Self.run { log in
            let first = try await log.ingest(Self.item("1", [Self.user("jdoe")], at: 0))
            try await log.ingest(Self.item("2", [Self.user("asmith")], at: 18))
            let late = try await log.ingest(Self.item("3", [Self.user("jdoe")], at: 8, arriving: 18))
            try await log.work()
            let record = try #require(try await log.record(ofAlert: first))
            #expect(record.alerts.map(\.alertID) == [first, late])
        }
    }

    @Test("the case that goes on from a full one names it and the limit")
    func full() async throws {
        var rules = try Self.rules()
        rules.maxAlerts = 2
        try await Self.run(rules) { log in
            var ids: [UUID] = []
            for minute in Int64(0)..<3 {
                ids.append(try await log.ingest(Self.item("\(minute)", [Self.user("jdoe")], at: minute)))
            }
            try await log.work()
            let first = try #require(try await log.record(ofAlert: ids[0]))
            let second = try #require(try await log.record(ofAlert: ids[2]))
            #expect(first.alerts.count == 2 && first.continues == nil)
            #expect(second.continues == .init(caseID: first.id, reason: .maxAlerts))
        }
    }

    @Test("an alert between two cases joins one and names the other")
    func bridge() async throws {
        try await Self.run { log in
            let one = try await log.ingest(Self.item("1", [Self.user("jdoe"), Self.user("a")], at: 0))
            let two = try await log.ingest(Self.item("2", [Self.user("asmith"), Self.user("b")], at: 1))
            let both = try await log.ingest(Self.item("3", [Self.user("jdoe"), Self.user("asmith")], at: 2))
            try await log.work()
            let record = try #require(try await log.record(ofAlert: both))
            let other = try #require(try await log.record(ofAlert: one))
            #expect(record.alerts.map(\.alertID) == [two, both], "the more recent of two equal ones")
            #expect(record.alerts.last?.joining?.alsoFits == [.init(caseID: other.id, overlapScore: 0.5)])
        }
    }

    @Test("a tagged alert is taken along by the alert that makes it fit, even when that one only joins")
    func takenAlong() async throws {
        try await Self.run { log in
            let tagged = try await log.ingest(Self.item("1", [Self.user("cole")], at: 0, severity: .low))
            let first = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 1))
            try await log.work()
            #expect(try await log.record(ofAlert: tagged) == nil)
            try await log.ingest(Self.item("3", [Self.user("jdoe"), Self.user("cole")], at: 2))
            try await log.work()
            let record = try #require(try await log.record(ofAlert: first))
            let joining = record.alerts.first { $0.alertID == tagged }?.joining
            #expect(record.alerts.count == 3)
            #expect(joining?.by == .tagged && joining?.overlapScore == 1)
        }
    }

    @Test("what was taken along before a crash is taken along after it")
    func crashWhileGathering() async throws {
        try await Self.run { log in
            let tagged = try await log.ingest(Self.item("1", [Self.user("jdoe")], at: 0, severity: .low))
            try await log.work()
            let opener = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 1))
            // The process ends between opening the case and taking the other alert along.
            let event = try #require(try await log.events("alert.normalized").last)
            let alert = try #require(try NormalizedAlert.read(event))
            try await log.bench.cases.open(
                UUID.v5(namespace: event.eventID, name: "case"), tenant: log.tenant,
                decisions: [CaseRecord.open(alert, ingestedAt: event.recordedAt)],
                cause: Cause(reactor: AlertCorrelator.name, reactingTo: event, at: event.recordedAt))
            try await log.restart()
            try await log.work()
            let record = try #require(try await log.record(ofAlert: opener))
            #expect(Set(record.alerts.map(\.alertID)) == [opener, tagged])
            #expect(try await log.cases().count == 1)
        }
    }

    @Test("a restart remembers what was remembered before it, and no more")
    func remembering() async throws {
        try await Self.run { log in
            for item in Self.stream(9, count: 80) { try await log.ingest(item) }
            try await log.work()
            let before = log.memory { Set($0.cases.alerts.keys) }
            let cases = log.memory { Set($0.cases.cases.keys) }
            try await log.restart()
            let after = log.memory { Set($0.cases.alerts.keys) }
            let same = log.memory { Set($0.cases.cases.keys) }
            #expect(before == after && cases == same)
            #expect(before?.count ?? 80 < 80)
        }
    }

    @Test("a case into which an old one was merged stays too old, though a restart no longer reads the old alerts")
    func mergedOld() async throws {
        for restarts in [false, true] {
            try await Self.run { log in
                let old = try await log.ingest(Self.item("1", [Self.user("old")], at: 0))
                try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 50))
                let young = try await log.ingest(Self.item("3", [Self.user("jdoe")], at: 55))
                try await log.work()
                let source = try #require(try await log.record(ofAlert: old)).id
                let target = try #require(try await log.record(ofAlert: young)).id
                try await log.decide(.merge(into: target, reason: "The same."), on: source)
                try await log.work()
                try await log.ingest(Self.item("4", [Self.user("somebody")], at: 62))
                try await log.work()
                if restarts { try await log.restart() }
                let next = try await log.ingest(Self.item("5", [Self.user("jdoe")], at: 63))
                try await log.work()
                let record = try #require(try await log.record(ofAlert: next))
                #expect(record.continues == .init(caseID: target, reason: .maxAge), "restarts: \(restarts)")
            }
        }
    }

    @Test("an alert that comes again long afterwards stays in its case")
    func again() async throws {
        try await Self.run { log in
            let first = try await log.ingest(Self.item("1", [Self.user("jdoe")], at: 0))
            let second = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 1))
            try await log.work()
            for minute in Int64(2)..<5 {
                try await log.ingest(Self.item("x\(minute)", [Self.user("x\(minute)")], at: minute * 20))
            }
            try await log.work()
            for reference in ["1", "2"] {
                try await log.ingest(Self.item(reference, [Self.user("jdoe"), Self.user("new")], at: 90))
            }
            try await log.work()
            let holders = try await log.cases().filter { record in
                record.alerts.contains { [first, second].contains($0.alertID) }
            }
            #expect(holders.count == 1)
            #expect(holders.first?.alerts.count == 2)
        }
    }
}
