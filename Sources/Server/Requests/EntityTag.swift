import HTTPTypes
import Reactors

/// The version of a resource as HTTP writes it (RFC 9110 §8.8.3).
enum EntityTag: Hashable {
    case strong(Int64)
    /// Weak tags never match a precondition (§13.1.1); they are understood so that this can be said.
    case weak(Int64)
    case other

    var text: String {
        switch self {
        case .strong(let version): "\"\(version)\""
        case .weak(let version): "W/\"\(version)\""
        case .other: "\"\""
        }
    }

    init(_ text: some StringProtocol) {
        let isWeak = text.hasPrefix("W/")
        let quoted = isWeak ? text.dropFirst(2) : text[...]
        guard quoted.count > 2, quoted.hasPrefix("\""), quoted.hasSuffix("\""),
            let version = Int64(quoted.dropFirst().dropLast())
        else {
            self = .other
            return
        }
        self = isWeak ? .weak(version) : .strong(version)
    }
}

/// `If-Match`: which versions the sender saw.
enum IfMatch: Hashable {
    case anything
    case oneOf([EntityTag])

    /// - Throws: `precondition-required`, 428, when the header is missing.
    init(_ headers: HTTPFields) throws(Problem) {
        guard let text = headers[.ifMatch] else {
            throw Problem(
                .preconditionRequired, "Send the ETag of the version that you looked at as If-Match, or * for any.")
        }
        if text.trimmed == "*" {
            self = .anything
        } else {
            self = .oneOf(text.split(separator: ",").map { EntityTag($0.trimmed) })
        }
    }

    /// - Throws: `StaleVersion` when the resource is at another version.
    func check(_ version: Int64) throws {
        if case .oneOf(let tags) = self, !tags.contains(.strong(version)) { throw StaleVersion(current: version) }
    }
}

extension StringProtocol {
    /// Without the white space that HTTP allows around list items.
    var trimmed: String {
        var text = Substring(self)
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
