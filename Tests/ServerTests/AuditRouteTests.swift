import Cases
import Events
import Foundation
import JSON
import Proof
import Sealing
import Testing

@testable import Server

@Suite("Proofs over HTTP", .served, .timeLimit(.minutes(25)))
struct AuditRouteTests {
    private func sealed(_ server: TestServer) async throws -> SigningKeys {
        let keys = server.server.services.signingKeys
        try await Sealer(log: server.log, database: server.database, keys: keys).seal(server.tenant)
        return keys
    }

    @Test("before anything is signed there is no checkpoint; afterwards it verifies, with proofs and tiles")
    func proofs() async throws {
        try await TestServer.run { server in
            #expect(try await server.get("/v1/audit/checkpoint", as: .role(.auditor)).status == 404)
            let key = try #require(try await sealed(server).find(server.tenant)).verifierKey
            let shown = try await server.get("/v1/audit/keys", as: .role(.auditor))
            #expect(shown["/items/0/key"] == .string(key.text))
            let note = try await server.get("/v1/audit/checkpoint", as: .role(.auditor)).bytes
            let checkpoint = try Checkpoint(try SignedNote(note), verifiedBy: [key])

            func hash(_ value: JSONValue?) throws -> TreeHash {
                let text = try #require(value?.stringValue)
                let data = try #require(Data(base64Encoded: text))
                return try #require(TreeHash(Array(data)))
            }
            func path(_ value: JSONValue?) throws -> [TreeHash] { try (value?.arrayValue ?? []).map { try hash($0) } }
            let inclusion = try await server.get("/v1/audit/proofs/inclusion?position=2", as: .role(.auditor))
            try InclusionProof(index: 2, treeSize: checkpoint.size, path: try path(inclusion["/path"]))
                .verify(leaf: try hash(inclusion["/leaf_hash"]), root: checkpoint.root)
            let consistency = try await server.get("/v1/audit/proofs/consistency?from=3", as: .role(.auditor))
            try ConsistencyProof(firstSize: 3, secondSize: checkpoint.size, path: try path(consistency["/path"]))
                .verify(firstRoot: try hash(consistency["/from_root"]), secondRoot: checkpoint.root)
            let tile = Tile(level: 0, index: 0, width: Int(checkpoint.size))
            let hashes = try await server.get("/v1/audit/\(tile.path)", as: .role(.auditor)).bytes
            #expect(hashes.count == 32 * Int(checkpoint.size))
            #expect(try await server.get("/v1/audit/tile/0/000", as: .role(.auditor)).status == 404)
            #expect(try await server.get("/v1/audit/tile/0/0/0", as: .role(.auditor)).status == 404)
            for query in ["", "?position=100000", "?position=-1", "?position=1&tree_size=100000"] {
                let answer = try await server.get("/v1/audit/proofs/inclusion\(query)", as: .role(.auditor))
                #expect(answer.problem == "validation-failed", "\(query)")
            }
            #expect(try await server.get("/v1/audit/checkpoint", as: .stranger(.auditor)).status == 404)
        }
    }

    @Test("an auditor has a package made, which is an event, reads it file by file, and it verifies")
    func export() async throws {
        try await TestServer.run { server in
            let early = try await server.post("/v1/audit/exports", [:], as: .role(.auditor))
            #expect(early.problem == "validation-failed")
            let key = try #require(try await sealed(server).find(server.tenant)).verifierKey
            #expect(try await server.post("/v1/audit/exports", [:], as: .role(.analyst)).status == 403)
            let made = try await server.post("/v1/audit/exports", [:], as: .role(.auditor))
            #expect(made.status == 201)
            let events = try await server.events(.evidenceExported)
            #expect(events.count == 1 && events.first?.data["manifest_digest"] == made["/manifest_digest"])

            let folder = FileManager.default.temporaryDirectory.appending(path: "docket-export-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: folder) }
            let read = try await server.get("/v1/audit/exports/\(made.id)", as: .role(.auditor))
            for file in read["/files"]?.arrayValue ?? [] {
                let path = try #require(file["path"]?.stringValue)
                let href = try #require(file["href"]?.stringValue)
                let answer = try await server.get(href, as: .role(.auditor))
                #expect(answer.status == 200, "\(path)")
                let url = folder.appending(path: path)
                try FileManager.default.createDirectory(
                    at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
                try Data(answer.bytes).write(to: url)
            }
            for name in ["checkpoints", "evidence", "handovers"] {
                try FileManager.default.createDirectory(
                    at: folder.appending(path: name), withIntermediateDirectories: true)
            }
            #expect(try PackageVerifier.verify(at: folder, key: key).findings == [])

            let base = "/v1/audit/exports/\(made.id)"
            for path in ["/..%2F..%2F..%2Fetc%2Fpasswd", "/nothing", "/evidence/nothing", "/%2e%2e/manifest.json"] {
                #expect(try await server.get(base + path, as: .role(.auditor)).status == 404, "\(path)")
            }
            #expect(try await server.get(base, as: .stranger(.auditor)).status == 404)
            #expect(try await server.get(base, as: .role(.lead)).status == 403)
            let both: JSONValue = ["case_id": .string(UUID().uuidString), "from": 1]
            #expect(
                try await server.post("/v1/audit/exports", both, as: .role(.auditor)).problem == "validation-failed")
        }
    }
}
