import Events
import Foundation
import JSON

/// A line of `events.ndjson`: members in one order, no space, so that one event has one line.
///
/// Columns and body are the bytes that the database gave. The body's bytes end the line; one that holds a newline
/// (canonical JSON never does, an altered body may) stands in base64 under another name.
enum EventLine {
    static func text(of event: ExportedEvent, tenant: UUID) throws(ProofError) -> [UInt8] {
        let bodyDigest = TreeHash.sha256(event.body)
        let leaf = event.leaf(of: tenant).hash(bodyDigest: bodyDigest, sealedDigest: event.sealedDigest)
        var line: [UInt8] = []
        line.reserveCapacity(event.body.count + 1_024)
        line += "{\"position\":\(event.position),\"event_id\":\"\(event.eventID.lowercased)\"".utf8
        line += ",\"stream_id\":\"\(event.streamID.lowercased)\",\"version\":\(event.version)".utf8
        line += ",\"schema_version\":\(event.schemaVersion),\"recorded_at\":\"\(event.recordedAt.rfc3339)\"".utf8
        line += ",\"type\":".utf8
        line += JSONValue.string(event.type).canonicalBytes()
        line += ",\"leaf_hash\":\"\(leaf.hexadecimal)\",\"body_digest\":\"\(bodyDigest.hexadecimal)\"".utf8
        line += ",\"sealed_digest\":\"\(event.sealedDigest.hexadecimal)\",\"sealed\":[".utf8
        line += event.sealed.map { "\"\($0.digest.hexadecimal)\"" }.joined(separator: ",").utf8
        line += "],\"columns\":".utf8
        line += try columns(event.columns)
        if event.body.contains(0x0A) {
            line += ",\"body_base64\":\"\(Base64.encode(event.body))\"".utf8
        } else {
            line += ",\"body\":".utf8
            line += event.body
        }
        line += "}\n".utf8
        return line
    }

    private static func columns(_ columns: ExportedEvent.Columns) throws(ProofError) -> [UInt8] {
        var actor = Array(columns.actor.utf8)
        if actor.first != UInt8(ascii: "{") || actor.contains(where: { $0 < 0x20 }) {
            do {
                actor = try JSONValue.parse(actor).canonicalBytes()
            } catch {
                throw ProofError(.malformed, "an actor is no JSON", cause: error)
            }
        }
        var text: [UInt8] = []
        text += "{\"actor\":".utf8
        text += actor
        text += ",\"case_id\":\(quoted(columns.caseID)),\"caused_by\":\(quoted(columns.causedBy))".utf8
        text += ",\"correlation_id\":\(quoted(columns.correlationID))".utf8
        text += ",\"occurred_at\":\"\(columns.occurredAt.rfc3339)\",\"stream_kind\":".utf8
        text += JSONValue.string(columns.streamKind).canonicalBytes()
        text += ",\"trace_id\":".utf8
        text += columns.traceID.map { JSONValue.string($0).canonicalBytes() } ?? Array("null".utf8)
        text += "}".utf8
        return text
    }

    private static func quoted(_ id: UUID?) -> String { id.map { "\"\($0.lowercased)\"" } ?? "null" }

    /// A line of `sealed.ndjson`.
    static func text(of sealed: ExportedEvent.Sealed, position: Int64, n: Int) -> [UInt8] {
        var line = Array("{\"position\":\(position),\"n\":\(n),\"state\":".utf8)
        switch sealed.state {
        case .open(let salt, let value):
            line += "\"open\",\"salt\":\"\(salt.hexadecimal)\",\"value\":".utf8
            line += value
        case .erased: line += "\"erased\"".utf8
        case .withheld: line += "\"withheld\"".utf8
        }
        line += "}\n".utf8
        return line
    }

    /// A line of `evidence.ndjson`.
    static func text(of evidence: ExportedEvidence) -> [UInt8] {
        let state =
            switch evidence.state {
            case .included: "included"
            case .erased: "erased"
            case .withheld: "withheld"
            }
        var line = Array("{\"position\":\(evidence.position),\"digest\":\"\(evidence.digest.text)\"".utf8)
        line += ",\"media_type\":".utf8
        line += JSONValue.string(evidence.mediaType).canonicalBytes()
        line += ",\"size\":\(evidence.size),\"state\":\"\(state)\"}\n".utf8
        return line
    }
}
