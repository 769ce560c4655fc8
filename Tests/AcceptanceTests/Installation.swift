import Content
import Foundation
import JSON
import NIOHTTP1
import Testing

/// A fresh installation for one test: data directory, server and lab as processes, a tenant, and a token for everybody.
final class Installation: Sendable {
    let folder: URL
    let lab: Client
    let tenantID: String
    let tokens: [String: String]
    private let labProcess: RunningProgram

    static let people: [(name: String, roles: String)] = [
        ("admin", "admin"), ("siem", "ingest"), ("alice", "analyst"), ("rita", "responder"), ("raj", "responder"),
        ("lee", "lead"), ("aude", "auditor"), ("remy", "reporter"), ("ana", "analyst,responder"),
    ]

    private init(folder: URL, lab: Client, labProcess: RunningProgram, tenantID: String, tokens: [String: String]) {
        self.folder = folder
        self.lab = lab
        self.labProcess = labProcess
        self.tenantID = tenantID
        self.tokens = tokens
    }

    /// Makes an installation, starts it, and takes everything away again after the body.
    ///
    /// A few at a time: each is a server, a lab and a PostgreSQL, and all of them at once starve each other.
    static func with(_ body: (Installation, RunningProgram) async throws -> Void) async throws {
        await turns.enter()
        do {
            try await make(body)
        } catch {
            await turns.leave()
            throw error
        }
        await turns.leave()
    }

    private static let turns = Turns(6)

    private static func make(_ body: (Installation, RunningProgram) async throws -> Void) async throws {
        // Not below root's home: PostgreSQL's own user must be able to enter it.
        let folder = URL(fileURLWithPath: "/tmp/docket-\(UUID().uuidString.prefix(8).lowercased())")
        try FileManager.default.createDirectory(
            at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let labProcess = try await RunningProgram(
            ["lab", "--listen", "127.0.0.1:0", "--state", folder.path + "/lab.json"], in: folder)
        let server = try await Self.start(in: folder)
        let tenantID = try await Self.makeTenant("acme", in: folder)
        let tokens = try await Self.makeTokens(tenant: "acme", in: folder)
        let installation = Installation(
            folder: folder, lab: Client(base: labProcess.baseURL), labProcess: labProcess, tenantID: tenantID,
            tokens: tokens)
        do {
            try await body(installation, server)
        } catch {
            try await installation.remove(server)
            throw error
        }
        try await installation.remove(server)
    }

    private func remove(_ server: RunningProgram) async throws {
        // A restarted server owns the cluster; stopping one of them stops it. The test's last server is told here.
        _ = try await labProcess.stop()
        _ = try await server.stop()
        for program in restarted { _ = try await program.stop() }
        try FileManager.default.removeItem(at: folder)
    }

    private nonisolated(unsafe) var restarted: [RunningProgram] = []

    /// Starts the server again after it was killed.
    func restart() async throws -> RunningProgram {
        let server = try await Self.start(in: folder)
        unsafe restarted.append(server)
        return server
    }

    private static func start(in folder: URL) async throws -> RunningProgram {
        try await RunningProgram(
            [
                "serve", "--listen", "127.0.0.1:0", "--data-dir", folder.path, "--allow-connector-network",
                "127.0.0.0/8",
            ], in: folder)
    }

    static func makeTenant(_ name: String, in folder: URL) async throws -> String {
        let made = try await Program.run(["tenant", "create", name, "--format", "json", "--data-dir", folder.path])
        return try #require(try made.lines.first?["tenant_id"]?.stringValue, "\(made.errors)")
    }

    static func makeTokens(tenant: String, in folder: URL) async throws -> [String: String] {
        var tokens: [String: String] = [:]
        for (subject, roles) in people {
            let made = try await Program.run([
                "token", "create", "--tenant", tenant, "--subject", subject, "--role", roles, "--data-dir", folder.path,
            ])
            tokens[subject] = String(try #require(made.output.split(separator: "\n").first, "\(made.errors)"))
        }
        return tokens
    }

    func client(_ name: String, _ server: RunningProgram) -> Client {
        Client(base: server.baseURL, token: tokens[name])
    }

    /// The inventory, the connector and the lab's security group of story (c).
    func furnish(_ server: RunningProgram) async throws {
        let admin = client("admin", server)
        let connector = try await admin(
            .POST, "/v1/connectors",
            ["name": "lab", "kind": "http", "base_url": .string(lab.base), "secret_ref": .null])
        #expect(connector.status == 201)
        let story = try Self.story()
        for asset in story["assets"]?.arrayValue ?? [] {
            var asset = asset
            asset["observed_at"] = .string(Self.now())
            let answer = try await admin(.POST, "/v1/assets", asset)
            #expect(answer.status == 201, "\(answer.json)")
        }
        try await openPort()
    }

    /// The lab's security group as the story begins.
    func openPort() async throws {
        for (id, group) in try Self.story().at("/lab/security_groups")?.objectValue ?? [:] {
            _ = try await lab(.PUT, "/v1/security_groups/\(id)", group)
        }
    }

    static func story() throws -> JSONValue {
        try JSONValue.parse(try #require(Content.stories.first { $0.path.contains("c-open") }).text)
    }

    /// Story (c)'s alert as of now.
    func alert(_ change: (inout JSONValue) -> Void = { _ in }) throws -> JSONValue {
        var alert = try #require(try Self.story().at("/alerts/0/alert"))
        alert["occurred_at"] = .string(Self.now())
        alert["source_ref"] = .string(UUID().uuidString)
        change(&alert)
        return alert
    }

    static func now() -> String {
        let formatter = ISO8601DateFormatter()
        return formatter.string(from: Date())
    }

    /// Sends an alert and waits until its case waits for people.
    func openCase(
        _ server: RunningProgram, _ change: (inout JSONValue) -> Void = { _ in }
    ) async throws -> (caseID: String, approvalID: String) {
        let sent = try await client("siem", server)(.POST, "/v1/alerts", try alert(change))
        #expect(sent.status == 201, "\(sent.json)")
        let alertID = try #require(sent.json["alert_id"]?.stringValue)
        let analyst = client("alice", server)
        let found = try await analyst.wait("/v1/alerts/\(alertID)") { !($0["case_ids"]?.arrayValue ?? []).isEmpty }
        let caseID = try #require(found.at("/case_ids/0")?.stringValue)
        let waiting = try await analyst.wait("/v1/cases/\(caseID)") {
            $0["state"] == "escalated" && $0["approval_id"]?.stringValue != nil
        }
        return (caseID, try #require(waiting["approval_id"]?.stringValue))
    }

    func decide(
        _ approvalID: String, as name: String, _ server: RunningProgram, decision: String = "approve",
        digest: String? = nil
    ) async throws -> Client.Answer {
        let current = try await client("alice", server)(.GET, "/v1/approvals/\(approvalID)").json["plan_digest"]
        return try await client(name, server)(
            .POST, "/v1/approvals/\(approvalID)/decisions",
            [
                "decision": .string(decision), "reason": "Looked at it with care.",
                "plan_digest": digest.map(JSONValue.string) ?? current ?? .null,
            ])
    }
}
