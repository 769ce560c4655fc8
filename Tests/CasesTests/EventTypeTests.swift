import Events
import Foundation
import JSON
import Testing

@testable import Cases

@Suite("Event types")
struct EventTypeTests {
    /// domain.md §2, by hand, the proposals that two people need, and the log of roots. A name is for ever: this list may grow, but never change.
    static let names = """
        alert.ingested alert.updated alert.normalized alert.deduplicated alert.rejected alert.retried
        detection.matched correlation.matched
        alert.enriched case.opened case.alert_linked case.alert_unlinked case.enriched case.correlated case.merged
        case.split evidence.added evidence.expired
        case.recommended gate.evaluated gate.auto_approved case.escalated approval.requested approval.granted
        approval.denied approval.quorum_reached approval.expired approval.invalidated approval.decision_refused
        standing_approval.proposed standing_approval.granted standing_approval.revoked standing_approval.expired automation.halted
        automation.resumed
        run.started step.prepared step.executed step.verified step.failed step.retried step.outcome_unknown
        step.skipped run.paused run.resumed run.cancelled run.completed run.failed rollback.requested
        step.rolled_back step.rollback_refused rollback.completed rollback.incomplete containment.expired
        run.shadowed drill.completed owner.notified owner.acknowledged owner.objected
        case.assigned case.unassigned case.severity_changed case.retitled case.commented case.viewed case.held
        case.resumed case.recovered case.closed case.reopened review.requested review.completed feedback.recorded
        sla.started sla.paused sla.resumed sla.at_risk sla.met sla.breached sla.cancelled sla.retargeted
        clock.observed
        learning.proposed learning.accepted learning.declined case.learned
        tenant.created token.created token.revoked connector.changed mapping.changed key.rotated checkpoint.recorded policy.proposed
        policy.approved policy.reviewed playbook.published playbook.promotion_proposed playbook.promoted playbook.demoted rule.published
        rule.retired asset.registered identity.registered indicator.added calendar.changed access.granted
        access.revoked access.denied audit.read evidence.exported subject.erased legal_hold.placed
        legal_hold.lifted history.imported model.called
        """.split(whereSeparator: \.isWhitespace).map(String.init)

    @Test("the names are exactly those of the domain, each once")
    func list() {
        let code = EventType.allCases.map(\.rawValue)
        #expect(Set(code) == Set(Self.names))
        #expect(code.count == Self.names.count && Set(code).count == code.count)
    }

    @Test("a name is a noun in the singular and what has happened to it")
    func form() {
        let adjectives: Set<String> = ["step.outcome_unknown", "rollback.incomplete", "sla.at_risk"]
        let irregular: Set<String> = ["met", "held", "split", "read", "back"]
        for name in Self.names where !adjectives.contains(name) {
            let parts = name.split(separator: ".")
            #expect(parts.count == 2, "\(name)")
            #expect(name.allSatisfy { $0.isLowercase || $0 == "_" || $0 == "." }, "\(name)")
            let participle = parts.last?.split(separator: "_").last.map(String.init) ?? ""
            #expect(participle.hasSuffix("ed") || irregular.contains(participle), "\(name)")
        }
    }
}

@Suite("Personal members")
struct PersonalMemberTests {
    @Test("every pointer leads from the event into its data", arguments: EventType.allCases)
    func pointers(type: EventType) {
        let pointers = type.personalMembers.map(\.pointer)
        #expect(pointers.allSatisfy { $0.hasPrefix("/data/") && !$0.hasSuffix("/") })
        #expect(Set(pointers).count == pointers.count)
    }

    @Test("whatever may name a person lies under a sealed member", arguments: EventType.allCases)
    func covered(type: EventType) throws {
        let data = try PayloadSamples.data(of: type)
        let patterns = try type.personalMembers.map { try #require(JSONPointer($0.pointer)).tokens }
        for path in data.markedPaths(["data"]) {
            #expect(
                patterns.contains { $0.covers(path) },
                "\(type.rawValue): /\(path.joined(separator: "/")) would stay in the clear")
        }
    }

    @Test("the value of an entity is sealed under the entity's own key", arguments: EventType.allCases)
    func subjects(type: EventType) throws {
        let event: JSONValue = ["data": try PayloadSamples.data(of: type)]
        for member in type.personalMembers {
            let pattern = try #require(JSONPointer(member.pointer)).tokens
            #expect((member.subject == .entity) == (pattern.last == "value"), "\(type.rawValue) \(member.pointer)")
            // The log finds the entity's key by its type and its value.
            for path in event.markedPaths([]) where member.subject == .entity && pattern.covers(path) {
                let parent = try #require(event.at(JSONPointer(tokens: path.dropLast())))
                #expect(parent["type"]?.stringValue.flatMap(Entity.EntityType.init(rawValue:)) != nil, "\(path)")
            }
        }
    }

    @Test("an event is still read when everything personal in it has been erased", arguments: EventType.allCases)
    func erased(type: EventType) throws {
        var data = try PayloadSamples.data(of: type)
        for member in type.personalMembers {
            data = data.erasing(try #require(JSONPointer(member.pointer)).tokens.dropFirst())
        }
        #expect(data.markedPaths([]).isEmpty)
        var recorder = CaseRecorder()
        try recorder.open(registry: OpenAdminPort.registry())
        try recorder.put(type, data)
        _ = try JSONValue(encoding: CaseView(recorder.record, asOf: 1))
        let restored: CaseRecord = try JSONValue(encoding: recorder.record).decode()
        #expect(restored == recorder.record)

        var registry = try OpenAdminPort.registry()
        if Registry.eventTypes.contains(type) { try registry.apply(Fixture.governance(type, data, position: 5)) }
    }
}

extension JSONValue {
    /// Where the markers stand, token by token.
    fileprivate func markedPaths(_ path: [String]) -> [[String]] {
        switch self {
        case .string(let text): text.hasPrefix(PayloadSamples.marker) ? [path] : []
        case .array(let elements): elements.enumerated().flatMap { $1.markedPaths(path + [String($0)]) }
        case .object(let members): members.sorted { $0.key < $1.key }.flatMap { $1.markedPaths(path + [$0]) }
        default: []
        }
    }

    /// What the log gives back after the keys are gone: `null` where there was a value.
    fileprivate func erasing(_ tokens: ArraySlice<String>) -> JSONValue {
        guard let token = tokens.first else { return .null }
        switch self {
        case .array(let elements) where token == "*": return .array(elements.map { $0.erasing(tokens.dropFirst()) })
        case .object(var members):
            guard let member = members[token] else { return self }
            members[token] = member.erasing(tokens.dropFirst())
            return .object(members)
        default: return self
        }
    }
}

extension [String] {
    /// The pattern, in which `*` is every element, is the path or one above it.
    fileprivate func covers(_ path: [String]) -> Bool {
        count <= path.count && zip(self, path).allSatisfy { $0 == "*" ? Int($1) != nil : $0 == $1 }
    }
}
