import ArgumentParser
import Detection
import Events
import JSON
import Reactors

struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Works with Sigma rules.", subcommands: [Validate.self, Import.self])

    struct Validate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads rule files and says what cannot be loaded, with file, line and reason.",
            discussion: "Exit status 2 when anything was refused.")

        @Argument(help: "Rule files or folders.") var paths: [String]
        @Option(help: "text or json.") var format = OutputFormat.text

        func run() async throws {
            let read = try RuleFiles(paths)
            switch format {
            case .text:
                for problem in read.refused { Terminal.print("\(problem)") }
                Terminal.print(
                    "\(read.fileCount) files: \(read.rules.count) rules, \(read.correlations.count) correlations, "
                        + "\(read.refused.count) refused")
            case .json:
                for problem in read.refused { Terminal.print(problem.json) }
            }
            if !read.refused.isEmpty { throw ExitCode(2) }
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes rules into a tenant's log; a running server holds them against what comes next.",
            discussion: """
                A rule that is there with the same text is left alone, another text is a new version. A rule with the id \
                of one that ships takes its place for this tenant. Exit status 2 when anything was refused; the rest is \
                imported all the same.
                """)

        @Argument(help: "Rule files or folders.") var paths: [String]
        @Option(help: "The tenant, by name or id.") var tenant: String
        @Option(help: "text or json.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let documents = try RuleFiles.documents(at: paths)
            let outcome = try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                return try await RulePublisher(
                    store: RuleStore(log: opened.log), tenant: tenant.id, actor: .commandLine, clock: opened.clock
                ).publish(documents, pack: "import")
            }
            for problem in outcome.refused { Terminal.note("refused: \(problem)") }
            switch format {
            case .text:
                Terminal.print(
                    "\(outcome.published.count) published, \(outcome.unchanged.count) unchanged, "
                        + "\(outcome.refused.count) refused")
            case .json:
                Terminal.print([
                    "published": .integer(Int64(outcome.published.count)),
                    "unchanged": .integer(Int64(outcome.unchanged.count)),
                    "refused": .array(
                        outcome.refused.map(\.json)),
                ])
            }
            if !outcome.refused.isEmpty { throw ExitCode(2) }
        }
    }
}
