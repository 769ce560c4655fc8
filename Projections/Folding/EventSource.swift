package import EventLog
package import Events

package import struct Foundation.UUID

/// What projections need of the log: a tenant's feed, single streams, and how far tenants have come.
package protocol EventSource: Sendable {
    /// The tenant's events from a position on, ascending and without a gap when nothing is left out.
    func feed(
        tenant: UUID, from position: Int64, limit: Int, types: [String]?, caseID: UUID?
    ) async throws(EventLogError) -> [Event]

    /// A stream's events after a version, up to a position, ascending.
    func read(
        stream id: UUID, tenant: UUID, after version: Int64, upTo position: Int64?, limit: Int
    ) async throws(EventLogError) -> [Event]

    /// What is known of an event without reading its body, for one that cannot be read; `nil` when it is missing.
    func outline(at position: Int64, tenant: UUID) async throws(EventLogError) -> Event?

    /// All tenants and their next positions.
    func heads() async throws(EventLogError) -> [UUID: Int64]

    /// The heads of all tenants as they move, for one reader.
    func headMoves() -> HeadMoves
}

extension EventLog: EventSource {}
