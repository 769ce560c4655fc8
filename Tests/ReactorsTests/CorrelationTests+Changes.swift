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

/// What people and policies do to cases that are there.
extension CorrelationTests {
    @Test("after a merge the source's alerts and what follows them are the target's, also when that was forgotten")
    func merge() async throws {
        try await Self.run { log in
            let old = try await log.ingest(Self.item("1", [Self.user("old")], at: 0))
            try await log.work()
            let new = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 30))
            try await log.work()
            let target = try #require(try await log.record(ofAlert: old))
            let source = try #require(try await log.record(ofAlert: new))
            // When it is this one's turn, the source has been merged already.
            let during = try await log.ingest(Self.item("3", [Self.user("jdoe")], at: 31))
            try await log.decide(.merge(into: target.id, reason: "The same attacker."), on: source.id)
            try await log.work()
            let after = try await log.ingest(Self.item("4", [Self.user("jdoe")], at: 32))
            try await log.work()
            let merged = try #require(try await log.record(ofAlert: old))
            #expect(merged.id == target.id)
            #expect(Set(merged.alerts.map(\.alertID)) == [old, new, during, after])
            #expect(merged.alerts.first { $0.alertID == new }?.joining?.by == .merge)
        }
    }

    @Test("a chain of merges leads to its end, and of two cases merged into each other the first stands")
    func merges() async throws {
        try await Self.run { log in
            var ids: [UUID] = []
            for name in ["a", "b", "c"] { ids.append(try await log.ingest(Self.item(name, [Self.user(name)]))) }
            try await log.work()
            var cases: [UUID] = []
            for id in ids { cases.append(try #require(try await log.record(ofAlert: id)).id) }
            // Nobody has taken over a's alerts when b goes on into c.
            try await log.decide(.merge(into: cases[1], reason: "a is b"), on: cases[0])
            try await log.decide(.merge(into: cases[2], reason: "b is c"), on: cases[1])
            try await log.work()
            let end = try #require(try await log.record(ofAlert: ids[0]))
            #expect(end.id == cases[2])
            #expect(Set(end.alerts.map(\.alertID)) == Set(ids))
        }
        try await Self.run { log in
            var ids: [UUID] = []
            for name in ["a", "b"] { ids.append(try await log.ingest(Self.item(name, [Self.user(name)]))) }
            try await log.work()
            let one = try #require(try await log.record(ofAlert: ids[0])).id
            let two = try #require(try await log.record(ofAlert: ids[1])).id
            try await log.decide(.merge(into: two, reason: "a is b"), on: one)
            try await log.decide(.merge(into: one, reason: "b is a"), on: two)
            try await log.work()
            let open = try await log.cases().filter { !$0.state.isClosed }
            #expect(open.map(\.id) == [two])
            #expect(Set(open.flatMap { $0.alerts.map(\.alertID) }) == Set(ids))
            #expect(open.first?.mergedInto == nil)
            let next = try await log.ingest(Self.item("again", [Self.user("a")]))
            try await log.work()
            #expect(try await log.record(ofAlert: next)?.id == two)
        }
    }

    @Test("after a split what follows the moved alerts is the new case's, and what follows the others the old one's")
    func split() async throws {
        try await Self.run { log in
            let stays = try await log.ingest(Self.item("1", [Self.user("jdoe"), Self.user("asmith")], at: 0))
            let moves = try await log.ingest(Self.item("2", [Self.user("jdoe"), Self.user("cole")], at: 1))
            try await log.work()
            let old = try #require(try await log.record(ofAlert: stays))
            #expect(old.alerts.count == 2)
            let newID = UUID()
            try await log.decide(.split(alertIDs: [moves], newCaseID: newID, reason: "Another matter."), on: old.id)
            try await log.work()
            let two = try await log.ingest(Self.item("3", [Self.user("cole")], at: 2))
            let one = try await log.ingest(Self.item("4", [Self.user("asmith")], at: 2))
            try await log.work()
            let kept = try #require(try await log.record(ofAlert: stays))
            let split = try #require(try await log.record(ofAlert: moves))
            #expect(kept.alerts.map(\.alertID) == [stays, one])
            #expect(split.id == newID && split.splitFrom == old.id)
            #expect(split.alerts.map(\.alertID) == [moves, two])
        }
    }

    @Test("a case closed by itself is opened again by what joins it")
    func closing() async throws {
        try await Self.run { log in
            let first = try await log.ingest(Self.item("1", [Self.user("jdoe")], at: 0))
            try await log.work()
            let id = try #require(try await log.record(ofAlert: first)).id
            try await log.closeByItself(id)
            let second = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 1))
            try await log.work()
            #expect(try await log.record(ofAlert: second)?.id == id)
            #expect(try await log.record(ofAlert: second)?.reopenCount == 1)
        }
    }

    @Test("another policy holds for what comes after it, for what is remembered too")
    func policy() async throws {
        try await Self.run { log in
            let first = try await log.ingest(Self.item("1", [Self.user("jdoe")], at: 0))
            try await log.work()
            var policy = try await log.bench.registry().policy
            policy.version += 1
            policy.correlation.weakEntityTypes.append(.user)
            try await GovernanceWriter(
                log: log.log, tenant: log.tenant, actor: .init(kind: .person, subject: "lee", lane: .analyst),
                clock: log.bench.clock
            ).adopt(policy)
            let second = try await log.ingest(Self.item("2", [Self.user("jdoe")], at: 1))
            try await log.work()
            #expect(try await log.record(ofAlert: first)?.alerts.count == 1)
            #expect(try await log.record(ofAlert: second)?.alerts.count == 1)
        }
    }
}
