import ArgumentParser
import Postgres
import Schema

struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Brings the database's schema up to date.",
        discussion: "Connect as the owner of the database or as a superuser; the server's own role has no such rights.")

    @OptionGroup var storage: StorageOptions
    @Flag(help: "Change nothing; exit with status 2 when something is missing.")
    var check = false

    func run() async throws {
        guard check else {
            let opened = try await Storage.open(storage, isOwner: false)
            try await opened.close()
            for migration in opened.applied { try Terminal.print("applied \(migration)") }
            return try Terminal.print(
                opened.applied.isEmpty
                    ? "The schema is up to date: nothing was missing."
                    : "The schema is up to date: \(opened.applied.count) migrations were applied.")
        }
        guard
            let url = try storage.resolvedURL
                ?? EmbeddedCluster.connectionString(ifRunningIn: storage.resolvedDataDirectory)
        else {
            throw CommandFailure(
                "no database runs in \(storage.resolvedDataDirectory); start `docket serve` or name one")
        }
        let database = Database(DatabaseConfiguration(ConnectionConfiguration(url)))
        let missing = try await Migrator(database).check()
        await database.close()
        guard missing.isEmpty else {
            for migration in missing { Terminal.note("missing: \(migration.number) \(migration.name)") }
            throw ExitCode(2)
        }
        try Terminal.print("The schema is up to date.")
    }
}
