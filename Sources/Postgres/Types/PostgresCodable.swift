/// A value that can be bound to a parameter, in PostgreSQL's binary format under an explicit type.
package protocol PostgresEncodable: Sendable {
    static var postgresType: PostgresType { get }
    /// Appends the value; false means NULL, with nothing appended.
    func encode(into bytes: inout [UInt8]) -> Bool
}

/// A value that can be read from a column in binary format.
package protocol PostgresDecodable: Sendable {
    /// Whether a column of this type can be read: types with another binary layout must be refused, not guessed at.
    static func reads(_ type: PostgresType) -> Bool
    init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError)
    /// What NULL is read as; an error unless the type is optional.
    static func readNull() throws(PostgresError) -> Self
}

extension PostgresDecodable {
    package static func readNull() throws(PostgresError) -> Self {
        throw PostgresError(.unexpectedNull, "NULL where a \(Self.self) is needed")
    }
}

/// What an array can hold: every scalar and its optional. `UInt8` is an element too, whose "array" is `bytea`.
package protocol PostgresArrayElement: Sendable {
    static var arrayType: PostgresType { get }
    static func readsArray(_ type: PostgresType) -> Bool
    static func encodeArray(_ elements: [Self], into bytes: inout [UInt8])
    static func decodeArray(_ bytes: Span<UInt8>) throws(PostgresError) -> [Self]
}

/// A type with an array type of its own.
package protocol PostgresScalar: PostgresEncodable, PostgresDecodable, PostgresArrayElement {}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    package static var postgresType: PostgresType { Wrapped.postgresType }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        switch self {
        case .some(let value): value.encode(into: &bytes)
        case .none: false
        }
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    package static func reads(_ type: PostgresType) -> Bool { Wrapped.reads(type) }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        self = .some(try Wrapped(postgres: bytes, type: type))
    }

    package static func readNull() throws(PostgresError) -> Self { .none }
}
