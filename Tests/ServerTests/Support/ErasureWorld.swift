import Cases
import Content
import EventLog
import Events
import Foundation
import HTTPTypes
import JSON
import Postgres
import Projections
import Proof
import Sealing
import TestSupport
import Testing

@testable import Server

/// A tenant in which one name stands wherever a name can stand.
struct ErasureWorld {
    static let marker = "Zq-Mara.Vex7"
    static let bystander = "innocent.bystander"

    let server: TestServer
    var caseID = ""
    var alertID = ""
    var ids: [String] = []

    /// The forms in which the name could be left somewhere, in lower case; base64 keeps its case.
    static let plainForms: [String] =
        [marker.lowercased(), Array(marker.utf8).hexadecimal]
        + [marker.lowercased(), marker.uppercased()].map { Array($0.utf8).hexadecimal }
    static let codedForms: [String] = [marker, marker.lowercased(), marker.uppercased()].flatMap { text in
        (0..<3).map { shift in
            let whole = Data(repeating: 32, count: shift) + Data(text.utf8)
            return String(whole.base64EncodedString().prefix(whole.count * 8 / 6).dropFirst([0, 2, 3][shift]))
        }
    }

    static func names(_ text: String) -> Bool {
        let lower = text.lowercased()
        return plainForms.contains { lower.contains($0) } || codedForms.contains { text.contains($0) }
    }

    static func make(_ server: TestServer) async throws -> ErasureWorld {
        var world = ErasureWorld(server: server)
        try await world.fill()
        return world
    }

    private mutating func fill() async throws {
        let name = Self.marker
        // The story's security group bears the name: so do the plan's targets.
        let story = try #require(Content.stories.first { $0.path.contains("c-open") }).text
            .replacing("sg-0a1", with: "sg-\(name)").replacing("team-net", with: "team of \(name)")
        let json = try JSONValue.parse(story)
        let assets = try await server.post("/v1/assets", try #require(json["assets"]), as: .role(.admin))
        #expect(assets.status == 201, "\(assets.text)")
        var alert = try #require(json.at("/alerts/0/alert"))
        alert["occurred_at"] = .string(Instant.now().rfc3339)
        alert["source_ref"] = .string("incident of \(name)")
        alert["title"] = .string("\(name.uppercased()) opened port 22")
        alert["description"] = .string("Seen by \(Self.bystander): \(name) did it.")
        alert["unmapped"] = ["nested": .string(#"{"user":"\#(name)"}"#)]
        alert["entities"] = .array(
            (alert["entities"]?.arrayValue ?? []) + [
                ["type": "user", "value": .string(name), "role": "actor"],
                ["type": "user", "value": .string(Self.bystander), "role": "related"],
                ["type": "email", "value": .string("\(name)@corp.example"), "role": "related"],
            ])
        let sent = try await server.post(
            "/v1/alerts", alert, as: .role(.ingest), headers: [.idempotencyKey: "first"])
        #expect(sent.status == 201, "\(sent.text)")
        alertID = try #require(sent["/alert_id"]?.stringValue)
        try await server.settle()
        let list = try await server.get("/v1/cases?alert_id=\(alertID)")
        caseID = try #require(list["/items/0/id"]?.stringValue, "\(list.text)")
        ids = [caseID, alertID]
        try await talk()
        try await server.settle()
        for path in ["/v1/approvals", "/v1/alerts", "/v1/ingest/dead_letters", "/v1/rules", "/v1/cases"] {
            let items = try await server.get(path)["/items"]?.arrayValue ?? []
            ids += items.compactMap { $0["id"]?.stringValue }
        }
        ids = Array(Set(ids)).sorted()
    }

    /// What people and machines say about it afterwards.
    private func talk() async throws {
        let name = Self.marker
        let comment = try await server.post(
            "/v1/cases/\(caseID)/comments", ["text": .string("Called \(name.lowercased()), no answer.")],
            headers: [.idempotencyKey: "comment"])
        #expect(comment.status == 201, "\(comment.text)")
        let encoded = Data("runas /user:\(name)".utf8).base64EncodedString()
        let evidence = try await server.post(
            "/v1/cases/\(caseID)/evidence",
            ["kind": "raw_event", "summary": .string("Command of \(name)"), "data": ["encoded": .string(encoded)]])
        #expect(evidence.status == 201, "\(evidence.text)")
        let approvals = try await server.get("/v1/approvals?case_id=\(caseID)&state=pending")
        let id = try #require(approvals["/items/0/id"]?.stringValue, "\(approvals.text)")
        let decided = try await server.decide(
            try await server.get("/v1/approvals/\(id)"), as: .person("rita", .responder),
            reason: "\(name) agreed on the phone.")
        #expect(decided.status == 200, "\(decided.text)")
        let broken = try await server.post(
            "/v1/alerts", ["source": "edr", "source_ref": .string("x \(name)"), "title": 5], as: .role(.ingest))
        #expect(broken.problem == "dead-lettered", "\(broken.text)")
        let rule = try await server.send(
            .post, "/v1/rules", as: .role(.admin), bytes: Array(TelemetryRouteTests.rule.utf8),
            headers: [.contentType: "application/yaml"])
        #expect(rule.status == 201, "\(rule.text)")
        let line = #"{"action":"delete","user":"\#(name)","time":"2026-11-21T02:00:00Z"}"#
        let telemetry = try await server.send(
            .post, "/v1/telemetry?product=backup", as: .role(.ingest), bytes: Array(line.utf8),
            headers: [.contentType: "application/x-ndjson"])
        #expect(telemetry.status == 202, "\(telemetry.text)")
    }
}

// MARK: - Where it is looked for

extension ErasureWorld {
    /// Every row of every table, as text.
    func tables() async throws -> [String: String] {
        let admin = try TestDatabase.current.database
        let names = try await admin.query(
            """
            SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables
             WHERE schemaname IN ('docket', 'projection', 'reporting', 'public')
            """
        ) { row throws(PostgresError) in try row[0] as String }
        var found: [String: String] = [:]
        for name in names {
            found[name] = try await admin.query("SELECT t::text FROM \(unescaped: name) AS t ORDER BY 1") {
                row throws(PostgresError) in try row[0] as String
            }.joined(separator: "\n")
        }
        return found
    }

    /// The projections' rows alone.
    func projected() async throws -> [String: String] {
        // Snapshots of what stages remember are a cache: what is in them follows from when they were taken.
        try await tables().filter {
            $0.key.hasPrefix("projection.") && !$0.key.hasPrefix("projection.stage_memory")
        }
    }

    /// What every reading route of the API answers, for every id that is known, and every page.
    func answers() async throws -> [String: String] {
        var found: [String: String] = [:]
        let roles: [Role] = [.analyst, .auditor, .admin]
        for endpoint in server.server.endpoints where endpoint.method == "GET" && endpoint.path != "/v1/events/stream" {
            guard !endpoint.path.contains("exports"), !endpoint.path.contains("tile") else { continue }
            let role = roles.first { endpoint.roles.contains($0) } ?? .analyst
            let templates =
                endpoint.path.contains("{id}") ? ids.map { endpoint.path.replacing("{id}", with: $0) } : [endpoint.path]
            for path in templates {
                let path = path.replacing("{metric}", with: "mttr")
                for query in ["", endpoint.query.contains("limit") ? "?limit=500" : ""] {
                    found[path + query] = try await server.get(path + query, as: .role(role)).text
                }
            }
        }
        for version in 1...40 {
            found["as of \(version)"] = try await server.get("/v1/cases/\(caseID)?version=\(version)").text
        }
        for path in [
            "/", "/?show=all", "/cases/\(caseID)", "/cases/\(caseID)?version=12", "/approvals", "/history", "/figures",
        ] {
            found["page \(path)"] = try await server.page(path, as: .role(.lead)).text
        }
        return found
    }

    /// A package as an auditor has it made now, and all that it holds.
    func package() async throws -> (id: String, text: String, evidence: String, findings: Int) {
        let services = server.server.services
        try await Sealer(log: server.log, database: server.database, keys: services.signingKeys).seal(server.tenant)
        let made = try await server.post("/v1/audit/exports", [:], as: .role(.auditor))
        #expect(made.status == 201, "\(made.text)")
        let id = try #require(UUID(uuidString: made.id))
        let folder = services.exports.folder(id, tenant: server.tenant)
        let key = try #require(try services.signingKeys.find(server.tenant)).verifierKey
        let findings = try PackageVerifier.verify(at: folder, key: key).findings
        #expect(findings == [])
        var text = ""
        for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
            ?? .init()
        {
            if let data = FileManager.default.contents(atPath: file.path) {
                text += String(decoding: data, as: UTF8.self)
            }
        }
        let listed = folder.appending(path: "evidence.ndjson")
        let evidence = String(decoding: FileManager.default.contents(atPath: listed.path) ?? Data(), as: UTF8.self)
        return (made.id, text, evidence, findings.count)
    }

    func lookUp(_ type: String = "user", _ value: String = marker) async throws -> Answer {
        try await server.post("/v1/subjects", ["type": .string(type), "value": .string(value)], as: .role(.admin))
    }

    func erase(_ id: String, reason: String = "They asked for it.") async throws -> Answer {
        try await server.post(
            "/v1/subjects/\(id):erase", ["reason": .string(reason), "authority": "DPO 17/2026"], as: .role(.admin))
    }
}
