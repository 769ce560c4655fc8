import ArgumentParser

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
            ProjectionsCommand.self,
            LabCommand.self,
        ]
    )
}
