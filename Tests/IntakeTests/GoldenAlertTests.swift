import Events
import Foundation
import JSON
import Testing

@testable import Intake

/// Whole alerts against files. `UPDATE_GOLDEN=1 swift test --filter GoldenAlertTests` renews them; read the difference.
@Suite("Golden alerts")
struct GoldenAlertTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    @Test(
        "an input gives exactly the alert on file",
        arguments: [
            ("native-cloud", .native), ("ocsf-finding", .ocsf), ("cloudevent", .cloudEvents),
        ] as [(String, IntakeFormat)])
    func golden(name: String, format: IntakeFormat) throws {
        let input = try Data(contentsOf: Self.folder.appendingPathComponent("\(name).input.json"))
        let accepted = try expectAccepted(Samples.read(Array(input), as: format))
        let output: JSONValue = [
            "alert": try JSONValue(encoding: accepted.alert), "media_type": .string(accepted.mediaType),
            "raw_size": .integer(Int64(accepted.rawSize)), "warnings": .array(accepted.warnings.map(JSONValue.string)),
        ]
        let file = Self.folder.appendingPathComponent("\(name).alert.json")
        let text = output.indented() + "\n"
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
            try Data(text.utf8).write(to: file)
        }
        #expect(text == String(decoding: try Data(contentsOf: file), as: UTF8.self))
    }
}

extension JSONValue {
    /// Canonical JSON, a member a line, so that a difference is readable.
    func indented(_ indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .array(let elements) where !elements.isEmpty:
            return "[\n" + elements.map { inner + $0.indented(inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members) where !members.isEmpty:
            let lines = members.sorted { $0.key < $1.key }.map { name, value in
                "\(inner)\(JSONValue.string(name).canonicalString()): \(value.indented(inner))"
            }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        default: return canonicalString()
        }
    }
}
