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

    /// What is due at an instant over all tenants, the longest overdue first, and the next moment at which something
    /// becomes due. For the one timer of a process: the answer is no snapshot of any tenant.
    ///
    /// - Parameter failing: cases to leave out.
    package func agenda(
        at instant: Instant, leavingOut failing: [UUID] = [], limit: Int = 500
    ) async throws(ProjectionError) -> (due: [(tenant: UUID, caseID: UUID)], next: Instant?) {
        let projection = TimersProjection()
        let first = projection.versions[0]
        let (one, other) = (TableSet(version: first), TableSet(version: first + 1))
        do {
            // Of each version the rows of the tenants whose readers are sent to it.
            let rows = try await database.query(
                """
                (SELECT t.tenant_id, t.case_id, t.due_at FROM \(unescaped: one["timers"]) AS t
                  WHERE NOT EXISTS (
                        SELECT FROM docket.projection_live AS l
                         WHERE l.tenant_id = t.tenant_id AND l.name = \(projection.name) AND l.version = \(first + 1))
                    AND t.case_id <> ALL (\(failing))
                  ORDER BY t.due_at LIMIT \(limit))
                 UNION ALL
                (SELECT t.tenant_id, t.case_id, t.due_at FROM \(unescaped: other["timers"]) AS t
                  WHERE EXISTS (
                        SELECT FROM docket.projection_live AS l
                         WHERE l.tenant_id = t.tenant_id AND l.name = \(projection.name) AND l.version = \(first + 1))
                    AND t.case_id <> ALL (\(failing))
                  ORDER BY t.due_at LIMIT \(limit))
                """
            ) { row throws(PostgresError) in
                (
                    tenant: try row[0] as UUID, caseID: try row[1] as UUID,
                    at: Instant(try row[2] as PostgresTimestamp)
                )
            }
            let due = rows.filter { $0.at <= instant }.sorted { $0.at < $1.at }
            return (due.map { ($0.tenant, $0.caseID) }, rows.map(\.at).filter { $0 > instant }.min())
        } catch {
            throw ProjectionError(.database, "the due times cannot be read", cause: error)
        }
    }
}
