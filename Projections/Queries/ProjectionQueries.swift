package import Events
import Foundation
package import JSON
package import Postgres

/// What the server reads of the projections, each answer with the position up to which it speaks, read in the same
/// snapshot.
///
/// Every function reads one tenant; an id of another tenant is not found. Views come as JSON, as the fold wrote them,
/// with `as_of_position` put in.
package struct ProjectionQueries: Sendable {
    let database: Database

    package init(_ database: Database) { self.database = database }
}

/// A view and the stream version that it shows: the resource's ETag.
package struct VersionedView: Sendable, Equatable {
    package var view: JSONValue
    package var version: Int64
}

extension VersionedView {
    init(_ row: borrowing Row) throws(PostgresError) {
        view = try StoredJSON.parse(try row[0])
        version = try row[1]
    }
}

extension ProjectionQueries {
    /// Reads in a snapshot, together with how far the projection has come in it, from the tables that are live in it: a
    /// reader sees a flip wholly or not at all, in whatever process it was made.
    func snapshot<Value: Sendable>(
        of projection: any Projection, _ tenant: UUID,
        _ body: @Sendable (borrowing Transaction, TableSet) throws(PostgresError) -> Value
    ) async throws(ProjectionError) -> Positioned<Value> {
        do {
            return try await database.transaction(isolation: .repeatableRead, isReadOnly: true) {
                tx throws(PostgresError) in
                let live = try LiveSet.read(projection, tenant: tenant, in: tx)
                return Positioned(try body(tx, live.set), asOf: live.next - 1)
            }
        } catch {
            if let error = error.cause as? ProjectionError { throw error }
            throw ProjectionError(.database, "\(projection.name) cannot be read", cause: error)
        }
    }

    /// One resource by its id, with its position put in.
    func resource(
        of projection: any Projection, _ tenant: UUID, _ query: @Sendable (TableSet) -> Query
    ) async throws(ProjectionError) -> VersionedView? {
        let found = try await snapshot(of: projection, tenant) { tx, set throws(PostgresError) in
            try tx.first(query(set)) { row throws(PostgresError) in try VersionedView(row) }
        }
        guard var resource = found.value else { return nil }
        resource.view["as_of_position"] = .integer(found.asOfPosition)
        return resource
    }

    /// One page. The query gives view, sort keys and id, one row more than the page holds.
    func page(
        of projection: any Projection, _ tenant: UUID, list: String, keys: Int, _ request: PageRequest,
        show: @Sendable (JSONValue, Int64) -> JSONValue = { view, _ in view },
        _ query: @Sendable (Cursor?, TableSet) -> Query
    ) async throws(ProjectionError) -> Page {
        var cursor: Cursor?
        if let text = request.cursor { cursor = try Cursor(text, list: list, keys: keys) }
        let start = cursor
        let found = try await snapshot(of: projection, tenant) { tx, set throws(PostgresError) in
            try tx.query(query(start, set)) { row throws(PostgresError) in
                var sortKeys: [Int64] = []
                for column in 0..<keys { sortKeys.append(try row[1 + column]) }
                return (view: try StoredJSON.parse(try row[0]), keys: sortKeys, id: try row[1 + keys] as UUID)
            }
        }
        let rows = found.value.prefix(request.limit)
        let hasMore = found.value.count > rows.count
        return Page(
            items: rows.map { show($0.view, found.asOfPosition) },
            nextCursor: hasMore ? rows.last.map { Cursor(list: list, keys: $0.keys, id: $0.id).text } : nil,
            asOfPosition: found.asOfPosition)
    }
}

/// An entity to search by. Without a type, every type's normal form of the value is tried.
package struct EntitySearch: Sendable, Hashable {
    package var type: Entity.EntityType?
    package var value: String

    package init(type: Entity.EntityType? = nil, value: String) {
        self.type = type
        self.value = value
    }

    /// The digests of the normal forms.
    var digests: [[UInt8]] {
        let types = type.map { [$0] } ?? Entity.EntityType.allCases
        return Set(types.map { EntityKey(type: $0, value: Entity.normalize(value, as: $0)).valueDigest }).sorted {
            $0.lexicographicallyPrecedes($1)
        }
    }
}
