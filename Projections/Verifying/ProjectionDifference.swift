package import Foundation

/// What a check of one projection of one tenant found.
package struct ProjectionVerdict: Codable, Sendable, Hashable {
    package var name: String
    package var version: Int32
    package var tenantID: UUID
    /// The last position that both sides have taken in; -1 when there is none.
    package var asOfPosition: Int64
    package var tables: [Table]

    package var isEqual: Bool { tables.allSatisfy(\.isEqual) }

    package struct Table: Codable, Sendable, Hashable {
        /// With the version in its name.
        package var name: String
        package var rows: Int64
        package var expectedRows: Int64
        /// SHA-256 over the SHA-256 of every row as PostgreSQL writes it, in key order.
        package var digest: String
        /// The same of the rows that the log gives.
        package var expectedDigest: String
        /// The first row in key order that differs.
        package var difference: ProjectionDifference?

        package var isEqual: Bool { digest == expectedDigest && rows == expectedRows }
    }
}

/// A row that is not what the log gives. Keys are ids, kinds and digests; of other columns there are only digests, for
/// they may hold personal data.
package struct ProjectionDifference: Codable, Sendable, Hashable {
    package enum Kind: String, Codable, Sendable {
        /// The log gives it, and it is not there.
        case missing
        /// It is there, and the log does not give it.
        case unexpected
        case altered
    }

    package struct Column: Codable, Sendable, Hashable {
        package var name: String
        /// SHA-256 of the value as text, `nil` for NULL.
        package var digest: String?
        package var expectedDigest: String?
    }

    package var kind: Kind
    package var key: [String: String]
    /// Of an altered row: the columns that differ.
    package var columns: [Column]
}

extension ProjectionDifference: CustomStringConvertible {
    package var description: String {
        let key = key.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
        switch kind {
        case .missing: return "missing row \(key)"
        case .unexpected: return "unexpected row \(key)"
        case .altered:
            let names = columns.map {
                "\($0.name) (\($0.digest?.prefix(12) ?? "null") instead of \($0.expectedDigest?.prefix(12) ?? "null"))"
            }
            return "altered row \(key): \(names.joined(separator: ", "))"
        }
    }
}
