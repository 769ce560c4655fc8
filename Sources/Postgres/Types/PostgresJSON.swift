/// A `json` value as its exact bytes: PostgreSQL keeps them as they came, so they can be hashed.
package struct PostgresJSON: Sendable, Hashable {
    package var bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }
    package init(_ text: String) { bytes = Array(text.utf8) }
    package var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension PostgresJSON: PostgresScalar {
    package static var postgresType: PostgresType { .json }
    package static var arrayType: PostgresType { .jsonArray }
    package static func reads(_ type: PostgresType) -> Bool { type == .json }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes += self.bytes
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) { self.bytes = bytes.copied() }
}

/// A `jsonb` value as text: parsed by the server, so its bytes are not those that were sent.
package struct PostgresJSONB: Sendable, Hashable {
    package var text: String

    package init(_ text: String) { self.text = text }
}

extension PostgresJSONB: PostgresScalar {
    package static var postgresType: PostgresType { .jsonb }
    package static var arrayType: PostgresType { .jsonbArray }
    package static func reads(_ type: PostgresType) -> Bool { type == .jsonb }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(1)
        bytes.append(contentsOf: text.utf8)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        text = try String(postgres: bytes, type: .jsonb)
    }
}
