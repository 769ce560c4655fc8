import Cases
import Events
import Foundation
import JSON
import NIOHTTP1
import Reactors
import Server

/// Sets the stage: tenant, tokens, access.json, connector, policy and history, so that every story finds what it needs.
struct Stage: Sendable {
    let storage: Storage
    let baseURL: String
    let labURL: String
    /// What the demo's own lab gives with each answer.
    let labNonce: String
    let speed: Int64
    let isFresh: Bool

    private var accessPath: String { storage.dataDirectory + "/access.json" }

    func prepare(_ stories: [Story]) async throws -> Access {
        if !isFresh, var known = try Access.read(accessPath), known.baseURL == baseURL || !known.tokens.isEmpty,
            try await storage.tenants.find(known.tenantID.uuidString) != nil
        {
            // Ports may have changed since the last time.
            known.baseURL = baseURL
            known.databaseURL = storage.connectionString
            if known.labURL != labURL {
                known.labURL = labURL
                try await connect(known)
            }
            try known.write()
            return known
        }
        let access = try await makeTenant()
        try access.write()
        try await confirmLab()
        try await connect(access)
        try await adoptPolicy(access)
        try await importHistory(stories, access)
        return access
    }

    private func makeTenant() async throws -> Access {
        var name = "demo"
        var number = 1
        while try await storage.tenants.find(name) != nil {
            number += 1
            name = "demo-\(number)"
        }
        let tenant = try await storage.tenants.create(name, outfit: try Shipped.outfit(), by: .commandLine)
        var tokens: [String: String] = [:]
        for entry in Access.roles {
            guard let role = Role(rawValue: entry.role) else { continue }
            tokens[entry.name] = try await TokenCommand.Create.issue(
                storage, tenant: tenant.id, subject: entry.subject, roles: [role], lifetimeMs: nil
            ).text
        }
        return Access(
            path: accessPath, baseURL: baseURL, labURL: labURL, databaseURL: storage.connectionString,
            tenantID: tenant.id, tokens: tokens)
    }

    /// Waits until the lab answers, and makes sure that it is the one that this demo started.
    func confirmLab() async throws {
        let lab = APIClient(base: labURL, token: nil)
        let deadline = ContinuousClock.now + .seconds(60)
        var last = "it was not asked"
        while ContinuousClock.now < deadline {
            do {
                let answer = try await lab.send(.GET, "/v1/state")
                guard answer.headers["docket-lab-nonce"] == labNonce else {
                    throw CommandFailure(
                        "what answers at \(labURL) is not this demo's lab: nothing was done there; start the demo again"
                    )
                }
                if answer.status == 200 { return }
                last = "status \(answer.status)"
            } catch let error as CommandFailure {
                throw error
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                // While its process is started again there is nobody to connect to.
                last = "\(error)"
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure("the lab does not answer at \(labURL) (\(last))")
    }

    private func connect(_ access: Access) async throws {
        let admin = APIClient(base: baseURL, token: access.tokens["admin"])
        try await admin.post(
            "/v1/connectors",
            ["name": "lab", "kind": "http", "base_url": .string(labURL), "secret_ref": .null])
    }

    /// The demo counts imported history, and may run its clocks faster: a policy of its own, proposed by an admin and
    /// approved by a lead, as everybody's.
    private func adoptPolicy(_ access: Access) async throws {
        var policy = try JSONValue.parse(Shipped.policyText)
        policy["version"] = 2
        var gate = policy["gate"] ?? [:]
        gate["count_imported_history"] = true
        policy["gate"] = gate
        if speed > 1 {
            policy = Self.divided(policy, by: speed, isFreshness: false)
            // Shorter windows are no windows: the policy would be refused.
            var correlation = policy["correlation"] ?? [:]
            for name in ["window_ms", "max_age_ms"] {
                correlation[name] = .integer(max(30_000, correlation[name]?.int64Value ?? 0))
            }
            policy["correlation"] = correlation
        }
        let admin = APIClient(base: baseURL, token: access.tokens["admin"])
        let proposed = try await admin.post("/v1/policies", policy)
        guard let id = proposed["proposal_id"]?.stringValue ?? proposed["id"]?.stringValue else {
            throw CommandFailure("the policy's proposal has no id")
        }
        try await APIClient(base: baseURL, token: access.tokens["lead"]).post("/v1/policies/\(id):approve", [:])
    }

    /// Every member that names milliseconds, and all of `evidence_freshness_ms`.
    private static func divided(_ value: JSONValue, by speed: Int64, isFreshness: Bool) -> JSONValue {
        switch value {
        case .object(let members):
            return .object(
                Dictionary(
                    uniqueKeysWithValues: members.map { key, member in
                        let isDuration = key.hasSuffix("_ms") || isFreshness
                        if isDuration, let number = member.int64Value { return (key, .integer(max(1, number / speed))) }
                        return (key, divided(member, by: speed, isFreshness: key == "evidence_freshness_ms"))
                    }))
        case .array(let elements): return .array(elements.map { divided($0, by: speed, isFreshness: false) })
        default: return value
        }
    }

    private func importHistory(_ stories: [Story], _ access: Access) async throws {
        let actor = Actor.commandLine
        let writer = GovernanceWriter(log: storage.log, tenant: access.tenantID, actor: actor, clock: storage.clock)
        let playbooks = try Shipped.outfit().playbooks
        for history in Set(stories.flatMap(\.history)).sorted(by: { $0.playbook < $1.playbook }) {
            guard let playbook = playbooks.first(where: { $0.name == history.playbook }) else {
                continue
            }
            try await writer.importHistory(
                HistoryImported(
                    playbookID: playbook.playbookID, n: history.n, correct: history.correct, source: history.source))
        }
    }
}
