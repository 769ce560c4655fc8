/// A JSON Pointer (RFC 6901), split into its reference tokens.
package struct JSONPointer: Sendable, Hashable, CustomStringConvertible {
    package var tokens: [String]

    package init(tokens: [String]) {
        self.tokens = tokens
    }

    /// - Returns: `nil` unless the text is empty or begins with `/`.
    package init?(_ text: String) {
        if text.isEmpty {
            tokens = []
            return
        }
        guard text.hasPrefix("/") else { return nil }
        tokens = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map(Self.unescape)
    }

    package var description: String {
        tokens.map { "/" + Self.escape($0) }.joined()
    }

    package func appending(_ token: String) -> JSONPointer {
        JSONPointer(tokens: tokens + [token])
    }

    package static func escape(_ token: String) -> String {
        guard token.utf8.contains(where: { $0 == UInt8(ascii: "~") || $0 == UInt8(ascii: "/") }) else { return token }
        return token.reduce(into: "") { text, character in
            switch character {
            case "~": text += "~0"
            case "/": text += "~1"
            default: text.append(character)
            }
        }
    }

    /// `~1` is read before `~0`, as RFC 6901 §4 demands, so `~01` is `~1` and not `/`.
    private static func unescape(_ token: Substring) -> String {
        var text = ""
        var rest = token
        while let tilde = rest.firstIndex(of: "~") {
            text += rest[..<tilde]
            let code = rest.index(after: tilde)
            if code < rest.endIndex, rest[code] == "0" || rest[code] == "1" {
                text += rest[code] == "0" ? "~" : "/"
                rest = rest[rest.index(after: code)...]
            } else {
                text += "~"
                rest = rest[code...]
            }
        }
        return text + rest
    }
}

extension JSONValue {
    /// The value at a pointer, or `nil` where the path ends.
    package func at(_ pointer: JSONPointer) -> JSONValue? {
        var value = self
        for token in pointer.tokens {
            switch value {
            case .object(let members):
                guard let next = members[token] else { return nil }
                value = next
            case .array(let elements):
                guard let index = Self.arrayIndex(token), index < elements.count else { return nil }
                value = elements[index]
            default:
                return nil
            }
        }
        return value
    }

    /// The value at a pointer's text; a text that is no pointer finds nothing.
    package func at(_ pointer: String) -> JSONValue? {
        JSONPointer(pointer).flatMap { at($0) }
    }

    /// This value with the one at the pointer replaced. A path that does not exist leaves it as it is.
    package func replacing(at pointer: JSONPointer, with replacement: JSONValue) -> JSONValue {
        replacing(tokens: pointer.tokens[...], with: replacement)
    }

    private func replacing(tokens: ArraySlice<String>, with replacement: JSONValue) -> JSONValue {
        guard let token = tokens.first else { return replacement }
        switch self {
        case .object(var members):
            guard let child = members[token] else { return self }
            members[token] = child.replacing(tokens: tokens.dropFirst(), with: replacement)
            return .object(members)
        case .array(var elements):
            guard let index = Self.arrayIndex(token), index < elements.count else { return self }
            elements[index] = elements[index].replacing(tokens: tokens.dropFirst(), with: replacement)
            return .array(elements)
        default:
            return self
        }
    }

    /// An array index as RFC 6901 §4 writes it: digits without a leading zero.
    private static func arrayIndex(_ token: String) -> Int? {
        guard !token.isEmpty, token.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            token == "0" || !token.hasPrefix("0")
        else { return nil }
        return Int(token)
    }

    /// All pointers that a pattern names, where the token `*` stands for every element or member.
    package func pointers(matching pattern: JSONPointer) -> [JSONPointer] {
        var found: [(JSONPointer, JSONValue)] = [(JSONPointer(tokens: []), self)]
        for token in pattern.tokens {
            found = found.flatMap { pointer, value -> [(JSONPointer, JSONValue)] in
                switch (value, token) {
                case (.array(let elements), "*"):
                    return elements.enumerated().map { (pointer.appending(String($0.offset)), $0.element) }
                case (.object(let members), "*"):
                    return members.sorted { $0.key < $1.key }.map { (pointer.appending($0.key), $0.value) }
                default:
                    guard let next = value.at(JSONPointer(tokens: [token])) else { return [] }
                    return [(pointer.appending(token), next)]
                }
            }
        }
        return found.map(\.0)
    }
}
