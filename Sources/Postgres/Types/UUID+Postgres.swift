package import Foundation

extension UUID: PostgresScalar {
    package static var postgresType: PostgresType { .uuid }
    package static var arrayType: PostgresType { .uuidArray }
    package static func reads(_ type: PostgresType) -> Bool { type == .uuid }

    package func encode(into bytes: inout [UInt8]) -> Bool {
        let u = uuid
        bytes.append(contentsOf: [
            u.0, u.1, u.2, u.3, u.4, u.5, u.6, u.7, u.8, u.9, u.10, u.11, u.12, u.13, u.14, u.15,
        ])
        return true
    }

    package init(postgres b: Span<UInt8>, type: PostgresType) throws(PostgresError) {
        guard b.count == 16 else { throw PostgresError(.malformedValue, "\(b.count) bytes where a UUID has 16") }
        self.init(
            uuid: (
                b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]
            ))
    }
}
