import JSON

@testable import Detection

/// Rules held against events one test after the other, in the plainest way: what the engine is held against.
enum ReferenceMatcher {
    static func holds(_ test: FieldTest, _ event: DetectionEvent) -> Bool {
        switch test {
        case .all(let tests): tests.allSatisfy { holds($0, event) }
        case .any(let tests): tests.contains { holds($0, event) }
        case .not(let test): !holds(test, event)
        case .field(let name, let value):
            ((event.fields[name]?.texts ?? []) + (event.fields[name]?.objectTexts ?? [])).contains { holds(value, $0) }
        case .isNull(let name): event.fields[name]?.isNull ?? true
        case .exists(let name): event.fields[name] != nil
        case .sameAs(let name, let other, let isCased):
            (event.fields[name]?.texts ?? []).contains { one in
                (event.fields[other]?.texts ?? []).contains { isCased ? $0.raw == one.raw : $0.folded == one.folded }
            }
        case .keyword(let value): event.fields.values.contains { $0.texts.contains { holds(value, $0) } }
        }
    }

    private static func holds(_ test: ValueTest, _ text: EventText) -> Bool {
        guard case .text(let box) = test else {
            return test.isAboutFoldedText ? test.holds(text.folded.span) : test.holds(text.raw.span)
        }
        let bytes = box.isCased ? text.raw : text.folded
        return switch box.matcher {
        case .equals(let part): bytes == part
        case .begins(let part): bytes.starts(with: part)
        case .ends(let part): bytes.reversed().starts(with: part.reversed())
        case .contains(let part): part.isEmpty || bytes.firstRange(of: part) != nil
        case .glob(let elements): glob(elements[...], bytes[...])
        case .anything: true
        }
    }

    /// By trying everything.
    private static func glob(_ pattern: ArraySlice<TextPattern.Element>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        let rest = pattern.dropFirst()
        switch first {
        case .byte(let byte): return text.first == byte && glob(rest, text.dropFirst())
        case .many: return glob(rest, text) || !text.isEmpty && glob(pattern, text.dropFirst())
        case .one:
            guard !text.isEmpty else { return false }
            var after = text.dropFirst()
            while let byte = after.first, byte & 0xC0 == 0x80 { after = after.dropFirst() }
            return glob(rest, after)
        case .dash: return TextPattern.dashes.contains { text.starts(with: $0) && glob(rest, text.dropFirst($0.count)) }
        }
    }
}
