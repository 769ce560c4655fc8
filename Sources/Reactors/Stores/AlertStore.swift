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

    /// Ids in lists of a few: as many alerts as may be in memory at a time.
    package static func parts(of ids: [UUID]) -> [[UUID]] {
        stride(from: 0, to: ids.count, by: 64).map { Array(ids[$0..<min($0 + 64, ids.count)]) }
    }

    /// The newest form of each alert that exists and is not erased whole: one event an alert, however many forms of it
    /// have come. All of them are in memory, so callers bound how many they ask for.
    package func load(_ ids: [UUID], tenant: UUID) async throws -> [UUID: Found] {
        guard !ids.isEmpty else { return [:] }
        let events = try await log.latest(of: [EventType.alertNormalized.rawValue], streams: ids, tenant: tenant)
        return try events.compactMapValues { event in
            try NormalizedAlert.read(event).map {
                Found(alert: $0, eventID: event.eventID, receivedAt: event.recordedAt)
            }
        }
    }
}
