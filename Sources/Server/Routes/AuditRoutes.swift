import Cases
import Events
import Foundation
import HTTPTypes
import JSON
import Proof
import Sealing

/// The proofs of the log: signed checkpoints, tiles (C2SP tlog-tiles), inclusion and consistency (RFC 9162).
enum AuditRoutes {
    static var all: [Endpoint] {
        // A tile's index is written in groups of three digits, a partial one has its width behind it.
        let tiles = (1...5).map { count in
            Endpoint.get(
                "/v1/audit/tile/{level}/" + (1...count).map { "{n\($0)}" }.joined(separator: "/"), ReadCases.self,
                produces: [], tile)
        }
        return [
            .get("/v1/audit/checkpoint", ReadCases.self, produces: [], checkpoint),
            .get("/v1/audit/keys", ReadCases.self, keys),
            .get("/v1/audit/proofs/inclusion", ReadCases.self, query: ["position", "tree_size"], inclusion),
            .get("/v1/audit/proofs/consistency", ReadCases.self, query: ["from", "to"], consistency),
        ] + tiles
    }

    private static func tree(_ call: Call<ReadCases>) -> StoredTree {
        StoredTree(database: call.services.database, tenant: call.tenant)
    }

    private static func checkpoint(_ call: Call<ReadCases>) async throws -> Reply {
        guard let signed = try await tree(call).checkpoint() else { throw Rejection.notFound }
        return Reply(
            .ok, bytes: Array(signed.note.utf8), mediaType: "text/plain; charset=utf-8",
            headers: [.eTag: "\"\(signed.size)\""])
    }

    private static func keys(_ call: Call<ReadCases>) async throws -> Reply {
        let key = try call.services.signingKeys.find(call.tenant)?.verifierKey
        let items = key.map { key -> [JSONValue] in
            [["name": .string(key.name), "key": .string(key.text), "fingerprint": .string(key.fingerprint.text)]]
        }
        return .list(items ?? [], asOf: try await call.services.lastPosition(of: call.tenant))
    }

    private static func tile(_ call: Call<ReadCases>) async throws -> Reply {
        let parts = ["level", "n1", "n2", "n3", "n4", "n5"].compactMap { call.parameters[$0] }
        guard let tile = Tile(path: "tile/" + parts.joined(separator: "/")),
            let hashes = try await tree(call).hashes(of: tile)
        else { throw Rejection.notFound }
        return Reply(
            .ok, bytes: Array(hashes.prefix(32 * tile.width)), mediaType: "application/octet-stream",
            headers: [.cacheControl: "private, max-age=31536000, immutable"])
    }

    /// The size that was asked for, within what is sealed; without one, all that is.
    private static func size(_ name: String, _ call: Call<ReadCases>) async throws -> Int64 {
        guard let newest = try await tree(call).checkpoint() else { throw Rejection.notFound }
        guard let size = try call.query.integer(name) else { return newest.size }
        guard size > 0, size <= newest.size else {
            throw Problem.validation([
                FieldError("/\(name)", .range, "lies between 1 and the \(newest.size) events that are sealed")
            ])
        }
        return size
    }

    private static func inclusion(_ call: Call<ReadCases>) async throws -> Reply {
        guard let position = try call.query.integer("position") else {
            throw Problem.validation([FieldError("/position", .required, "is required")])
        }
        let size = try await size("tree_size", call)
        guard position < size else {
            throw Problem.validation([FieldError("/position", .range, "lies below the tree's size, \(size)")])
        }
        var tiles = TileTree(size: size, source: tree(call))
        let leaf = try await tiles.leaf(position)
        let proof = try await tiles.inclusionProof(of: position)
        return Reply(
            .ok,
            [
                "position": .integer(position), "tree_size": .integer(size), "leaf_hash": .string(leaf.base64),
                "root": .string(try await tiles.root().base64), "path": .array(proof.path.map { .string($0.base64) }),
            ])
    }

    private static func consistency(_ call: Call<ReadCases>) async throws -> Reply {
        guard let from = try call.query.integer("from") else {
            throw Problem.validation([FieldError("/from", .required, "is required")])
        }
        let to = try await size("to", call)
        guard from > 0, from <= to else {
            throw Problem.validation([FieldError("/from", .range, "lies between 1 and \(to)")])
        }
        var tiles = TileTree(size: to, source: tree(call))
        let proof = try await tiles.consistencyProof(from: from)
        var earlier = TileTree(size: from, source: tree(call))
        return Reply(
            .ok,
            [
                "from": .integer(from), "to": .integer(to), "from_root": .string(try await earlier.root().base64),
                "to_root": .string(try await tiles.root().base64),
                "path": .array(proof.path.map { .string($0.base64) }),
            ])
    }
}
