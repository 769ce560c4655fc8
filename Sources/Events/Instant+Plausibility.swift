/// How far a source's clock is believed, and where derived instants end.
///
/// An alert says when it happened, and it may say anything. Its statement is evidence and stays as it is; whatever is
/// computed from it (windows, deadlines, durations) uses a time that is held within bounds.
extension Instant {
    /// 1990-01-01T00:00:00Z: before that, a source's clock was never set.
    package static let plausibleSince = Instant(microseconds: 631_152_000_000_000)

    /// 9999-01-01T00:00:00Z: where deadlines end, a year before the last instant that can be written.
    package static let lastDeadline = Instant(microseconds: 253_370_764_800_000_000)

    /// How far ahead of its receipt a source's time may lie, in milliseconds.
    package static let aheadMaximumMs: Int64 = 300_000

    /// Whether a source's time lies outside 1990 … receipt + 5 minutes: its clock is suspect.
    package func isSuspect(receivedAt: Instant) -> Bool { plausible(receivedAt: receivedAt) != self }

    /// A source's time as arithmetic may use it: held within 1990 … receipt + 5 minutes.
    package func plausible(receivedAt: Instant) -> Instant {
        let latest = receivedAt.deadline(afterMs: Self.aheadMaximumMs)
        return clamped(to: Self.plausibleSince...latest)
    }

    /// The end of a time that begins here, such as a deadline or an expiry: held within 1990 … 9999-01-01.
    package func deadline(afterMs milliseconds: Int64) -> Instant {
        adding(milliseconds: milliseconds).clamped(to: Self.plausibleSince...Self.lastDeadline)
    }
}
