import EventLog
import Events
import Foundation
import JSON
import Postgres
import Proof
import TestSupport
import Testing

@testable import Sealing

/// A log in the running test's database, and everything that proves it.
struct SealedLog: Sendable {
    let tenant = UUID()
    let log: EventLog
    let superuser: Database
    let application: Database
    let folder: URL
    let keys: SigningKeys

    var sealer: Sealer { Sealer(log: log, database: application, keys: keys) }
    var tree: StoredTree { StoredTree(database: application, tenant: tenant) }

    static func with(_ body: (SealedLog) async throws -> Void) async throws {
        let current = try TestDatabase.current
        let folder = URL(fileURLWithPath: "/tmp/docket-sealing-\(UUID().uuidString)")
        let application = current.connect(as: "docket_app")
        let keysDirectory = folder.appending(path: "keys").path
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let fixture = SealedLog(
            log: EventLog(
                database: application, keys: try TenantKeys(directory: keysDirectory),
                catalogue: SealingCatalogue([
                    "case.commented": [try SealedMember(pointer: "/data/text", subject: .item)]
                ])
            ),
            superuser: current.database, application: application, folder: folder,
            keys: SigningKeys(directory: keysDirectory))
        try await fixture.log.createTenant(fixture.tenant)
        do {
            try await body(fixture)
        } catch {
            await application.close()
            try FileManager.default.removeItem(at: folder)
            throw error
        }
        await application.close()
        try FileManager.default.removeItem(at: folder)
    }

    /// Appends comments, some with raw input, one request each.
    func fill(_ count: Int) async throws {
        let case1 = UUID()
        for index in 0..<count {
            let raw = Array("raw \(index)".utf8)
            let event = NewEvent(
                eventID: UUID.v7(at: .now()), type: "case.commented", occurredAt: .now(),
                actor: Actor(kind: .person, subject: "alice", lane: .analyst), correlationID: UUID(),
                data: [
                    "text": .string("Comment \(index)"), "number": .integer(Int64(index)),
                    "raw_digest": .string(Digest.sha256(raw).text),
                ])
            let verdict = try await log.append(
                AppendRequest(
                    tenant: tenant, streamKind: "case", streamID: index % 3 == 0 ? case1 : UUID(), caseID: nil,
                    expected: .any, events: [event],
                    evidence: index % 5 == 0 ? [Evidence(mediaType: "text/plain", bytes: raw)] : []))
            guard case .appended = verdict else { throw SealingError("not appended: \(verdict)") }
        }
    }

    func check(seen: [SignedNote] = []) async throws -> [LogCheck.Finding] {
        try await LogCheck(log: log, database: application, keys: keys).check(tenant, seen: seen)
    }

    /// As if the last signed head beside the key had been taken away too.
    func forgetHead() throws {
        try FileManager.default.removeItem(at: folder.appending(path: "keys/" + SigningKeys.headFile(of: tenant)))
    }

    func export(_ name: String = "package", _ scope: Exporter.Scope = .range(from: 0, to: nil)) async throws -> URL {
        let url = folder.appending(path: name)
        _ = try await Exporter(log: log, database: application, keys: keys).export(scope, of: tenant, to: url)
        return url
    }

    /// What a superuser can do: with the triggers out of the way.
    func attack(_ statements: String) async throws {
        let id = "'\(tenant.uuidString.lowercased())'"
        try await superuser.transaction { tx throws(PostgresError) in
            try tx.run(
                script: "SET LOCAL session_replication_role = replica;\n" + statements.replacing("TENANT", with: id))
        }
    }
}
