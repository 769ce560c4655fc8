import Cases
import Content
import Events
import Foundation
import JSON
import Testing

@testable import Reactors

@Suite("Open cases")
struct OpenCasesTests {
    private let rules: Policy.Correlation
    private let start: Instant

    init() throws {
        rules = (try JSONValue.parse(Array(Content.defaultPolicy.utf8)).decode() as Policy).correlation
        start = try #require(Instant(rfc3339: "2026-11-21T02:00:00Z"))
    }

    private func at(_ milliseconds: Int64) -> Instant { start.adding(milliseconds: milliseconds) }

    private func alert(_ entities: [Entity], after milliseconds: Int64 = 0, id: UUID = UUID()) -> NormalizedAlert {
        NormalizedAlert(
            alertID: id, source: "edr-prod", sourceRef: "A-1", rawDigest: Digest.sha256([1]), title: "An alert",
            occurredAt: at(milliseconds), severity: .high, entities: entities)
    }

    private func user(_ value: String, _ role: Entity.Role = .target) -> Entity {
        Entity(type: .user, value: value, role: role)
    }

    private func opened(_ entities: [Entity], rules: Policy.Correlation? = nil) -> (OpenCases, UUID) {
        var cases = OpenCases(rules ?? self.rules)
        let id = open(alert(entities), in: &cases)
        return (cases, id)
    }

    @discardableResult
    private func open(_ alert: NormalizedAlert, arrivesAt: Instant? = nil, in cases: inout OpenCases) -> UUID {
        let id = UUID()
        cases.note(alert, arrivedAt: arrivesAt ?? alert.occurredAt)
        cases.opened(id, by: alert.alertID)
        cases.decided(alert.alertID)
        return id
    }

    private func join(_ alert: NormalizedAlert, _ id: UUID, arrivesAt: Instant? = nil, in cases: inout OpenCases) {
        cases.note(alert, arrivedAt: arrivesAt ?? alert.occurredAt)
        cases.link(alert.alertID, to: id)
        cases.decided(alert.alertID)
    }

    /// Where an alert that comes now would go; the cases stay as they are.
    private func placement(
        _ alert: NormalizedAlert, arrivesAt: Instant? = nil, _ cases: OpenCases
    ) -> OpenCases.Placement {
        var cases = cases
        cases.note(alert, arrivedAt: arrivesAt ?? alert.occurredAt)
        return cases.placement(of: alert.alertID)
    }

    private func match(_ alert: NormalizedAlert, arrivesAt: Instant? = nil, _ cases: OpenCases) -> OpenCases.Fit? {
        placement(alert, arrivesAt: arrivesAt, cases).best
    }

    @Test("an alert joins the case whose strong entity it names")
    func joins() throws {
        let (cases, id) = opened([user("jdoe")])
        let found = try #require(match(alert([user("jdoe")]), cases))
        #expect(found.caseID == id && found.score == 1 && found.shared == [user("jdoe").key])
        #expect(match(alert([user("asmith")]), cases) == nil)
    }

    @Test("the same name in another spelling is the same thing")
    func normalized() {
        let (cases, _) = opened([Entity(type: .device, value: "WEB-1.Example.com.", role: .target)])
        let device = match(alert([Entity(type: .device, value: "web-1.example.com", role: .actor)]), cases)
        let domain = match(alert([Entity(type: .domain, value: "web-1.example.com", role: .actor)]), cases)
        #expect(device != nil)
        #expect(domain == nil)
    }

    @Test("weak entities alone never join, however many and however low the minimum", arguments: [1, 20], [0, 0.5])
    func weak(count: Int, minimum: Double) {
        var rules = rules
        rules.minimumOverlap = minimum
        let types: [Entity.EntityType] = [.process, .namespace, .vulnerability, .other]
        let weak = (0..<count).flatMap { index in
            types.map { Entity(type: $0, value: "same-\(index)", role: .target) }
        }
        let (cases, _) = opened(weak + [user("jdoe")], rules: rules)
        #expect(match(alert(weak), cases) == nil)
        #expect(match(alert(weak + [user("asmith")]), cases) == nil)
    }

    @Test("the score is the shared weight by the smaller weight; related things weigh half")
    func score() throws {
        let shared = user("jdoe")
        let (cases, _) = opened([shared, user("a"), user("b"), user("c")])
        // One of two own entities is shared, the case has four: 1 ÷ 2.
        #expect(try #require(match(alert([shared, user("x")]), cases)).score == 0.5)
        // One of three: below the minimum of ½.
        #expect(match(alert([shared, user("x"), user("y")]), cases) == nil)
        // A related thing weighs ½: ½ ÷ 1½ is below the minimum, ½ ÷ ½ is not.
        #expect(match(alert([user("jdoe", .related), user("x")]), cases) == nil)
        #expect(try #require(match(alert([user("jdoe", .related)]), cases)).score == 1)
    }

    @Test("the worked example of the documentation comes to the numbers that it gives")
    func workedExample() throws {
        let address = Entity(type: .ip, value: "203.0.113.9", role: .actor)
        let account = Entity(type: .cloudAccount, value: "111122223333", role: .related)
        var (cases, id) = opened([address, Entity(type: .device, value: "bastion-1", role: .target), account])
        let second = alert([address, Entity(type: .workload, value: "shop/web-1", role: .target), account])
        #expect(try #require(match(second, cases)).score == 0.6)
        join(second, id, in: &cases)
        let third = alert([
            Entity(type: .workload, value: "shop/web-1", role: .actor), user("dev@example.org"),
            Entity(type: .ip, value: "10.0.0.1", role: .related),
        ])
        #expect(try #require(match(third, cases)).score == 0.5)
        let fourth = alert([Entity(type: .cloudResource, value: "bucket-7", role: .target), account])
        #expect(match(fourth, cases) == nil)
    }

    @Test("context that only one side names says nothing against it; what both name counts on both sides")
    func context() throws {
        let gateways = (1...3).map { Entity(type: .ip, value: "10.0.0.\($0)", role: .related) }
        let (cases, _) = opened([user("jdoe"), user("asmith")] + gateways.prefix(2))
        let alone = try #require(match(alert([user("jdoe"), user("x"), gateways[2]]), cases))
        #expect(alone.score == 0.5)
        let both = try #require(match(alert([user("jdoe"), user("x"), gateways[0]]), cases))
        #expect(both.score == 0.6)
        // ½ + ½ of 1 + ½ + ½.
        #expect(try #require(match(alert([user("y"), gateways[0], gateways[1]]), cases)).score == 0.5)
    }

    @Test("what the policy lists as common draws nothing together by itself, in whatever role and spelling")
    func common() {
        func device(_ name: String) -> Entity { Entity(type: .device, value: name, role: .target) }
        var rules = rules
        for isListed in [false, true] {
            rules.commonEntities = isListed ? [.init(type: .device, value: "DC-1.", reason: "domain controller")] : []
            let (cases, _) = opened([user("jdoe", .actor), device("dc-1")], rules: rules)
            let found = match(alert([user("asmith", .actor), device("dc-1")]), cases)
            #expect((found == nil) == isListed)
        }
    }

    @Test("outside the window, before or after, an alert does not join")
    func window() {
        let (cases, _) = opened([user("jdoe")])
        let window = rules.windowMs
        for (distance, joins) in [(window, true), (window + 1, false), (-window, true), (-window - 1, false)] {
            let found = match(alert([user("jdoe")], after: distance), arrivesAt: at(window), cases)
            #expect((found != nil) == joins, "\(distance) ms")
        }
    }

    @Test("each alert extends the window, until the case spans its greatest age, forwards or backwards")
    func age() {
        var rules = rules
        rules.maxAgeMs = rules.windowMs * 3 / 2
        var (cases, id) = opened([user("jdoe")], rules: rules)
        join(alert([user("jdoe")], after: rules.windowMs), id, in: &cases)
        for (time, joins) in [
            (rules.maxAgeMs, true), (rules.maxAgeMs + 1, false), (rules.windowMs - rules.maxAgeMs, true),
            (rules.windowMs - rules.maxAgeMs - 1, false),
        ] {
            let arrival = at(max(time, rules.windowMs))
            let found = placement(alert([user("jdoe")], after: time), arrivesAt: arrival, cases)
            #expect((found.best != nil) == joins, "\(time) ms")
            #expect(found.full?.limit == (joins ? nil : .maxAge), "\(time) ms")
        }
    }

    @Test("by the log's clock too a case becomes too old, whatever the sources say of the time")
    func ageByArrival() {
        var rules = rules
        rules.latenessMs = rules.windowMs
        rules.maxAgeMs = rules.windowMs
        var (cases, id) = opened([user("jdoe")], rules: rules)
        join(alert([user("jdoe")]), id, arrivesAt: at(rules.windowMs), in: &cases)
        let inTime = placement(alert([user("jdoe")]), arrivesAt: at(rules.maxAgeMs), cases)
        let late = placement(alert([user("jdoe")]), arrivesAt: at(rules.maxAgeMs + 1), cases)
        #expect(inTime.best?.caseID == id)
        #expect(late.best == nil && late.full?.limit == .maxAge)
    }

    @Test("a full case takes no more alerts and is named as what the next one goes on from; the same alert counts once")
    func size() {
        var rules = rules
        rules.maxAlerts = 2
        var (cases, id) = opened([user("jdoe")], rules: rules)
        let second = alert([user("jdoe")])
        join(second, id, in: &cases)
        join(second, id, in: &cases)
        let third = placement(alert([user("jdoe")]), cases)
        #expect(third.best == nil)
        #expect(third.full?.caseID == id && third.full?.limit == .maxAlerts)
        let next = open(alert([user("jdoe")]), in: &cases)
        let fourth = placement(alert([user("jdoe")]), cases)
        #expect(fourth.best?.caseID == next && fourth.full == nil)
        #expect(cases.caseID(ofAlert: second.alertID) == id)
    }

    @Test("a closed case takes no alerts until it is reopened; one closed by itself does")
    func closed() {
        var (cases, id) = opened([user("jdoe")])
        cases.closed(id)
        #expect(match(alert([user("jdoe")]), cases) == nil)
        cases.reopened(id)
        #expect(match(alert([user("jdoe")]), cases) != nil)
        cases.closed(id, byItself: true)
        #expect(match(alert([user("jdoe")]), cases) != nil)
    }

    @Test("the greater overlap wins, then the more recent case; the others are named")
    func best() throws {
        var cases = OpenCases(rules)
        let older = open(alert([user("jdoe"), user("a")]), in: &cases)
        let newer = open(alert([user("jdoe"), user("b")], after: 1_000), in: &cases)
        let half = alert([user("jdoe"), user("x")], after: 2_000)
        let first = placement(half, cases)
        #expect(first.best?.caseID == newer && first.others.map(\.caseID) == [older])
        let closer = open(alert([user("jdoe"), user("x")]), in: &cases)
        let second = placement(half, cases)
        #expect(second.best?.caseID == closer && second.others.map(\.caseID) == [newer, older])
    }

    @Test("what joins brings its entities along, and what comes again brings what it names now")
    func growth() {
        var (cases, id) = opened([user("jdoe")])
        #expect(match(alert([user("asmith")]), cases) == nil)
        let second = alert([user("jdoe"), user("asmith")])
        join(second, id, in: &cases)
        #expect(match(alert([user("asmith")]), cases)?.caseID == id)
        cases.note(alert([user("jdoe"), user("cole")], id: second.alertID), arrivedAt: start)
        #expect(match(alert([user("asmith")]), cases) == nil)
        #expect(match(alert([user("cole")]), cases)?.caseID == id)
    }

    @Test("a split takes along what only the moved alerts were about, their time too, and shares the rest")
    func split() {
        var (cases, id) = opened([user("jdoe"), user("asmith")])
        let moved = alert([user("jdoe"), user("cole")], after: 60_000)
        join(moved, id, in: &cases)
        let new = UUID()
        cases.split(id, [moved.alertID], to: new)
        #expect(match(alert([user("cole")]), cases)?.caseID == new)
        #expect(match(alert([user("asmith")]), cases)?.caseID == id)
        let shared = placement(alert([user("jdoe")]), cases)
        #expect(shared.best?.caseID == new && shared.others.map(\.caseID) == [id])
        #expect(cases.caseID(ofAlert: moved.alertID) == new)
        #expect(cases.cases[id]?.lastAt == start && cases.cases[new]?.lastAt == at(60_000))
    }

    @Test("what follows a merged case goes to the one that it was merged into")
    func merged() {
        var (cases, source) = opened([user("jdoe")])
        let target = open(alert([user("asmith")]), in: &cases)
        cases.merged(source, into: target)
        let found = placement(alert([user("jdoe")]), cases)
        #expect(found.best?.caseID == target && found.others.isEmpty)
    }

    @Test("an alert without a case waits for one that shares its entity, and waits once")
    func loose() throws {
        var cases = OpenCases(rules)
        let tagged = alert([user("jdoe")])
        let stranger = alert([user("asmith")])
        for alert in [tagged, stranger] {
            cases.note(alert, arrivedAt: start)
            cases.decided(alert.alertID)
        }
        let opener = alert([user("jdoe")], after: 1)
        let id = open(opener, in: &cases)
        #expect(cases.companions(of: id, along: opener.alertID) == [tagged.alertID])
        #expect(cases.fit(companion: tagged.alertID, id)?.score == 1)
        #expect(cases.fit(companion: stranger.alertID, id) == nil)
        cases.link(tagged.alertID, to: id)
        #expect(cases.companions(of: id, along: opener.alertID).isEmpty)
    }

    @Test("nothing is forgotten before nobody in time can want it, and everything is afterwards")
    func forgetting() {
        var (cases, id) = opened([user("jdoe")])
        let tagged = alert([user("jdoe")])
        cases.note(tagged, arrivedAt: start)
        cases.decided(tagged.alertID)
        for (time, isThere) in [(rules.reachMs, true), (rules.reachMs + 1, false)] {
            let other = alert([user("somebody-\(time)")], after: time)
            cases.note(other, arrivedAt: at(time))
            // Before the sweep as after it: whether it is still in memory changes no answer.
            let before = match(alert([user("jdoe")]), arrivesAt: at(time), cases)
            cases.decided(other.alertID)
            let after = match(alert([user("jdoe")]), arrivesAt: at(time), cases)
            #expect((before != nil) == isThere && (after != nil) == isThere, "\(time) ms")
            #expect((cases.cases[id] != nil) == isThere && (cases.alerts[tagged.alertID] != nil) == isThere)
        }
        #expect(cases.alerts.count == 2)
        #expect(cases.casesByEntity.isEmpty && cases.looseByEntity.count == 2)
    }

    @Test("an alert from a clock that is years ahead, or behind, makes nothing forgotten")
    func clocks() {
        var (cases, id) = opened([user("jdoe")])
        for years: Int64 in [-6, 70] {
            let strange = alert([user("somebody")], after: years * 31_536_000_000)
            open(strange, arrivesAt: at(1_000), in: &cases)
        }
        #expect(match(alert([user("jdoe")], after: 2_000), cases)?.caseID == id)
    }

    @Test("what is in memory follows the open work and not the alerts that there ever were")
    func bounded() {
        var rules = rules
        rules.latenessMs = rules.windowMs
        var cases = OpenCases(rules)
        var chance = SystemRandomNumberGenerator()
        var most = 0
        // One alert a second: what is remembered are those of two hours.
        for second in Int64(0)..<20_000 {
            let next = alert(
                [user("u\(Int.random(in: 0..<5_000, using: &chance))"), user("v\(second % 900)", .related)],
                after: second * 1_000)
            cases.note(next, arrivedAt: next.occurredAt)
            if let fit = cases.placement(of: next.alertID).best {
                cases.link(next.alertID, to: fit.caseID)
            } else if second % 3 == 0 {
                cases.opened(UUID(), by: next.alertID)
            }
            cases.decided(next.alertID)
            most = max(most, cases.alerts.count)
        }
        #expect(most < 16_000, "\(most) alerts")
        #expect(cases.cases.count <= cases.alerts.count)
    }
}
