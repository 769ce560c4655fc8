package import struct Foundation.UUID

extension JSONValue {
    /// The JSON of a Swift value: names in `snake_case`, `nil` written as `null` so that every member is present,
    /// UUIDs in lower case.
    ///
    /// - Throws: what the value's own `encode(to:)` throws.
    package init(encoding value: some Encodable) throws {
        self = try JSONValueEncoder.encode(value, path: [])
    }
}

struct JSONValueEncoder: Encoder {
    /// Containers write into a shared box, because `Encoder` hands them out by value.
    final class Box {
        var value: JSONValue = .null
        init() {}
    }

    let box: Box
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }
    var verbatimKeys = false

    static func encode<Value: Encodable>(_ value: Value, path: [any CodingKey]) throws -> JSONValue {
        // Types are compared first: a cast that fails costs much more, and this is done for every value.
        if Value.self == JSONValue.self, let value = value as? JSONValue { return value }
        if Value.self == UUID.self, let value = value as? UUID { return .string(value.lowercaseText) }
        if Value.self == String.self, let value = value as? String { return .string(value) }
        let encoder = JSONValueEncoder(box: Box(), codingPath: path, verbatimKeys: value is any VerbatimKeys)
        try value.encode(to: encoder)
        return encoder.box.value
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        if box.value.objectValue == nil { box.value = .object(Dictionary(minimumCapacity: 12)) }
        return KeyedEncodingContainer(Keyed<Key>(box: box, codingPath: codingPath, verbatimKeys: verbatimKeys))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        if box.value.arrayValue == nil { box.value = .array([]) }
        return Unkeyed(box: box, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        Single(box: box, codingPath: codingPath)
    }
}

extension JSONValueEncoder {
    struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
        let box: Box
        let codingPath: [any CodingKey]
        let verbatimKeys: Bool

        private func name(_ key: Key) -> String {
            verbatimKeys ? key.stringValue : SnakeCase.text(of: key.stringValue)
        }

        private func set(_ value: JSONValue, _ key: Key) {
            box.value[name(key)] = value
        }

        mutating func encodeNil(forKey key: Key) { set(.null, key) }
        mutating func encode(_ value: Bool, forKey key: Key) { set(.bool(value), key) }
        mutating func encode(_ value: String, forKey key: Key) { set(.string(value), key) }
        mutating func encode(_ value: Double, forKey key: Key) { set(JSONValue(value), key) }
        mutating func encode(_ value: Int, forKey key: Key) { set(.integer(Int64(value)), key) }
        mutating func encode(_ value: Int64, forKey key: Key) { set(.integer(value), key) }
        mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
            set(try JSONValueEncoder.encode(value, path: codingPath + [key]), key)
        }

        // The contract wants unknown members present as `null`; Swift's own encoders leave them out.
        mutating func encodeIfPresent(_ value: Bool?, forKey key: Key) { set(value.map(JSONValue.bool) ?? .null, key) }
        mutating func encodeIfPresent(_ value: String?, forKey key: Key) {
            set(value.map(JSONValue.string) ?? .null, key)
        }
        mutating func encodeIfPresent(_ value: Double?, forKey key: Key) {
            set(value.map { JSONValue($0) } ?? .null, key)
        }
        mutating func encodeIfPresent(_ value: Int?, forKey key: Key) {
            set(value.map { .integer(Int64($0)) } ?? .null, key)
        }
        mutating func encodeIfPresent(_ value: Int64?, forKey key: Key) {
            set(value.map(JSONValue.integer) ?? .null, key)
        }
        mutating func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws {
            if let value { try encode(value, forKey: key) } else { set(.null, key) }
        }

        mutating func nestedContainer<NestedKey: CodingKey>(
            keyedBy keyType: NestedKey.Type, forKey key: Key
        ) -> KeyedEncodingContainer<NestedKey> {
            preconditionFailure("no type of this package encodes into nested containers")
        }

        mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
            preconditionFailure("no type of this package encodes into nested containers")
        }

        /// Members of the same object, as `super` and nested payloads use it.
        mutating func superEncoder() -> any Encoder { JSONValueEncoder(box: box, codingPath: codingPath) }
        mutating func superEncoder(forKey key: Key) -> any Encoder { superEncoder() }
    }

    struct Unkeyed: UnkeyedEncodingContainer {
        let box: Box
        let codingPath: [any CodingKey]
        var count: Int { box.value.arrayValue?.count ?? 0 }

        private func append(_ value: JSONValue) {
            guard case .array(var elements) = box.value else { return }
            box.value = .null
            elements.append(value)
            box.value = .array(elements)
        }

        mutating func encodeNil() { append(.null) }
        mutating func encode<Value: Encodable>(_ value: Value) throws {
            append(try JSONValueEncoder.encode(value, path: codingPath + [IndexKey(count)]))
        }

        mutating func nestedContainer<NestedKey: CodingKey>(
            keyedBy keyType: NestedKey.Type
        ) -> KeyedEncodingContainer<NestedKey> {
            preconditionFailure("no type of this package encodes into nested containers")
        }

        mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
            preconditionFailure("no type of this package encodes into nested containers")
        }

        mutating func superEncoder() -> any Encoder { JSONValueEncoder(box: box, codingPath: codingPath) }
    }

    struct Single: SingleValueEncodingContainer {
        let box: Box
        let codingPath: [any CodingKey]

        mutating func encodeNil() { box.value = .null }
        mutating func encode(_ value: Bool) { box.value = .bool(value) }
        mutating func encode(_ value: String) { box.value = .string(value) }
        mutating func encode(_ value: Double) { box.value = JSONValue(value) }
        mutating func encode(_ value: Float) { box.value = JSONValue(Double(value)) }
        mutating func encode(_ value: Int) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: Int8) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: Int16) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: Int32) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: Int64) { box.value = .integer(value) }
        mutating func encode(_ value: UInt) { box.value = .integer(Int64(clamping: value)) }
        mutating func encode(_ value: UInt8) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: UInt16) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: UInt32) { box.value = .integer(Int64(value)) }
        mutating func encode(_ value: UInt64) { box.value = .integer(Int64(clamping: value)) }
        mutating func encode<Value: Encodable>(_ value: Value) throws {
            box.value = try JSONValueEncoder.encode(value, path: codingPath)
        }
    }
}

extension JSONValue: Codable {
    /// A value inside another one stands as it is; only this module's coders know how.
    package func encode(to encoder: any Encoder) throws {
        guard let encoder = encoder as? JSONValueEncoder else {
            throw EncodingError.invalidValue(
                self, .init(codingPath: encoder.codingPath, debugDescription: "use JSONValue(encoding:)"))
        }
        encoder.box.value = self
    }

    package init(from decoder: any Decoder) throws {
        guard let decoder = decoder as? JSONValueDecoder else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "use JSONValue.decode(_:)"))
        }
        self = decoder.value
    }
}
