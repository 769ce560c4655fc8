import Cases
import Events
import JSON

import struct Foundation.UUID

/// A case as it stands after some event of its stream, and about how many bytes its events hold: alerts bring evidence
/// of any size.
struct FoldedCase: Sendable {
    private(set) var record: CaseRecord
    private(set) var bytes = 0

    /// Before its first event.
    init(id: UUID, tenant: UUID) { record = CaseRecord(id: id, tenant: tenant) }

    /// Folds the next event of the stream.
    ///
    /// - Throws: `PoisonEvent` for an event that does not fold, `ProjectionError` for one that does not follow.
    mutating func apply(_ event: Event) throws {
        guard event.version == record.version + 1 else {
            throw ProjectionError(
                .gap, "case \(record.id.lowercased) has version \(event.version) after \(record.version)")
        }
        guard event.version > 1 || event.kind == .caseOpened else {
            throw PoisonEvent(event, "a case's stream begins with case.opened")
        }
        do {
            try record.apply(event)
        } catch {
            throw PoisonEvent(event, "\(error)")
        }
        bytes += 256 + event.data.byteEstimate
    }

    /// Folds the stream from where this stands, up to a version.
    ///
    /// - Parameter position: of the event that wants it; nothing behind that is read.
    mutating func advance(
        to version: Int64, before position: Int64, from source: any EventSource
    ) async throws {
        while record.version < version {
            let page: [Event]
            do {
                page = try await source.read(
                    stream: record.id, tenant: record.tenant, after: record.version, upTo: position - 1, limit: 500)
            } catch {
                throw ProjectionError(
                    .log, "the stream of case \(record.id.lowercased) cannot be read", cause: error)
            }
            guard !page.isEmpty else {
                throw ProjectionError(
                    .gap,
                    "case \(record.id.lowercased) lacks version \(record.version + 1) before event \(position)")
            }
            for earlier in page { try apply(earlier) }
        }
    }
}

extension JSONValue {
    /// About what the value takes in memory: text as it is, and some bytes for each node.
    fileprivate var byteEstimate: Int {
        switch self {
        case .string(let text): 16 + text.utf8.count
        case .array(let elements): elements.reduce(16) { $0 + $1.byteEstimate }
        case .object(let members): members.reduce(16) { $0 + 16 + $1.key.utf8.count + $1.value.byteEstimate }
        default: 16
        }
    }
}
