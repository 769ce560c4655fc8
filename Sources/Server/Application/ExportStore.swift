import Events
import Foundation
import Postgres
import Proof
import Sealing

/// The evidence packages that the server keeps: `<directory>/<tenant>/<id>`.
struct ExportStore: Sendable {
    let directory: String
    let database: Database

    func folder(_ id: UUID, tenant: UUID) -> URL { folder(of: tenant).appending(path: id.lowercased) }

    private func folder(of tenant: UUID) -> URL {
        URL(fileURLWithPath: directory).appending(path: tenant.lowercased)
    }

    /// Position of the tenant's last erasure, -1 when there is none: a package that was begun before it and ended after
    /// it holds what is gone.
    func lastErasure(of tenant: UUID) async throws(PostgresError) -> Int64 {
        try await database.value(
            """
            SELECT coalesce(max(position), -1) FROM docket.event
             WHERE tenant_id = \(tenant) AND type = 'subject.erased'
            """)
    }

    /// Removes what exports that were ended half-way left, of all tenants; what another process writes stays.
    func removeUnfinished() throws {
        guard FileManager.default.fileExists(atPath: directory) else { return }
        for name in try FileManager.default.contentsOfDirectory(atPath: directory) {
            try UnfinishedPackage.removeLeftovers(in: URL(fileURLWithPath: directory).appending(path: name))
        }
    }

    /// Removes the packages that show anything sealed or raw. Those without are kept: they show digests.
    ///
    /// - Returns: how many were removed.
    func removeReadable(of tenant: UUID) throws -> Int {
        let folder = folder(of: tenant)
        guard FileManager.default.fileExists(atPath: folder.path) else { return 0 }
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            let package = folder.appending(path: name)
            if isWithheld(package) { continue }
            try FileManager.default.removeItem(at: package)
            count += 1
        }
        return count
    }

    /// What is not complete, or not readable, is not known to hold nothing.
    private func isWithheld(_ package: URL) -> Bool {
        guard let data = FileManager.default.contents(atPath: package.appending(path: "manifest.json").path),
            let manifest = try? PackageManifest(Array(data))
        else { return false }
        return manifest.sealed.open == 0 && manifest.evidence.open == 0
    }
}
