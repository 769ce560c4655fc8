import Events
import Foundation
import Testing

@testable import Cases

@Suite("Capabilities")
struct CapabilityTests {
    /// Contract §10, role by role.
    private static let matrix: [Role: Set<String>] = [
        .ingest: ["SendAlerts"],
        .analyst: ["ReadCases", "HandleCases", "ReadMetrics", "ReadConfiguration"],
        .responder: ["ReadCases", "HandleCases", "Respond", "ReadMetrics", "ReadConfiguration"],
        .lead: ["ReadCases", "HandleCases", "Respond", "LeadCases", "ReadMetrics", "ReadConfiguration"],
        .auditor: ["ReadCases", "ReadMetrics", "ReadConfiguration"],
        .reporter: ["ReadMetrics"],
        .admin: ["Configure", "ReadConfiguration"],
        .serviceOwner: [],
    ]

    private static let capabilities: [(name: String, isGranted: @Sendable (Principal) -> Result<Void, Rejection>)] = [
        ("SendAlerts", check(SendAlerts.self)), ("ReadCases", check(ReadCases.self)),
        ("HandleCases", check(HandleCases.self)), ("Respond", check(Respond.self)),
        ("LeadCases", check(LeadCases.self)), ("ReadMetrics", check(ReadMetrics.self)),
        ("Configure", check(Configure.self)), ("ReadConfiguration", check(ReadConfiguration.self)),
    ]

    private static func check<C: Capability>(_ capability: C.Type) -> @Sendable (Principal) -> Result<Void, Rejection> {
        { principal in
            Result { () throws(Rejection) in
                let permit = try principal.permit(C.self)
                #expect(permit.principal == principal)
            }
        }
    }

    @Test("a role may do exactly what the contract says", arguments: Role.allCases)
    func roles(role: Role) throws {
        let allowed = try #require(Self.matrix[role])
        let principal = Fixture.principal("someone", [role])
        for (name, isGranted) in Self.capabilities {
            switch isGranted(principal) {
            case .success: #expect(allowed.contains(name), "\(role.rawValue) must not \(name)")
            case .failure(let rejection):
                #expect(!allowed.contains(name), "\(role.rawValue) may \(name)")
                guard case .roleInsufficient(let needed) = rejection else {
                    Issue.record("\(rejection)")
                    continue
                }
                #expect(needed == needed.sorted() && !needed.isEmpty && !needed.contains(role.rawValue))
            }
        }
    }

    @Test("the matrix names every capability, and someone holds each")
    func complete() {
        let names = Set(Self.capabilities.map(\.name))
        #expect(Self.matrix.values.reduce(into: Set()) { $0.formUnion($1) } == names)
    }

    @Test("two roles add up, none gives nothing")
    func several() {
        let both = Fixture.principal("someone", [.reporter, .admin])
        let granted = Self.capabilities.filter { if case .success = $0.isGranted(both) { true } else { false } }
        #expect(Set(granted.map(\.name)) == ["ReadMetrics", "Configure", "ReadConfiguration"])
        let none = Fixture.principal("someone", [])
        #expect(Self.capabilities.allSatisfy { if case .failure = $0.isGranted(none) { true } else { false } })
    }

    @Test("a permit writes in its holder's name: a machine that only sends alerts is no person")
    func actors() throws {
        let sender: Permit<SendAlerts> = try Fixture.principal("edr", [.ingest]).permit()
        #expect(sender.actor == Actor(kind: .service, subject: "edr", lane: .siem))
        let person: Permit<Respond> = try Fixture.principal("bob", [.responder]).permit()
        #expect(person.actor == Actor(kind: .person, subject: "bob", lane: .analyst))
    }
}
