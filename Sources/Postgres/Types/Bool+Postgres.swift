extension Bool: PostgresScalar {
    package static var postgresType: PostgresType { .bool }
    package static var arrayType: PostgresType { .boolArray }
    package static func reads(_ type: PostgresType) -> Bool { type == .bool }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.append(self ? 1 : 0)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        self = try bytes.wholeBigEndian(as: UInt8.self) != 0
    }
}
