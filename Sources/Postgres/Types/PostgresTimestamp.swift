/// A `timestamptz`: microseconds since 1970-01-01T00:00:00Z.
///
/// PostgreSQL counts from 2000-01-01; the difference is added here once. `infinity` and `-infinity` are refused, because
/// no time of this system is unknown in that way.
package struct PostgresTimestamp: Sendable, Hashable, Comparable {
    package var microseconds: Int64

    package init(microseconds: Int64) { self.microseconds = microseconds }

    package static func < (left: Self, right: Self) -> Bool { left.microseconds < right.microseconds }

    /// 1970 to 2000: 10,957 days.
    package static let epochOffset: Int64 = 10_957 * 86_400 * 1_000_000
}

extension PostgresTimestamp: PostgresScalar {
    package static var postgresType: PostgresType { .timestamptz }
    package static var arrayType: PostgresType { .timestamptzArray }
    package static func reads(_ type: PostgresType) -> Bool { type == .timestamptz }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        // Out of PostgreSQL's range either way: the server refuses it, where an overflow would trap.
        let (value, overflow) = microseconds.subtractingReportingOverflow(Self.epochOffset)
        bytes.appendBigEndian(overflow ? .min + 1 : value)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        let value: Int64 = try bytes.wholeBigEndian()
        guard value != .max, value != .min else {
            throw PostgresError(.malformedValue, "an infinite timestamp")
        }
        microseconds = value + Self.epochOffset
    }
}
