import ArgumentParser
import Events
import JSON
import Postgres
import Reactors

struct Tenant: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes and lists tenants, and fences them when they move.",
        subcommands: [Create.self, List.self, Fence.self])

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
            case .json:
                try Terminal.print(["tenant_id": .string(tenant.id.lowercased), "tenant": .string(tenant.name)])
            case .text: try Terminal.print("\(tenant.name)  \(tenant.id.lowercased)")
            }
        }
    }

    struct Fence: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Raises a tenant's writer epoch: who still writes under an older one is refused from now on.",
            discussion: """
                For a tenant that was moved or restored to this database. Fence it here with --here, so that servers with \
                this data directory go on under the new epoch (restart them), and fence the database that it left without \
                --here: whoever still writes there gets 503, and nothing is recorded in two places.
                """)

        @Argument(help: "The tenant, by name or id.") var tenant: String
        @Option(help: "The new epoch, higher than the present one.") var epoch: Int64
        @Flag(help: "Servers of this data directory write under the new epoch.") var here = false
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                let owner = Database(DatabaseConfiguration(ConnectionConfiguration(opened.connectionString)))
                do throws(PostgresError) {
                    try await owner.execute("SELECT docket.fence_tenant(\(tenant.id), \(epoch))")
                    await owner.close()
                } catch {
                    await owner.close()
                    guard error.sqlState == "DK001" else { throw error }
                    throw CommandFailure("\(tenant.name)'s epoch is \(epoch) or higher already")
                }
                if here {
                    try Placement(directory: opened.dataDirectory).settingWriterEpoch(epoch, of: tenant.id).save()
                }
                try Terminal.print("\(tenant.name): epoch \(epoch)")
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
                    try Terminal.print(["tenant_id": .string(tenant.id.lowercased), "tenant": .string(tenant.name)])
                case .text: try Terminal.print("\(tenant.id.lowercased)  \(tenant.name)")
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
