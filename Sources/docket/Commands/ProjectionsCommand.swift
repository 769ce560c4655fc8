import ArgumentParser
import Events
import Foundation
import JSON
import Projections
import Reactors

struct ProjectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "Shows and rebuilds the read models.",
        discussion: "A projection holds nothing of its own: it can be thrown away and filled again from the log.",
        subcommands: [List.self, Rebuild.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists projections, how far they are, and what blocks them.")

        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let statuses = try await Storage.with(storage) { opened in
                let only = tenant == nil ? nil : try await opened.tenant(tenant ?? "").id
                return try await ProjectionMonitor(database: opened.database).list(tenant: only)
            }
            for status in statuses {
                switch format {
                case .json: Terminal.print(try JSONValue(encoding: status))
                case .text:
                    let state =
                        status.isBlocked
                        ? "BLOCKED \(status.error ?? "")" : status.lag == 0 ? "up to date" : "\(status.lag) behind"
                    Terminal.print(
                        "\(status.name) v\(status.version)  \(status.tenantID.lowercased)  next \(status.nextPosition)  \(state)"
                    )
                }
            }
            if statuses.contains(where: \.isBlocked) { throw ExitCode(2) }
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Throws a projection's rows away and fills it again from the log.")

        @Argument(help: "The projection's name, or 'all'.") var name: String
        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await Storage.with(storage) { opened in
                let only = tenant == nil ? nil : try await opened.tenant(tenant ?? "").id
                let rebuild = ProjectionRebuild(source: opened.log, database: opened.database)
                try await rebuild.rebuild(name == "all" ? nil : name, tenant: only) { progress in
                    Terminal.note(
                        "\(progress.projection)  \(progress.tenant.lowercased)  \(progress.next) of \(progress.head)")
                }
            }
            Terminal.print("rebuilt")
        }
    }
}
