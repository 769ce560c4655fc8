/// SQL with its values beside it. Every `\(value)` in the literal becomes `$1`, `$2`, … and a typed binary bind, so a
/// value can never be read as SQL:
///
///     let rows: Query = "SELECT version FROM stream WHERE tenant_id = \(tenant) AND stream_id = ANY(\(ids))"
///
/// `\(unescaped: text)` is the one visible way to put text into the SQL itself (a table's name); never give it anything
/// that came from outside the program.
package struct Query: Sendable, ExpressibleByStringInterpolation {
    package private(set) var sql: String
    var parameters: Parameters

    package init(stringLiteral value: String) {
        sql = value
        parameters = Parameters()
    }

    package init(stringInterpolation: StringInterpolation) {
        sql = stringInterpolation.sql
        parameters = stringInterpolation.parameters
    }

    /// The same query with words before it, such as `EXPLAIN`.
    package func preceded(by words: String) -> Query {
        var query = self
        query.sql = words + " " + sql
        return query
    }

    /// SQL without values, from a file of this package.
    package init(unescaped sql: String) {
        self.sql = sql
        parameters = Parameters()
    }

    package struct StringInterpolation: StringInterpolationProtocol, Sendable {
        var sql = ""
        var parameters = Parameters()

        package init(literalCapacity: Int, interpolationCount: Int) {
            sql.reserveCapacity(literalCapacity + 3 * interpolationCount)
        }

        package mutating func appendLiteral(_ literal: String) { sql += literal }

        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            parameters.append(value)
            sql += "$\(parameters.types.count)"
        }

        /// Spelled out for optionals, because the compiler warns of those that become text, which this one does not.
        package mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            parameters.append(value)
            sql += "$\(parameters.types.count)"
        }

        package mutating func appendInterpolation(unescaped text: String) { sql += text }
    }
}

/// The values of a query: one buffer for all of them, so that binding costs no allocation a value.
struct Parameters: Sendable {
    private(set) var types: [UInt32] = []
    private(set) var bytes: [UInt8] = []
    /// Offset and length in `bytes`; a negative length is NULL.
    private(set) var slots: [(offset: Int, length: Int)] = []

    mutating func append<Value: PostgresEncodable>(_ value: Value) {
        let offset = bytes.count
        types.append(Value.postgresType.rawValue)
        let isPresent = value.encode(into: &bytes)
        slots.append((offset, isPresent ? bytes.count - offset : -1))
    }
}
