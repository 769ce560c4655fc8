/// Sigma rules as YAML, over the fields of `RandomRecord`. Some are refused, since a field stands twice in a map.
package struct RandomRule: Sendable {
    /// Which values the rules have: long ones are looked for otherwise than short ones.
    package enum Values: Sendable, CaseIterable { case short, long, mixed }

    private var chance: SeededGenerator
    private let values: [String]

    package init(seed: UInt64, values: Values = .short) {
        chance = SeededGenerator(seed: seed)
        self.values =
            switch values {
            case .short: Self.shortValues
            case .long: Self.longValues
            case .mixed: Self.longValues + Self.longValues + Self.shortValues
            }
    }

    private static let shortValues = [
        "x", "abc", "ABC", "*b*", "a*c", "?bc", "C:\\Windows\\*", "*\\cmd.exe", "grün", "Ä", "ss", "1", "4688",
        "true", "-x",
        "*", "", "jkl", "😀", "def", "k", "c d", "system32", "1.0",
    ]
    /// Most of them are among the texts of `RandomRecord`.
    private static let longValues = [
        "mimikatz.exe", "*\\Temp\\*", "say \"hello\" twice", "C:\\Windows\\*", "*/etc/shadow", "kerberoasting",
        "kkkkkkkk",
        "invoke-*", "größer als", "*\\System32\\cmd.exe", "aaaaaaaa", "abcdefg", "?bcdefghi", "DownloadString(",
        "line one*line two", "line one\nline two", "sekurlsa::logonpasswords", "ÄÖÜ äöü",
        "a\\b\\c\\d\\e\\f\\g\\h\\i\\j\\k",
    ]
    private static let modifiers = [
        "", "|contains", "|startswith", "|endswith", "|contains|all", "|contains|windash", "|cased",
        "|contains|cased",
        "|neq", "|re", "|re|i", "|exists", "|fieldref", "|lt", "|gte", "|cidr",
    ]

    private mutating func pick(_ list: [String]) -> String { list[Int.random(in: 0..<list.count, using: &chance)] }

    private func quoted(_ text: String) -> String {
        guard text.contains("\n") else { return "'" + text.replacing("'", with: "''") + "'" }
        return "\"" + text.replacing("\n", with: "\\n") + "\""
    }

    private mutating func selection() -> String {
        (0..<Int.random(in: 1...3, using: &chance)).map { _ in
            let modifier = pick(Self.modifiers)
            let name = pick(RandomRecord.names)
            let value: String =
                switch modifier {
                case "|exists": pick(["true", "false"])
                case "|fieldref": pick(["a", "b", "c"])
                case "|lt", "|gte": pick(["0", "5", "4688", "1.5"])
                case "|cidr": pick(["10.0.0.0/8", "::1/128"])
                case "|re", "|re|i":
                    quoted(pick(["ab+c", "^x", "[0-9]{2}$", "ABC|def", "system32", "gr.n", "(?i)SYS"]))
                case "" where Int.random(in: 0..<8, using: &chance) == 0: "null"
                default:
                    "["
                        + (0..<Int.random(in: 1...4, using: &chance)).map { _ in quoted(pick(values)) }
                        .joined(separator: ", ") + "]"
                }
            return "        \(quoted(name + modifier)): \(value)"
        }.joined(separator: "\n")
    }

    package mutating func next(id number: Int) -> String {
        let condition = pick([
            "a", "not a", "a and b", "a or b", "a and not b", "not (a or k)", "k", "k and b", "1 of *",
        ])
        let keywords = (0..<2).map { _ in quoted(pick(values.filter { !$0.isEmpty })) }.joined(separator: ", ")
        return """
            title: r
            id: '\(number)'
            logsource: {product: test}
            detection:
                a:
            \(selection())
                b:
            \(selection())
                k: [\(keywords)]
                condition: \(condition)
            """
    }
}
