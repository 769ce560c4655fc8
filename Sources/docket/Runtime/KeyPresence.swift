import Foundation
import Postgres

/// Looks whether the keys of what the database holds are there, before anything works on it.
///
/// A key that was left behind must never be taken for one that was not made yet: sealed data would look erased, and another
/// signing key could not go on from what the first one has signed.
struct KeyPresence {
    private static let namedMaximum = 5

    let database: Database
    let directory: String

    /// - Throws: `CommandFailure` that says which files are missing, and what to do.
    func check() async throws {
        let tenants = try await database.query(
            """
            SELECT h.tenant_id,
                   EXISTS (SELECT FROM docket.subject_key AS k WHERE k.tenant_id = h.tenant_id),
                   EXISTS (SELECT FROM docket.checkpoint AS c WHERE c.tenant_id = h.tenant_id)
              FROM docket.tenant_head AS h ORDER BY h.tenant_id
            """
        ) { row throws(PostgresError) in
            (id: try row[0] as UUID, hasSealed: try row[1] as Bool, hasSigned: try row[2] as Bool)
        }
        var missing: [String] = []
        for tenant in tenants {
            let name = tenant.id.uuidString.lowercased()
            if tenant.hasSealed, !exists(name + ".key") { missing.append(name + ".key") }
            if tenant.hasSigned, !exists(name + ".signing") { missing.append(name + ".signing") }
        }
        guard !missing.isEmpty else { return }
        let names = missing.prefix(Self.namedMaximum).joined(separator: ", ")
        let rest = missing.count > Self.namedMaximum ? " and \(missing.count - Self.namedMaximum) more" : ""
        throw CommandFailure(
            """
            \(directory) lacks \(names)\(rest), though the database holds what was sealed or signed with these keys. No \
            new key was made. Put the files back from the backup of the keys (the folder 'keys' of 'docket backup \
            --keys-out'), with mode 0600, or name the right --data-dir.
            """)
    }

    private func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: directory + "/" + name) }
}
