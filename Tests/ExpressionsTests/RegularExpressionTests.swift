import Expressions
import Testing

@Suite("Regular expressions")
struct RegularExpressionTests {
    private func outcome(_ pattern: String, _ text: String, _ options: RegularExpression.Options = []) throws
        -> RegularExpression.Outcome
    {
        let bytes = Array(text.utf8)
        return try RegularExpression(pattern, options: options).search(bytes.span)
    }

    @Test(
        "expressions match as Sigma's rules expect",
        arguments: [
            ("abc", "xabcx", true), ("^abc$", "abc", true), ("^abc$", "xabc", false), ("^abc$", "abc\n", true),
            ("a|b", "b", true), ("^(?:ab){2,3}$", "abab", true), ("^(?:ab){2,3}$", "abababab", false),
            (#"\d+\.\d+"#, "v1.20", true), (#"^\w+$"#, "a_1", true), (#"^\w$"#, "é", false),
            (#"\bnet\b"#, "nets", false),
            ("[]a]", "]", true), ("(?i)ABC", "xabc", true), ("a(?i)b", "Ab", false), ("(?i)ä", "Ä", true),
            (".", "é", true), ("^.$", "é", true), (".", "\n", false), (#"a\/b"#, "a/b", true), ("()", "", true),
            ("(?=a)ab", "ab", true), (#"(a)\1"#, "aa", true), ("^$", "", true),
        ])
    func matches(pattern: String, text: String, expected: Bool) throws {
        let found = try outcome(pattern, text)
        #expect(found == (expected ? .matches : .doesNotMatch))
    }

    @Test("the options are those of the modifiers i, m and s")
    func options() throws {
        for (pattern, text, options) in [
            ("ABC", "abc", .caseInsensitive), ("^b$", "a\nb\nc", .multiline), ("a.b", "a\nb", .dotMatchesNewline),
        ] as [(String, String, RegularExpression.Options)] {
            let without = try outcome(pattern, text)
            let with = try outcome(pattern, text, options)
            #expect(without == .doesNotMatch && with == .matches, "\(pattern)")
        }
    }

    @Test(
        "what is no expression is refused, with the place", arguments: ["(", ")", "[", "[z-a]", "*a", #"a\"#, #"\C"#])
    func refusals(pattern: String) {
        #expect(throws: RegularExpression.Problem.self) { try RegularExpression(pattern) }
    }

    @Test(
        "what would backtrack for ever is given up and told, whatever the length of the text",
        arguments: [40, 5_000, 200_000])
    func hostile(length: Int) throws {
        let text = String(repeating: "a", count: length) + "!"
        for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a)*$", #"^([a-zA-Z]+)*\d$"#, "(a*)*b", "(.*)*x"] {
            let clock = ContinuousClock()
            var found = RegularExpression.Outcome.matches
            let taken = try clock.measure { found = try outcome(pattern, text) }
            #expect(found != .matches && taken < .seconds(20), "\(pattern): \(found) in \(taken)")
        }
        let plain = try outcome("^(a+)+$", "a!")
        #expect(plain == .doesNotMatch)
    }

    @Test("a pattern has a limit of length and of nesting")
    func sizes() {
        for pattern in [
            String(repeating: "(", count: 2_000) + String(repeating: ")", count: 2_000),
            String(repeating: "a", count: 4_097),
        ] {
            #expect(throws: RegularExpression.Problem.self) { try RegularExpression(pattern) }
        }
    }
}
