package import Cases
package import Events
package import Foundation
import Postgres

/// A moment at which something about a case becomes, or became, due.
package struct DueTimer: Sendable, Hashable {
    package var caseID: UUID
    package var due: DueTime
}

/// Metrics and timers.
extension ProjectionQueries {
    /// What every case of the tenant contributes to the figures, by case id: the input of `MetricReport`.
    package func facts(tenant: UUID) async throws(ProjectionError) -> Positioned<[CaseFacts]> {
        try await snapshot(of: MetricsProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.query("SELECT facts FROM \(unescaped: set["metrics"]) WHERE tenant_id = \(tenant) ORDER BY case_id")
            {
                row throws(PostgresError) in
                try StoredJSON.decode(try row[0] as PostgresJSON, as: CaseFacts.self)
            }
        }
    }

    /// What is due at an instant, the longest overdue first. Whoever acts on it folds the case anew and decides there:
    /// the projection may be behind.
    package func dueTimers(
        tenant: UUID, upTo instant: Instant, limit: Int = 500
    ) async throws(ProjectionError) -> Positioned<[DueTimer]> {
        try await snapshot(of: TimersProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.query(
                """
                SELECT t.case_id, t.kind, t.key, t.due_at FROM \(unescaped: set["timers"]) AS t
                 WHERE t.tenant_id = \(tenant) AND t.due_at <= \(instant.timestamp)
                 ORDER BY t.due_at, t.case_id, t.kind, t.key LIMIT \(limit)
                """
            ) { row throws(PostgresError) in
                guard let kind = DueTime.Kind(rawValue: try row[1]) else {
                    throw .abandon(ProjectionError(.corrupt, "a timer of an unknown kind"))
                }
                return DueTimer(
                    caseID: try row[0],
                    due: DueTime(kind: kind, key: try row[2], at: Instant(try row[3] as PostgresTimestamp)))
            }
        }
    }

    /// The next moment at which a timer of the tenant becomes due, nil when there is none: how long to sleep.
    package func nextDue(tenant: UUID) async throws(ProjectionError) -> Instant? {
        try await snapshot(of: TimersProjection(), tenant) { tx, set throws(PostgresError) in
            try tx.value(
                "SELECT min(t.due_at) FROM \(unescaped: set["timers"]) AS t WHERE t.tenant_id = \(tenant)",
                as: PostgresTimestamp?.self
            ).map(Instant.init)
        }.value
    }
}
