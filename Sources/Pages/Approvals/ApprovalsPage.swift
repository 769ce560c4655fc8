package import Cases
package import Events
package import JSON

/// Who is asked for consent to what. What waits for the reader stands first.
package struct ApprovalsPage: Sendable {
    package enum Selection: String, Sendable, Hashable, CaseIterable {
        case mine, pending, all

        var label: String {
            switch self {
            case .mine: "Waiting for me"
            case .pending: "Pending"
            case .all: "All"
            }
        }
    }

    private let selection: Selection
    private let items: [JSONValue]
    private let cases: [String: JSONValue]
    private let viewer: Principal
    private let nextCursor: String?
    private let now: Instant

    /// - Parameters:
    ///   - items: as `GET /v1/approvals` lists them; for `mine`, the pending ones.
    ///   - cases: the views of their cases, by id.
    package init(
        selection: Selection, items: [JSONValue], cases: [String: JSONValue], viewer: Principal, nextCursor: String?,
        now: Instant
    ) {
        self.selection = selection
        self.items = selection == .mine ? items.filter { Self.obstacle($0, viewer) == nil } : items
        self.cases = cases
        self.viewer = viewer
        self.nextCursor = nextCursor
        self.now = now
    }

    /// What the template `approvals` shows.
    package var model: JSONValue {
        let mayDecide = !viewer.roles.isDisjoint(with: Respond.roles)
        return [
            "tabs": .array(
                Selection.allCases.filter { $0 != .mine || mayDecide }.map {
                    [
                        "label": .string($0.label), "href": .string("/approvals?show=\($0.rawValue)"),
                        "is_current": .bool($0 == selection),
                    ]
                }),
            "approvals": .array(items.map(approval)), "has_approvals": .bool(!items.isEmpty),
            "is_mine": .bool(selection == .mine),
            "next": nextCursor.map {
                .string("/approvals?" + Address.query([("show", selection.rawValue), ("cursor", $0)]))
            }
                ?? .null,
        ]
    }

    private func approval(_ view: JSONValue) -> JSONValue {
        let caseID = view["case_id"]?.stringValue ?? ""
        let state = view["state"]?.stringValue ?? ""
        let about = cases[caseID]
        let actions = view["actions"]?.arrayValue ?? []
        let missing = view["missing_evidence"]?.arrayValue ?? []
        let obstacle = state == "pending" ? Self.obstacle(view, viewer) : nil
        return [
            "href": .string("/cases/\(caseID)#decision"), "case_short": .string(Words.shortID(caseID)),
            "title": about?["title"] ?? .null,
            "severity": CaseCard.severity(about?["severity"]?.stringValue ?? "unknown"),
            "state": .string(Words.sentence(state)),
            "tone": .string(state == "pending" ? "waiting" : state == "granted" ? "good" : "bad"),
            "is_pending": .bool(state == "pending"),
            "voices": .string(
                "\(view["approved_count"]?.int64Value ?? 0) of \(view["required_approvals"]?.int64Value ?? 0)"),
            "requested": PageTime.json(view["requested_at"]),
            "requested_by": view.at("/requested_by/subject") ?? .null, "expires": PageTime.json(view["expires_at"]),
            "digest": .string(String((view["plan_digest"]?.stringValue ?? "").prefix(19))),
            "actions": .array(
                actions.map { action in
                    [
                        "name": action["name"] ?? .null,
                        "level": .string(Words.inline(action["level"]?.stringValue ?? "")),
                        "targets": .array((action["targets"]?.arrayValue ?? []).map(CaseCard.entity)),
                        "environment": .string(
                            Words.inline(action.at("/blast_radius/environment")?.stringValue ?? "unknown")),
                        "impact": action.at("/blast_radius/impact_score") ?? .null,
                    ]
                }),
            "votes": .array(
                (view["decisions"]?.arrayValue ?? []).map { vote in
                    let agrees = vote["decision"] == "approve"
                    return [
                        "who": vote.at("/actor/subject") ?? .null, "word": .string(agrees ? "agreed" : "refused"),
                        "tone": .string(agrees ? "good" : "bad"),
                    ]
                }),
            "missing": .string(
                missing.isEmpty
                    ? "" : missing.compactMap { $0["kind"]?.stringValue }.map(Words.inline).joined(separator: ", ")),
            "may_decide": .bool(state == "pending" && obstacle == nil),
            "obstacle": .string(obstacle ?? ""),
        ]
    }

    /// Why a pending approval does not wait for this reader.
    private static func obstacle(_ view: JSONValue, _ viewer: Principal) -> String? {
        if viewer.roles.isDisjoint(with: Respond.roles) { return "Not for your role" }
        func isMe(_ actor: JSONValue?) -> Bool {
            actor?["subject"]?.stringValue == viewer.identity.subject
                && actor?["issuer"]?.stringValue == viewer.identity.issuer
        }
        if (view["excluded"]?.arrayValue ?? []).contains(where: { isMe($0) }) { return "You are excluded" }
        if (view["decisions"]?.arrayValue ?? []).contains(where: { isMe($0["actor"]) }) { return "You have decided" }
        return nil
    }
}
