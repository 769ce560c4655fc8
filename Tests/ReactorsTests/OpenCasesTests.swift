import Cases
import Content
import Events
import Foundation
import JSON
import Testing

@testable import Reactors

@Suite("Open cases")
struct OpenCasesTests {
    private let policy: Policy
    private let start: Instant

    init() throws {
        policy = try JSONValue.parse(Array(Content.defaultPolicy.utf8)).decode()
        start = try #require(Instant(rfc3339: "2026-11-21T02:00:00Z"))
    }

    private func alert(_ entities: [Entity], after milliseconds: Int64 = 0, id: UUID = UUID()) -> NormalizedAlert {
        NormalizedAlert(
            alertID: id, source: "edr-prod", sourceRef: "A-1", rawDigest: Digest.sha256([1]), title: "An alert",
            occurredAt: start.adding(milliseconds: milliseconds), severity: .high, entities: entities)
    }

    private func user(_ value: String, _ role: Entity.Role = .target) -> Entity {
        Entity(type: .user, value: value, role: role)
    }

    private func opened(_ entities: [Entity], id: UUID = UUID()) -> (OpenCases, UUID) {
        var cases = OpenCases()
        cases.opened(id, by: alert(entities), at: start, policy: policy)
        return (cases, id)
    }

    @Test("an alert joins the case whose strong entity it names")
    func joins() throws {
        let (cases, id) = opened([user("jdoe")])
        let match = try #require(cases.match(alert([user("jdoe")]), policy: policy))
        #expect(match.caseID == id && match.score == 1 && match.shared == [user("jdoe").key])
        #expect(cases.match(alert([user("asmith")]), policy: policy) == nil)
    }

    @Test("the same name in another spelling is the same thing")
    func normalized() {
        let (cases, _) = opened([Entity(type: .device, value: "WEB-1.Example.com.", role: .target)])
        #expect(
            cases.match(alert([Entity(type: .device, value: "web-1.example.com", role: .actor)]), policy: policy) != nil
        )
        #expect(
            cases.match(alert([Entity(type: .domain, value: "web-1.example.com", role: .actor)]), policy: policy) == nil
        )
    }

    @Test("weak entities alone never join, however many", arguments: [1, 20])
    func weak(count: Int) {
        let types: [Entity.EntityType] = [.process, .namespace, .vulnerability, .other]
        let weak = (0..<count).flatMap { index in
            types.map { Entity(type: $0, value: "same-\(index)", role: .target) }
        }
        let (cases, _) = opened(weak + [user("jdoe")])
        #expect(cases.match(alert(weak), policy: policy) == nil)
        #expect(cases.match(alert(weak + [user("asmith")]), policy: policy) == nil)
    }

    @Test("the score is the shared weight by the smaller weight; related things weigh half")
    func score() throws {
        let shared = user("jdoe")
        let (cases, _) = opened([shared, user("a"), user("b"), user("c")])
        // One of two own entities is shared, the case has four: 1 ÷ 2.
        #expect(try #require(cases.match(alert([shared, user("x")]), policy: policy)).score == 0.5)
        // One of three: below the minimum of ½.
        #expect(cases.match(alert([shared, user("x"), user("y")]), policy: policy) == nil)
        // A related thing weighs ½: ½ ÷ 1½ is below the minimum, ½ ÷ ½ is not.
        #expect(cases.match(alert([user("jdoe", .related), user("x")]), policy: policy) == nil)
        #expect(try #require(cases.match(alert([user("jdoe", .related)]), policy: policy)).score == 1)
    }

    @Test("an account that every alert of a cloud names does not draw them together")
    func sharedAccount() {
        let account = Entity(type: .cloudAccount, value: "111122223333", role: .related)
        let (cases, _) = opened([Entity(type: .cloudResource, value: "sg-1", role: .target), account])
        let other = alert([Entity(type: .cloudResource, value: "sg-2", role: .target), account])
        #expect(cases.match(other, policy: policy) == nil)
    }

    @Test("outside the window, before or after, an alert does not join")
    func window() {
        let (cases, _) = opened([user("jdoe")])
        let window = policy.correlation.windowMs
        for (distance, joins) in [(window, true), (window + 1, false), (-window, true), (-window - 1, false)] {
            #expect(
                (cases.match(alert([user("jdoe")], after: distance), policy: policy) != nil) == joins, "\(distance) ms")
        }
    }

    @Test("each alert extends the window, until the case reaches its greatest age")
    func age() {
        var policy = policy
        policy.correlation.maxAgeMs = policy.correlation.windowMs * 3 / 2
        var (cases, id) = opened([user("jdoe")])
        cases.linkedAlert(alert([user("jdoe")], after: policy.correlation.windowMs), to: id, policy: policy)
        #expect(cases.match(alert([user("jdoe")], after: policy.correlation.maxAgeMs), policy: policy) != nil)
        #expect(cases.match(alert([user("jdoe")], after: policy.correlation.maxAgeMs + 1), policy: policy) == nil)
    }

    @Test("a full case takes no more alerts, and the same alert counts once")
    func size() {
        var policy = policy
        policy.correlation.maxAlerts = 2
        var (cases, id) = opened([user("jdoe")])
        let second = alert([user("jdoe")])
        #expect(cases.match(second, policy: policy) != nil)
        cases.linkedAlert(second, to: id, policy: policy)
        cases.linkedAlert(second, to: id, policy: policy)
        #expect(cases.match(alert([user("jdoe")]), policy: policy) == nil)
        policy.correlation.maxAlerts = 3
        #expect(cases.match(alert([user("jdoe")]), policy: policy) != nil)
        #expect(cases.caseID(ofAlert: second.alertID) == id)
    }

    @Test("a closed case takes no alerts until it is reopened")
    func closed() {
        var (cases, id) = opened([user("jdoe")])
        cases.closed(id)
        #expect(cases.match(alert([user("jdoe")]), policy: policy) == nil)
        cases.reopened(id)
        #expect(cases.match(alert([user("jdoe")]), policy: policy) != nil)
    }

    @Test("the greater overlap wins, then the more recent case")
    func best() throws {
        var cases = OpenCases()
        let (older, newer, closer) = (UUID(), UUID(), UUID())
        cases.opened(older, by: alert([user("jdoe"), user("a")]), at: start, policy: policy)
        cases.opened(newer, by: alert([user("jdoe"), user("b")], after: 1_000), at: start, policy: policy)
        let half = alert([user("jdoe"), user("x")], after: 2_000)
        #expect(try #require(cases.match(half, policy: policy)).caseID == newer)
        cases.opened(closer, by: alert([user("jdoe"), user("x")]), at: start, policy: policy)
        #expect(try #require(cases.match(half, policy: policy)).caseID == closer)
    }

    @Test("what joins brings its entities along")
    func growth() {
        var (cases, id) = opened([user("jdoe")])
        #expect(cases.match(alert([user("asmith")]), policy: policy) == nil)
        cases.linkedAlert(alert([user("jdoe"), user("asmith")]), to: id, policy: policy)
        #expect(cases.match(alert([user("asmith")]), policy: policy)?.caseID == id)
    }

    @Test("an alert without a case waits for one that shares its entity, and waits once")
    func loose() throws {
        var cases = OpenCases()
        let tagged = alert([user("jdoe")])
        let stranger = alert([user("asmith")])
        let early = alert([user("jdoe")], after: -policy.correlation.windowMs - 1)
        for alert in [tagged, stranger, early] { cases.noteLoose(alert, policy: policy) }
        let opener = alert([user("jdoe")])
        #expect(cases.looseAlerts(near: opener, policy: policy).map(\.id) == [tagged.alertID])
        #expect(cases.looseAlerts(near: tagged, policy: policy).isEmpty, "an alert is not near itself")
        let id = UUID()
        cases.opened(id, by: opener, at: start, policy: policy)
        cases.linkedAlert(tagged, to: id, policy: policy)
        #expect(cases.looseAlerts(near: opener, policy: policy).isEmpty)
    }

    @Test("loose alerts are forgotten with time, and not before")
    func forgetting() {
        var cases = OpenCases()
        let tagged = alert([user("jdoe")])
        cases.noteLoose(tagged, policy: policy)
        cases.forgetLoose(before: tagged.occurredAt)
        #expect(cases.looseAlerts(near: alert([user("jdoe")]), policy: policy).count == 1)
        cases.forgetLoose(before: tagged.occurredAt.adding(milliseconds: 1))
        #expect(cases.looseAlerts(near: alert([user("jdoe")]), policy: policy).isEmpty)
    }
}
