package import Cases
package import Events
package import Postgres

package import struct Foundation.UUID

/// A read model: tables that can be thrown away, and the fold that fills them from the log again.
///
/// Rows are a pure function of the tenant's log up to a position: no clock, no other projection, nothing from outside,
/// and no trace of how the events were cut into batches. So each can be dropped and rebuilt alone, and gives the same
/// rows. Side effects never live here.
///
/// Tables lie in schema `projection` and carry a version in their name (`cases_v1`, see `TableSet`): a changed fold or
/// table is a new generation, whose tables are filled beside the old ones.
package protocol Projection: Sendable {
    var name: String { get }
    /// 1, 2, …: raised with every change of the fold or of a table.
    var generation: Int32 { get }
    /// The statements that make the tables of one version where they are missing; `{version}` stands for it.
    var ddl: String { get }
    /// Every table by its plain name, in the order in which rows may be deleted.
    var tables: [String] { get }
    /// Whether `ProjectionBatch.cases` is needed; folding cases costs reads of their streams.
    var foldsCases: Bool { get }

    /// Takes the batch into the tables of a set, in the transaction that also advances the position.
    ///
    /// - Throws: what the database said, or `PostgresError.abandon` with a `PoisonEvent` for an event that cannot be
    ///   folded.
    func apply(_ batch: ProjectionBatch, to set: TableSet, in tx: borrowing Transaction) throws(PostgresError)
}

/// The next events of one tenant, in order; only those of streams that are set aside are missing.
package struct ProjectionBatch: Sendable {
    package var tenant: UUID
    /// At least one.
    package var events: [Event]
    /// Every case that the events touch, as it stands after the last of them; empty unless the projection folds cases.
    package var cases: [CaseRecord]

    package init(tenant: UUID, events: [Event], cases: [CaseRecord]) {
        self.tenant = tenant
        self.events = events
        self.cases = cases
    }
}

/// An event that a fold cannot take. It is never skipped: its stream is set aside in front of it (`ProjectionMark`).
package struct PoisonEvent: Error, Sendable, CustomStringConvertible {
    package var position: Int64
    package var type: String
    /// Without any of the event's values: it is shown on `/readyz` and in logs.
    package var reason: String

    package init(_ event: Event, _ reason: String) {
        position = event.position
        type = event.type
        self.reason = reason
    }

    package var description: String { "event \(position) (\(type)): \(reason)" }
}
