package import Cases
package import Events
package import JSON
import Runs

package import struct Foundation.UUID

/// One case with everything that a decision on it needs. All of it is derived from one fold at one position, so nothing
/// on the page contradicts anything else on it.
package struct CasePage: Sendable {
    let record: CaseRecord
    let position: Int64
    let lines: [TimelineLine]
    let alerts: [JSONValue]
    /// Of the recommended one, as it was published.
    let playbookName: String?
    let viewer: Principal
    /// When the page shows how the case once was; then nothing can be done on it.
    let moment: Moment?
    let now: Instant
    let citations: Citations
    let view: JSONValue

    /// The version that is shown instead of the newest, and when it was recorded.
    package struct Moment: Sendable {
        package var version: Int64
        package var recordedAt: Instant?

        package init(version: Int64, recordedAt: Instant?) {
            self.version = version
            self.recordedAt = recordedAt
        }
    }

    /// - Parameters:
    ///   - lines: the history: the case's own events and those of other streams that are cited.
    ///   - playbookName: of the playbook that the recommendation names.
    ///   - alerts: as `GET /v1/alerts` lists them.
    package init(
        record: CaseRecord, position: Int64, lines: [TimelineLine], alerts: [JSONValue], playbookName: String?,
        viewer: Principal, moment: Moment?, now: Instant
    ) throws {
        self.record = record
        self.position = position
        self.lines = lines.sorted { $0.position > $1.position }
        self.alerts = alerts
        self.playbookName = playbookName
        self.viewer = viewer
        self.moment = moment
        self.now = now
        citations = Citations(lines)
        view = try JSONValue(encoding: CaseView(record, asOf: position))
    }

    /// Events that the page cites and that lie outside the case's own stream.
    package static func citedElsewhere(by record: CaseRecord, known: Set<UUID>) -> [UUID] {
        var ids = Set(record.openingEventIDs)
        for item in record.evidence { ids.formUnion(item.eventIDs) }
        for entity in record.entities { ids.formUnion(entity.eventIDs) }
        for signal in record.gate?.signals ?? [] { ids.formUnion(signal.eventIDs) }
        for action in record.recommendation?.actions ?? [] { ids.formUnion(action.blastRadius.basisEventIDs) }
        for text in [record.recommendation?.summary, record.recommendation?.hypothesis] {
            ids.formUnion(text?.eventIDs ?? [])
        }
        for technique in record.attackTechniques { ids.formUnion(technique.eventIDs) }
        return ids.subtracting(known).sorted { $0.uuidString < $1.uuidString }.prefix(200).map { $0 }
    }

    var isPast: Bool { moment != nil }
    func may<C: Capability>(_ capability: C.Type) -> Bool { !isPast && !viewer.roles.isDisjoint(with: C.roles) }

    /// What the template `case` shows.
    package var model: JSONValue {
        get throws {
            var model = CaseCard.json(view, now: now)
            model["version"] = .integer(record.version)
            model["past"] =
                moment.map {
                    ["version": .integer($0.version), "at": PageTime.json($0.recordedAt)] as JSONValue
                } ?? .null
            model["phases"] = phases
            model["clocks"] = .array((view["sla"]?.arrayValue ?? []).map { Clock.json($0, now: now) })
            model["facts"] = facts
            model["times"] = times
            model["techniques"] = techniques
            model["people"] = people
            model["gaps"] = gaps
            model["summary"] = summary
            model["why"] = why
            model["gate"] = gate
            model["decision"] = try decision
            model["recommendation"] = try recommendation
            model["runs"] = try runs
            model["is_acted_on"] = .bool(!record.runs.isEmpty)
            model["evidence"] = try evidence
            model["alerts"] = .array(alerts.map(alert))
            model["graph"] = CaseGraph(self).model
            model["timeline"] = timeline
            model["comments"] = comments
            model["commands"] = commands
            return model
        }
    }

    private var summary: JSONValue {
        guard let recommendation = record.recommendation else { return .null }
        func cited(_ text: CitedText) -> JSONValue {
            ["text": .string(text.text), "citations": citations.links(text.eventIDs)]
        }
        return [
            "text": cited(recommendation.summary), "hypothesis": cited(recommendation.hypothesis),
            "uncertainty": .array(
                recommendation.uncertainty.filter { note in
                    // What is not known is listed by itself, in words.
                    !record.missingContext.contains { gap in note.text.hasPrefix("\(gap.kind) of \(gap.entity ?? "")") }
                }.map(cited)),
            "by": .string("\(recommendation.recommender.name) \(recommendation.recommender.version)"),
            "is_model": .bool(recommendation.recommender.kind == .model),
            "at": PageTime.json(recommendation.createdAt),
            "comparable": .array(
                recommendation.comparableCases.map {
                    [
                        "href": .string("/cases/\($0.caseID.lowercased)"),
                        "short_id": .string(Words.shortID($0.caseID.lowercased)),
                        "overlap": .string(Words.percent($0.overlapScore, digits: 0)),
                        "verdict": .string($0.verdict.map { Words.inline($0.rawValue) } ?? "no verdict"),
                    ]
                }),
            "dropped": .array(
                recommendation.droppedClaims.map {
                    ["text": .string($0.text), "reason": .string(Words.inline($0.reason))]
                }),
        ]
    }

    /// What it waits for, in one sentence, and which rules made it wait.
    private var why: JSONValue {
        guard record.state == .escalated || record.state == .recommended else { return .null }
        let line = lines.first { $0.type == EventType.caseEscalated.rawValue && $0.isOfCase }
        let approval = record.approval
        var head = "It waits for a person to say what happens."
        if let approval, approval.state == .pending {
            let missing = approval.requiredApprovals - approval.approvedCount
            let more = approval.approvedCount > 0 ? " more" : ""
            head = "It waits for \(missing == 1 ? "one\(more) person" : "\(missing)\(more) people") to agree."
        } else if let approval, approval.state != .granted {
            head = "The last request was \(approval.state.rawValue). Nothing will be done until somebody asks anew."
        } else if record.run?.state == .failed || record.run?.state == .cancelled {
            head = "The run did not reach its end. A person has to look."
        }
        return [
            "decide": .bool(approval?.state == .pending), "head": .string(head), "text": .string(line?.text ?? ""),
            "citations": line.map { citations.links([$0.eventID]) } ?? .null,
        ]
    }

    private func alert(_ alert: JSONValue) -> JSONValue {
        let id = alert["id"]?.stringValue ?? ""
        let outside = Address.outside(alert["source_url"]?.stringValue)
        return [
            "title": alert["title"] ?? .null, "source": alert["source"] ?? .null,
            "source_ref": alert["source_ref"] ?? .null, "description": alert["description"] ?? .null,
            "severity": CaseCard.severity(alert["severity"]?.stringValue ?? "unknown"),
            "occurred": PageTime.json(alert["occurred_at"]), "rule": alert.at("/rule/name") ?? .null,
            "raw_href": .string("/v1/alerts/\(Address.encoded(id))/raw"),
            "raw_size": .string("\(alert.at("/raw/size")?.int64Value ?? 0) bytes"),
            "raw_digest": alert.at("/raw/digest") ?? .null, "outside": outside.map(JSONValue.string) ?? .null,
            "clock_suspect": .bool(alert["clock_suspect"] == true),
            "duplicates": (alert["duplicate_count"]?.int64Value).flatMap { $0 > 0 ? .integer($0) : nil } ?? .null,
            "joining": joining(id),
        ]
    }

    private var timeline: JSONValue {
        .array(
            lines.map { line in
                [
                    "id": .string("event-\(line.position)"), "position": .integer(line.position),
                    "at": PageTime.json(line.recordedAt), "what": .string(Words.event(line.type)),
                    "type": .string(line.type), "text": .string(line.text),
                    "who": .string(line.actor.kind == .playbook ? "playbook" : line.actor.subject),
                    "kind": .string(line.actor.kind.rawValue), "is_person": .bool(line.actor.kind == .person),
                    "is_of_case": .bool(line.isOfCase),
                    "json_href": .string("/v1/events?after=\(line.position - 1)&limit=1"),
                    "past_href": line.isOfCase
                        ? .string("/cases/\(record.id.lowercased)?as_of_position=\(line.position)") : .null,
                ]
            })
    }

    private var comments: JSONValue {
        .array(
            lines.filter { $0.type == EventType.caseCommented.rawValue }.reversed().map {
                ["who": .string($0.actor.subject), "at": PageTime.json($0.recordedAt), "text": .string($0.text)]
            })
    }
}
