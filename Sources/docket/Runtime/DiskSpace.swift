import Foundation
import Server

/// How much room is left where the private cluster writes.
struct DiskSpace: Sendable {
    /// PostgreSQL makes its write-ahead log in files of 16 MiB: with less room the next one fails.
    static let bytesMinimum: UInt64 = 32 << 20

    let directory: String

    var check: ReadinessCheck {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else {
            return ReadinessCheck(
                name: "disk", isOK: false,
                detail: "the data directory cannot be looked at: \(String(cString: strerror(errno)))")
        }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        return ReadinessCheck(
            name: "disk", isOK: free >= Self.bytesMinimum,
            detail: free >= Self.bytesMinimum
                ? nil
                : "the disk of the data directory is full: \(free >> 20) MiB are left, \(Self.bytesMinimum >> 20) are needed"
        )
    }
}
