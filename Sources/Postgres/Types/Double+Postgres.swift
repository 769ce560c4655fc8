extension Double: PostgresScalar {
    package static var postgresType: PostgresType { .float8 }
    package static var arrayType: PostgresType { .float8Array }
    package static func reads(_ type: PostgresType) -> Bool { type == .float8 || type == .float4 }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.appendBigEndian(bitPattern)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        self =
            type == .float4
            ? Double(Float(bitPattern: try bytes.wholeBigEndian(as: UInt32.self)))
            : Double(bitPattern: try bytes.wholeBigEndian(as: UInt64.self))
    }
}
