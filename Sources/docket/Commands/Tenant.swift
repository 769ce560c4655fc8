import ArgumentParser
import Events
import JSON
import Reactors

struct Tenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and lists tenants.", subcommands: [Create.self, List.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a tenant with the policy and playbooks that ship.")

        @Argument(help: "Its name: a–z, 0–9 and '-', at most 63 characters.")
        var name: String
        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let tenant = try await Storage.with(storage) { opened in
                try await opened.tenants.create(name, outfit: try Shipped.outfit(), by: .commandLine)
            }
            switch format {
            case .json: Terminal.print(["tenant_id": .string(tenant.id.lowercased), "tenant": .string(tenant.name)])
            case .text: Terminal.print("\(tenant.name)  \(tenant.id.lowercased)")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tenants.")

        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            for tenant in try await Storage.with(storage, { try await $0.tenants.list() }) {
                switch format {
                case .json:
                    Terminal.print(["tenant_id": .string(tenant.id.lowercased), "tenant": .string(tenant.name)])
                case .text: Terminal.print("\(tenant.id.lowercased)  \(tenant.name)")
                }
            }
        }
    }
}

extension Storage {
    /// - Throws: `CommandFailure` when there is no tenant of this name or id.
    func tenant(_ reference: String) async throws -> TenantDirectory.Tenant {
        guard let tenant = try await tenants.find(reference) else {
            throw CommandFailure("there is no tenant \(reference); `docket tenant list` shows all")
        }
        return tenant
    }
}
