import ArgumentParser
import Detection
import JSON

struct Rules: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Works with Sigma rules.", subcommands: [Validate.self])

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
                for problem in read.refused {
                    Terminal.print([
                        "file": .string(problem.file), "line": problem.line.map { .integer(Int64($0)) } ?? .null,
                        "reason": .string(problem.reason),
                    ])
                }
            }
            if !read.refused.isEmpty { throw ExitCode(2) }
        }
    }
}
