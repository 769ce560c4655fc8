import Cases
package import EventLog
package import Events
package import Intake
import JSON

package import struct Foundation.UUID

/// Takes alerts in: raw bytes kept exactly, one stream an alert, nothing lost and nothing double.
///
/// Whether an alert is new is asked of its own stream, whose id is derived from (tenant, source, source_ref).
package struct AlertReceiver: Sendable {
    package enum Status: String, Sendable, Hashable, Codable {
        case created, duplicate, updated
        case deadLettered = "dead_lettered"
    }

    /// What became of one item (contract §1).
    package struct Result: Sendable, Hashable, Codable {
        package var index: Int
        package var status: Status
        package var alertID: UUID?
        package var deadLetterID: UUID?
        package var source: String?
        package var sourceRef: String?
        package var position: Int64?
        package var warnings: [String]
        package var errors: [FieldError]
    }

    package struct Item: Sendable {
        package var bytes: [UInt8]
        package var format: IntakeFormat

        package init(bytes: [UInt8], format: IntakeFormat) {
            self.bytes = bytes
            self.format = format
        }
    }

    package let log: EventLog

    package init(log: EventLog) {
        self.log = log
    }

    /// Results in the order of the items. Items with the same key are handled one after the other.
    package func receive(
        _ items: [Item], tenant: UUID, actor: Actor, traceID: String?, at now: Instant
    ) async throws -> [Result] {
        var results = [Result?](repeating: nil, count: items.count)
        var groups: [UUID: [(Int, AcceptedAlert)]] = [:]
        var order: [UUID] = []
        var rejected: [(Int, RejectedAlert, Item)] = []
        for (index, item) in items.enumerated() {
            switch AlertIntake.read(item.bytes, mediaType: item.format, tenant: tenant, receivedAt: now) {
            case .accepted(let accepted):
                if groups[accepted.alertID] == nil { order.append(accepted.alertID) }
                groups[accepted.alertID, default: []].append((index, accepted))
            case .rejected(let refusal): rejected.append((index, refusal, item))
            }
        }
        let writer = AlertWriter(log: log, tenant: tenant, actor: actor, traceID: traceID, now: now)
        let known = try await writer.known(order)
        let found = try await withThrowingTaskGroup(of: [Result].self) { group in
            var collected: [Result] = []
            var running = 0
            func collectOne() async throws {
                if let some = try await group.next() { collected += some }
                running -= 1
            }
            for id in order {
                // The log coalesces what runs at the same time into one transaction.
                if running >= 256 { try await collectOne() }
                let accepted = groups[id] ?? []
                let before = known[id] ?? AlertWriter.Known()
                group.addTask {
                    var results: [Result] = []
                    var known = before
                    for (index, alert) in accepted {
                        results.append(try await writer.write(alert, raw: items[index].bytes, index: index, &known))
                    }
                    return results
                }
                running += 1
            }
            for (index, refusal, item) in rejected {
                if running >= 256 { try await collectOne() }
                group.addTask { [try await writer.reject(refusal, raw: item.bytes, index: index)] }
                running += 1
            }
            while running > 0 { try await collectOne() }
            return collected
        }
        for result in found { results[result.index] = result }
        let complete = results.compactMap(\.self)
        try await writer.recordDuplicates(complete)
        return complete
    }
}
