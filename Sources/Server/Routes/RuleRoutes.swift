import Cases
import Detection
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// Sigma rules: those of the packs and the tenant's own.
enum RuleRoutes {
    static var all: [Endpoint] {
        [
            .get("/v1/rules", ReadConfiguration.self, query: ["state", "limit", "cursor"], list),
            .get("/v1/rules/{id}", ReadConfiguration.self, get),
            .post(
                "/v1/rules", Configure.self, creates: true, body: BodyRule(size: .single, mediaTypes: [.yaml]), publish),
            .post(
                "/v1/rules:validate", Configure.self, body: BodyRule(size: .single, mediaTypes: [.yaml]),
                validate),
            .post("/v1/rules/{id}:retire", Configure.self, retire),
        ]
    }

    private enum State: String, CaseIterable { case active, retired }

    /// A tenant's rule stands in the place of a pack's with the same id.
    private static func entries<C: Capability>(_ call: Call<C>) async throws -> [String: RuleBook.Entry] {
        let packs = try await call.services.rules.book(of: SystemTenant.id).entries
        var own = try await call.services.rules.book(of: call.tenant).entries
        for (id, entry) in own where entry.isRetired && entry.rule.version == 0 {
            // It was never the tenant's own: what the pack says of it, retired.
            if var pack = packs[id] {
                pack.isRetired = true
                own[id] = pack
            }
        }
        return packs.filter { !$0.value.isRetired }.merging(own) { $1 }
    }

    private static func list(_ call: Call<ReadConfiguration>) async throws -> Reply {
        let state = try call.query.choice("state", State.self)
        let after = try call.query.text("cursor").map(decode) ?? ""
        let limit = try call.query.limit()
        let active = try await call.services.rules.rules(of: call.tenant)
        let activity = call.services.rules.activity.activity(of: call.tenant)
        let found = try await entries(call).values
            .filter { $0.rule.ruleID > after && (state.map { ($0 == .retired) } ?? $0.isRetired) == $0.isRetired }
            .sorted { $0.rule.ruleID < $1.rule.ruleID }
        let page = found.prefix(limit)
        let next = found.count > limit ? page.last.map { encode($0.rule.ruleID) } : nil
        return Reply(
            .ok,
            [
                "items": .array(page.map { json($0, active, activity) }),
                "next_cursor": next.map(JSONValue.string) ?? .null,
                "has_more": .bool(next != nil),
                "as_of_position": .integer(try await call.services.lastPosition(of: call.tenant)),
            ])
    }

    private static func get(_ call: Call<ReadConfiguration>) async throws -> Reply {
        let entry = try await find(call)
        var json = json(
            entry, try await call.services.rules.rules(of: call.tenant),
            call.services.rules.activity.activity(of: call.tenant))
        json["text"] = .string(entry.rule.text)
        return .resource(json, version: Int64(entry.rule.version))
    }

    private static func find<C: Capability>(_ call: Call<C>) async throws -> RuleBook.Entry {
        guard let entry = try await entries(call)[try call.name().lowercased()] else { throw Rejection.notFound }
        return entry
    }

    private static func json(
        _ entry: RuleBook.Entry, _ active: ActiveRules, _ activity: RuleActivity.Tenant?
    ) -> JSONValue {
        let rule = entry.rule
        func text(_ value: String?) -> JSONValue { value.map(JSONValue.string) ?? .null }
        let problem = active.refused.first { $0.ruleID == rule.ruleID }
        return [
            "id": .string(rule.ruleID), "version": .integer(Int64(rule.version)), "kind": .string(rule.kind.rawValue),
            "title": .string(rule.title), "level": text(rule.level), "status": text(rule.status),
            "logsource": text(rule.logsource), "pack": .string(rule.pack), "file": .string(rule.file),
            "digest": .string(rule.digest.text), "state": .string(entry.isRetired ? "retired" : "active"),
            // Only there to feed a correlation.
            "alerts": .bool(
                !entry.isRetired && [.rule, .correlation].contains(rule.kind)
                    && !active.correlations.isSilenced(rule.ruleID)),
            "problem": text(entry.isRetired ? nil : problem?.reason),
            "published_at": .string(entry.publishedAt.rfc3339), "event_id": .string(entry.eventID.lowercased),
            "activity": rule.kind == .rule ? activity.map { json($0, rule.ruleID) } ?? .null : .null,
        ]
    }

    /// What the rule did in this process, and what it took: for whoever tunes rules.
    private static func json(_ activity: RuleActivity.Tenant, _ ruleID: String) -> JSONValue {
        let entry = activity.entry(of: ruleID)
        return [
            "since": .string(activity.since.rfc3339), "records": .integer(Int64(activity.records)),
            "evaluations": .integer(Int64(entry.evaluations)), "matches": .integer(Int64(entry.matches)),
            "skipped": .integer(Int64(entry.skipped)), "microseconds": .integer(Int64(entry.nanoseconds / 1_000)),
        ]
    }

    private static func yaml<C: Capability>(_ call: Call<C>) throws -> [SigmaDocument] {
        guard let text = String(validating: call.body.bytes, as: UTF8.self) else {
            throw Problem.validation([FieldError("", .encoding, "the rules are not UTF-8")])
        }
        return SigmaDocument.documents(in: text, file: "request")
    }

    /// All documents or none.
    private static func publish(_ call: Call<Configure>) async throws -> Reply {
        let documents = try yaml(call)
        let values = try await call.services.rules.placeholders(of: call.tenant, with: documents)
        let problems = documents.flatMap { $0.contents(placeholders: values).refused }
        guard problems.isEmpty, !documents.isEmpty else {
            throw Problem.validation(
                documents.isEmpty
                    ? [FieldError("", .required, "the body holds no rule")]
                    : problems.map { FieldError("/\($0.line ?? 1)", .format, $0.description) })
        }
        let publisher = RulePublisher(
            store: call.services.rules, tenant: call.tenant, actor: call.permit.actor, clock: call.services.clock)
        let outcome = try await publisher.publish(documents, pack: "tenant", traceID: call.traceID)
        let active = try await call.services.rules.rules(of: call.tenant)
        let activity = call.services.rules.activity.activity(of: call.tenant)
        let book = try await call.services.rules.book(of: call.tenant)
        let items = (outcome.published + outcome.unchanged).sorted().compactMap { book.entries[$0] }
        return Reply(
            outcome.published.isEmpty ? .ok : .created, ["items": .array(items.map { json($0, active, activity) })]
        ).at(outcome.position)
    }

    private static func validate(_ call: Call<Configure>) async throws -> Reply {
        let documents = try yaml(call)
        let values = try await call.services.rules.placeholders(of: call.tenant, with: documents)
        let contents = documents.map { $0.contents(placeholders: values, linting: true) }
        let rules = contents.flatMap(\.rules)
        let correlations = contents.flatMap(\.correlations)
        let filters = contents.flatMap(\.filters)
        let set = CorrelationSet(correlations: correlations, rules: rules)
        let problems = contents.flatMap(\.refused) + set.refused
        // What a filter names may be a rule that is there already.
        let active = try await call.services.rules.rules(of: call.tenant).rules.values
        let known = rules + active.filter { other in !rules.contains { $0.id == other.id } }
        let idle = FilteredRules(known, filters: filters).problems
            .map { SigmaWarning(idle: $0) }
        let warnings =
            contents.flatMap(\.warnings) + idle
            + SigmaWarning.ambiguities(rules: rules, correlations: correlations, filters: filters)
        return Reply(
            .ok,
            [
                "rules": .integer(Int64(rules.count)), "correlations": .integer(Int64(correlations.count)),
                "filters": .integer(Int64(filters.count)),
                "placeholders": .integer(Int64(contents.reduce(0) { $0 + $1.placeholders.count })),
                "refused": .array(problems.map(\.json)), "warnings": .array(warnings.map(\.json)),
            ])
    }

    private static func retire(_ call: Call<Configure>) async throws -> Reply {
        var body = try call.command()
        let reason = body.text("reason")
        try body.finish()
        var entry = try await find(call)
        let publisher = RulePublisher(
            store: call.services.rules, tenant: call.tenant, actor: call.permit.actor, clock: call.services.clock)
        let position = try await publisher.retire(entry.rule.ruleID, reason: reason, traceID: call.traceID)
        entry.isRetired = true
        let active = try await call.services.rules.rules(of: call.tenant)
        let activity = call.services.rules.activity.activity(of: call.tenant)
        return .resource(json(entry, active, activity), version: Int64(entry.rule.version), position: position)
    }

    private static func encode(_ id: String) -> String { Data(id.utf8).base64EncodedString().replacing("=", with: "") }

    private static func decode(_ cursor: String) throws -> String {
        let padded = cursor + String(repeating: "=", count: (4 - cursor.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), let text = String(validating: data, as: UTF8.self) else {
            throw Problem.validation([FieldError("/cursor", .format, "is not one that this list gave out")])
        }
        return text
    }
}
