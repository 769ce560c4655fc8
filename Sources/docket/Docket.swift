import ArgumentParser
import Server

/// The command line: every way into Docket.
@main
struct Docket: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "docket",
        abstract: "Event-sourced case management for security operations, on PostgreSQL.",
        discussion: """
            Without a database URL Docket runs a private PostgreSQL cluster in its data directory. `serve` and `demo` own \
            that cluster; every other command connects to the running one, or starts it for its own duration.

            Exit status: 0 done, 1 failed, 2 what it looks for is not so, 64 usage.
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, Demo.self, Migrate.self, Ingest.self, Detect.self, Correlate.self, Rules.self, Audit.self,
            Tenant.self,
            TokenCommand.self,
            ProjectionsCommand.self, Backup.self, Restore.self,
            LabCommand.self,
        ]
    )

    static func main() async {
        OutputDescriptor.ignoreBrokenPipes()
        let interruption = Interruption()
        do {
            nonisolated(unsafe) let command = try parseAsRoot()
            // A task that a signal can cancel.
            let work = Task { try await Interruption.$current.withValue(interruption) { try await run(command) } }
            interruption.onSignal { work.cancel() }
            try await work.value
        } catch let error as OutputFailure where error.cause.isClosedByReader {
            // `docket … | head`: the reader has what it wanted.
            exit(withError: ExitCode(OutputFailure.brokenPipeStatus))
        } catch {
            if let status = interruption.status { exit(withError: ExitCode(status)) }
            exit(withError: CommandFailure.plain(error))
        }
        if let status = interruption.status { exit(withError: ExitCode(status)) }
    }

    private static func run(_ command: any ParsableCommand) async throws {
        if let command = command as? any AsyncParsableCommand {
            // Nobody else has it.
            nonisolated(unsafe) var command = command
            try await command.run()
        } else {
            var command = command
            try command.run()
        }
    }
}
