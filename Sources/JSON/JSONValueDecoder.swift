package import struct Foundation.UUID

extension JSONValue {
    /// Reads a Swift value, the inverse of `init(encoding:)`. Members that the type does not know are passed over.
    ///
    /// - Throws: `JSONError` with code `required` or `type` and the JSON Pointer of the member.
    package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        do {
            return try JSONValueDecoder.decode(type, from: self, path: [])
        } catch let error as DecodingError {
            throw JSONError(error)
        }
    }
}

extension JSONError {
    fileprivate init(_ error: DecodingError) {
        func pointer(_ path: [any CodingKey]) -> String {
            JSONPointer(tokens: path.map { SnakeCase.text(of: $0.stringValue) }).description
        }
        switch error {
        case .keyNotFound(let key, let context):
            self.init(.required, "this member is required", pointer: pointer(context.codingPath + [key]))
        case .valueNotFound(_, let context):
            self.init(.required, context.debugDescription, pointer: pointer(context.codingPath))
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            self.init(.type, context.debugDescription, pointer: pointer(context.codingPath))
        @unknown default:
            self.init(.type, "this value cannot be read")
        }
    }
}

struct JSONValueDecoder: Decoder {
    let value: JSONValue
    let codingPath: [any CodingKey]
    var verbatimKeys = false
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    static func decode<Value: Decodable>(
        _ type: Value.Type, from value: JSONValue, path: [any CodingKey]
    ) throws -> Value {
        if type == JSONValue.self, let same = value as? Value { return same }
        if type == UUID.self {
            guard let text = value.stringValue, let uuid = UUID(text: text), let same = uuid as? Value else {
                throw mismatch(type, "a UUID is expected", path)
            }
            return same
        }
        let decoder = JSONValueDecoder(
            value: value, codingPath: path, verbatimKeys: type is any VerbatimKeys.Type)
        return try type.init(from: decoder)
    }

    static func mismatch(_ type: Any.Type, _ message: String, _ path: [any CodingKey]) -> DecodingError {
        .typeMismatch(type, .init(codingPath: path, debugDescription: message))
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard let members = value.objectValue else {
            throw Self.mismatch(type, "an object is expected, not \(value.typeName)", codingPath)
        }
        return KeyedDecodingContainer(
            Keyed<Key>(members: members, codingPath: codingPath, verbatimKeys: verbatimKeys))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard let elements = value.arrayValue else {
            throw Self.mismatch([Any].self, "an array is expected, not \(value.typeName)", codingPath)
        }
        return Unkeyed(elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        Single(value: value, codingPath: codingPath)
    }
}

extension JSONValueDecoder {
    struct Keyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
        let members: [String: JSONValue]
        let codingPath: [any CodingKey]
        let verbatimKeys: Bool

        var allKeys: [Key] { members.keys.sorted().compactMap { Key(stringValue: $0) } }

        private func member(_ key: Key) -> JSONValue? {
            members[verbatimKeys ? key.stringValue : SnakeCase.text(of: key.stringValue)]
        }

        func contains(_ key: Key) -> Bool { member(key) != nil }
        func decodeNil(forKey key: Key) -> Bool { member(key)?.isNull ?? true }

        func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
            guard let value = member(key) else {
                throw DecodingError.keyNotFound(
                    key, .init(codingPath: codingPath, debugDescription: "this member is required"))
            }
            return try JSONValueDecoder.decode(type, from: value, path: codingPath + [key])
        }

        func nestedContainer<NestedKey: CodingKey>(
            keyedBy type: NestedKey.Type, forKey key: Key
        ) throws -> KeyedDecodingContainer<NestedKey> {
            try superDecoder(forKey: key).container(keyedBy: type)
        }

        func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
            try superDecoder(forKey: key).unkeyedContainer()
        }

        func superDecoder() -> any Decoder {
            JSONValueDecoder(value: .object(members), codingPath: codingPath)
        }

        func superDecoder(forKey key: Key) -> any Decoder {
            JSONValueDecoder(value: member(key) ?? .null, codingPath: codingPath + [key])
        }
    }

    struct Unkeyed: UnkeyedDecodingContainer {
        let elements: [JSONValue]
        let codingPath: [any CodingKey]
        var currentIndex = 0
        var count: Int? { elements.count }
        var isAtEnd: Bool { currentIndex >= elements.count }

        private mutating func next() throws -> JSONValue {
            guard !isAtEnd else {
                throw DecodingError.valueNotFound(
                    JSONValue.self, .init(codingPath: codingPath, debugDescription: "the array ends here"))
            }
            defer { currentIndex += 1 }
            return elements[currentIndex]
        }

        mutating func decodeNil() throws -> Bool {
            guard !isAtEnd, elements[currentIndex].isNull else { return false }
            currentIndex += 1
            return true
        }

        mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            let path = codingPath + [IndexKey(currentIndex)]
            return try JSONValueDecoder.decode(type, from: try next(), path: path)
        }

        mutating func nestedContainer<NestedKey: CodingKey>(
            keyedBy type: NestedKey.Type
        ) throws -> KeyedDecodingContainer<NestedKey> {
            try superDecoder().container(keyedBy: type)
        }

        mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
            try superDecoder().unkeyedContainer()
        }

        mutating func superDecoder() throws -> any Decoder {
            let path = codingPath + [IndexKey(currentIndex)]
            return JSONValueDecoder(value: try next(), codingPath: path)
        }
    }

    struct Single: SingleValueDecodingContainer {
        let value: JSONValue
        let codingPath: [any CodingKey]

        func decodeNil() -> Bool { value.isNull }

        func decode(_ type: Bool.Type) throws -> Bool {
            guard let value = value.boolValue else { throw mismatch(type, "true or false is expected") }
            return value
        }

        func decode(_ type: String.Type) throws -> String {
            guard let value = value.stringValue else { throw mismatch(type, "a string is expected") }
            return value
        }

        func decode(_ type: Double.Type) throws -> Double {
            guard let value = value.doubleValue else { throw mismatch(type, "a number is expected") }
            return value
        }

        func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
        func decode(_ type: Int.Type) throws -> Int { try integer() }
        func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
        func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
        func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
        func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
        func decode(_ type: UInt.Type) throws -> UInt { try integer() }
        func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
        func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
        func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
        func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }

        func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
            try JSONValueDecoder.decode(type, from: value, path: codingPath)
        }

        private func integer<Value: FixedWidthInteger>() throws -> Value {
            guard let number = value.int64Value, let value = Value(exactly: number) else {
                throw mismatch(Value.self, "an integer within range is expected")
            }
            return value
        }

        private func mismatch(_ type: Any.Type, _ message: String) -> DecodingError {
            JSONValueDecoder.mismatch(type, "\(message), not \(value.typeName)", codingPath)
        }
    }
}
