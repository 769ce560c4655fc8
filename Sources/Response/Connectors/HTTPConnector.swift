package import Events
package import Foundation
package import JSON
package import Runs

/// Where a connector of kind `http` lives and how it speaks of a case's entities.
package struct HTTPConnectorConfiguration: Sendable, Hashable {
    package var baseURL: URL
    /// Entity type → kind in paths: `cloud_resource` → `security_groups`.
    package var kinds: [String: String]
    /// Operations that create something instead of changing an object: operation → kind.
    package var creations: [String: String]
    /// Sent as `Authorization: Bearer`; from a secret, never from a plan.
    package var token: String?

    package init(
        baseURL: URL, kinds: [String: String] = Self.labKinds, creations: [String: String] = Self.labCreations,
        token: String? = nil
    ) {
        self.baseURL = baseURL
        self.kinds = kinds
        self.creations = creations
        self.token = token
    }

    package static let labKinds = [
        "cloud_resource": "security_groups", "workload": "pods", "user": "users", "api_token": "tokens",
        "device": "hosts", "secret": "secrets", "namespace": "namespaces", "ip": "blocked_ips",
    ]
    package static let labCreations = ["open_ticket": "tickets", "notify": "notifications"]
}

/// The connector kind `http` (contract §11): GET captures, `POST …:operation` acts, `/v1/operations/{key}` probes.
package struct HTTPConnector: Connector {
    private let configuration: HTTPConnectorConfiguration
    private let client: GuardedHTTPClient

    package init(_ configuration: HTTPConnectorConfiguration, client: GuardedHTTPClient) {
        self.configuration = configuration
        self.client = client
    }

    package func capture(_ target: Entity) async throws(ConnectorError) -> JSONValue {
        let answer = try await send(.get, path: ["v1", try kind(of: target), target.value])
        return try Self.accepted(answer)
    }

    package func act(
        _ operation: String, on target: Entity, parameters: JSONValue, idempotencyKey: UUID, timeoutMs: Int64
    ) async throws(ConnectorError) -> ActOutcome {
        let headers = [
            (name: "Idempotency-Key", value: idempotencyKey.lowercased),
            (name: "Content-Type", value: "application/json"),
        ]
        let answer: GuardedHTTPClient.Answer
        if let kind = configuration.creations[operation] {
            answer = try await send(
                .post, path: ["v1", kind], headers: headers, body: parameters, timeoutMs: timeoutMs)
        } else {
            guard DocketAction.isName(operation) else {
                throw ConnectorError(.forbidden, "'\(operation)' is no operation's name")
            }
            answer = try await send(
                .post, path: ["v1", try kind(of: target), target.value], suffix: ":" + operation, headers: headers,
                body: parameters, timeoutMs: timeoutMs)
        }
        return Self.outcome(try Self.accepted(answer))
    }

    package func probe(_ idempotencyKey: UUID) async throws(ConnectorError) -> ProbeOutcome {
        let answer = try await send(.get, path: ["v1", "operations", idempotencyKey.lowercased])
        if answer.status == 404 { return .notApplied }
        return .applied(Self.outcome(try Self.accepted(answer)))
    }

    private func kind(of target: Entity) throws(ConnectorError) -> String {
        guard let kind = configuration.kinds[target.type.rawValue] else {
            throw ConnectorError(.forbidden, "this connector knows no \(target.type.rawValue)")
        }
        return kind
    }

    private func send(
        _ method: GuardedHTTPClient.Method, path: [String], suffix: String = "",
        headers: [(name: String, value: String)] = [], body: JSONValue? = nil,
        timeoutMs: Int64 = GuardedHTTPClient.longestTimeoutMs
    ) async throws(ConnectorError) -> GuardedHTTPClient.Answer {
        var headers = headers
        if let token = configuration.token { headers.append((name: "Authorization", value: "Bearer " + token)) }
        return try await client.send(
            GuardedHTTPClient.Request(
                method, configuration.baseURL, path: path, suffix: suffix, headers: headers,
                body: body?.canonicalBytes(), timeoutMs: timeoutMs))
    }

    /// A 4xx is a refusal. A 5xx or an answer that cannot be read says nothing about what was done.
    private static func accepted(_ answer: GuardedHTTPClient.Answer) throws(ConnectorError) -> JSONValue {
        let value: JSONValue?
        do {
            value = try JSONValue.parse(answer.body)
        } catch {
            value = nil
        }
        switch answer.status {
        case 200...299:
            guard let value else { throw ConnectorError(.timedOut, "the answer is no JSON") }
            return value
        case 300...499:
            throw ConnectorError(
                .refused, value?["detail"]?.stringValue ?? "the other side refused, status \(answer.status)",
                remoteCode: value?["type"]?.stringValue ?? String(answer.status))
        default:
            throw ConnectorError(
                .timedOut, "the other side failed, status \(answer.status)", remoteCode: String(answer.status))
        }
    }

    private static func outcome(_ answer: JSONValue) -> ActOutcome {
        ActOutcome(
            output: answer["output"] ?? .object([:]), before: answer["before"] ?? .null,
            after: answer["after"] ?? .null)
    }
}
