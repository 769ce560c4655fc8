import Cases
import Crypto
import Events
import Foundation
import Synchronization

/// Who is signed in at a browser. A session is a random value of its own, kept here by its digest and bound to the
/// token that it was opened with: it ends when that is revoked or runs out, on sign-out, after `lifetimeMs`, and with
/// this process. So the token itself never lies in a browser, and a cookie tells nothing about it.
///
/// Bounded: beyond `sessionsMaximum` the oldest one ends.
final class SessionStore: Sendable {
    struct Session: Sendable {
        var tenant: UUID
        var tokenID: UUID
        /// What answers kept for this caller are sealed with; derived from the token's secret.
        var sealingKey: [UInt8]
        var openedAt: Instant
        var endsAt: Instant
    }

    static let lifetimeMs: Int64 = 12 * 3_600_000
    private static let sessionsMaximum = 10_000

    private let sessions = Mutex<[Events.Digest: Session]>([:])

    /// - Returns: the value for the cookie, given out this once.
    func open(for caller: Caller, at now: Instant) -> (value: String, session: Session) {
        let bytes = unsafe SymmetricKey(size: .bits256).withUnsafeBytes { unsafe Array($0) }
        let value = Data(bytes).base64EncodedString()
            .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
        let limit = now.adding(milliseconds: Self.lifetimeMs)
        let session = Session(
            tenant: caller.principal.tenant, tokenID: caller.token.id, sealingKey: caller.sealingKey, openedAt: now,
            endsAt: min(limit, caller.token.expiresAt ?? limit))
        sessions.withLock { sessions in
            if sessions.count >= Self.sessionsMaximum {
                sessions = sessions.filter { $0.value.endsAt > now }
                if sessions.count >= Self.sessionsMaximum,
                    let oldest = sessions.min(by: { $0.value.openedAt < $1.value.openedAt })?.key
                {
                    sessions[oldest] = nil
                }
            }
            sessions[Self.key(value)] = session
        }
        return (value, session)
    }

    func session(_ value: String, at now: Instant) -> Session? {
        sessions.withLock { $0[Self.key(value)] }.flatMap { $0.endsAt > now ? $0 : nil }
    }

    func end(_ value: String) {
        sessions.withLock { $0[Self.key(value)] = nil }
    }

    /// A look-up by digest takes a time that tells nothing about the value.
    private static func key(_ value: String) -> Events.Digest { .sha256(Array(value.utf8)) }
}
