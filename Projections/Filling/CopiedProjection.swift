import Cases
import Events
import Foundation
import Postgres

/// A table that is filled by COPY, and the columns in the order in which the rows have them.
struct CopiedTable: Sendable {
    let name: String
    let columns: String

    init(_ name: String, _ columns: String) {
        self.name = name
        self.columns = columns
    }
}

/// A projection whose rows are a function of one case each, so that a fill writes them once, at the end, instead of after
/// every event.
protocol CaseDerivedProjection: Projection {
    /// In the order of `tables`. Every one has a column `case_id`.
    var copied: [CopiedTable] { get }
    /// Adds the rows of a case, a list for each table.
    func append(_ record: CaseRecord, to rows: inout [CopyRows]) throws(PostgresError)
}

/// A projection with a row for each event, which no later event changes.
protocol EventDerivedProjection: Projection {
    var copied: CopiedTable { get }
    func append(_ event: Event, of tenant: UUID, to rows: inout CopyRows)
}

extension CaseDerivedProjection {
    /// - Parameter rewritten: cases of which rows may be there already.
    func write(
        _ rows: [CopyRows], rewritten: [UUID], to set: TableSet, of tenant: UUID, in tx: borrowing Transaction
    ) throws(PostgresError) {
        for (table, rows) in zip(copied, rows) {
            if !rewritten.isEmpty {
                try tx.execute(
                    """
                    DELETE FROM \(unescaped: set[table.name])
                     WHERE tenant_id = \(tenant) AND case_id = ANY(\(rewritten))
                    """)
            }
            try table.write(rows, to: set, in: tx)
        }
    }
}

extension CopiedTable {
    func write(_ rows: CopyRows, to set: TableSet, in tx: borrowing Transaction) throws(PostgresError) {
        guard rows.count > 0 else { return }
        try tx.copy(into: "\(set[name]) (\(columns))") { writer throws(PostgresError) in try writer.rows(rows) }
    }
}
