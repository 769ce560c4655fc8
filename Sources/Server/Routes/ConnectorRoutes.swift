import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Reactors

/// Connectors: where a tenant's actions go. Secrets are named, never sent.
enum ConnectorRoutes {
    private enum Kind: String, CaseIterable { case http }

    static var all: [Endpoint] {
        [
            .get("/v1/connectors", ReadConfiguration.self) { call in
                let registry = try await call.services.registries.registry(of: call.tenant)
                let connectors = registry.connectors.values.sorted { $0.name < $1.name }
                return .list(try connectors.map { try JSONValue(encoding: $0) }, asOf: registry.nextPosition - 1)
            },
            .post("/v1/connectors", Configure.self, creates: true, create),
            .post("/v1/connectors/{id}:test", Configure.self) { call in
                let registry = try await call.services.registries.registry(of: call.tenant)
                let reference = try call.name()
                let connector =
                    registry.connectors[reference]
                    ?? registry.connectors.values.first { $0.id.lowercased == reference.lowercased() }
                guard let connector else { throw Rejection.notFound }
                let test = await call.services.testConnector(connector, call.tenant)
                return Reply(
                    .ok,
                    [
                        "id": .string(connector.id.lowercased), "name": .string(connector.name),
                        "reachable": .bool(test.isReachable), "detail": test.detail.map(JSONValue.string) ?? .null,
                    ])
            },
        ]
    }

    private static func create(_ call: Call<Configure>) async throws -> Reply {
        var body = try call.command()
        let name = body.text("name", 1...63)
        let isName = name.utf8.allSatisfy {
            ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_")
        }
        if !isName { body.refuse("name", .format, "holds only a–z, 0–9, '-' and '_'") }
        let kind = body.choice("kind", Kind.http)
        let baseURL = body.text("base_url", 1...2_000)
        if let problem = urlProblem(baseURL) { body.refuse("base_url", .format, problem) }
        let secretRef = body.optionalText("secret_ref", 1...200)
        if let secretRef, !isSecretReference(secretRef) {
            body.refuse("secret_ref", .format, "is 'secret:NAME': the name of a secret, never the secret itself")
        }
        let kinds = body.optionalObject("kinds").objectValue ?? [:]
        if kinds.values.contains(where: { $0.stringValue == nil }) {
            body.refuse("kinds", .type, "maps names to names")
        }
        try body.finish()
        let id = UUID.v5(namespace: call.tenant, name: "connector/\(name)")
        let settings = ConnectorSettings(
            id: id, name: name, kind: kind.rawValue, baseURL: baseURL, secretRef: secretRef,
            kinds: kinds.compactMapValues(\.stringValue))
        let position = try await call.governance.append(
            [Decision(settings)], kind: .connector, stream: id, traceID: call.traceID)
        return Reply(.created, try JSONValue(encoding: settings)).at(position)
    }

    private static func urlProblem(_ text: String) -> String? {
        guard let url = URL(string: text), let scheme = url.scheme?.lowercased(), let host = url.host(), !host.isEmpty
        else {
            return "is an absolute URL"
        }
        if scheme != "http" && scheme != "https" { return "begins with http:// or https://" }
        if url.user() != nil || url.password() != nil { return "holds no user and no password" }
        return url.query() != nil || url.fragment() != nil ? "has neither query nor fragment" : nil
    }

    private static func isSecretReference(_ text: String) -> Bool {
        let name = text.dropFirst("secret:".count)
        return text.hasPrefix("secret:") && !name.isEmpty && !name.hasPrefix(".")
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
    }
}
