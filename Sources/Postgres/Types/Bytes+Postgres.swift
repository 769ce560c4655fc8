/// `[UInt8]` is `bytea`: the "array" of `UInt8` is the plain bytes, without the array format.
extension UInt8: PostgresArrayElement {
    package static var arrayType: PostgresType { .bytea }
    package static func readsArray(_ type: PostgresType) -> Bool { type == .bytea }
    package static func encodeArray(_ elements: [UInt8], into bytes: inout [UInt8]) { bytes += elements }
    package static func decodeArray(_ bytes: Span<UInt8>) throws(PostgresError) -> [UInt8] { bytes.copied() }
}

/// `[[UInt8]]` is `bytea[]`.
extension Array: PostgresArrayElement where Element == UInt8 {
    package static var arrayType: PostgresType { .byteaArray }
}

extension Array: PostgresScalar where Element == UInt8 {}
