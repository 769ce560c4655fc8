extension FieldModifiers {
    /// A value under the modifiers that make another text of it, applied in the order in which they stand; one value may
    /// become several (`base64offset`).
    func text(_ value: String) throws(Refusal) -> FieldTest {
        var patterns = [TextPattern(value)]
        var isUTF16 = false
        for name in names {
            switch name {
            case "contains": for index in patterns.indices { patterns[index].unanchor(start: true, end: true) }
            case "startswith": for index in patterns.indices { patterns[index].unanchor(start: false, end: true) }
            case "endswith": for index in patterns.indices { patterns[index].unanchor(start: true, end: false) }
            case "windash":
                if isUTF16 { throw Refusal("'windash' does not go after an encoding") }
                for index in patterns.indices { patterns[index].allowAnyDash() }
            case "wide", "utf16le", "utf16be", "utf16":
                if isUTF16 || patterns.count > 1 { throw Refusal("'\(name)' does not go after an encoding") }
                isUTF16 = true
                patterns = [try Self.utf16(patterns[0], as: name)]
            case "base64":
                isUTF16 = false
                patterns = [TextPattern(literal: Base64Text.encode(try Self.plain(patterns[0], name)))]
            case "base64offset":
                isUTF16 = false
                let bytes = try Self.plain(patterns[0], name)
                patterns = Base64Text.encodeAtEveryOffset(bytes).map { TextPattern(literal: $0) }
            default: throw Refusal("the modifier '\(name)' does not go there")
            }
        }
        if isUTF16 { patterns = patterns.map(Self.bytesAsCharacters) }
        if field.isEmpty { for index in patterns.indices { patterns[index].unanchor(start: true, end: true) } }
        let tests = patterns.map {
            wrap(.text(TextMatcherBox(matcher: TextMatcher($0, isCased: isCased), isCased: isCased)))
        }
        return tests.count == 1 ? tests[0] : .any(tests)
    }

    private static func plain(_ pattern: TextPattern, _ modifier: String) throws(Refusal) -> [UInt8] {
        guard let bytes = pattern.literal else { throw Refusal("'\(modifier)' does not go with wildcards") }
        return bytes
    }

    /// The bytes of a text in UTF-16. Wildcards stay; `?` is one character and so two bytes. The byte order mark of
    /// `utf16` stands before the text, behind a `*` with which the value begins.
    private static func utf16(_ pattern: TextPattern, as name: String) throws(Refusal) -> TextPattern {
        var elements: [TextPattern.Element] = []
        var run: [UInt8] = []
        func encoded() -> [TextPattern.Element] {
            String(decoding: run, as: UTF8.self).utf16.flatMap { unit -> [TextPattern.Element] in
                let pair: [TextPattern.Element] = [.byte(UInt8(unit & 0xFF)), .byte(UInt8(unit >> 8))]
                return name == "utf16be" ? pair.reversed() : pair
            }
        }
        for element in pattern.elements {
            switch element {
            case .byte(let byte): run.append(byte)
            case .many: (elements, run) = (elements + encoded() + [.many], [])
            case .one: (elements, run) = (elements + encoded() + [.one, .one], [])
            case .dash: throw Refusal("'\(name)' does not go after 'windash'")
            }
        }
        elements += encoded()
        if name == "utf16" {
            elements.insert(contentsOf: [.byte(0xFF), .byte(0xFE)], at: elements.first == .many ? 1 : 0)
        }
        return TextPattern(elements: elements)
    }

    /// In a record, which is text, a byte is the character with its number: `c` in UTF-16 is `c` and U+0000.
    private static func bytesAsCharacters(_ pattern: TextPattern) -> TextPattern {
        TextPattern(
            elements: pattern.elements.flatMap { element -> [TextPattern.Element] in
                guard case .byte(let byte) = element, byte >= 0x80 else { return [element] }
                return [.byte(0xC0 | byte >> 6), .byte(0x80 | byte & 0x3F)]
            })
    }
}
