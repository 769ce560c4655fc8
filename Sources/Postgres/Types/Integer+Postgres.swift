extension Int16: PostgresScalar {
    package static var postgresType: PostgresType { .int2 }
    package static var arrayType: PostgresType { .int2Array }
}

extension Int32: PostgresScalar {
    package static var postgresType: PostgresType { .int4 }
    package static var arrayType: PostgresType { .int4Array }
}

extension Int64: PostgresScalar {
    package static var postgresType: PostgresType { .int8 }
    package static var arrayType: PostgresType { .int8Array }
}

/// `Int` is bound as `bigint`.
extension Int: PostgresScalar {
    package static var postgresType: PostgresType { .int8 }
    package static var arrayType: PostgresType { .int8Array }
}

/// Integers read every integer column of their own width or less, so that `count(*)` and an `int4` both read as `Int`.
extension FixedWidthInteger where Self: PostgresScalar {
    package static func reads(_ type: PostgresType) -> Bool {
        switch type {
        case .int2: true
        case .int4: Self.bitWidth >= 32
        case .int8, .oid: Self.bitWidth >= 64
        default: false
        }
    }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        bytes.appendBigEndian(self)
        return true
    }

    package init(postgres bytes: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        self =
            switch type {
            case .int2: Self(try bytes.wholeBigEndian(as: Int16.self))
            case .int4: Self(try bytes.wholeBigEndian(as: Int32.self))
            case .oid: Self(try bytes.wholeBigEndian(as: UInt32.self))
            default: Self(try bytes.wholeBigEndian(as: Int64.self))
            }
    }
}
