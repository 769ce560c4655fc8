import Events
import Foundation
import JSON
import Testing

@testable import Intake

/// A record of each source against a file. `UPDATE_GOLDEN=1 swift test --filter GoldenTelemetryTests` renews them.
@Suite("Golden telemetry")
struct GoldenTelemetryTests {
    @Test("a record gives exactly the event on file", arguments: TelemetrySamples.bySource)
    func golden(source: TelemetrySource, record: JSONValue) throws {
        let event = try Telemetry.normalize(record, as: source)
        let output: JSONValue = [
            "ocsf": event.ocsf, "occurred_at": .string(event.occurredAt.rfc3339),
            "entities": try JSONValue(encoding: event.entities), "clock_suspect": .bool(event.clockSuspect),
        ]
        let file = GoldenAlertTests.folder.appendingPathComponent("\(source.rawValue).telemetry.json")
        let text = output.indented() + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        #expect(text == String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}
