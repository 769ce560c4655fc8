package import EventLog
package import Events
package import Foundation
import JSON
package import Postgres
package import Proof

/// Writes evidence packages from a tenant's log: what an auditor verifies without us.
package struct Exporter: Sendable {
    package enum Scope: Sendable, Hashable {
        /// Positions, from the first to before the second; `nil`: to the end of what is sealed.
        case range(from: Int64, to: Int64?)
        case caseID(UUID)
    }

    private static let step = 1_000
    private static let tool = "docket 0.1.0"
    /// Earlier checkpoints that a package carries, spread over the history: where a tree that does not fit began not to.
    private static let furtherMaximum = 64

    private let log: EventLog
    private let database: Database
    private let keys: SigningKeys
    private let clock: @Sendable () -> Instant

    package init(
        log: EventLog, database: Database, keys: SigningKeys, clock: @escaping @Sendable () -> Instant = { .now() }
    ) {
        self.log = log
        self.database = database
        self.keys = keys
        self.clock = clock
    }

    /// Writes a package. It is written aside, under the name of the folder and `.partial`, and gets its own name when it is
    /// whole: an export that is ended half-way, in whatever way, leaves nothing that looks like a package. What an earlier
    /// one left aside is removed.
    ///
    /// - Parameters:
    ///   - url: a folder that is empty or does not exist.
    ///   - earlier: checkpoints that somebody else has seen; the package then proves that it goes on from them.
    ///   - withholdsSealed: leaves out what is sealed and the raw input: their digests are proven all the same.
    ///   - progress: events written so far.
    ///   - confirm: called when all is written and before the package gets its name: what it throws takes the package away.
    package func export(
        _ scope: Scope, of tenant: UUID, to url: URL, earlier: [SignedNote] = [],
        withholdsSealed: Bool = false, progress: (Int) -> Void = { _ in },
        confirm: (PackageManifest) async throws -> Void = { _ in }
    ) async throws -> PackageManifest {
        let unfinished = try UnfinishedPackage(for: url)
        do {
            let manifest = try await write(
                scope, of: tenant, to: unfinished.url, earlier: earlier, withholdsSealed: withholdsSealed,
                progress: progress)
            try await confirm(manifest)
            try unfinished.publish()
            return manifest
        } catch {
            try unfinished.remove()
            throw error
        }
    }

    private func write(
        _ scope: Scope, of tenant: UUID, to url: URL, earlier: [SignedNote],
        withholdsSealed: Bool, progress: (Int) -> Void
    ) async throws -> PackageManifest {
        let stored = StoredTree(database: database, tenant: tenant)
        guard let newest = try await stored.checkpoint(), let key = try keys.find(tenant) else {
            throw SealingError("the tenant has no checkpoint yet: it is made within a second while a server runs")
        }
        var contents = PackageContents(
            tenant: tenant, scope: .range(0..<0), checkpoint: try SignedNote(Array(newest.note.utf8)),
            keys: [key.verifierKey], createdAt: clock(), tool: Self.tool)
        (contents.handovers, contents.keys) = try await KeyRotation.history(
            of: tenant, in: log, current: key.verifierKey)
        contents.furtherCheckpoints = try await further(
            stored, below: newest.size, earlier, key, known: contents.keys)
        var stream: UUID?
        var range: Range<Int64> = 0..<newest.size
        switch scope {
        case .range(let from, let to):
            guard from >= 0, from <= (to ?? newest.size), (to ?? newest.size) <= newest.size else {
                throw SealingError("the positions must lie within the sealed \(newest.size) events")
            }
            range = from..<(to ?? newest.size)
            contents.scope = .range(range)
        case .caseID(let id):
            stream = id
            contents.scope = .stream(id)
        }
        var writer = try PackageWriter(to: url, contents: contents)
        var next = range.lowerBound
        var count = 0
        while next < range.upperBound {
            try Task.checkCancellation()
            let records = try await log.records(
                tenant: tenant, from: next, limit: Self.step, stream: stream, opensMembers: true)
            guard let last = records.last else { break }
            for record in records where record.position < range.upperBound {
                try writer.append(try record.exported(withholdsSealed: withholdsSealed))
                try await writeEvidence(of: record, tenant, withholdsSealed, &writer)
                count += 1
            }
            progress(count)
            next = last.position + 1
        }
        return try await writer.finish(tree: TileTree(size: newest.size, source: stored), key: key)
    }

    /// Of each size one, smallest first; those that somebody else has seen are all there.
    private func further(
        _ stored: StoredTree, below size: Int64, _ earlier: [SignedNote], _ key: SigningKey,
        known: [VerifierKey]
    ) async throws -> [SignedNote] {
        let all = try await stored.checkpoints().filter { $0.size < size }
        let step = max(1, (all.count + Self.furtherMaximum - 1) / Self.furtherMaximum)
        var notes: [Int64: SignedNote] = [:]
        for index in stride(from: 0, to: all.count, by: step) {
            let note = try SignedNote(Array(all[index].note.utf8))
            notes[all[index].size] = try Self.signed(note, by: key, known: known)
        }
        for note in earlier {
            let checkpoint = try Checkpoint(text: note.text)
            guard checkpoint.size <= size else {
                throw SealingError(
                    "the checkpoint given is of \(checkpoint.size) events, more than the \(size) that are sealed")
            }
            if checkpoint.size < size { notes[checkpoint.size] = note }
        }
        return notes.sorted { $0.key < $1.key }.map(\.value)
    }

    /// A note of an older key, signed by the present one as well, for whoever trusts only that.
    ///
    /// Only what a key of this log has signed: a row is what somebody with the database wrote, and never signed blindly.
    private static func signed(
        _ note: SignedNote, by key: SigningKey, known: [VerifierKey]
    ) throws -> SignedNote {
        func isSigned(by keys: [VerifierKey]) -> Bool {
            do {
                return try !note.verify(by: keys).isEmpty
            } catch {
                return false
            }
        }
        return isSigned(by: [key.verifierKey]) || !isSigned(by: known) ? note : try note.signed(by: [key])
    }

    /// Raw input that a body names by its digest.
    private func writeEvidence(
        of record: StoredRecord, _ tenant: UUID, _ withheld: Bool, _ writer: inout PackageWriter
    ) async throws {
        for text in Self.digests(in: record.body) {
            guard let digest = Events.Digest(text: text) else { continue }
            if withheld, try await isEvidence(digest, tenant) {
                try writer.append(
                    ExportedEvidence(
                        position: record.position, digest: digest, mediaType: "application/octet-stream", size: 0,
                        state: .withheld))
            } else if let found = try await log.evidence(tenant: tenant, digest: digest) {
                try writer.append(
                    ExportedEvidence(
                        position: record.position, digest: digest, mediaType: found.mediaType,
                        size: Int64(found.bytes.count), state: .included(found.bytes)))
            } else {
                // It was kept when it was named: only an erasure takes it away, with its row.
                try writer.append(
                    ExportedEvidence(
                        position: record.position, digest: digest, mediaType: "application/octet-stream", size: 0,
                        state: .erased))
            }
        }
    }

    private func isEvidence(_ digest: Events.Digest, _ tenant: UUID) async throws -> Bool {
        try await database.first(
            "SELECT 1 FROM docket.evidence WHERE tenant_id = \(tenant) AND digest = \(digest.bytes)"
        ) { row throws(PostgresError) in try row[0] as Int32 } != nil
    }

    /// The digests that a body gives under the names of raw input, one or a list, in canonical JSON.
    static func digests(in body: [UInt8]) -> [String] {
        var found: [String] = []
        for (mark, end) in [("\"raw_digest\":\"", "\""), ("\"raw_digests\":[\"", "\"]")] {
            var rest = body[...]
            while let place = rest.firstRange(of: Array(mark.utf8)) {
                rest = rest[place.upperBound...]
                guard let close = rest.firstRange(of: Array(end.utf8)) else { break }
                let text = String(decoding: rest[..<close.lowerBound], as: UTF8.self)
                for digest in text.split(separator: "\",\"").map(String.init) where !found.contains(digest) {
                    found.append(digest)
                }
            }
        }
        return found
    }
}

extension StoredRecord {
    func exported(withholdsSealed: Bool) throws -> ExportedEvent {
        func hash(_ bytes: [UInt8]) throws -> TreeHash {
            guard let hash = TreeHash(bytes) else {
                throw SealingError("a digest at position \(position) has no 32 bytes")
            }
            return hash
        }
        return ExportedEvent(
            position: position, eventID: eventID, streamID: streamID, version: version, schemaVersion: schemaVersion,
            recordedAt: recordedAt, type: type,
            columns: ExportedEvent.Columns(
                actor: actor, caseID: caseID, causedBy: causedBy, correlationID: correlationID, occurredAt: occurredAt,
                streamKind: streamKind, traceID: traceID),
            sealedDigest: try hash(sealedDigest),
            sealed: try members.map { member in
                // What does not open cannot be shown; that it was altered, a check of the database says.
                guard let (salt, value) = member.opened else {
                    return ExportedEvent.Sealed(
                        digest: try hash(member.digest), state: member.isBroken ? .withheld : .erased)
                }
                return ExportedEvent.Sealed(
                    digest: try hash(member.digest),
                    state: withholdsSealed ? .withheld : .open(salt: try hash(salt), value: value))
            }, body: body)
    }
}
