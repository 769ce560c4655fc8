import ArgumentParser
import Cases
import EventLog
import Events
import Foundation
import JSON
import Proof
import Reactors
import Sealing

struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Proves the log, and checks proofs.",
        subcommands: [Verify.self, Export.self, Check.self, Keys.self, RotateKey.self])

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verifies an evidence package offline: no server, no database.",
            discussion: """
                Give the log's public key from a source of your own (--key) and, if you have one, a checkpoint that you \
                saw earlier: without them the package is held against its own keys, and that is said. Exit status 0 \
                verified, 2 findings, 1 no package. Documentation/verify_package.py does the same in Python.
                """)

        @Argument(help: "The package's folder.") var package: String
        @Option(help: "A signed checkpoint of this log that you had before: a file.") var checkpoint: String?
        @Option(help: "The log's public key, as 'docket audit keys' prints it, or a file with it.") var key: String?
        @Option(help: "text or json.") var format = OutputFormat.text

        func run() async throws {
            let report: Report
            do {
                let given = try checkpoint.map { try SignedNote(Array(try Self.bytes($0))) }
                let verifier = try key.map { text in
                    let isFile = FileManager.default.fileExists(atPath: text)
                    let content = isFile ? String(decoding: try Self.bytes(text), as: UTF8.self) : text
                    return try VerifierKey(text: content.filter { !$0.isNewline })
                }
                report = try PackageVerifier.verify(
                    at: URL(fileURLWithPath: package), checkpoint: given, key: verifier)
            } catch {
                throw CommandFailure.plain(error)
            }
            switch format {
            case .json: try Terminal.print(report.json)
            case .text: try tell(report)
            }
            if report.exitCode != 0 { throw ExitCode(report.exitCode) }
        }

        fileprivate static func bytes(_ file: String) throws -> Data {
            guard let data = FileManager.default.contents(atPath: file) else {
                throw CommandFailure("cannot read \(file)")
            }
            return data
        }

        private func tell(_ report: Report) throws {
            for finding in report.findings {
                let place = finding.positions.map { positions in
                    positions.count == 1
                        ? "position \(positions.lowerBound)"
                        : "positions \(positions.lowerBound)–\(positions.upperBound)"
                }
                try Terminal.print("\(finding.class.rawValue)  \(place ?? finding.file ?? "")  \(finding.detail)")
            }
            for key in report.keys { try Terminal.print("key \(key.name), fingerprint \(key.fingerprint.text)") }
            if !report.keyWasGiven {
                try Terminal.print("No --key was given: the package was held against the keys that lie in it.")
            }
            try Terminal.print(
                report.isClean
                    ? Terminal.green("verified: \(report.events) events, as they were signed")
                    : "\(report.findings.count) findings in \(report.events) events")
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Writes an evidence package: events, proofs, checkpoint, keys' fingerprints, a README for the auditor.")

        @Option(help: "The tenant, by name or id.") var tenant: String
        @Option(name: .customLong("case"), help: "Only this case.") var caseID: String?
        @Option(help: "The first position.") var from: Int64 = 0
        @Option(help: "The position before which it ends; the end of the log by default.") var to: Int64?
        @Option(help: "A folder that is empty or does not exist.") var out: String
        @Option(help: "A signed checkpoint seen earlier: the package proves that it goes on from it. Repeatable.")
        var checkpoint: [String] = []
        @Flag(help: "Leave out what is sealed and the raw input; their digests are proven all the same.")
        var withholdSealed = false
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let scope: Exporter.Scope
            if let caseID {
                guard let id = UUID(uuidString: caseID) else { throw ValidationError("--case is a case's id") }
                scope = .caseID(id)
            } else {
                scope = .range(from: from, to: to)
            }
            let earlier = try checkpoint.map { file in
                do {
                    return try SignedNote(Array(try Verify.bytes(file)))
                } catch let error as ProofError {
                    throw CommandFailure("\(file): \(error)")
                }
            }
            try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                do {
                    try await opened.sealer.seal(tenant.id)
                    let progress = Progress(out, total: 1)
                    let manifest = try await opened.exporter.export(
                        scope, of: tenant.id, to: URL(fileURLWithPath: out), earlier: earlier,
                        withholdsSealed: withholdSealed, progress: { progress.update(done: 0, items: $0) },
                        confirm: { try await record($0, tenant: tenant.id, opened) })
                    progress.finish()
                    try Terminal.print(
                        "\(out): \(manifest.events) events of a tree of \(manifest.treeSize), "
                            + "\(manifest.evidence.open) raw inputs")
                    for key in manifest.keys {
                        try Terminal.print("key \(key.text)\nfingerprint \(key.fingerprint.text)")
                    }
                } catch let error as SealingError {
                    throw CommandFailure(error.description)
                } catch let error as ProofError {
                    throw CommandFailure("\(error)")
                }
            }
        }

        /// That somebody took the history away is part of it.
        private func record(_ manifest: PackageManifest, tenant: UUID, _ opened: Storage) async throws {
            try await GovernanceWriter(log: opened.log, tenant: tenant, actor: .commandLine, clock: opened.clock)
                .append(
                    [
                        Decision(
                            EvidenceExported(
                                exportID: nil, caseID: caseID.flatMap(UUID.init(uuidString:)),
                                from: caseID == nil ? from : nil, to: to, treeSize: manifest.treeSize,
                                events: manifest.events, withheld: withholdSealed,
                                manifestDigest: Digest.sha256(manifest.bytes)))
                    ], kind: .audit, stream: UUID.v5(namespace: tenant, name: "audit"))
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "fsck",
            abstract:
                "Checks the log in the database: dense positions, leaves, columns, tiles, every signed checkpoint.",
            discussion: "Changes nothing. Exit status 2 when something is not as it was signed.")

        @Option(help: "Only this tenant, by name or id.") var tenant: String?
        @Option(
            help: """
                A signed checkpoint that was kept elsewhere: a file. What it covers must still be there; what is missing is \
                counted. Repeatable.
                """)
        var checkpoint: [String] = []
        @Option(help: "text or json, one line a finding.") var format = OutputFormat.text
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            let seen = try checkpoint.map(Self.note)
            let isSound = try await Storage.with(storage) { opened in
                let tenants =
                    if let tenant { [try await opened.tenant(tenant)] } else { try await opened.tenants.list() }
                var isSound = true
                for note in seen where !tenants.contains(where: { SigningKeys.origin(of: $0.id) == note.origin }) {
                    throw CommandFailure("\(note.file) is a checkpoint of '\(note.origin)', which is not checked here")
                }
                for tenant in tenants {
                    let origin = SigningKeys.origin(of: tenant.id)
                    let progress = Progress(tenant.name, total: Int(try await opened.log.head(tenant: tenant.id)))
                    let findings = try await opened.logCheck.check(
                        tenant.id, seen: seen.filter { $0.origin == origin }.map(\.note)
                    ) { done, _ in
                        progress.update(done: Int(done), items: Int(done))
                    }
                    progress.finish()
                    isSound = isSound && findings.isEmpty
                    for finding in findings { try write(finding, of: tenant.name) }
                    if format == .text, findings.isEmpty {
                        let head = try await opened.log.head(tenant: tenant.id)
                        try Terminal.print("\(tenant.name): \(head) events, sound")
                    }
                }
                return isSound
            }
            if !isSound { throw ExitCode(2) }
        }

        private static func note(_ file: String) throws -> (file: String, origin: String, note: SignedNote) {
            do {
                let note = try SignedNote(Array(try Verify.bytes(file)))
                return (file, try Checkpoint(text: note.text).origin, note)
            } catch let error as ProofError {
                throw CommandFailure("\(file): \(error)")
            }
        }

        private func write(_ finding: LogCheck.Finding, of tenant: String) throws {
            switch format {
            case .text:
                try Terminal.print(
                    "\(tenant): \(finding.kind.rawValue)  position \(finding.position.map(String.init) ?? "-")  "
                        + finding.detail)
            case .json:
                try Terminal.print([
                    "tenant": .string(tenant), "kind": .string(finding.kind.rawValue),
                    "position": finding.position.map(JSONValue.integer) ?? .null, "detail": .string(finding.detail),
                ])
            }
        }
    }

    struct RotateKey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Puts a new signing key in the place of the old one, signed by it, so that auditors can follow.",
            discussion: "Safe to repeat after a crash: it goes on where it stopped. The old secret is gone afterwards.")

        @Option(help: "The tenant, by name or id.") var tenant: String
        @Option(help: "Why, for the record.") var reason: String
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                let key = try await KeyRotation(log: opened.log, keys: opened.signingKeys, clock: opened.clock)
                    .rotate(tenant.id, reason: reason, by: .commandLine)
                try Terminal.print(key.text)
                Terminal.note("fingerprint \(key.fingerprint.text)")
            }
        }
    }

    struct Keys: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Prints the public key that signs a tenant's log, its fingerprint, and its label in the log of roots.")

        @Option(help: "The tenant, by name or id.") var tenant: String
        @OptionGroup var storage: StorageOptions

        func run() async throws {
            try await Storage.with(storage) { opened in
                let tenant = try await opened.tenant(tenant)
                let hasSigned = try await opened.newestCheckpoint(of: tenant.id) != nil
                let key = try opened.signingKeys.make(tenant.id, hasSigned: hasSigned).verifierKey
                try Terminal.print(key.text)
                Terminal.note("fingerprint \(key.fingerprint.text)")
                Terminal.note("label in the log of roots \(try await opened.roots.label(of: tenant.id))")
            }
        }
    }
}
