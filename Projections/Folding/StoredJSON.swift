import Cases
import Events
import JSON
import Postgres

/// JSON as the tables hold it: canonical, so that the same value is the same bytes in every rebuild.
enum StoredJSON {
    /// Deeper and wider than input may be, for views put input into structures of their own.
    private static let limits = JSONLimits(depth: 256, members: 1_000_000)

    static func column(_ value: some Encodable) throws(PostgresError) -> PostgresJSON {
        PostgresJSON(try json(value).canonicalBytes())
    }

    /// A view without the position up to which it was read, which is put in when somebody reads it.
    static func view(_ value: some Encodable) throws(PostgresError) -> PostgresJSON {
        var json = try json(value)
        json["as_of_position"] = nil
        return PostgresJSON(json.canonicalBytes())
    }

    /// The record, with its only member whose order is not the same in every process put in order.
    static func record(_ record: CaseRecord) throws(PostgresError) -> PostgresJSON {
        var json = try json(record)
        if case .array(let digests)? = json["expired_evidence"] {
            json["expired_evidence"] = .array(digests.sorted { ($0.stringValue ?? "") < ($1.stringValue ?? "") })
        }
        return PostgresJSON(json.canonicalBytes())
    }

    static func parse(_ column: PostgresJSON) throws(PostgresError) -> JSONValue {
        do {
            return try JSONValue.parse(column.bytes, limits: limits)
        } catch {
            throw .abandon(ProjectionError(.corrupt, "a stored value is not JSON", cause: error))
        }
    }

    static func decode<Value: Decodable>(
        _ column: PostgresJSON, as type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        let json = try parse(column)
        do {
            return try json.decode(Value.self)
        } catch {
            throw .abandon(ProjectionError(.corrupt, "a stored value is no \(Value.self)", cause: error))
        }
    }

    private static func json(_ value: some Encodable) throws(PostgresError) -> JSONValue {
        do {
            return try JSONValue(encoding: value)
        } catch {
            throw .abandon(ProjectionError(.corrupt, "a value cannot be written as JSON", cause: error))
        }
    }
}

extension Instant {
    /// Years 1 to 9999: a time that a sum pushed beyond is still a time that PostgreSQL can hold.
    var timestamp: PostgresTimestamp {
        PostgresTimestamp(microseconds: min(max(microseconds, -62_135_596_800_000_000), 253_402_300_799_999_999))
    }

    init(_ timestamp: PostgresTimestamp) { self.init(microseconds: timestamp.microseconds) }
}
