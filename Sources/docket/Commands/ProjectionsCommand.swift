import ArgumentParser
import EventLog
import Events
import Foundation
import JSON
import Projections
import Reactors
import Synchronization

struct ProjectionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projections",
        abstract: "Shows, checks and rebuilds the read models.",
        discussion: """
            A projection holds nothing of its own: it can be thrown away and filled again from the log. It has two sets of \
            tables. Readers are sent to one of them, tenant by tenant; the other one is for the next rebuild.
            """,
        subcommands: [List.self, Rebuild.self, Flip.self, Drop.self, Verify.self], defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists projections, how far they are, what blocks them, and which cases are set aside.")

        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let (statuses, marks) = try await Storage.with(storage) { opened in
                let only = tenant == nil ? nil : try await opened.tenant(tenant ?? "").id
                let monitor = ProjectionMonitor(database: opened.database)
                return (try await monitor.list(tenant: only), try await monitor.marks(tenant: only))
            }
            for status in statuses {
                switch format {
                case .json: try Terminal.print(try JSONValue(encoding: status))
                case .text:
                    let state = Self.state(blocked: status.isBlocked, error: status.error, lag: status.lag)
                    try Terminal.print(
                        "\(status.name) v\(status.version)  \(status.tenantID.lowercased)  next \(status.nextPosition)  \(state)"
                    )
                    guard let aside = status.aside else { continue }
                    let other =
                        aside.isFilling
                        ? "being filled" : Self.state(blocked: aside.error != nil, error: aside.error, lag: aside.lag)
                    try Terminal.print(
                        "  beside it v\(aside.version)  \(status.tenantID.lowercased)  next \(aside.nextPosition)  \(other)"
                    )
                }
            }
            for mark in marks {
                switch format {
                case .json: try Terminal.print(["set_aside": try JSONValue(encoding: mark)])
                case .text:
                    let stream = mark.caseID.map { "case \($0.lowercased)" } ?? "stream \(mark.streamID.lowercased)"
                    try Terminal.print(
                        "\(mark.projection) v\(mark.version)  \(mark.tenantID.lowercased)  SET ASIDE \(stream) since \(mark.since): \(mark.reason)"
                    )
                }
            }
            if statuses.contains(where: \.isBlocked) || !marks.isEmpty { throw ExitCode(2) }
        }

        private static func state(blocked: Bool, error: String?, lag: Int64) -> String {
            blocked ? "BLOCKED \(error ?? "")" : lag == 0 ? "up to date" : "\(lag) behind"
        }
    }

    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fills a projection anew beside the live one, and then sends readers there.",
            discussion: """
                The live set serves and follows meanwhile, and is still followed afterwards, so that 'flip --back' loses \
                nothing, until 'drop' or the next rebuild. A rebuild that is ended halfway leaves the live set as it was.
                """)

        @Argument(help: "The projection's name, or 'all'.") var name: String
        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Flag(help: "Leave readers where they are; 'flip' sends them over.") var noFlip = false
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await Storage.with(storage) { opened in
                let only = tenant == nil ? nil : try await opened.tenant(tenant ?? "").id
                let rebuild = ProjectionRebuild(source: opened.log, database: opened.database)
                let shown = Shown()
                try await rebuild.rebuild(name == "all" ? nil : name, tenant: only, flips: !noFlip) { progress in
                    guard shown.isNews(progress) else { return }
                    Terminal.note(
                        "\(progress.projection) v\(progress.version)  \(progress.tenant.lowercased)  \(progress.next) of \(progress.head)"
                    )
                }
            }
            try Terminal.print("rebuilt")
        }

        /// Progress by tenths: a line a chunk would be thousands.
        private final class Shown: Sendable {
            private let tenths = Mutex<[String: Int64]>([:])

            func isNews(_ progress: RebuildProgress) -> Bool {
                let key = "\(progress.projection) \(progress.tenant)"
                let tenth = progress.head == 0 ? 10 : progress.next * 10 / progress.head
                return tenths.withLock { $0.updateValue(tenth, forKey: key) != tenth }
            }
        }
    }

    struct Flip: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sends readers to the other set of a projection's tables, once that has caught up.")

        @Argument(help: "The projection's name, or 'all'.") var name: String
        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Flag(help: "To the set that is not live now: back to the one before the last flip.") var back = false
        @Option(help: "To this version.") var to: Int32?
        @OptionGroup var storage: StorageOptions

        func validate() throws {
            if back == (to != nil) { throw ValidationError("say either --back or --to VERSION") }
            if to != nil, name == "all" { throw ValidationError("--to needs one projection's name") }
        }

        func run() async throws {
            try await ProjectionsCommand.each(name, tenant, storage) { opened, projection, tenant in
                let readers = ProjectionSwitch(source: opened.log, database: opened.database)
                let version = try await readers.flip(projection, tenant: tenant, to: to)
                try Terminal.print("\(projection.name)  \(tenant.lowercased)  live is v\(version)")
            }
        }
    }

    struct Drop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Takes the rows out of the set that readers are not sent to; it is not followed any more.")

        @Argument(help: "The projection's name, or 'all'.") var name: String
        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await ProjectionsCommand.each(name, tenant, storage) { opened, projection, tenant in
                let readers = ProjectionSwitch(source: opened.log, database: opened.database)
                let version = try await readers.drop(projection, tenant: tenant)
                try Terminal.print(
                    "\(projection.name)  \(tenant.lowercased)  \(version.map { "dropped v\($0)" } ?? "nothing to drop")"
                )
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Folds the log again and compares the rows; exit status 2 when they differ.",
            discussion: """
                Made for every night: it disturbs nobody. Of a row that differs it names the key and the columns; of values \
                it shows digests only.
                """)

        @Argument(help: "The projection's name, or 'all'.") var name = "all"
        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let isEqual = try await Storage.with(storage) { opened in
                let only = tenant == nil ? nil : try await opened.tenant(tenant ?? "").id
                let verification = ProjectionVerification(source: opened.log, database: opened.database)
                let format = format
                return try await verification.verify(name == "all" ? nil : name, tenant: only) { verdict in
                    for line in Self.lines(verdict, format) { Terminal.tell(line) }
                }
            }
            if !isEqual { throw ExitCode(2) }
        }

        private static func lines(_ verdict: ProjectionVerdict, _ format: OutputFormat) -> [String] {
            if format == .json {
                do {
                    return [try JSONValue(encoding: verdict).canonicalString()]
                } catch {
                    return ["\(error)"]
                }
            }
            return verdict.tables.map { table in
                let place = "\(table.name)  \(verdict.tenantID.lowercased)  as of \(verdict.asOfPosition)"
                guard !table.isEqual else { return "\(place)  \(table.rows) rows  equal  sha256:\(table.digest)" }
                let difference =
                    table.difference.map(\.description) ?? "\(table.rows) rows, \(table.expectedRows) expected"
                return "\(place)  DIFFERS  \(difference)"
            }
        }
    }

    /// One projection or all, of one tenant or of all.
    private static func each(
        _ name: String, _ tenant: String?, _ storage: StorageOptions,
        _ body: (Storage, any Projection, UUID) async throws -> Void
    ) async throws {
        try await Storage.with(storage) { opened in
            let catalog = ProjectionCatalog()
            let projections = name == "all" ? catalog.projections : [try catalog.projection(named: name)]
            let tenants: [UUID]
            if let tenant {
                tenants = [try await opened.tenant(tenant).id]
            } else {
                tenants = try await opened.log.heads().keys.sorted { $0.uuidString < $1.uuidString }
            }
            for tenant in tenants {
                for projection in projections { try await body(opened, projection, tenant) }
            }
        }
    }
}
