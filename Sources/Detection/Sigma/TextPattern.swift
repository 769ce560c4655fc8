/// A Sigma string with its wildcards, ready to be held against UTF-8 text.
///
/// Escapes are those of the Sigma rules specification 2.1, "Escape Character": `\*` and `\?` are plain characters, `\\`
/// is one backslash, any other backslash stands for itself. `*` is any number of characters, `?` exactly one. `[`, `]`,
/// `{` and `}` mean nothing here.
struct TextPattern: Sendable, Hashable {
    enum Element: Sendable, Hashable {
        case byte(UInt8)
        case one
        case many
        /// Any of `dashes` (modifier `windash`).
        case dash

        var byte: UInt8? { if case .byte(let byte) = self { byte } else { nil } }
    }

    /// Hyphen, slash, en dash, em dash, horizontal bar (modifiers appendix 2.1.0, "windash").
    static let dashes: [[UInt8]] = ["-", "/", "–", "—", "―"].map { Array($0.utf8) }

    private(set) var elements: [Element]

    init(elements: [Element]) { self.elements = elements }

    init(literal bytes: some Sequence<UInt8>) { elements = bytes.map { .byte($0) } }

    init(_ text: String) {
        elements = []
        let bytes = Array(text.utf8)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            let following = index + 1 < bytes.count ? bytes[index + 1] : 0
            index += 1
            switch byte {
            case UInt8(ascii: "\\")
            where [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "\\")].contains(following):
                elements.append(.byte(following))
                index += 1
            case UInt8(ascii: "*"): if elements.last != .many { elements.append(.many) }
            case UInt8(ascii: "?"): elements.append(.one)
            default: elements.append(.byte(byte))
            }
        }
    }

    /// The plain bytes, or `nil` where there is a wildcard.
    var literal: [UInt8]? {
        var bytes: [UInt8] = []
        for element in elements {
            guard case .byte(let byte) = element else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// Lets anything come before and after. A wildcard inside stays where it is.
    mutating func unanchor(start: Bool, end: Bool) {
        if start, elements.first != .many { elements.insert(.many, at: 0) }
        if end, elements.last != .many { elements.append(.many) }
    }

    /// Lets every dash that begins an option be any of the five (modifier `windash`).
    ///
    /// As in pySigma an option begins where the character before is no word character and the one after is: the dash in
    /// `a-b` stands for itself.
    mutating func allowAnyDash() {
        var result: [Element] = []
        var index = 0
        outer: while index < elements.count {
            for dash in Self.dashes where elements[index...].starts(with: dash.map { .byte($0) }) {
                let after = index + dash.count
                let isBegun = result.last.map { !Self.isWord($0) } ?? true
                guard isBegun, after < elements.count, Self.isWord(elements[after]) else { continue }
                result.append(.dash)
                index = after
                continue outer
            }
            result.append(elements[index])
            index += 1
        }
        elements = result
    }

    private static func isWord(_ element: Element) -> Bool {
        guard case .byte(let byte) = element else { return false }
        switch byte {
        case 48...57, 65...90, 95, 97...122, 128...: return true
        default: return false
        }
    }
}

/// A pattern in the form in which it is quickest to try.
enum TextMatcher: Sendable, Hashable {
    case equals([UInt8])
    case begins([UInt8])
    case ends([UInt8])
    case contains([UInt8])
    case glob([TextPattern.Element])
    case anything

    init(_ pattern: TextPattern, isCased: Bool) {
        let elements = isCased ? pattern.elements : Self.folded(pattern.elements)
        let startsOpen = elements.first == .many
        let endsOpen = elements.count > 1 && elements.last == .many
        let core = elements.dropFirst(startsOpen ? 1 : 0).dropLast(endsOpen ? 1 : 0)
        if core.isEmpty, startsOpen {
            self = .anything
        } else if let bytes = TextPattern(elements: Array(core)).literal {
            switch (startsOpen, endsOpen) {
            case (false, false): self = .equals(bytes)
            case (false, true): self = .begins(bytes)
            case (true, false): self = .ends(bytes)
            case (true, true): self = .contains(bytes)
            }
        } else {
            self = .glob(elements)
        }
    }

    private static func folded(_ elements: [TextPattern.Element]) -> [TextPattern.Element] {
        var result: [TextPattern.Element] = []
        var run: [UInt8] = []
        for element in elements {
            if case .byte(let byte) = element {
                run.append(byte)
                continue
            }
            result += EventText.folded(run).map { .byte($0) } + [element]
            run = []
        }
        return result + EventText.folded(run).map { .byte($0) }
    }

    func matches(_ text: Span<UInt8>) -> Bool {
        switch self {
        case .equals(let bytes): text.count == bytes.count && Self.stands(bytes, in: text, at: 0)
        case .begins(let bytes): Self.stands(bytes, in: text, at: 0)
        case .ends(let bytes): Self.stands(bytes, in: text, at: text.count - bytes.count)
        case .contains(let bytes):
            text.count >= bytes.count
                && (0...(text.count - bytes.count)).contains { Self.stands(bytes, in: text, at: $0) }
        case .glob(let elements): Self.glob(elements, text)
        case .anything: true
        }
    }

    private static func stands(_ bytes: [UInt8], in text: Span<UInt8>, at place: Int) -> Bool {
        guard place >= 0, place + bytes.count <= text.count else { return false }
        for offset in bytes.indices where text[place + offset] != bytes[offset] { return false }
        return true
    }

    /// Goes back to the last `*` only, so it needs at most pattern times text steps.
    private static func glob(_ pattern: [TextPattern.Element], _ text: Span<UInt8>) -> Bool {
        var at = 0
        var element = 0
        var star: (element: Int, at: Int)?
        while true {
            if element < pattern.count, pattern[element] == .many {
                star = (element + 1, at)
                element += 1
            } else if element < pattern.count, let width = width(of: pattern[element], in: text, at: at) {
                at += width
                element += 1
            } else if element == pattern.count, at == text.count {
                return true
            } else if let last = star, last.at < text.count {
                star = (last.element, last.at + 1)
                at = last.at + 1
                element = last.element
            } else {
                return false
            }
        }
    }

    /// How many bytes an element takes at a place, or `nil` where it does not fit.
    private static func width(of element: TextPattern.Element, in text: Span<UInt8>, at index: Int) -> Int? {
        guard index < text.count else { return nil }
        switch element {
        case .byte(let byte): return text[index] == byte ? 1 : nil
        case .many: return nil
        case .one:
            var end = index + 1
            while end < text.count, text[end] & 0xC0 == 0x80 { end += 1 }
            return end - index
        case .dash:
            if text[index] == UInt8(ascii: "-") || text[index] == UInt8(ascii: "/") { return 1 }
            guard index + 2 < text.count, text[index] == 0xE2, text[index + 1] == 0x80 else { return nil }
            return (0x93...0x95).contains(text[index + 2]) ? 3 : nil
        }
    }
}
