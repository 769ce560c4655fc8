import ArgumentParser
import Foundation
import JSON
import Postgres
import Reactors
import Sealing

struct Backup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes one consistent state of the log, and the keys that open it, into two folders.",
        discussion: """
            Works beside a running server, and needs pg_dump. --out gets the database without the wrapped keys of data \
            subjects; --keys-out gets these, and the keys of the tenants. Keep the two apart: whoever has both can read \
            everything, and an erasure is complete once older backups of the keys are gone. 'docket restore' puts both back.
            """)

    @Option(help: "A folder for the log: empty, or one that does not exist.") var out: String
    @Option(help: "A folder for the keys, apart from the other one: empty, or one that does not exist.")
    var keysOut: String
    @Flag(help: "Say what would be written, and write nothing.") var dryRun = false
    @Option(help: "text or json.") var format = OutputFormat.text
    @OptionGroup var storage: StorageOptions

    func run() async throws {
        try await Storage.with(storage) { opened in
            let writer = BackupWriter(
                storage: opened, out: URL(fileURLWithPath: out), keysOut: URL(fileURLWithPath: keysOut))
            do {
                if dryRun { return try Terminal.print(try await writer.plan()) }
                let manifest = try await writer.write()
                switch format {
                case .json: try Terminal.print(try JSONValue(encoding: manifest))
                case .text:
                    try Terminal.print(
                        "\(manifest.tenants.count) tenants, \(manifest.tenants.map(\.events).reduce(0, +)) events: the "
                            + "log in \(out), its keys in \(keysOut)")
                }
            } catch let error as SealingError {
                throw CommandFailure(error.description)
            }
        }
    }
}

struct Restore: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Puts a backup back into an empty data directory, and checks it.",
        discussion: """
            Nothing is overwritten. Every tenant gets the next writer epoch, so that a place that still writes under the \
            old one can be told from this one. Ends with 'audit fsck' of every tenant: exit status 2 when something is not \
            as it was signed. With --database-url it restores into that database, which must be empty, as a superuser.
            """)

    @Argument(help: "The folder that 'docket backup --out' wrote.") var folder: String
    @Option(help: "The folder that 'docket backup --keys-out' wrote.") var keys: String
    @Flag(help: "Check both folders and the place, and write nothing.") var dryRun = false
    @OptionGroup var storage: StorageOptions

    func run() async throws {
        let restoration = Restoration(
            log: URL(fileURLWithPath: folder), keys: URL(fileURLWithPath: keys), options: storage)
        if dryRun {
            let manifest = try await restoration.check()
            return try Terminal.print(
                "would restore \(manifest.tenants.count) tenants with "
                    + "\(manifest.tenants.map(\.events).reduce(0, +)) events, as they were at \(manifest.createdAt), to "
                    + storage.resolvedDataDirectory)
        }
        let outcome = try await Interruption.whileOpen {
            try await restoration.run { Terminal.note("restoring: \($0)") }
        }
        let events = Dictionary(outcome.manifest.tenants.map { ($0.tenantID, $0.events) }) { first, _ in first }
        var isSound = true
        for (tenant, findings) in outcome.findings {
            isSound = isSound && findings.isEmpty
            for finding in findings {
                try Terminal.print(
                    "\(tenant.name): \(finding.kind.rawValue)  position \(finding.position.map(String.init) ?? "-")  "
                        + finding.detail)
            }
            if findings.isEmpty { try Terminal.print("\(tenant.name): \(events[tenant.id] ?? 0) events, sound") }
        }
        try Terminal.print(
            "Restored as of \(outcome.manifest.createdAt). What was recorded later is not there: 'docket audit fsck "
                + "--checkpoint FILE' says how much, given a checkpoint that was kept elsewhere.")
        if !isSound { throw ExitCode(2) }
    }
}
