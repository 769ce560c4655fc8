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
        "12", "true", "null", "Security", "microsoft-windows-SYSMON/Operational", "1", "4688", "Ⱥ Ɐ",
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

    private mutating func value(depth: Int) {
        switch Int.random(in: 0..<(depth > 4 ? 7 : 10), using: &chance) {
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
