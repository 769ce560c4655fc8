import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// What people tell a case to do (contract §2, "Commands").
enum CaseCommandRoutes {
    static var all: [Endpoint] {
        [
            .patch("/v1/cases/{id}", HandleCases.self, change),
            verb("assign") { .assign($0.identity("assignee")) },
            verb("close") { .close($0.choice("verdict", Verdict.unknown), reason: $0.text("reason")) },
            verb("reopen") { .reopen(reason: $0.text("reason")) },
            verb("hold") { .hold(reason: $0.text("reason")) },
            verb("resume") { .resume(reason: $0.text("reason")) },
            verb("escalate") { .escalate(reason: $0.text("reason")) },
            verb("recover") { .recover(reason: $0.text("reason")) },
            .post("/v1/cases/{id}:merge", LeadCases.self, merge),
            .post("/v1/cases/{id}:split", LeadCases.self, creates: true, split),
            legalHold("legal_hold") { try $0.placeLegalHold(reason: $1, by: $2) },
            legalHold("release_legal_hold") { try $0.liftLegalHold(reason: $1, by: $2) },
            .post("/v1/cases/{id}/comments", HandleCases.self, creates: true, comment),
            .post("/v1/cases/{id}/evidence", HandleCases.self, creates: true, addEvidence),
        ]
    }

    private static func verb(
        _ name: String, _ read: @escaping @Sendable (inout CommandBody) -> CaseCommand
    ) -> Endpoint {
        .post("/v1/cases/{id}:\(name)", HandleCases.self) { call in
            var body = try call.command()
            let command = read(&body)
            return try await apply(command, body, call, permit: call.permit)
        }
    }

    /// Unconditional: whatever happened to the case meanwhile, it is to be kept, or need not be.
    private static func legalHold(
        _ name: String,
        _ decide: @escaping @Sendable (CaseRecord, String, Permit<LeadCases>) throws -> [Decision]
    ) -> Endpoint {
        .post("/v1/cases/{id}:\(name)", LeadCases.self) { call in
            var body = try call.command()
            let reason = body.text("reason")
            try body.finish()
            let written = try await call.updateCase(isConditional: false) { try decide($0, reason, call.permit) }
            return try written.reply()
        }
    }

    /// - Parameter permit: what the domain asks for; a lead's permit carries it too.
    private static func apply<C: Capability>(
        _ command: CaseCommand, _ body: CommandBody, _ call: Call<C>, permit: Permit<HandleCases>
    ) async throws -> Reply {
        try body.finish()
        let written = try await call.updateCase { try $0.decide(command, by: permit) }
        return try written.reply()
    }

    private static func change(_ call: Call<HandleCases>) async throws -> Reply {
        var body = try call.command()
        let command = CaseCommand.change(
            severity: body.optionalChoice("severity", Severity.unknown), title: body.optionalText("title", 1...1_000),
            tier: body.optionalInteger("tier", 1...9).map(Int.init), queue: body.optionalText("queue", 1...100))
        if !["severity", "title", "tier", "queue"].contains(where: body.has) {
            body.refuse("severity", .required, "name at least one of severity, title, tier and queue")
        }
        return try await apply(command, body, call, permit: call.permit)
    }

    private static func comment(_ call: Call<HandleCases>) async throws -> Reply {
        var body = try call.command()
        let command = CaseCommand.comment(text: body.text("text", 1...65_536))
        try body.finish()
        let written = try await call.updateCase(isConditional: false) { try $0.decide(command, by: call.permit) }
        return try written.reply(.created)
    }

    private static func addEvidence(_ call: Call<HandleCases>) async throws -> Reply {
        var body = try call.command()
        let policy = try await call.services.registries.registry(of: call.tenant).policy
        let subject = call.principal.identity.subject
        let kind = body.choice("kind", EvidenceKind.rawEvent)
        let observedAt = body.optionalInstant("observed_at") ?? call.now
        if observedAt > call.now.adding(milliseconds: 300_000) {
            body.refuse("observed_at", .range, "lies in the future")
        }
        let item = EvidenceItem(
            kind: kind, source: body.optionalText("source", 1...200) ?? subject, eventIDs: [], observedAt: observedAt,
            staleAfter: policy.freshnessMs(of: kind).map { observedAt.deadline(afterMs: $0) },
            summary: body.optionalText("summary", 1...1_000) ?? "Added by \(subject).", data: body.object("data"))
        try body.finish()
        let written = try await call.updateCase(isConditional: false) {
            try $0.decide(.addEvidence(item), by: call.permit)
        }
        return try written.reply(.created)
    }

    /// The source ends as a duplicate; the correlating stage takes its alerts along.
    private static func merge(_ call: Call<LeadCases>) async throws -> Reply {
        var body = try call.command()
        let target = body.uuid("into")
        let reason = body.text("reason")
        try body.finish()
        let permit = try call.principal.permit(HandleCases.self)
        guard let other = try await call.services.cases.load(target, tenant: call.tenant) else {
            throw Problem.validation([FieldError("/into", .enum, "there is no such case")])
        }
        if other.state.isClosed {
            throw Problem.validation([FieldError("/into", .enum, "that case is \(other.state.rawValue)")])
        }
        let written = try await call.updateCase { try $0.decide(.merge(into: target, reason: reason), by: permit) }
        return try written.reply()
    }

    /// A new case from some of the alerts.
    private static func split(_ call: Call<LeadCases>) async throws -> Reply {
        var body = try call.command()
        let alertIDs = body.uuids("alert_ids", 1...1_000)
        let reason = body.text("reason")
        try body.finish()
        let permit = try call.principal.permit(HandleCases.self)
        let newID = UUID.v7(at: call.now)
        let found = try await call.services.alerts.load(alertIDs, tenant: call.tenant)
        let written = try await call.updateCase {
            try $0.decide(.split(alertIDs: alertIDs, newCaseID: newID, reason: reason), by: permit)
        }
        guard let first = alertIDs.compactMap({ found[$0]?.alert }).first else { throw Rejection.notFound }
        try await call.services.cases.open(
            newID, tenant: call.tenant,
            decisions: [
                CaseRecord.open(
                    first, tier: written.record.tier, queue: written.record.queue, splitFrom: written.record.id)
            ], cause: call.cause)
        let position = try await link(alertIDs.filter { $0 != first.alertID }, to: newID, call)
        guard let record = try await call.services.cases.load(newID, tenant: call.tenant) else {
            throw Rejection.notFound
        }
        return try Reply.caseReply(record, .created, position: position).locating("/v1/cases/\(newID.lowercased)")
    }

    /// - Returns: the last position written.
    private static func link(_ alertIDs: [UUID], to caseID: UUID, _ call: Call<LeadCases>) async throws -> Int64? {
        let found = try await call.services.alerts.load(alertIDs, tenant: call.tenant)
        var position: Int64?
        for id in alertIDs {
            guard let alert = found[id]?.alert else { continue }
            let written = try await call.services.cases.update(caseID, tenant: call.tenant, cause: call.cause) {
                $0.link(alert, overlapScore: 1, shared: [], by: .split)
            }
            position = written.position ?? position
        }
        return position
    }
}

extension Call {
    /// Decides on the case in the path.
    ///
    /// - Parameter isConditional: whether `If-Match` is needed. A case that is not there is told first.
    func updateCase(
        isConditional: Bool = true, _ decide: (CaseRecord) async throws -> [Decision]
    ) async throws -> CaseStore.Written {
        try await services.cases.update(try id(), tenant: tenant, cause: cause) { record in
            if isConditional { try IfMatch(headers).check(record.version) }
            return try await decide(record)
        }
    }
}

extension CaseStore.Written {
    func reply(_ status: HTTPResponse.Status = .ok) throws -> Reply {
        try .caseReply(record, status, position: position)
    }
}

extension Reply {
    /// The case as its own last event left it.
    static func caseReply(_ record: CaseRecord, _ status: HTTPResponse.Status, position: Int64?) throws -> Reply {
        .resource(
            try JSONValue(encoding: CaseView(record, asOf: record.lastPosition)), version: record.version,
            status: status,
            position: position ?? record.lastPosition)
    }

    func locating(_ path: String) -> Reply {
        var reply = self
        reply.headers[.location] = path
        return reply
    }
}
