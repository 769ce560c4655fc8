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
    private var firstEvents: [Int32] = []

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
            firstEvents.append(Int32(eventIDs.count + 1))
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
            key = RandomBytes.key()
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
        SELECT first_position, recorded_at, stream_versions, verdicts, first_positions, last_positions, first_versions,
               last_versions, last_recorded_at, current_versions, clashing_ids
          FROM docket.append(\(tenant), \(epoch), \(PostgresTimestamp(microseconds: now.microseconds)), ROW(
               \(streamKinds), \(streamIDs), \(caseIDs), \(expectedVersions), \(firstEvents),
               \(requests), \(eventIDs), \(types), \(schemaVersions), \(occurredAt), \(actors), \(causedBy),
               \(correlationIDs), \(traceIDs), \(bodies),
               \(sealedEvents), \(sealedNumbers), \(sealedKeys), \(sealedDigests), \(sealedSalts), \(sealedNonces),
               \(sealedCiphertexts),
               \(evidenceRequests), \(evidenceDigests), \(evidenceMediaTypes), \(evidenceSizes), \(evidenceKeys),
               \(evidenceNonces), \(evidenceCiphertexts),
               \(keyIDs), \(wrappedKeys))::docket.append_batch)
        """
    }

    /// The verdicts on the call's requests, in order.
    func verdicts(_ row: borrowing Row) throws(PostgresError) -> [AppendVerdict] {
        let verdicts =
            if let firstPosition = try row[0] as Int64? {
                try allAppended(from: firstPosition, row)
            } else {
                try judged(row)
            }
        guard verdicts.count == streamIDs.count else {
            throw PostgresError(.malformedValue, "\(verdicts.count) verdicts on \(streamIDs.count) requests")
        }
        return verdicts
    }

    /// Everything was new: the requests lie one behind the other.
    private func allAppended(
        from firstPosition: Int64, _ row: borrowing Row
    ) throws(PostgresError) -> [AppendVerdict] {
        let recordedAt = (try row[1] as PostgresTimestamp).microseconds
        let versions = try row[2] as [Int64]
        return versions.enumerated().map { request, version in
            let first = Int64(firstEvents[request]) - 1
            let end = request + 1 < firstEvents.count ? Int64(firstEvents[request + 1]) - 1 : Int64(eventIDs.count)
            return .appended(
                AppendedRange(
                    firstPosition: firstPosition + first, lastPosition: firstPosition + end - 1,
                    firstVersion: version + 1, lastVersion: version + end - first,
                    recordedAt: Instant(microseconds: recordedAt + end - 1)))
        }
    }

    private func judged(_ row: borrowing Row) throws(PostgresError) -> [AppendVerdict] {
        let verdicts = try row[3] as [String]
        let (firstPositions, lastPositions): ([Int64?], [Int64?]) = (try row[4], try row[5])
        let (firstVersions, lastVersions): ([Int64?], [Int64?]) = (try row[6], try row[7])
        let recordedAt = try row[8] as [PostgresTimestamp?]
        let currentVersions = try row[9] as [Int64]
        let clashingIDs = try row[10] as [UUID?]
        var answer: [AppendVerdict] = []
        for (index, verdict) in verdicts.enumerated() {
            func range() throws(PostgresError) -> AppendedRange {
                guard let first = firstPositions[index], let last = lastPositions[index],
                    let firstVersion = firstVersions[index], let lastVersion = lastVersions[index],
                    let time = recordedAt[index]
                else { throw PostgresError(.malformedValue, "docket.append gave a verdict without its place") }
                return AppendedRange(
                    firstPosition: first, lastPosition: last, firstVersion: firstVersion, lastVersion: lastVersion,
                    recordedAt: Instant(microseconds: time.microseconds))
            }
            switch (verdict, clashingIDs[index]) {
            case ("appended", _): answer.append(.appended(try range()))
            case ("duplicate", _): answer.append(.duplicate(try range()))
            case ("mismatch", let id?): answer.append(.mismatch(eventID: id))
            case ("conflict", _): answer.append(.conflict(current: currentVersions[index]))
            default: throw PostgresError(.malformedValue, "docket.append gave an unknown verdict")
            }
        }
        return answer
    }
}
