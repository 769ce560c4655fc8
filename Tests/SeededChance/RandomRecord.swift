/// Records as text, of all that JSON allows and some that it does not: for tests that hold two readers against each
/// other.
package struct RandomRecord: Sendable {
    private var chance: SeededGenerator
    private var text: [UInt8] = []

    /// Names of fields that the records are likely to have.
    package static let names = [
        "a", "b", "a.b", "a.b.c", "c", "Ä", "b c", "bc", "Channel", "EventID", "log_name", "event_id", "x.y",
    ]
    private static let members = [
        "a", "a", "b", "b", "c", "x", "y", "a.b", "b c", "unknown", "Ä", "Channel", "EventID", "log_name", "event_id",
        "",
        "#text", "#attributes", "Event", "System", "EventData", "Data", "Name", "a\\u002eb", "long name of a member",
    ]
    private static let texts = [
        "", "x", "Abc", "ABC def GHI jkl MNO", "C:\\\\Windows\\\\System32\\\\cmd.exe", "\\u0041\\n\\t\\/\\\"",
        "grün Ä ß",
        "\\u00c4\\u00e4", "K ſ İ Σ ς", "😀 \\ud83d\\ude00", "\\ud83d", "\\ude00 \\ud83dx", "\\u0000", "𐐀 \\ud801\\udc00",
        "¡™£¢∞§¶",
        "12", "true", "null", "Security", "microsoft-windows-SYSMON/Operational", "1", "4688", "Ⱥ Ɐ", "1.0",
    ]
    /// What long texts are made of: the longer values of `RandomRule`, in the ways in which JSON may write them.
    private static let pieces = [
        "mimikatz.exe", "MimiKatz\\u002eexe", "mimi\\nkatz.exe", "\\\\Temp\\\\", "\\u005cTemp\\\\x", "\\\\\\Temp\\\\",
        "say \\\"Hello\\\" twice",
        "say \\u0022hello\\u0022 twice", "C:\\\\Windows\\\\System32\\\\CMD.exe", "/etc/shadow", "\\/etc\\/shadow",
        "\\u002fetc/shadow",
        "Kerberoasting", "\u{212A}\u{212A}\u{212A}\u{212A}\u{212A}\u{212A}\u{212A}\u{212A}",
        "a\\\\b\\\\c\\\\d\\\\e\\\\f\\\\g\\\\h\\\\i\\\\j\\\\k", "\u{212A}erberoasting", "\\u212aerberoasting",
        "Invoke-Expression", "GRÖSSER als",
        "größer als", "aaaaaaa", "a", "aaaaaaaaa",
        "bcdefghi", "abcdefg", "DownloadString(", "downloadstring\\u0028", "line one", "line one\\nline two",
        "line one\\u000aline two", "\\r\\n\\t", "\\\\nline two",
        "\\nline two",
        "sekurlsa::logonPasswords", "ÄÖÜ äöü", "äöü", " ", "\\u0000", "\\ud83d\\ude00", "the rest of it", "0123456789",
        "_`{|}~@[]^",
    ]
    private static let scalars = [
        "0", "1", "-1", "12", "4688", "-0", "1.5", "1.0", "-0.0", "1e3", "1E-2", "9007199254740992", "9007199254740993",
        "12345678901234567890", "1e400", "true", "false", "null", "0.1", "-12.50",
    ]

    package init(seed: UInt64) { chance = SeededGenerator(seed: seed) }

    /// - Parameter isBroken: some bytes are changed afterwards.
    package mutating func next(isBroken: Bool = false) -> [UInt8] {
        text = []
        object(depth: 0)
        if isBroken { text.mutate(using: &chance) }
        return text
    }

    /// A Windows event as EVTX's converters write it, and sometimes not quite.
    package mutating func nextEVTX(isBroken: Bool = false) -> [UInt8] {
        text = []
        let isWrapped = Bool.random(using: &chance)
        if isWrapped { write("{\"Event\":") }
        write("{")
        if Bool.random(using: &chance) { write("\"#attributes\":{\"xmlns\":\"http://schemas\"},") }
        var parts = ["System", "EventData", "UserData"]
        if Int.random(in: 0..<4, using: &chance) == 0 { parts.shuffle(using: &chance) }
        if Int.random(in: 0..<3, using: &chance) == 0 { parts.removeLast() }
        if Int.random(in: 0..<6, using: &chance) == 0 { parts.append(pick(Self.members)) }
        for (index, part) in parts.enumerated() {
            write("\(index > 0 ? "," : "")\"\(part)\":")
            switch Int.random(in: 0..<16, using: &chance) {
            case 0: scalar()
            case 1: value(depth: 3)
            default: if part == "System" { system() } else { leaves(depth: 0) }
            }
        }
        write("}")
        if isWrapped {
            if Int.random(in: 0..<20, using: &chance) == 0 { write(",\"a\":1") }
            write("}")
        }
        if isBroken { text.mutate(using: &chance) }
        return text
    }

    private mutating func system() {
        write("{")
        list(["Provider", "EventID", "Channel", "Execution", "a", "b c", "Keywords", "Name"], max: 6) { own, name in
            own.write("\"\(name)\":")
            if Int.random(in: 0..<12, using: &own.chance) == 0 {
                own.value(depth: 3)
            } else {
                own.element { $0.scalar() }
            }
        }
        write("}")
    }

    private mutating func list(_ names: [String], max: Int, _ member: (inout Self, String) -> Void) {
        for index in 0..<Int.random(in: 0...max, using: &chance) {
            if index > 0 { write(",") }
            member(&self, pick(names))
        }
    }

    private mutating func leaves(depth: Int) {
        write("{")
        if Int.random(in: 0..<4, using: &chance) == 0 { write("\"#attributes\":{\"Name\":\"\(pick(Self.members))\"},") }
        list(["a", "b", "c", "Data", "x y", "Process Name", "EventID", "a.b", "#text", "Name"], max: 5) { own, name in
            own.write("\"\(name)\":")
            switch Int.random(in: 0..<8, using: &own.chance) {
            case 0 where depth < 2: own.leaves(depth: depth + 1)
            case 1:
                own.write("[")
                own.list(["x"], max: 3) { own, _ in own.element { $0.scalar() } }
                own.write("]")
            case 2, 3: own.element { $0.scalar() }
            default: own.scalar()
            }
        }
        write("}")
    }

    /// A value, or one with attributes.
    private mutating func element(_ plain: (inout Self) -> Void) {
        switch Int.random(in: 0..<7, using: &chance) {
        case 0: write("{\"#attributes\":{\"Name\":\"\(pick(Self.names))\"}}")
        case 1: write("{\"#attributes\":{\"Name\":\"\(pick(Self.members))\"},\"#text\":\"\(pick(Self.texts))\"}")
        case 2:
            write("{\"#attributes\":{\"\(pick(Self.members))\":")
            scalar()
            write(",\"Name\":")
            scalar()
            write("},\"#text\":")
            plain(&self)
            write("}")
        case 3:
            write("{\"#text\":")
            if Bool.random(using: &chance) { scalar() } else { value(depth: 4) }
            write(Bool.random(using: &chance) ? "}" : ",\"#attributes\":{\"Name\":\"c\"}}")
        default: plain(&self)
        }
    }

    private mutating func scalar() {
        write(Bool.random(using: &chance) ? "\"\(pick(Self.texts))\"" : pick(Self.scalars))
    }

    private mutating func pick(_ list: [String]) -> String { list[Int.random(in: 0..<list.count, using: &chance)] }

    private mutating func write(_ part: String) {
        if Int.random(in: 0..<40, using: &chance) == 0 {
            text += Array(" \t\r\n".utf8.shuffled(using: &chance).prefix(2))
        }
        text += part.utf8
    }

    private mutating func object(depth: Int) {
        write("{")
        for index in 0..<Int.random(in: 0...(depth == 0 ? 8 : 3), using: &chance) {
            if index > 0 { write(",") }
            write("\"\(pick(Self.members))\"")
            write(":")
            value(depth: depth + 1)
        }
        write("}")
    }

    /// Mostly of some words, sometimes of more than a thousand bytes; some come again and again.
    private mutating func longText() {
        let count = [0, 0, 1, 2, 3, 4, 6, 9][Int.random(in: 0..<8, using: &chance)]
        text.append(UInt8(ascii: "\""))
        if Int.random(in: 0..<8, using: &chance) == 0 {
            text += String(repeating: "the same again ", count: 60 + Int.random(in: 0..<20, using: &chance)).utf8
        }
        for _ in 0...count { text += pick(Self.pieces).utf8 }
        text.append(UInt8(ascii: "\""))
    }

    private mutating func value(depth: Int) {
        switch Int.random(in: 0..<(depth > 4 ? 7 : 10), using: &chance) {
        case 0 where Bool.random(using: &chance): longText()
        case 0..<5: write("\"\(pick(Self.texts))\(Bool.random(using: &chance) ? pick(Self.texts) : "")\"")
        case 5..<7: write(pick(Self.scalars))
        case 7, 8: object(depth: depth)
        default:
            write("[")
            for index in 0..<Int.random(in: 0...3, using: &chance) {
                if index > 0 { write(",") }
                value(depth: depth + 1)
            }
            write("]")
        }
    }
}

extension [UInt8] {
    /// Changes, removes or adds one to three bytes.
    package mutating func mutate(using chance: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...3, using: &chance) where !isEmpty {
            let place = Int.random(in: 0..<count, using: &chance)
            switch Int.random(in: 0..<3, using: &chance) {
            case 0: self[place] = UInt8.random(in: 0...255, using: &chance)
            case 1: remove(at: place)
            default: insert(UInt8.random(in: 0...255, using: &chance), at: place)
            }
        }
    }
}
