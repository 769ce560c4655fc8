package import JSON

extension BatchReader {
    /// What a file holds, as far as its first items tell.
    package struct Detected: Sendable, Hashable {
        package var layout: Layout
        package var content: Content
    }

    package enum Content: Sendable, Hashable {
        case alerts(IntakeFormat)
        /// Raw events: neither a native alert nor an OCSF finding, nor an envelope around one.
        case telemetry
    }

    /// Looks at a file that no media type describes.
    ///
    /// The first of up to ten items that is JSON decides; an item that cannot be read decides nothing. A file without
    /// any is told to be telemetry in lines.
    package static func detect(_ body: [UInt8]) -> Detected {
        let layout = layout(of: body)
        for bytes in firstItems(of: body, layout: layout, count: 10) {
            guard let (value, _) = try? JSONValue.parseEvidence(bytes) else { continue }
            return Detected(layout: layout, content: content(of: value))
        }
        return Detected(layout: layout, content: layout == .lines ? .telemetry : .alerts(.native))
    }

    /// What one item is. A native alert is known by at least three of its four required members, so that one with a
    /// member missing is told so instead of being taken for telemetry.
    package static func content(of item: JSONValue) -> Content {
        if item["specversion"] != nil, item["type"] != nil, item["source"] != nil { return .alerts(.cloudEvents) }
        if let uid = item["class_uid"]?.int64Value {
            return OCSFFinding.classes.contains(uid) ? .alerts(.ocsf) : .telemetry
        }
        let hasSeverity = item["severity"] != nil || item["severity_id"] != nil
        let required = ["source", "title", "occurred_at"].count { item[$0] != nil } + (hasSeverity ? 1 : 0)
        return required >= 3 ? .alerts(.native) : .telemetry
    }

    /// One whole value is a single document; several lines of which the first is one are lines.
    private static func layout(of body: [UInt8]) -> Layout {
        var scanner = JSONBoundaryScanner(body, at: bodyStart(of: body))
        scanner.skipWhitespace()
        guard !scanner.isAtEnd else { return .lines }
        let opener = body[scanner.index]
        if opener == UInt8(ascii: "[") { return .array }
        guard opener == UInt8(ascii: "{") else { return .lines }
        if (try? scanner.skipValue()) != nil {
            scanner.skipWhitespace()
            return scanner.isAtEnd ? .single : .lines
        }
        let objects = body.split(separator: UInt8(ascii: "\n")).count { line in
            line.first { !$0.isJSONWhitespace } == UInt8(ascii: "{")
        }
        return objects > 1 ? .lines : .single
    }

    private static func firstItems(of body: [UInt8], layout: Layout, count: Int) -> [[UInt8]] {
        let start = bodyStart(of: body)
        switch layout {
        case .single: return [Array(body[start...])]
        case .lines:
            return body[start...].split(separator: UInt8(ascii: "\n"), maxSplits: count).prefix(count)
                .filter { line in !line.allSatisfy(\.isJSONWhitespace) }.map(Array.init)
        case .array:
            var scanner = JSONBoundaryScanner(body, at: start)
            scanner.skipWhitespace()
            var items: [[UInt8]] = []
            guard scanner.take(UInt8(ascii: "[")) else { return [] }
            while items.count < count, let place = try? scanner.skipValue() {
                items.append(Array(body[place]))
                scanner.skipWhitespace()
                guard scanner.take(UInt8(ascii: ",")) else { break }
            }
            return items
        }
    }
}
