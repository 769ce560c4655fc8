import Cases
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// What is known of a person or a thing, and its erasure. A value stands in bodies only, never in a URL: those end in
/// logs.
enum SubjectRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/subjects", ReadErasures.self, list),
            .post("/v1/subjects", EraseSubjects.self, lookUp),
            .post("/v1/subjects/{id}:erase", EraseSubjects.self, creates: true, erase),
        ]
    }

    /// Erasures, newest first, by opaque ids.
    private static func list(_ call: Call<ReadErasures>) async throws -> Reply {
        let (erasures, asOf) = try await erasures(call)
        return .list(try erasures.map(json), asOf: asOf)
    }

    /// Finds out what an erasure would take along, and what forbids it.
    private static func lookUp(_ call: Call<EraseSubjects>) async throws -> Reply {
        var body = try call.command()
        let type = body.choice("type", Entity.EntityType.other)
        let value = body.text("value", 1...4_000)
        try body.finish()
        let eraser = call.services.eraser
        let subject = try await eraser.subject(type, value, tenant: call.tenant)
        let account = try await eraser.account(of: subject, tenant: call.tenant)
        let earlier = try await erasures(call).0.filter { $0.data["subject_id"] == .string(subject.id.lowercased) }
        return Reply(
            .ok,
            [
                "id": .string(subject.id.lowercased), "type": .string(subject.key.type.rawValue),
                "keys": .integer(Int64(account.mentions.keys.count)),
                "sealed_members": .integer(account.mentions.sealedMembers),
                "evidence_items": .integer(account.mentions.evidenceItems),
                "case_ids": .array(ids(account.mentions.cases)),
                "clear_events": .integer(account.mentions.clearEvents),
                "legal_hold": .bool(!account.heldBy.isEmpty), "held_by": .array(ids(account.heldBy)),
                "erasures": .array(try earlier.map(json)), "as_of_position": .integer(account.position),
            ])
    }

    private static func erase(_ call: Call<EraseSubjects>) async throws -> Reply {
        let id = try call.id()
        var body = try call.command()
        let reason = body.text("reason")
        let authority = body.optionalText("authority", 1...1_000)
        let type = body.has("type") || body.has("value") ? body.choice("type", Entity.EntityType.other) : nil
        let value = type == nil ? nil : body.text("value", 1...4_000)
        try body.finish()
        let eraser = call.services.eraser
        let subject: SubjectEraser.Subject
        if let type, let value {
            subject = try await eraser.subject(type, value, tenant: call.tenant)
            guard subject.id == id else {
                throw Problem.validation([FieldError("/value", .enum, "is not the subject of this id")])
            }
        } else if let found = try await eraser.find(id, tenant: call.tenant) {
            subject = found
        } else {
            throw Problem(
                .notFound,
                "No entity in the log is the subject of this id. If it is only mentioned in passing, give type and value."
            )
        }
        for (name, text) in [("reason", reason), ("authority", authority ?? "")] where subject.isNamed(in: text) {
            body.refuse(name, .format, "names the subject, and would be all that is left of it")
        }
        try body.finish()
        let outcome = try await outcome(call) {
            try await eraser.erase(
                subject, reason: reason, authority: authority, by: call.permit.actor, traceID: call.traceID,
                tenant: call.tenant)
        }
        let packages = try call.services.exports.removeReadable(of: call.tenant)
        var reply = Reply(
            .ok,
            [
                "id": .string(id.lowercased), "type": .string(subject.key.type.rawValue),
                "keys": .integer(outcome.erasure.keys), "sealed_members": .integer(outcome.erasure.sealedMembers),
                "evidence_items": .integer(outcome.erasure.evidenceItems), "cases": .integer(Int64(outcome.cases)),
                "clear_events": .integer(outcome.clearEvents), "exports_removed": .integer(Int64(packages)),
                "settled": .bool(outcome.isSettled),
            ]
        ).at(outcome.position)
        reply.namesNobody = true
        return reply
    }

    /// A refusal by a legal hold is an event too.
    private static func outcome(
        _ call: Call<EraseSubjects>, _ erase: () async throws -> SubjectEraser.Outcome
    ) async throws -> SubjectEraser.Summary {
        var held: [UUID] = []
        do {
            switch try await erase() {
            case .erased(let summary): return summary
            case .held(let ids): held = ids
            }
        } catch let error as EventLogError where error.code == .legalHold {
            // A key itself is held, by no case: the operator's doing.
        }
        call.services.denials.record(call.principal, route: call.route, reason: "legal-hold")
        throw Problem(
            .legalHold,
            held.isEmpty
                ? "A key of what would go is under legal hold: whoever placed it must lift it first. Nothing was erased."
                : "Cases that mention the subject are under legal hold until a lead lifts it. Nothing was erased.",
            members: ["held_by": .array(ids(held))])
    }

    /// The erasures of the tenant, newest first; not the traces that they left in cases.
    private static func erasures<C: Capability>(_ call: Call<C>) async throws -> ([Event], asOf: Int64) {
        var found: [Event] = []
        var next: Int64 = 0
        while true {
            let page = try await call.services.log.page(
                tenant: call.tenant, from: next, limit: 500, types: [EventType.subjectErased.rawValue])
            found += page.events.filter { $0.caseID == nil && $0.data["part"] == 1 }
            guard page.next > next else { return (found.reversed(), next - 1) }
            next = page.next
        }
    }

    private static func json(_ event: Event) throws -> JSONValue {
        let erased: SubjectErased = try event.payload()
        return [
            "id": .string(erased.subjectID.lowercased), "type": .string(erased.entityType.rawValue),
            "keys": .integer(erased.keys), "sealed_members": .integer(erased.sealedMembers),
            "evidence_items": .integer(erased.evidenceItems), "cases": .integer(erased.cases),
            "clear_events": .integer(erased.clearEvents), "erased_at": .string(event.recordedAt.rfc3339),
            "actor": try JSONValue(encoding: event.actor), "reason": erased.reason.map { .string($0) } ?? .null,
            "authority": erased.authority.map { .string($0) } ?? .null,
            "event_id": .string(event.eventID.lowercased), "position": .integer(event.position),
        ]
    }

    private static func ids(_ ids: some Collection<UUID>) -> [JSONValue] {
        ids.map(\.lowercased).sorted().map { .string($0) }
    }
}
