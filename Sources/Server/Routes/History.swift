import Cases
import EventLog
import Events
import Foundation
import JSON
import Postgres
import Reactors

/// Looks into the past: folds the log up to a moment, a position or a version. The same question has the same answer
/// for ever, so the future cannot be asked about.
struct History: Sendable {
    enum Moment: Sendable {
        case position(Int64)
        case version(Int64)
    }

    private let tenant: UUID
    private let services: ServerServices
    private let moment: Moment

    struct Seeker: Sendable {
        let tenant: UUID
        let services: ServerServices

        /// - Returns: `nil` when the query asks about now.
        func look(from query: QueryParameters) async throws -> History? {
            let time = try query.instant("as_of")
            let position = try query.integer("as_of_position")
            let version = try query.integer("version", in: 1...JSONValue.exactIntegerLimit)
            guard [time != nil, position != nil, version != nil].count(where: { $0 }) <= 1 else {
                throw Problem.validation([
                    FieldError("/as_of", .format, "as_of, as_of_position and version exclude each other")
                ])
            }
            if let version { return History(tenant, services, .version(version)) }
            if let position { return History(tenant, services, .position(try await known(position))) }
            if let time { return History(tenant, services, .position(try await self.position(at: time))) }
            return nil
        }

        /// A position that the log has reached.
        func known(_ position: Int64) async throws -> Int64 {
            let last = try await services.lastPosition(of: tenant)
            guard position <= last else {
                throw Problem.validation([FieldError("/as_of_position", .range, "the log ends at position \(last)")])
            }
            return position
        }

        /// The last position that was recorded at a time or before; -1 when there is none.
        private func position(at time: Instant) async throws -> Int64 {
            guard time <= services.clock() else {
                throw Problem.validation([FieldError("/as_of", .range, "lies in the future")])
            }
            let moment = PostgresTimestamp(microseconds: time.microseconds)
            return try await services.database.value(
                """
                SELECT coalesce(max(e.position), -1) FROM docket.event AS e
                 WHERE e.tenant_id = \(tenant) AND e.recorded_at = (
                       SELECT max(n.recorded_at) FROM docket.event AS n
                        WHERE n.tenant_id = \(tenant) AND n.recorded_at <= \(moment))
                """, as: Int64.self)
        }
    }

    private init(_ tenant: UUID, _ services: ServerServices, _ moment: Moment) {
        self.tenant = tenant
        self.services = services
        self.moment = moment
    }

    /// - Throws: `notFound` when there was no such case then.
    func record(ofCase id: UUID) async throws -> (CaseRecord, asOf: Int64) {
        switch moment {
        case .position(let position):
            guard let record = try await services.cases.load(id, tenant: tenant, upTo: position) else {
                throw Rejection.notFound
            }
            return (record, position)
        case .version(let version):
            var record = CaseRecord(id: id, tenant: tenant)
            while record.version < version {
                let events = try await services.log.read(
                    stream: id, tenant: tenant, after: record.version, upTo: nil, limit: 500)
                guard events.first.map({ $0.streamKind == StreamKind.case.rawValue }) ?? false else {
                    throw Rejection.notFound
                }
                for event in events where event.version <= version { try record.apply(event) }
            }
            return (record, record.lastPosition)
        }
    }
}

extension Call {
    var history: History.Seeker { History.Seeker(tenant: tenant, services: services) }
}
