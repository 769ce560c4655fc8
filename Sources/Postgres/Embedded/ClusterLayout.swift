import Foundation
import Glibc

/// Where the parts of an embedded cluster lie.
struct ClusterLayout: Sendable {
    let dataDirectory: String
    let socketDirectory: String
    let account: ClusterAccount

    /// `sun_path` holds 108 bytes with the final zero.
    private static let socketPathMaximum = 107
    private static let socketFile = "/.s.PGSQL.5432"

    init(dataDirectory: String, account: ClusterAccount) throws(PostgresError) {
        let absolute = URL(fileURLWithPath: dataDirectory).standardizedFileURL.path
        self.dataDirectory = absolute
        self.account = account
        guard !absolute.utf8.contains(where: { $0 < 0x20 || "\"'\\$`".utf8.contains($0) }) else {
            // pg_ctl hands its arguments to a shell.
            throw PostgresError(
                .embeddedCluster, "the data directory's path holds a quote, `$`, `\\` or a control character")
        }
        let natural = absolute + "/socket"
        if natural.utf8.count + Self.socketFile.utf8.count <= Self.socketPathMaximum {
            socketDirectory = natural
        } else {
            // Derived from the path, so that every process finds the same one.
            let runtime = account.isOther ? nil : ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"]
            var hash: UInt64 = 0xcbf2_9ce4_8422_2325  // FNV-1a
            for byte in absolute.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            let short = "/docket-\(account.userID)-" + String(hash, radix: 36)
            let base = runtime.flatMap { $0.utf8.count <= 40 && !$0.isEmpty ? $0 : nil } ?? "/tmp"
            socketDirectory = base + short
        }
    }

    var cluster: String { dataDirectory + "/postgres" }
    var staging: String { dataDirectory + "/postgres.new" }
    var lockFile: String { dataDirectory + "/owner.lock" }
    /// What the postmaster says until its logging collector runs; after that it writes into `postgres/log/`.
    var startLog: String { cluster + "/start.log" }
    var postmasterFile: String { cluster + "/postmaster.pid" }

    var socketPath: String { socketDirectory + Self.socketFile }

    var isInitialized: Bool { majorVersion != nil }

    /// The version that made the cluster: no other can run it.
    var majorVersion: String? {
        FileManager.default.contents(atPath: cluster + "/PG_VERSION").map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }

    func connectionString(socketDirectory: String? = nil, database: String) -> String {
        func quoted(_ value: String) -> String {
            "'" + value.replacing("\\", with: "\\\\").replacing("'", with: "\\'") + "'"
        }
        return "host=\(quoted(socketDirectory ?? self.socketDirectory)) port=5432 user=\(quoted(account.name)) "
            + "dbname=\(quoted(database))"
    }

    // MARK: Making

    /// Makes the data directory and the socket's directory, which only the cluster's user may enter.
    func prepare() throws(PostgresError) {
        try checkParents()
        do {
            try FileManager.default.createDirectory(
                atPath: dataDirectory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: account.isOther ? 0o755 : 0o700])
        } catch {
            throw PostgresError(.embeddedCluster, "cannot make \(dataDirectory)", cause: error)
        }
        try makePrivateDirectory(socketDirectory)
    }

    /// Each parent must let the cluster's user through, or PostgreSQL fails with a message about its own files.
    private func checkParents() throws(PostgresError) {
        guard account.isOther else { return }
        var path = ""
        for part in dataDirectory.split(separator: "/") {
            path += "/" + part
            var status = stat()
            // What is not there yet is made so that it lets everybody through.
            guard stat(path, &status) == 0 else { return }
            let isOpen =
                if status.st_uid == account.userID {
                    status.st_mode & S_IXUSR != 0
                } else if status.st_gid == account.groupID {
                    status.st_mode & S_IXGRP != 0
                } else {
                    status.st_mode & S_IXOTH != 0
                }
            guard isOpen else {
                throw PostgresError(
                    .embeddedCluster,
                    "\(path) is closed to the user \(account.name), which runs PostgreSQL: 'chmod o+x \(path)', or use a "
                        + "data directory elsewhere")
            }
        }
    }

    func prepareStaging() throws(PostgresError) {
        // What a crash during an earlier attempt left.
        if FileManager.default.fileExists(atPath: staging) {
            do {
                try FileManager.default.removeItem(atPath: staging)
            } catch {
                throw PostgresError(.embeddedCluster, "cannot remove \(staging)", cause: error)
            }
        }
        try makePrivateDirectory(staging)
    }

    func adoptStaging() throws(PostgresError) {
        do {
            var text = try String(contentsOfFile: staging + "/postgresql.conf", encoding: .utf8)
            text += "\ninclude_if_exists = 'docket.conf'\n"
            try FileManager.default.removeItem(atPath: staging + "/postgresql.conf")
            try writeAsOwner(text, to: staging + "/postgresql.conf")
            guard rename(staging, cluster) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        } catch {
            throw PostgresError(.embeddedCluster, "cannot put the new cluster in place", cause: error)
        }
    }

    func write(settings: [String: String]) throws(PostgresError) {
        var all = [
            "listen_addresses": "",
            "unix_socket_directories": "\"\(socketDirectory)\"",
            "unix_socket_permissions": "0700",
            "port": "5432",
            "timezone": "UTC",
            // A week of logs, one file a day; nothing that quotes a value.
            "logging_collector": "on",
            "log_directory": "log",
            "log_filename": "postgresql-%a.log",
            "log_truncate_on_rotation": "on",
            "log_rotation_age": "1d",
            "log_rotation_size": "0",
            "log_timezone": "UTC",
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "log_parameter_max_length_on_error": "0",
        ]
        all.merge(settings) { $1 }
        let lines = all.sorted { $0.key < $1.key }.map { "\($0.key) = '\($0.value.replacing("'", with: "''"))'" }
        let path = cluster + "/docket.conf"
        let text = "# Written at each start by the owner of this cluster.\n" + lines.joined(separator: "\n") + "\n"
        // A full disk does not keep a cluster from starting as it was.
        if FileManager.default.contents(atPath: path) == Data(text.utf8) { return }
        do {
            try writeAsOwner(text, to: path)
        } catch {
            throw PostgresError(.embeddedCluster, "cannot write docket.conf", cause: error)
        }
    }

    /// Removes the socket's directory when it lies outside the data directory; the socket itself goes with its server.
    func removeSocketDirectory() {
        // A directory that is not empty stays: somebody's server is in it.
        if !socketDirectory.hasPrefix(dataDirectory) { rmdir(socketDirectory) }
    }

    private func writeAsOwner(_ text: String, to path: String) throws {
        let temporary = path + ".new"
        try Data(text.utf8).write(to: URL(fileURLWithPath: temporary))
        guard chmod(temporary, 0o600) == 0, chown(temporary, account.userID, account.groupID) == 0,
            rename(temporary, path) == 0
        else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    /// A directory of mode 0700 that belongs to the cluster's user. One that exists must be just that: in /tmp anybody
    /// could have made it first.
    private func makePrivateDirectory(_ path: String) throws(PostgresError) {
        if mkdir(path, 0o700) == 0 {
            guard chown(path, account.userID, account.groupID) == 0 else {
                throw PostgresError(.embeddedCluster, "cannot give \(path) to \(account.name): \(errno)")
            }
            return
        }
        guard errno == EEXIST else {
            throw PostgresError(.embeddedCluster, "cannot make \(path): \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == account.userID,
            status.st_mode & 0o077 == 0
        else {
            throw PostgresError(
                .embeddedCluster, "\(path) is not a directory of mode 0700 that belongs to \(account.name)")
        }
    }
}
