import Crypto
import Events
import Foundation
import Postgres

/// The parameters of one call of `docket.append` (Schema/README.md), and its answer.
///
/// Requests and events are numbered from 1 within the call.
struct AppendCall {
    private var streamKinds: [String] = []
    private var streamIDs: [UUID] = []
    private var caseIDs: [UUID?] = []
    private var expectedVersions: [Int64?] = []

    private var requests: [Int32] = []
    private var eventIDs: [UUID] = []
    private var types: [String] = []
    private var schemaVersions: [Int32] = []
    private var occurredAt: [PostgresTimestamp] = []
    private var actors: [String] = []
    private var causedBy: [UUID?] = []
    private var correlationIDs: [UUID] = []
    private var traceIDs: [String?] = []
    private var bodies: [String] = []

    private var sealedEvents: [Int32] = []
    private var sealedNumbers: [Int32] = []
    private var sealedKeys: [UUID] = []
    private var sealedDigests: [[UInt8]] = []
    private var sealedSalts: [[UInt8]] = []
    private var sealedNonces: [[UInt8]] = []
    private var sealedCiphertexts: [[UInt8]] = []

    private var evidenceRequests: [Int32] = []
    private var evidenceDigests: [[UInt8]] = []
    private var evidenceMediaTypes: [String] = []
    private var evidenceSizes: [Int64] = []
    private var evidenceKeys: [UUID] = []
    private var evidenceNonces: [[UInt8]] = []
    private var evidenceCiphertexts: [[UInt8]] = []

    private var keyIDs: [UUID] = []
    private var wrappedKeys: [[UInt8]] = []

    /// - Parameter stored: the wrapped keys that the database has now, of the entities that the requests name.
    init(
        _ batch: [PreparedRequest], tenant: UUID, key: TenantKey?, stored: [UUID: [UInt8]]
    ) throws(EventLogError) {
        var keys: [UUID: SymmetricKey] = [:]
        for request in batch {
            streamKinds.append(request.streamKind)
            streamIDs.append(request.streamID)
            caseIDs.append(request.caseID)
            expectedVersions.append(request.expectedVersion)
            for draft in request.drafts {
                append(draft)
                for (n, member) in draft.members.enumerated() {
                    guard let key else { throw EventLogError(.tenantKey, "no tenant key to seal with") }
                    let dataKey = try dataKey(of: member.keyID, key, stored, &keys)
                    try append(member, n: Int32(n), of: draft, tenant, dataKey)
                }
            }
            for item in request.evidence { append(item) }
        }
    }

    private mutating func append(_ draft: Draft) {
        let event = draft.event
        requests.append(Int32(streamIDs.count))
        eventIDs.append(event.eventID)
        types.append(event.type)
        schemaVersions.append(event.schemaVersion)
        occurredAt.append(PostgresTimestamp(microseconds: event.occurredAt.microseconds))
        actors.append(draft.actor)
        causedBy.append(event.causedBy)
        correlationIDs.append(event.correlationID)
        traceIDs.append(event.traceID)
        bodies.append(draft.body)
    }

    private mutating func append(
        _ member: Draft.Member, n: Int32, of draft: Draft, _ tenant: UUID, _ key: SymmetricKey
    ) throws(EventLogError) {
        do {
            let box = try Seal.close(
                member.value, under: key,
                binding: Seal.binding(tenant: tenant, event: draft.event.eventID, n: n))
            sealedEvents.append(Int32(eventIDs.count))
            sealedNumbers.append(n)
            sealedKeys.append(member.keyID)
            sealedDigests.append(member.digest)
            sealedSalts.append(member.salt)
            sealedNonces.append(box.nonce)
            sealedCiphertexts.append(box.ciphertext)
        } catch {
            throw EventLogError(.tenantKey, "a member cannot be sealed", cause: error)
        }
    }

    private mutating func append(_ item: PreparedRequest.SealedEvidence) {
        evidenceRequests.append(Int32(streamIDs.count))
        evidenceDigests.append(item.evidence.digest)
        evidenceMediaTypes.append(item.evidence.mediaType)
        evidenceSizes.append(item.evidence.size)
        evidenceKeys.append(item.keyID)
        evidenceNonces.append(item.nonce)
        evidenceCiphertexts.append(item.ciphertext)
        keyIDs.append(item.keyID)
        wrappedKeys.append(item.wrappedKey)
    }

    /// The stored key, or a new one; either goes along with its wrapping, once a call.
    private mutating func dataKey(
        of id: UUID, _ tenantKey: TenantKey, _ stored: [UUID: [UInt8]], _ keys: inout [UUID: SymmetricKey]
    ) throws(EventLogError) -> SymmetricKey {
        if let key = keys[id] { return key }
        let key: SymmetricKey
        if let wrapped = stored[id] {
            key = try tenantKey.unwrap(wrapped, id: id)
            wrappedKeys.append(wrapped)
        } else {
            key = SymmetricKey(size: .bits256)
            do {
                wrappedKeys.append(try tenantKey.wrap(key, id: id))
            } catch {
                throw EventLogError(.tenantKey, "a key cannot be wrapped", cause: error)
            }
        }
        keyIDs.append(id)
        keys[id] = key
        return key
    }

    func query(tenant: UUID, epoch: Int64, now: Instant) -> Query {
        """
        SELECT verdict, first_position, last_position, first_version, last_version, recorded_at, current_version, event_id
          FROM docket.append(
               \(tenant), \(epoch), \(PostgresTimestamp(microseconds: now.microseconds)),
               \(streamKinds), \(streamIDs), \(caseIDs), \(expectedVersions),
               \(requests), \(eventIDs), \(types), \(schemaVersions), \(occurredAt), \(actors), \(causedBy),
               \(correlationIDs), \(traceIDs), \(bodies),
               \(sealedEvents), \(sealedNumbers), \(sealedKeys), \(sealedDigests), \(sealedSalts), \(sealedNonces),
               \(sealedCiphertexts),
               \(evidenceRequests), \(evidenceDigests), \(evidenceMediaTypes), \(evidenceSizes), \(evidenceKeys),
               \(evidenceNonces), \(evidenceCiphertexts),
               \(keyIDs), \(wrappedKeys))
         ORDER BY ordinal
        """
    }

    static func verdict(_ row: borrowing Row) throws(PostgresError) -> AppendVerdict {
        let verdict: String = try row[0]
        switch verdict {
        case "appended": return .appended(try range(row))
        case "duplicate": return .duplicate(try range(row))
        case "mismatch": return .mismatch(eventID: try row[7])
        case "conflict": return .conflict(current: try row[6])
        default: throw PostgresError(.malformedValue, "docket.append gave an unknown verdict")
        }
    }

    private static func range(_ row: borrowing Row) throws(PostgresError) -> AppendedRange {
        AppendedRange(
            firstPosition: try row[1], lastPosition: try row[2], firstVersion: try row[3], lastVersion: try row[4],
            recordedAt: Instant(microseconds: (try row[5] as PostgresTimestamp).microseconds))
    }
}
