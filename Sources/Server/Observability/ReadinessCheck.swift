import Events
import Synchronization

/// One line of what `/readyz` says.
package struct ReadinessCheck: Sendable, Hashable {
    package var name: String
    package var isOK: Bool
    /// In plain words; names no tenant.
    package var detail: String?

    package init(name: String, isOK: Bool, detail: String? = nil) {
        self.name = name
        self.isOK = isOK
        self.detail = detail
    }
}

/// Remembers when the database last said that its disk is full (SQLSTATE 53100).
final class DiskFullSign: Sendable {
    /// A server that cannot write is told so again by whoever writes next.
    private static let lifetimeMs: Int64 = 15_000

    private let last = Mutex<Instant?>(nil)

    func note(at now: Instant) { last.withLock { $0 = now } }

    func isFresh(at now: Instant) -> Bool {
        last.withLock { $0.map { now.milliseconds(since: $0) < Self.lifetimeMs } ?? false }
    }
}
