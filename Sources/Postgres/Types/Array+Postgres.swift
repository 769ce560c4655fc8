extension Array: PostgresEncodable where Element: PostgresArrayElement {
    package static var postgresType: PostgresType { Element.arrayType }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        Element.encodeArray(self, into: &bytes)
        return true
    }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    package static func reads(_ type: PostgresType) -> Bool { Element.readsArray(type) }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        self = try Element.decodeArray(bytes)
    }
}

extension PostgresScalar {
    package static func readsArray(_ type: PostgresType) -> Bool { ArrayFormat.element(of: type).map(reads) ?? false }

    package static func encodeArray(_ elements: [Self], into bytes: inout [UInt8]) {
        ArrayFormat.encode(elements, elementType: postgresType, into: &bytes)
    }

    package static func decodeArray(_ bytes: Span<UInt8>) throws(PostgresError) -> [Self] {
        try ArrayFormat.decode(bytes)
    }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresScalar {
    package static var arrayType: PostgresType { Wrapped.arrayType }
    package static func readsArray(_ type: PostgresType) -> Bool { Wrapped.readsArray(type) }

    package static func encodeArray(_ elements: [Self], into bytes: inout [UInt8]) {
        ArrayFormat.encode(elements, elementType: Wrapped.postgresType, into: &bytes)
    }

    package static func decodeArray(_ bytes: Span<UInt8>) throws(PostgresError) -> [Self] {
        try ArrayFormat.decode(bytes)
    }
}

/// The binary format of one-dimensional arrays (`array_send` in PostgreSQL's `arrayfuncs.c`): dimensions, whether there
/// are NULLs, the element type, then for the dimension its length and lower bound, then each element behind its length.
enum ArrayFormat {
    static func encode<Element: PostgresEncodable>(
        _ elements: [Element], elementType: PostgresType, into bytes: inout [UInt8]
    ) {
        bytes.appendBigEndian(Int32(elements.isEmpty ? 0 : 1))
        let nullFlag = bytes.count
        bytes.appendBigEndian(Int32(0))
        bytes.appendBigEndian(elementType.rawValue)
        guard !elements.isEmpty else { return }
        bytes.appendBigEndian(Int32(elements.count))
        bytes.appendBigEndian(Int32(1))
        for element in elements {
            let start = bytes.count
            bytes.appendBigEndian(Int32(-1))
            if element.encode(into: &bytes) {
                let length = UInt32(bytes.count - start - 4)
                for index in 0..<4 {
                    bytes[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index)))
                }
            } else {
                bytes[nullFlag + 3] = 1
            }
        }
    }

    static func decode<Element: PostgresDecodable>(_ bytes: Span<UInt8>) throws(PostgresError) -> [Element] {
        guard bytes.count >= 12 else { throw malformed }
        let dimensions: Int32 = bytes.bigEndian(at: 0)
        let type = PostgresType(bytes.bigEndian(at: 8, as: UInt32.self))
        guard Element.reads(type) else {
            throw PostgresError(
                .typeMismatch, "array elements of type \(type.rawValue) are not read as \(Element.self)")
        }
        if dimensions == 0 { return [] }
        guard dimensions == 1, bytes.count >= 20 else {
            throw PostgresError(.typeMismatch, "an array of \(dimensions) dimensions; only one is read")
        }
        let count = Int(bytes.bigEndian(at: 12, as: Int32.self))
        guard count >= 0, count <= bytes.count else { throw malformed }

        var elements: [Element] = []
        elements.reserveCapacity(count)
        var offset = 20
        for _ in 0..<count {
            guard offset + 4 <= bytes.count else { throw malformed }
            let length = Int(bytes.bigEndian(at: offset, as: Int32.self))
            offset += 4
            if length < 0 {
                elements.append(try Element.readNull())
                continue
            }
            guard offset + length <= bytes.count else { throw malformed }
            elements.append(try Element(postgres: bytes.extracting(offset..<(offset + length)), type: type))
            offset += length
        }
        return elements
    }

    /// The element type of an array type that this module reads.
    static func element(of array: PostgresType) -> PostgresType? { elementTypes[array] }

    private static let elementTypes: [PostgresType: PostgresType] = [
        .boolArray: .bool, .byteaArray: .bytea, .int2Array: .int2, .int4Array: .int4, .int8Array: .int8,
        .textArray: .text, .float8Array: .float8, .jsonArray: .json, .jsonbArray: .jsonb, .uuidArray: .uuid,
        .timestamptzArray: .timestamptz, PostgresType(1015): .varchar, PostgresType(1003): .name,
    ]

    private static var malformed: PostgresError { PostgresError(.malformedValue, "an array cut short") }
}
