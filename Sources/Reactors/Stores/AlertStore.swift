import Cases
package import EventLog
package import Events
import JSON

package import struct Foundation.UUID

/// Reads normalized alerts back from their streams.
package struct AlertStore: Sendable {
    package struct Found: Sendable {
        package var alert: NormalizedAlert
        /// The `alert.normalized` event that carries it.
        package var eventID: UUID
        /// When the log took that form of it in: against this the alert's own times are judged.
        package var receivedAt: Instant
    }

    package let log: EventLog

    package init(log: EventLog) {
        self.log = log
    }

    /// - Returns: the newest form of each alert that exists and is not erased whole.
    package func load(_ ids: [UUID], tenant: UUID) async throws -> [UUID: Found] {
        var found: [UUID: Found] = [:]
        guard !ids.isEmpty else { return found }
        for (id, events) in try await log.read(streams: ids, tenant: tenant) {
            for event in events where event.kind == .alertNormalized {
                guard let alert = try NormalizedAlert.read(event) else { continue }
                found[id] = Found(alert: alert, eventID: event.eventID, receivedAt: event.recordedAt)
            }
        }
        return found
    }
}
