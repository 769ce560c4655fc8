extension String: PostgresScalar {
    package static var postgresType: PostgresType { .text }
    package static var arrayType: PostgresType { .textArray }

    package static func reads(_ type: PostgresType) -> Bool {
        switch type {
        case .text, .varchar, .bpchar, .name, .json, .jsonb, .unknown, .void: true
        default: false
        }
    }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(contentsOf: utf8)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        guard type == .jsonb else {
            self = try Self.validated(bytes)
            return
        }
        // The text lies behind a version byte, which is always 1 (`jsonb_send` in PostgreSQL's `jsonb.c`).
        guard bytes.count >= 1, bytes[0] == 1 else {
            throw PostgresError(.malformedValue, "jsonb of an unknown version")
        }
        self = try Self.validated(bytes.extracting(1..<bytes.count))
    }

    private static func validated(_ bytes: Span<UInt8>) throws(PostgresError) -> String {
        do {
            return String(copying: try UTF8Span(validating: bytes))
        } catch {
            throw PostgresError(.malformedValue, "text that is not UTF-8", cause: error)
        }
    }
}
