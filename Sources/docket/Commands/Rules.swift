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
            abstract: "Reads rule files and says what cannot be loaded, and what is most likely not meant.",
            discussion: """
                All files are read as one set: correlations and filters find what they name in any of them, and \
                documents with 'placeholders' say what these stand for. Each refusal and each warning has file, line and \
                reason; a warning also has what was looked for: \(checks). Exit status 2 when anything was refused, with \
                --strict also when there is a warning, else 0.
                """)

        private static let checks = SigmaWarning.Check.allCases.map(\.rawValue).joined(separator: ", ")

        @Argument(help: "Rule files or folders.") var paths: [String]
        @Flag(help: "Exit status 2 for warnings too.") var strict = false
        @Option(help: "text, or json: a line each, with 'kind' refused, warning or summary.") var format =
            OutputFormat.text

        func run() async throws {
            let read = try await RuleFiles(paths, linting: true)
            let set = CorrelationSet(correlations: read.correlations, rules: read.rules)
            let refused = read.refused + set.refused
            let warnings =
                read.warnings
                + read.idle.map { SigmaWarning(idle: $0) }
                + SigmaWarning.ambiguities(
                    rules: read.rules, correlations: read.correlations, filters: read.filters)
            switch format {
            case .text:
                for problem in refused { try Terminal.print("\(problem)") }
                for warning in warnings { try Terminal.print("\(warning)") }
                try Terminal.print(
                    "\(read.fileCount) files: \(read.rules.count) rules, \(read.correlations.count) correlations, "
                        + "\(read.filters.count) filters, \(read.placeholders.count) documents of values, "
                        + "\(refused.count) refused, \(warnings.count) warnings")
            case .json:
                for problem in refused { try Terminal.print(Self.line("refused", problem.json)) }
                for warning in warnings { try Terminal.print(Self.line("warning", warning.json)) }
                try Terminal.print([
                    "kind": "summary", "files": .integer(Int64(read.fileCount)),
                    "rules": .integer(Int64(read.rules.count)),
                    "correlations": .integer(Int64(read.correlations.count)),
                    "filters": .integer(Int64(read.filters.count)),
                    "placeholders": .integer(Int64(read.placeholders.count)),
                    "refused": .integer(Int64(refused.count)), "warnings": .integer(Int64(warnings.count)),
                ])
            }
            if !refused.isEmpty || strict && !warnings.isEmpty { throw ExitCode(2) }
        }

        private static func line(_ kind: String, _ json: JSONValue) -> JSONValue {
            var line = json
            line["kind"] = .string(kind)
            return line
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes rules into a tenant's log; a running server holds them against what comes next.",
            discussion: """
                A rule that is there with the same text is left alone, another text is a new version. A rule with the id \
                of one that ships takes its place for this tenant. Filters, and documents with 'placeholders', are \
                imported like rules. Exit status 2 when anything was refused; the rest is \
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
                try Terminal.print(
                    "\(outcome.published.count) published, \(outcome.unchanged.count) unchanged, "
                        + "\(outcome.refused.count) refused")
            case .json:
                try Terminal.print([
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
