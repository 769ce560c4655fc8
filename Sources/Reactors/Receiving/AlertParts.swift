package import EventLog
package import Events
package import JSON

package import struct Foundation.UUID

/// Keeps what is too large for an event apart from it: members of `alert.normalized` become evidence, which the event
/// cites by digest (`NormalizedAlert.Apart`).
package enum AlertParts {
    /// An event of an alert has as many bytes at most, save for what cannot be kept apart.
    static let bytesMaximum = 96 << 10
    /// Members that are smaller stay where they are.
    private static let partBytesMinimum = 1_024
    /// An alert of so few bytes is never too large: what is made of it repeats them a few times at most.
    private static let bytesHarmless = 16 << 10

    /// The data as it goes into the event, and what is kept beside it. Takes out the largest members until the rest is
    /// small enough, so that most alerts stay whole.
    ///
    /// - Parameter rawSize: bytes of the alert as received.
    static func split(_ alert: NormalizedAlert, rawSize: Int) throws -> (data: JSONValue, evidence: [Evidence]) {
        var data = try JSONValue(encoding: alert)
        // What a rule says and what many records name is not in the raw bytes.
        let bytes =
            rawSize + (alert.description?.utf8.count ?? 0) + alert.entities.reduce(0) { $0 + $1.value.utf8.count }
        guard bytes > bytesHarmless else { return (data, []) }
        var size = data.canonicalBytes().count
        guard size > bytesMaximum else { return (data, []) }
        var parts = places(in: data).map { (pointer: $0, bytes: (data.at($0) ?? .null).canonicalBytes()) }
        parts.sort { ($1.bytes.count, $0.pointer) < ($0.bytes.count, $1.pointer) }
        var apart: [JSONValue] = []
        var evidence: [Digest: Evidence] = [:]
        for (text, bytes) in parts where size > bytesMaximum && bytes.count >= partBytesMinimum {
            guard let pointer = JSONPointer(text) else { continue }
            let item = Evidence(mediaType: "application/json", bytes: bytes)
            evidence[item.digest] = item
            data = data.replacing(at: pointer, with: .null)
            apart.append([
                "pointer": .string(text), "digest": .string(item.digest.text), "size": .integer(Int64(bytes.count)),
            ])
            size -= bytes.count
        }
        data["apart"] = .array(apart)
        return (data, evidence.values.sorted { $0.digest.text < $1.digest.text })
    }

    private static func places(in data: JSONValue) -> [String] {
        let evidence = (data["evidence"]?.arrayValue ?? []).indices.map { "/evidence/\($0)/data" }
        return ["/ocsf", "/unmapped", "/description"] + evidence
    }

    /// The value that was kept apart; `null` once it is erased.
    static func value(_ digest: Digest, in log: EventLog, tenant: UUID) async throws -> JSONValue {
        guard let evidence = try await log.evidence(tenant: tenant, digest: digest) else { return .null }
        return try JSONValue.parse(evidence.bytes, limits: JSONLimits(depth: 256, members: .max))
    }

    /// An alert's data, or its view, with everything in its place that was kept apart.
    ///
    /// - Parameter apart: the event's list of that name.
    package static func joined(
        _ data: JSONValue, apart: JSONValue, in log: EventLog, tenant: UUID
    ) async throws -> JSONValue {
        var data = data
        for part in try apart.decode([NormalizedAlert.Apart].self) {
            guard let pointer = JSONPointer(part.pointer) else { continue }
            data = data.replacing(at: pointer, with: try await value(part.digest, in: log, tenant: tenant))
        }
        return data
    }
}
