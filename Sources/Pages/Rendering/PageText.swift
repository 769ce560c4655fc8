import Mustache

/// Text in HTML, in element content and in quoted attributes.
///
/// swift-mustache escapes by `Character`, and a quotation mark followed by a combining mark is another character than a
/// quotation mark: `"\u{301} onmouseover=…` would leave its attribute. Here each Unicode scalar counts for itself. What
/// no text holds (control characters, which HTML does not allow, and the marks that turn the direction of text around)
/// is shown as U+FFFD, so that nothing that is read differs from what is there.
struct PageText: MustacheContentType {
    private static let name = "DOCKET"
    static let pragma = "{{% CONTENT_TYPE:\(name)}}"

    static func register() { MustacheContentTypes.register(PageText(), named: name) }

    func escapeText(_ text: String) -> String { Self.escape(text) }

    static func escape(_ text: String) -> String {
        var escaped = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "<": escaped.append(contentsOf: "&lt;".unicodeScalars)
            case ">": escaped.append(contentsOf: "&gt;".unicodeScalars)
            case "&": escaped.append(contentsOf: "&amp;".unicodeScalars)
            case "\"": escaped.append(contentsOf: "&quot;".unicodeScalars)
            case "'": escaped.append(contentsOf: "&#39;".unicodeScalars)
            case "`": escaped.append(contentsOf: "&#96;".unicodeScalars)
            case "\t", "\n", "\r": escaped.append(scalar)
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
                escaped.append("\u{FFFD}")
            default: escaped.append(scalar)
            }
        }
        return String(escaped)
    }
}
