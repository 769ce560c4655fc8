import Foundation
import Subprocess
import SystemPackage

/// PostgreSQL's own programs, which no distribution agrees where to put.
struct PostgresPrograms: Sendable {
    let directory: String
    private let account: ClusterAccount
    /// Of util-linux, which every Linux distribution has.
    private static let setpriv = "/usr/bin/setpriv"

    /// Looks in the PATH, where `pg_config` says, and where Debian and Red Hat install, the newest first. A cluster that
    /// exists needs the version that made it.
    static func find(majorVersion: String?, account: ClusterAccount) async throws(PostgresError) -> PostgresPrograms {
        guard !account.isOther || FileManager.default.isExecutableFile(atPath: setpriv) else {
            throw PostgresError(
                .embeddedCluster, "\(setpriv) of util-linux is needed to run PostgreSQL as \(account.name)")
        }
        var candidates: [String] = []
        if let majorVersion {
            candidates += ["/usr/lib/postgresql/\(majorVersion)/bin", "/usr/pgsql-\(majorVersion)/bin"]
        }
        candidates += (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        if let configured = await configuredDirectory() { candidates.append(configured) }
        candidates += installedDirectories()

        let needed = ["initdb", "pg_ctl", "postgres"]
        for candidate in candidates
        where needed.allSatisfy({ FileManager.default.isExecutableFile(atPath: "\(candidate)/\($0)") }) {
            return PostgresPrograms(directory: candidate, account: account)
        }
        throw PostgresError(
            .embeddedCluster,
            "PostgreSQL's programs (initdb, pg_ctl, postgres) were not found: install postgresql, or name a server")
    }

    /// Runs a program as the cluster's user; its output is part of the error when it fails.
    func run(_ program: String, _ arguments: [String], hint: String = "") async throws(PostgresError) {
        var command = ["\(directory)/\(program)"] + arguments
        if account.isOther {
            // Not by Subprocess itself: it would call setgroups and setuid between fork and exec, where glibc waits for
            // threads that the child does not have, now and then for ever.
            command =
                [
                    Self.setpriv, "--reuid=\(account.userID)", "--regid=\(account.groupID)", "--clear-groups", "--",
                ] + command
        }
        let output: String
        do {
            let result = try await Subprocess.run(
                .path(FilePath(command[0])), arguments: Arguments(Array(command.dropFirst())),
                environment: .inherit.updating(["LC_ALL": "C", "PGDATA": nil, "PGOPTIONS": nil]),
                // The cluster's user must be able to enter it.
                workingDirectory: "/", output: .string(limit: 64 * 1024),
                error: .combinedWithOutput)
            if result.terminationStatus.isSuccess { return }
            output = result.standardOutput
        } catch {
            guard !Task.isCancelled else {
                throw PostgresError(.cancelled, "the task was cancelled while \(program) ran", cause: error)
            }
            throw PostgresError(.embeddedCluster, "cannot run \(program)", cause: error)
        }
        guard !Task.isCancelled else {
            throw PostgresError(.cancelled, "\(program) was ended because the task was cancelled")
        }
        let text = output.split(whereSeparator: \.isNewline).suffix(8).joined(separator: "; ")
        throw PostgresError(.embeddedCluster, "\(program) failed: \(text)\(hint.isEmpty ? "" : " (\(hint))")")
    }

    private static func configuredDirectory() async -> String? {
        do {
            let result = try await Subprocess.run(
                .name("pg_config"), arguments: ["--bindir"], output: .string(limit: 4096))
            return result.standardOutput.trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            // Not installed: one place less to look.
            return nil
        }
    }

    private static func installedDirectories() -> [String] {
        var found: [(version: Double, path: String)] = []
        for (parent, prefix) in [("/usr/lib/postgresql", ""), ("/usr", "pgsql-")] {
            let entries: [String]
            do {
                entries = try FileManager.default.contentsOfDirectory(atPath: parent)
            } catch {
                continue
            }
            for entry in entries where entry.hasPrefix(prefix) {
                if let version = Double(entry.dropFirst(prefix.count)) {
                    found.append((version, "\(parent)/\(entry)/bin"))
                }
            }
        }
        return found.sorted { $0.version > $1.version }.map(\.path)
    }
}
