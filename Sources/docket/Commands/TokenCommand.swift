import ArgumentParser
import Cases
import Events
import Foundation
import JSON
import Reactors
import Server

struct TokenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes tokens.", subcommands: [Create.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token and prints it, this once.",
            discussion: "The subject matters: two tokens of one person are one approver.")

        @Option(help: "The tenant, by name or id; 'system' for operators.") var tenant: String
        @Option(help: "Who will use it, for example alice.") var subject: String
        @Option(help: "Roles, separated by commas: \(Role.allCases.map(\.rawValue).joined(separator: ", ")).")
        var role: String
        @Option(help: "How long it is valid, for example 90d, 12h or 30m; without it until it is revoked.")
        var expires: String?
        @Option(help: "text (the token alone) or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let roles = try role.split(separator: ",").map { name in
                guard let role = Role(rawValue: String(name)) else {
                    throw ValidationError(
                        "--role: there is no role '\(name)'; there are \(Role.allCases.map(\.rawValue).joined(separator: ", "))"
                    )
                }
                return role
            }
            guard !subject.isEmpty, subject.count <= 200 else {
                throw ValidationError("--subject has 1 to 200 characters")
            }
            let lifetime = try expires.map(Self.milliseconds)
            let (issued, tenantID) = try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                return (
                    try await Self.issue(
                        opened, tenant: tenant.id, subject: subject, roles: roles, lifetimeMs: lifetime), tenant.id
                )
            }
            switch format {
            case .text: try Terminal.print(issued.text)
            case .json:
                try Terminal.print([
                    "id": .string(issued.token.id.lowercased), "token": .string(issued.text),
                    "tenant_id": .string(tenantID.lowercased), "issuer": .string(issued.token.issuer),
                    "subject": .string(issued.token.subject),
                    "roles": .array(issued.token.roles.map { .string($0.rawValue) }),
                    "created_at": .string(issued.token.createdAt.rfc3339),
                    "expires_at": issued.token.expiresAt.map { .string($0.rfc3339) } ?? .null,
                ])
            }
        }

        static func issue(
            _ opened: Storage, tenant: UUID, subject: String, roles: [Role], lifetimeMs: Int64?
        ) async throws -> TokenIssuer.Issued {
            let now = opened.clock()
            let issued = TokenIssuer.create(
                tenant: tenant, subject: subject, roles: roles,
                expiresAt: lifetimeMs.map { now.deadline(afterMs: $0) }, at: now)
            try await GovernanceWriter(log: opened.log, tenant: tenant, actor: .commandLine, clock: opened.clock)
                .append(
                    [Decision(issued.token)], kind: .token,
                    stream: TokenIssuer.stream(of: issued.token.id, tenant: tenant))
            return issued
        }

        private static func milliseconds(_ text: String) throws -> Int64 {
            let units: [Character: Int64] = ["d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000]
            guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count > 0,
                count <= 36_500 * 24
            else { throw ValidationError("--expires is a number and d, h, m or s, for example 90d") }
            return count * unit
        }
    }
}
