import Events
import Foundation
import JSON
import Testing

@testable import Lab

@Suite("LabWorld")
struct LabWorldTests {
    struct Pair: Sendable, CustomTestStringConvertible {
        var kind: LabKind
        var id: String
        var doing: LabOperation
        var doingBody: JSONValue = .object([:])
        var undoing: LabOperation
        /// `nil` gives the object as captured before.
        var undoingBody: JSONValue?

        var testDescription: String {
            "\(kind.rawValue) \(doing.rawValue) then \(undoing.rawValue)\(undoingBody == nil ? " with state" : "")"
        }
    }

    static let rule: JSONValue = [
        "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0",
    ]
    static let otherRule: JSONValue = [
        "direction": "ingress", "protocol": "tcp", "from_port": 80, "to_port": 80, "cidr": "10.0.0.0/8",
    ]
    static let nothing = JSONValue.object([:])

    static let pairs = [
        Pair(kind: .hosts, id: "web-1", doing: .isolate, undoing: .release),
        Pair(kind: .hosts, id: "web-1", doing: .isolate, undoing: .release, undoingBody: nothing),
        Pair(kind: .namespaces, id: "ns-01", doing: .isolate, undoing: .release),
        Pair(kind: .pods, id: "shop/miner-7", doing: .isolate, undoing: .release, undoingBody: nothing),
        Pair(kind: .pods, id: "shop/miner-7", doing: .snapshot, undoing: .restore),
        Pair(
            kind: .pods, id: "shop/miner-7", doing: .terminateProcess, doingBody: ["name": "xmrig"],
            undoing: .restore),
        Pair(kind: .users, id: "jdoe", doing: .disable, undoing: .enable, undoingBody: nothing),
        Pair(kind: .users, id: "jdoe", doing: .disable, undoing: .enable),
        Pair(kind: .tokens, id: "tok-1", doing: .revoke, undoing: .reissue, undoingBody: nothing),
        Pair(kind: .secrets, id: "db", doing: .rotate, undoing: .restore),
        Pair(
            kind: .securityGroups, id: "sg-0a1", doing: .revokeIngress, doingBody: ["rule": rule],
            undoing: .authorizeIngress, undoingBody: ["rule": rule]),
        Pair(
            kind: .securityGroups, id: "sg-0a1", doing: .authorizeIngress, doingBody: ["rule": otherRule],
            undoing: .revokeIngress, undoingBody: ["rule": otherRule]),
        Pair(kind: .blockedIPs, id: "203.0.113.9", doing: .block, undoing: .unblock, undoingBody: nothing),
    ]

    @Test("every operation has an undo that leaves byte for byte the same state", arguments: pairs)
    func undo(pair: Pair) throws {
        var world = LabWorld.standard
        let before = world.state.canonicalBytes()
        let captured = try #require(world.object(pair.kind, pair.id))
        let answer = try world.perform(
            pair.doing, on: pair.kind, id: pair.id, body: pair.doingBody, key: "do", at: .epoch)
        #expect(world.state.canonicalBytes() != before)
        #expect(answer["before"] == captured)
        #expect(answer["after"] == world.object(pair.kind, pair.id))
        #expect(answer["applied"] == true)
        _ = try world.perform(
            pair.undoing, on: pair.kind, id: pair.id, body: pair.undoingBody ?? ["state": captured], key: "undo",
            at: .epoch)
        #expect(world.state.canonicalBytes() == before)
    }

    @Test("isolating takes the network policies and ends the sessions")
    func isolate() throws {
        var world = LabWorld.standard
        _ = try world.perform(.isolate, on: .hosts, id: "web-1", body: Self.nothing, key: "k", at: .epoch)
        #expect(
            world.object(.hosts, "web-1")
                == ["isolated": true, "network_policies": [], "sessions": 0])
    }

    @Test("isolating twice under two keys still lets release restore what was there first")
    func isolateTwice() throws {
        var world = LabWorld.standard
        for key in ["a", "b"] {
            _ = try world.perform(.isolate, on: .hosts, id: "web-1", body: Self.nothing, key: key, at: .epoch)
        }
        _ = try world.perform(.release, on: .hosts, id: "web-1", body: Self.nothing, key: "c", at: .epoch)
        #expect(world.state == LabWorld.standard.state)
    }

    @Test("the same key answers the same, applies nothing and leaves a line in the journal")
    func idempotency() throws {
        var world = LabWorld.standard
        let first = try world.perform(.rotate, on: .secrets, id: "db", body: Self.nothing, key: "k", at: .epoch)
        var second = try world.perform(.rotate, on: .secrets, id: "db", body: Self.nothing, key: "k", at: .epoch)
        #expect(second["applied"] == false)
        second["applied"] = true
        #expect(second == first)
        #expect(world.object(.secrets, "db") == ["version": 2])
        #expect(world.journal.map(\.applied) == [true, false])
        #expect(world.journal.map(\.seq) == [1, 2])
    }

    @Test("a key used for something else is refused")
    func keyReused() throws {
        var world = LabWorld.standard
        _ = try world.perform(.rotate, on: .secrets, id: "db", body: Self.nothing, key: "k", at: .epoch)
        let before = world
        #expect {
            _ = try world.perform(.rotate, on: .secrets, id: "signing", body: Self.nothing, key: "k", at: .epoch)
        } throws: {
            ($0 as? LabError)?.code == .idempotencyKeyReused
        }
        #expect(world == before)
    }

    @Test(
        "what makes no sense is refused and changes nothing",
        arguments: [
            (LabKind.securityGroups, "sg-0a1", LabOperation.revokeIngress, ["rule": otherRule], "not-applicable"),
            (.securityGroups, "sg-0a1", .authorizeIngress, ["rule": rule], "not-applicable"),
            (.securityGroups, "sg-0a1", .authorizeIngress, nothing, "validation-failed"),
            (.securityGroups, "sg-none", .authorizeIngress, ["rule": rule], "not-found"),
            (.pods, "shop/miner-7", .terminateProcess, ["name": "sshd"], "not-applicable"),
            (.pods, "shop/miner-7", .terminateProcess, nothing, "validation-failed"),
            (.secrets, "db", .restore, nothing, "validation-failed"),
            (.secrets, "db", .isolate, nothing, "not-found"),
            (.hosts, "web-1", .release, ["state": 5], "validation-failed"),
            (.blockedIPs, "not an address", .block, nothing, "validation-failed"),
            (.hosts, "web-1", .create, nothing, "method-not-allowed"),
        ] as [(LabKind, String, LabOperation, JSONValue, String)])
    func refused(kind: LabKind, id: String, operation: LabOperation, body: JSONValue, code: String) throws {
        var world = LabWorld.standard
        #expect {
            _ = try world.perform(operation, on: kind, id: id, body: body, key: "k", at: .epoch)
        } throws: {
            ($0 as? LabError)?.codeText == code
        }
        #expect(world == .standard)
    }

    @Test("arrays are sets: order and repetition do not count")
    func sets() throws {
        let first = try LabWorld(state: [
            "blocked_ips": ["b::1", "a::1", "b::1"], "users": ["x": ["groups": ["b", "a"]]],
        ])
        let second = try LabWorld(state: [
            "users": ["x": ["groups": ["a", "b", "a"]]], "blocked_ips": ["a::1", "b::1"],
        ])
        #expect(first.stateDigest == second.stateDigest)
        #expect(first.state["blocked_ips"] == ["a::1", "b::1"])
    }

    @Test(
        "a state that is none is refused",
        arguments: [5, ["robots": .object([:])], ["hosts": []], ["hosts": ["a": 1]], ["blocked_ips": [1]]]
            as [JSONValue])
    func badState(state: JSONValue) {
        #expect(throws: LabError.self) { try LabWorld(state: state) }
    }

    @Test("a world reads back from its snapshot, with journal, faults and what it remembers")
    func snapshot() throws {
        var world = LabWorld.standard
        _ = try world.perform(
            .isolate, on: .hosts, id: "web-1", body: Self.nothing, key: "Key With Capitals", at: .epoch)
        _ = try world.perform(.create, on: .tickets, id: nil, body: ["title": "x"], key: "t", at: .epoch)
        world.add(LabFault(kind: "hosts", operation: "isolate", fault: .dropAfterApply, delayMs: 5, times: 2))
        let again = try LabWorld(snapshot: JSONValue.parse(world.snapshot().canonicalBytes()))
        #expect(again == world)
    }

    @Test("an attacker who can leaves for another pod as his own is isolated, and it says where to")
    func evasion() throws {
        var world = LabWorld.standard
        var pod = try #require(world.object(.pods, "shop/miner-7"))
        pod["evades_to"] = "shop/web-1"
        try world.put(pod, .pods, "shop/miner-7")
        _ = try world.perform(.isolate, on: .pods, id: "shop/miner-7", body: Self.nothing, key: "k", at: .epoch)
        let seen = try world.perform(
            .identify, on: .pods, id: "shop/miner-7", body: Self.nothing, key: "l", at: .epoch)
        #expect(seen.at("/output/moved_to") == "shop/web-1")
        #expect(seen.at("/output/processes") == [] && seen.at("/output/isolated") == true)
        #expect(world.object(.pods, "shop/web-1")?["processes"] == ["nginx", "xmrig"])
    }

    @Test("a scan finds the miner and changes nothing")
    func scan() throws {
        var world = LabWorld.standard
        let answer = try world.perform(
            .scanImage, on: .pods, id: "shop/miner-7", body: Self.nothing, key: "k", at: .epoch)
        #expect(
            answer["output"] == [
                "image": "shop:1.2", "findings": [["kind": "miner", "process": "xmrig"]], "vulnerabilities": [],
                "is_vulnerable": false,
            ])
        #expect(world.state == LabWorld.standard.state)
    }
}

extension Instant {
    static let epoch = Instant(microseconds: 0)
}
