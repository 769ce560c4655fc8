package import EventLog
import Events
package import Foundation
import JSON
package import Postgres
package import Proof

/// Checks a tenant's log as it stands in the database: what `docket audit fsck` does.
///
/// Positions are dense, times rise, each leaf is that of its row, the columns say what the body says, and every
/// checkpoint that was ever signed, or recorded in the log of roots, is the root of the tree of its size. A superuser who
/// changes any of it is told, by kind and position.
package struct LogCheck: Sendable {
    package struct Finding: Sendable, Hashable {
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            case positionMissing = "position_missing"
            case timeDisorder = "time_disorder"
            case leafMismatch = "leaf_mismatch"
            case columnMismatch = "column_mismatch"
            case rootMismatch = "root_mismatch"
            case signatureInvalid = "signature_invalid"
            case tileMismatch = "tile_mismatch"
            case sealedMismatch = "sealed_mismatch"
            case truncated
        }

        package var kind: Kind
        package var position: Int64?
        package var detail: String
    }

    private static let step = 2_000
    /// More findings of a kind say nothing new.
    private static let findingsMaximum = 1_000

    private let log: EventLog
    private let database: Database
    private let keys: SigningKeys
    private let roots: RootLog?

    /// - Parameter roots: `nil` where there is no system tenant.
    package init(log: EventLog, database: Database, keys: SigningKeys, roots: RootLog? = nil) {
        self.log = log
        self.database = database
        self.keys = keys
        self.roots = roots
    }

    /// - Parameters:
    ///   - seen: signed checkpoints of this log that were kept elsewhere: the log must still hold what they cover. The last
    ///     head that was signed here is one in any case.
    ///   - progress: events checked, of how many.
    package func check(
        _ tenant: UUID, seen: [SignedNote] = [], progress: (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> [Finding] {
        let stored = StoredTree(database: database, tenant: tenant)
        let signed = try await stored.checkpoints()
        let recorded = try await roots?.recorded(of: tenant) ?? []
        let kept = try (seen + [try keys.head(tenant)].compactMap { $0 }).map { note in
            let checkpoint = try Checkpoint(text: note.text)
            return StoredTree.Signed(
                size: checkpoint.size, root: checkpoint.root.bytes, note: String(decoding: note.bytes, as: UTF8.self))
        }
        let checkpoints = (signed + recorded + kept).sorted { $0.size < $1.size }
        let head = try await log.head(tenant: tenant)
        var known: [VerifierKey] = []
        if let current = try keys.find(tenant)?.verifierKey {
            known = try await KeyRotation.history(of: tenant, in: log, current: current).keys
        }
        var pass = Pass(
            tenant: tenant, checkpoints: checkpoints, sealedSize: signed.last?.size ?? 0, keys: known)
        var next: Int64 = 0
        while true {
            let records = try await log.records(
                tenant: tenant, from: next, limit: Self.step, opensMembers: true)
            guard let last = records.last else { break }
            for record in records { try await pass.take(record, tiles: stored) }
            next = last.position + 1
            progress(next, head)
            if pass.findings.count >= Self.findingsMaximum { break }
        }
        try await pass.compareEdge(of: stored)
        // The log may have grown meanwhile: by then the head row counts at least what was read.
        pass.finish(head: head, headAfterwards: try await log.head(tenant: tenant))
        return pass.findings
    }
}

/// One walk along the log.
private struct Pass {
    let tenant: UUID
    let checkpoints: [StoredTree.Signed]
    /// That of the newest checkpoint in the database.
    let sealedSize: Int64
    let keys: [VerifierKey]
    var findings: [LogCheck.Finding] = []
    private var growth = TreeGrowth()
    private var nextCheckpoint = 0
    private var nextPosition: Int64 = 0
    private var lastTime: Instant?
    /// Once a leaf differs every later root does: told once.
    private var isTreeBroken = false

    init(tenant: UUID, checkpoints: [StoredTree.Signed], sealedSize: Int64, keys: [VerifierKey]) {
        self.tenant = tenant
        self.checkpoints = checkpoints
        self.sealedSize = sealedSize
        self.keys = keys
    }

    private mutating func note(_ kind: LogCheck.Finding.Kind, _ position: Int64?, _ detail: String) {
        findings.append(LogCheck.Finding(kind: kind, position: position, detail: detail))
    }

    mutating func take(_ record: StoredRecord, tiles: StoredTree) async throws {
        if record.position != nextPosition {
            note(.positionMissing, nextPosition, "the row after it is at position \(record.position)")
            isTreeBroken = true
        }
        nextPosition = record.position + 1
        if let lastTime, record.recordedAt <= lastTime {
            note(.timeDisorder, record.position, "recorded_at is not after that of the event before")
        }
        lastTime = record.recordedAt
        compareColumns(record)
        for (n, member) in record.members.enumerated() where member.isBroken {
            note(.sealedMismatch, record.position, "the sealed member \(n) is not what was sealed")
        }
        let sealed = TreeHash(record.sealedDigest) ?? .zero
        let leaf = record.leaf(of: tenant).hash(body: record.body, sealedDigest: sealed)
        if leaf.bytes != record.leafHash {
            note(.leafMismatch, record.position, "the stored leaf is not that of the row")
            isTreeBroken = true
        }
        for (tile, hashes) in growth.append(leaf) where !isTreeBroken {
            if let kept = try await tiles.hashes(of: tile), kept != hashes {
                note(.tileMismatch, tile.index << 8, "the tile \(tile.path) is not that of the log")
            }
        }
        while nextCheckpoint < checkpoints.count, checkpoints[nextCheckpoint].size == growth.size {
            compare(checkpoints[nextCheckpoint])
            nextCheckpoint += 1
        }
    }

    /// The partial tiles at the right edge.
    mutating func compareEdge(of tiles: StoredTree) async throws {
        guard !isTreeBroken, sealedSize > 0, sealedSize == growth.size else { return }
        for (tile, hashes) in growth.partialTiles {
            guard let kept = try await tiles.hashes(of: tile) else {
                note(.tileMismatch, tile.index << 8, "the tile \(tile.path) is missing")
                continue
            }
            if Array(kept.prefix(hashes.count)) != hashes {
                note(.tileMismatch, tile.index << 8, "the tile \(tile.path) is not that of the log")
            }
        }
    }

    private mutating func compare(_ signed: StoredTree.Signed) {
        if !isTreeBroken, growth.root.bytes != signed.root {
            let how = signed.note.isEmpty ? "recorded in the log of roots" : "signed"
            note(.rootMismatch, signed.size - 1, "the root that was \(how) for size \(signed.size) is another one")
            isTreeBroken = true
        }
        guard !keys.isEmpty, !signed.note.isEmpty else { return }
        do {
            let checkpoint = try Checkpoint(try SignedNote(Array(signed.note.utf8)), verifiedBy: keys)
            guard checkpoint.size == signed.size, checkpoint.root.bytes == signed.root else {
                return note(
                    .signatureInvalid, signed.size - 1, "the note of size \(signed.size) says something else")
            }
        } catch {
            note(.signatureInvalid, signed.size - 1, "the checkpoint of size \(signed.size): \(error)")
        }
    }

    mutating func finish(head: Int64, headAfterwards: Int64) {
        if let last = checkpoints.last, last.size > nextPosition {
            let how = last.note.isEmpty ? "recorded in the log of roots" : "signed"
            note(
                .truncated, nextPosition,
                "a checkpoint was \(how) for \(last.size) events; there are \(nextPosition): "
                    + "\(last.size - nextPosition) are missing")
        } else if head > nextPosition || headAfterwards < nextPosition {
            let counted = head > nextPosition ? head : headAfterwards
            note(.truncated, nextPosition, "the head row counts \(counted) events; there are \(nextPosition)")
        }
    }

    /// The columns are copies for queries: what they say, the body says.
    private mutating func compareColumns(_ record: StoredRecord) {
        guard let body = try? JSONValue.parse(record.body, limits: JSONLimits(depth: 300, members: .max)) else {
            return note(.columnMismatch, record.position, "the body is no JSON")
        }
        func text(_ value: UUID?) -> String? { value?.uuidString.lowercased() }
        let pairs: [(String, String?, String?)] = [
            ("type", record.type, body["type"]?.stringValue),
            ("stream_kind", record.streamKind, body["stream_kind"]?.stringValue),
            ("case_id", text(record.caseID), body["case_id"]?.stringValue),
            ("caused_by", text(record.causedBy), body["caused_by"]?.stringValue),
            ("correlation_id", text(record.correlationID), body["correlation_id"]?.stringValue),
            ("trace_id", record.traceID, body["trace_id"]?.stringValue),
            ("occurred_at", record.occurredAt.rfc3339, body["occurred_at"]?.stringValue),
            ("schema_version", String(record.schemaVersion), body["schema_version"]?.int64Value.map { String($0) }),
            ("actor", record.actor, body["actor"]?.canonicalString()),
        ]
        for (name, column, inBody) in pairs where column != inBody {
            note(.columnMismatch, record.position, "the column \(name) does not say what the body says")
        }
    }
}
