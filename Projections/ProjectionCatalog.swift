package import Postgres

/// Every read model of this build.
package struct ProjectionCatalog: Sendable {
    package let projections: [any Projection]

    package init(_ projections: [any Projection] = Self.all) { self.projections = projections }

    package static let all: [any Projection] = [
        CasesProjection(), ApprovalsProjection(), RunsProjection(), TimersProjection(), MetricsProjection(),
        AlertsProjection(), DeadLettersProjection(), AuditTrailProjection(),
    ]

    package subscript(name: String) -> (any Projection)? { projections.first { $0.name == name } }

    /// The projection of this name.
    ///
    /// - Throws: `unknownProjection`, with the names that there are.
    package func projection(named name: String) throws(ProjectionError) -> any Projection {
        if let projection = self[name] { return projection }
        let names = projections.map(\.name).sorted().joined(separator: ", ")
        throw ProjectionError(.unknownProjection, "there is no projection \(name); there are \(names)")
    }

    /// Makes the tables that are missing. They belong to `docket_owner`, so this needs the rights of a migration, not
    /// those of the application.
    package func install(on database: Database) async throws(ProjectionError) {
        let ddl = projections.flatMap(\.statements)
        do throws(PostgresError) {
            try await database.transaction { tx throws(PostgresError) in
                // Two processes that make one table at the same moment collide in the catalog despite IF NOT EXISTS.
                try tx.run(
                    script: """
                        SET LOCAL client_min_messages = warning;
                        SET LOCAL ROLE docket_owner;
                        LOCK TABLE docket.projection_live IN SHARE ROW EXCLUSIVE MODE;
                        """)
                for statements in ddl { try tx.run(script: statements) }
                try tx.run(script: "RESET ROLE")
            }
        } catch {
            throw ProjectionError(.database, "the projections' tables cannot be made", cause: error)
        }
    }
}

extension SQL {
    /// The text of one of this target's SQL files.
    static func text(_ path: String) -> String {
        guard let file = files.first(where: { $0.path == path }) else {
            preconditionFailure("\(path) is not among the embedded files")
        }
        return file.text
    }
}
