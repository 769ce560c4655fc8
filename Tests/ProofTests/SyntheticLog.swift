import Crypto
import Events
import Foundation
import JSON

@testable import Proof

/// A log as the database would hold it: events with copies, sealed members, raw input, leaves and signed checkpoints.
struct SyntheticLog {
    let tenant = UUID(uuidString: "0193b1a0-0000-7000-8000-000000000001")!
    let origin = "docket.example/0193b1a0-0000-7000-8000-000000000001"
    let key = try! SigningKey(name: "docket.example", seed: Array(repeating: 7, count: 32))
    let createdAt = Instant(rfc3339: "2026-11-21T09:00:00Z")!
    var events: [ExportedEvent] = []
    var evidence: [ExportedEvidence] = []
    var leaves: [TreeHash] = []

    /// Cases take turns; every fifth event has two sealed members, every seventh names raw input.
    init(count: Int, cases: Int = 3) {
        var versions: [Int: Int64] = [:]
        for number in 0..<count {
            let which = number % cases
            versions[which, default: 0] += 1
            let raw: [UInt8]? = number % 7 == 3 ? Array("raw input \(number) \u{00FF}\n".utf8) : nil
            append(number, case: which, version: versions[which]!, raw: raw, isSealed: number % 5 == 1)
        }
    }

    static func caseID(_ number: Int) -> UUID { .v5(namespace: UUID(uuid: UUID_NULL), name: "case \(number)") }

    private mutating func append(_ number: Int, case which: Int, version: Int64, raw: [UInt8]?, isSealed: Bool) {
        let caseID = Self.caseID(which)
        let recordedAt = Instant(microseconds: 1_763_694_000_000_000 + Int64(number) * 1_037_000)
        let actor: JSONValue = [
            "issuer": "docket", "kind": "person", "lane": "analyst", "subject": .string("p-\(number % 4)"),
        ]
        let type = number % 11 == 0 ? "case.opened" : "case.noted"
        var data: JSONValue = ["severity_id": .integer(Int64(number % 6)), "text": .string("Zoë {\"}[ \(number)")]
        var sealed: [ExportedEvent.Sealed] = []
        if isSealed {
            for n in 0..<2 {
                let salt = TreeHash.sha256(Array("salt \(number) \(n)".utf8))
                let value = JSONValue.string("name \(number) \(n) é").canonicalBytes()
                data["sealed_\(n)"] = ["$sealed": .integer(Int64(n)), "hmac": "x"]
                sealed.append(
                    ExportedEvent.Sealed(
                        digest: Leaf.digest(salt: salt, value: value),
                        state: number % 10 == 1 && n == 1 ? .erased : .open(salt: salt, value: value)))
            }
        }
        if let raw {
            let digest = Events.Digest.sha256(raw)
            data["raw_digest"] = .string(digest.text)
            evidence.append(
                ExportedEvidence(
                    position: Int64(number), digest: digest, mediaType: "text/plain", size: Int64(raw.count),
                    state: number % 2 == 0 ? .withheld : .included(raw)))
        }
        let correlation = UUID.v5(namespace: caseID, name: "correlation")
        let body: JSONValue = [
            "actor": actor, "case_id": .string(caseID.lowercased), "caused_by": nil,
            "correlation_id": .string(correlation.lowercased), "data": data,
            "occurred_at": .string(recordedAt.rfc3339), "schema_version": 1, "stream_kind": "case", "trace_id": nil,
            "type": .string(type),
        ]
        let event = ExportedEvent(
            position: Int64(number), eventID: .v5(namespace: caseID, name: "event \(number)"), streamID: caseID,
            version: version, schemaVersion: 1, recordedAt: recordedAt, type: type,
            columns: ExportedEvent.Columns(
                actor: actor.canonicalString(), caseID: caseID, causedBy: nil, correlationID: correlation,
                occurredAt: recordedAt, streamKind: "case", traceID: nil),
            sealedDigest: Leaf.sealedDigest(sealed.map(\.digest)), sealed: sealed, body: body.canonicalBytes())
        events.append(event)
        leaves.append(event.leaf(of: tenant).hash(body: event.body, sealedDigest: event.sealedDigest))
    }

    func checkpoint(_ size: Int? = nil) throws -> Checkpoint {
        var frontier = Frontier()
        for leaf in leaves[..<(size ?? leaves.count)] { frontier.append(leaf) }
        return Checkpoint(origin: origin, size: frontier.size, root: frontier.root)
    }

    /// Writes a package of a range or of a case.
    func write(
        to url: URL, _ scope: PackageContents.Scope, further: [Int] = [], handovers: [SignedNote] = [],
        events: [ExportedEvent]? = nil, checkpoint: SignedNote? = nil, signers: [SigningKey]? = nil
    ) async throws {
        let signers = signers ?? [key]
        let contents = PackageContents(
            tenant: tenant, scope: scope, checkpoint: try checkpoint ?? self.checkpoint().signed(by: signers),
            furtherCheckpoints: try further.map { try self.checkpoint($0).signed(by: signers) }, handovers: handovers,
            keys: signers.map(\.verifierKey), createdAt: createdAt, tool: "docket tests")
        var writer = try PackageWriter(to: url, contents: contents)
        var positions: Set<Int64> = []
        for event in events ?? self.events where scope.contains(event) {
            try writer.append(event)
            positions.insert(event.position)
        }
        for item in evidence where positions.contains(item.position) { try writer.append(item) }
        _ = try await writer.finish(
            tree: TileTree(size: Int64(leaves.count), source: StoredTiles(leaves)), key: signers.last!)
    }
}

extension PackageContents.Scope {
    fileprivate func contains(_ event: ExportedEvent) -> Bool {
        switch self {
        case .range(let range): range.contains(event.position)
        case .stream(let id): event.streamID == id
        }
    }
}

private let UUID_NULL: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)

/// A folder that goes away with the test.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "docket-proof-\(UUID().lowercased)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: url)
        } catch {
            print("left behind: \(url.path)")
        }
    }
}
