import Events
import Foundation
import JSON
package import Logging

/// A log handler that writes one JSON object a line, for machines that collect standard error.
///
/// Whatever looks like a token is cut short before it is written, wherever it came from.
package struct JSONLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    package var logLevel: Logger.Level = .info

    private let label: String
    private let write: @Sendable (String) -> Void

    /// - Parameter write: takes a whole line, without its end.
    package init(
        label: String, write: @escaping @Sendable (String) -> Void = { LogOutput.standardError.write($0) }
    ) {
        self.label = label
        self.write = write
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var all = metadata
        all.merge(metadataProvider?.get() ?? [:]) { $1 }
        all.merge(event.metadata ?? [:]) { $1 }
        if let error = event.error { all["error"] = "\(error)" }
        var line: [String: JSONValue] = [:]
        for (key, value) in all { line[key] = Self.json(value) }
        line["ts"] = .string(Instant.now().rfc3339)
        line["level"] = .string(event.level.rawValue)
        line["logger"] = .string(label)
        line["message"] = .string(Self.redacted(event.message.description))
        write(JSONValue.object(line).canonicalString())
    }

    private static func json(_ value: Logger.MetadataValue) -> JSONValue {
        switch value {
        case .string(let text): .string(redacted(text))
        case .stringConvertible(let value): .string(redacted(value.description))
        case .array(let values): .array(values.map(json))
        case .dictionary(let values): .object(values.mapValues(json))
        }
    }

    /// Everything behind `dkt_` up to the next character that no token holds.
    static func redacted(_ text: String) -> String {
        guard text.contains(TokenText.prefix) else { return text }
        var parts = text.components(separatedBy: TokenText.prefix)[...]
        var result = parts.removeFirst()
        for part in parts {
            let rest = part.drop { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
            result += TokenText.prefix + "…" + rest
        }
        return result
    }
}
