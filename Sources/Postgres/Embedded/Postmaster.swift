import Foundation
import Glibc

/// The running server of a data directory, as its `postmaster.pid` and the kernel tell.
///
/// The file alone is not believed: after a crash it stays, and its number may be somebody else's by now. A postmaster
/// and its backends have the data directory as working directory, which `/proc` shows.
struct Postmaster {
    /// What the postmaster says of itself (pidfile.h, PM_STATUS_…).
    enum Status: Sendable, Equatable {
        /// Also while it recovers, and before it has written a status at all.
        case starting
        case ready
        /// It was told to end, and waits for its clients (smart) or for its own processes (fast, immediate).
        case stopping
    }

    let processID: Int32
    /// Empty until it has been written.
    let socketDirectory: String
    let status: Status

    var isReady: Bool { status == .ready }

    init?(_ layout: ClusterLayout) {
        // Lines (pidfile.h): pid, data directory, start time, port, socket directory, listen address, shared memory,
        // status.
        guard let data = FileManager.default.contents(atPath: layout.postmasterFile) else { return nil }
        let lines = String(decoding: data, as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
        guard let pid = lines.first.flatMap({ Int32($0) }),
            Self.workingDirectory(of: String(pid)) == Self.canonical(layout.cluster)
        else { return nil }
        processID = pid
        socketDirectory = lines.count > 4 ? lines[4] : ""
        status =
            switch lines.count > 7 ? lines[7] : "" {
            case "ready": .ready
            case "stopping": .stopping
            default: .starting
            }
    }

    /// The processes that run in a data directory.
    static func processes(in cluster: String) -> [Int32] {
        let cluster = canonical(cluster)
        let entries: [String]
        do {
            entries = try FileManager.default.contentsOfDirectory(atPath: "/proc")
        } catch {
            return []
        }
        return entries.compactMap { entry in
            guard let pid = Int32(entry), workingDirectory(of: entry) == cluster else { return nil }
            return pid
        }
    }

    /// Those of them that are PostgreSQL's own: somebody's shell may stand in the data directory as well.
    static func servers(in cluster: String) -> [Int32] {
        processes(in: cluster).filter { process in
            do {
                let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
                // A program that was replaced meanwhile is called `postgres (deleted)`.
                return program.split(separator: "/").last?.hasPrefix("postgres") == true
            } catch {
                // Gone meanwhile.
                return false
            }
        }
    }

    /// Removes what a dead postmaster left: its own file, its socket and the socket's lock. Only for the owner of the
    /// data directory, and only when `processes(in:)` finds nobody.
    static func removeLeftovers(_ layout: ClusterLayout) {
        for path in [layout.postmasterFile, layout.socketPath + ".lock", layout.socketPath] { unlink(path) }
    }

    private static func workingDirectory(of process: String) -> String? {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
        } catch {
            // Gone, or another user's.
            return nil
        }
    }

    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
