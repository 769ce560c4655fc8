import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Proof
import Reactors
import Sealing

/// Evidence packages over HTTP: made on request, which is an event, and read file by file.
enum AuditExportRoutes {
    static var all: [Endpoint] {
        [
            .post("/v1/audit/exports", ExportEvidence.self, creates: true, endsWithClient: true, create),
            .get("/v1/audit/exports/{id}", ExportEvidence.self) { call in
                let id = try call.id()
                return Reply(.ok, json(try manifest(id, call), id))
            },
            .get("/v1/audit/exports/{id}/{part}", ExportEvidence.self, produces: [], file),
            .get("/v1/audit/exports/{id}/{part}/{name}", ExportEvidence.self, produces: [], file),
        ]
    }

    private static func folder<C: Capability>(_ id: UUID, _ call: Call<C>) -> URL {
        call.services.exports.folder(id, tenant: call.tenant)
    }

    /// The whole log as far as it is sealed, some positions of it, or a case.
    private static func create(_ call: Call<ExportEvidence>) async throws -> Reply {
        var body = try call.command()
        let caseID = body.has("case_id") ? body.uuid("case_id") : nil
        let from = body.optionalInteger("from", 0...JSONValue.exactIntegerLimit)
        let to = body.optionalInteger("to", 0...JSONValue.exactIntegerLimit)
        let isWithheld = body.optionalBool("withhold_sealed") ?? false
        if caseID != nil, from != nil || to != nil {
            body.refuse("case_id", .format, "excludes from and to")
        }
        try body.finish()
        let id = UUID.v7(at: call.now)
        let url = folder(id, call)
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
        let exporter = Exporter(
            log: call.services.log, database: call.services.database, keys: call.services.signingKeys,
            clock: call.services.clock)
        let manifest: PackageManifest
        var position: Int64?
        let erasure = try await call.services.exports.lastErasure(of: call.tenant)
        do {
            manifest = try await exporter.export(
                caseID.map { .caseID($0) } ?? .range(from: from ?? 0, to: to), of: call.tenant, to: url,
                withholdsSealed: isWithheld,
                confirm: { manifest in
                    guard try await call.services.exports.lastErasure(of: call.tenant) == erasure else {
                        throw Problem(
                            .versionConflict, "Somebody was erased while the package was written: have it made again.")
                    }
                    // That somebody took the history away is recorded before there is anything to take.
                    position = try await call.governance.append(
                        [
                            Decision(
                                EvidenceExported(
                                    exportID: id, caseID: caseID, from: from, to: to, treeSize: manifest.treeSize,
                                    events: manifest.events, withheld: isWithheld,
                                    manifestDigest: Digest.sha256(manifest.bytes)))
                        ], kind: .audit, stream: UUID.v5(namespace: call.tenant, name: "audit"), traceID: call.traceID)
                })
        } catch let error as SealingError {
            throw Problem.validation([FieldError("", .range, error.description)])
        }
        return Reply(.created, json(manifest, id)).at(position).locating("/v1/audit/exports/\(id.lowercased)")
    }

    private static func json(_ manifest: PackageManifest, _ id: UUID) -> JSONValue {
        let base = "/v1/audit/exports/\(id.lowercased)/"
        let own = ["manifest.json", "manifest.note"].map { name -> JSONValue in
            ["path": .string(name), "size": .null, "digest": .null, "href": .string(base + name)]
        }
        return [
            "id": .string(id.lowercased), "created_at": .string(manifest.createdAt),
            "tree_size": .integer(manifest.treeSize), "events": .integer(manifest.events),
            "manifest_digest": .string(Digest.sha256(manifest.bytes).text),
            "keys": .array(
                manifest.keys.map { ["key": .string($0.text), "fingerprint": .string($0.fingerprint.text)] }),
            "files": .array(
                own
                    + manifest.files.map { file in
                        [
                            "path": .string(file.path), "size": .integer(file.size),
                            "digest": .string("sha256:" + file.digest.hexadecimal),
                            "href": .string(base + file.path),
                        ]
                    }),
        ]
    }

    private static func manifest(_ id: UUID, _ call: Call<ExportEvidence>) throws -> PackageManifest {
        let url = folder(id, call).appending(path: "manifest.json")
        guard let data = FileManager.default.contents(atPath: url.path) else { throw Rejection.notFound }
        return try PackageManifest(Array(data))
    }

    /// Only what the manifest names: no path from outside ever reaches the disk.
    private static func file(_ call: Call<ExportEvidence>) async throws -> Reply {
        let id = try call.id()
        let manifest = try manifest(id, call)
        let path = ["part", "name"].compactMap { call.parameters[$0] }.joined(separator: "/")
        let known = manifest.files.map(\.path) + ["manifest.json", "manifest.note"]
        guard known.contains(path),
            let data = FileManager.default.contents(atPath: folder(id, call).appending(path: path).path)
        else { throw Rejection.notFound }
        return Reply(
            .ok, bytes: Array(data), mediaType: "application/octet-stream",
            headers: [
                .contentDisposition: "attachment", .contentSecurityPolicy: "default-src 'none'; sandbox",
            ])
    }
}
