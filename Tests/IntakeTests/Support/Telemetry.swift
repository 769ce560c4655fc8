import Events
import Foundation
import JSON
import Testing

@testable import Intake

/// Recorded telemetry beside the repository, and what every normalized record must be.
enum Telemetry {
    static let receivedAt = Instant(rfc3339: "2026-11-21T02:38:00Z")!
    static let folder = SharedData.root.appendingPathComponent("telemetry")
    static var isAvailable: Bool { FileManager.default.fileExists(atPath: folder.path) && OCSFSchema.isAvailable }

    static func normalize(
        _ record: JSONValue, as source: TelemetrySource
    ) throws(TelemetryRefusal) -> NormalizedTelemetry {
        try TelemetryNormalizer.normalize(
            record, source: source, rawDigest: Digest.sha256([]), rawSize: 7, receivedAt: receivedAt)
    }

    /// Every `step`-th line of a gzip file, at most `limit`.
    static func lines(_ file: URL, every step: Int = 1, limit: Int = .max) throws -> [JSONValue] {
        let gzip = Process()
        gzip.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        gzip.arguments = ["gzip", "-dc", file.path]
        let output = Pipe()
        gzip.standardOutput = output
        try gzip.run()
        let data = [UInt8](output.fileHandleForReading.readDataToEndOfFile())
        gzip.waitUntilExit()
        try #require(gzip.terminationStatus == 0)
        let lines = data.split(separator: UInt8(ascii: "\n"))
        return try stride(from: 0, to: lines.count, by: step).prefix(limit).map {
            try JSONValue.parseEvidence(Array(lines[$0])).value
        }
    }

    /// Valid by the schema, nothing lost, and its time where it belongs.
    static func problems(_ event: NormalizedTelemetry, of record: JSONValue) throws -> [String] {
        var found = try OCSFSchema.shared.get().violations(of: event.ocsf)
        let kept = event.ocsf.allLeaves
        let lost = record.allLeaves.subtracting(kept)
        if !lost.isEmpty { found.append("lost: \(lost.sorted().prefix(5))") }
        if event.ocsf["time"]?.int64Value != event.occurredAt.microseconds.floorMilliseconds { found.append("time") }
        return found
    }
}

extension JSONValue {
    /// Every value that is no container, as text. An integer counts as its digits, as OCSF may want either.
    var allLeaves: Set<String> {
        var found: Set<String> = []
        var pending = [self]
        while let value = pending.popLast() {
            switch value {
            case .null: break
            case .array(let elements): pending += elements
            case .object(let members): pending += members.values
            case .string(let text): found.insert(text)
            default: found.insert(value.canonicalString())
            }
        }
        found.remove("")
        return found
    }
}
