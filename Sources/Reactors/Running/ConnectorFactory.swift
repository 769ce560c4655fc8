package import Cases
import Events
package import Foundation
package import Response
package import Runs

/// Makes a tenant's connectors from its configuration. Secrets are read when they are needed, from
/// `<secrets-dir>/<tenant>/<name>`, and stay in the connector.
package struct ConnectorFactory: Sendable {
    private let client: GuardedHTTPClient
    private let secretsDirectory: String?

    package init(client: GuardedHTTPClient, secretsDirectory: String?) {
        self.client = client
        self.secretsDirectory = secretsDirectory
    }

    /// Makes the connector of this name. Others are not looked at, so that what is wrong with one stops no run of another.
    package func connector(_ name: String, of registry: Registry) throws(ConnectorError) -> any Connector {
        guard let settings = registry.connectors.values.first(where: { $0.name == name }) else {
            throw ConnectorError(.forbidden, "there is no connector '\(name)'")
        }
        do {
            return try connector(settings, tenant: registry.tenant)
        } catch {
            throw ConnectorError(.forbidden, "connector '\(name)' cannot be used: \(Self.reason(error))")
        }
    }

    private static func reason(_ error: any Error) -> String {
        guard case .validation(let problems)? = error as? Rejection else { return "\(error)" }
        return problems.map { "\($0.pointer) \($0.detail)" }.joined(separator: "; ")
    }

    package func connector(_ settings: ConnectorSettings, tenant: UUID) throws -> any Connector {
        guard settings.kind == "http", let base = URL(string: settings.baseURL) else {
            throw Rejection.validation([
                FieldError("/kind", .enum, "no connector of kind \(settings.kind)", allowed: ["http"])
            ])
        }
        var configuration = HTTPConnectorConfiguration(baseURL: base)
        if !settings.kinds.isEmpty { configuration.kinds = settings.kinds }
        configuration.token = try settings.secretRef.map { try secret($0, tenant: tenant) }
        return HTTPConnector(configuration, client: client)
    }

    /// - Parameter reference: `secret:NAME`.
    private func secret(_ reference: String, tenant: UUID) throws -> String {
        let name = reference.dropFirst("secret:".count)
        let isName =
            !name.isEmpty && !name.hasPrefix(".")
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        guard reference.hasPrefix("secret:"), isName, let secretsDirectory else {
            throw Rejection.validation([
                FieldError("/secret_ref", .format, "is 'secret:NAME', and the server needs --secrets-dir")
            ])
        }
        let path = "\(secretsDirectory)/\(tenant.lowercased)/\(name)"
        do {
            return try String(contentsOfFile: path, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw Rejection.validation([FieldError("/secret_ref", .enum, "there is no such secret")])
        }
    }
}
