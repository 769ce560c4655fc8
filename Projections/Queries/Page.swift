package import JSON

/// An answer, and up to which position of the log it speaks; -1 when nothing was taken in yet.
package struct Positioned<Value: Sendable>: Sendable {
    package var value: Value
    package var asOfPosition: Int64

    package init(_ value: Value, asOf position: Int64) {
        self.value = value
        asOfPosition = position
    }
}

extension Positioned: Equatable where Value: Equatable {}

/// One page of a list (contract §0).
package struct Page: Sendable, Equatable {
    package var items: [JSONValue]
    /// Opaque; where the next page begins.
    package var nextCursor: String?
    package var asOfPosition: Int64
    package var hasMore: Bool { nextCursor != nil }

    package var json: JSONValue {
        [
            "items": .array(items), "next_cursor": nextCursor.map(JSONValue.string) ?? .null,
            "has_more": .bool(hasMore),
            "as_of_position": .integer(asOfPosition),
        ]
    }
}

/// How much of a list is wanted.
package struct PageRequest: Sendable, Hashable {
    package static let limitMaximum = 500
    package static let limitDefault = 50

    package var cursor: String?
    /// 1 to 500; beyond is cut to that.
    package var limit: Int

    package init(cursor: String? = nil, limit: Int = Self.limitDefault) {
        self.cursor = cursor
        self.limit = min(max(limit, 1), Self.limitMaximum)
    }
}
