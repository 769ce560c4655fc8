import Detection
import Testing

@Suite("Regular expressions")
struct RegularExpressionTests {
    @Test(
        "expressions match as PCRE does",
        arguments: [
            ("abc", "xabcx", true), ("^abc$", "abc", true), ("^abc$", "xabc", false), ("^abc$", "abc\n", true),
            ("a|b", "b", true), ("^(a|b)+$", "abba", true), ("^(?:ab){2,3}$", "abab", true),
            ("^(?:ab){2,3}$", "abababab", false), ("a{2,}", "aa", true), ("a{,2}b", "b", true), ("a{3}", "aa", false),
            ("^a{0}$", "", true), ("x*", "", true), ("a+?b", "aab", true), ("a{x", "a{x", true),
            (#"\d+\.\d+"#, "v1.20", true), (#"^\w+$"#, "a_1", true), (#"^\W$"#, "-", true), (#"\s"#, "\t", true),
            (#"^\S+$"#, "a b", false), (#"\bnet\b"#, "a net b", true), (#"\bnet\b"#, "nets", false),
            (#"\Bet\b"#, "net", true), ("[a-c]+$", "xxabc", true), ("[^a-c]", "abc", false), ("[]a]", "]", true),
            ("[a-]", "-", true), (#"[\w+|\s]"#, "|", true), (#"[\]]"#, "]", true), (#"[^\d]"#, "5", false),
            (#"[\D]"#, "x", true), ("(?i)ABC", "xabc", true), ("a(?i)b", "aB", true), ("a(?i)b", "Ab", false),
            ("(?i:a)b", "AB", false), ("(?i:a)b", "Ab", true), ("(?i)[a-c]", "B", true), ("(?i)[^a-c]", "B", false),
            ("(?i)ä", "Ä", true), (".", "é", true), ("^.$", "é", true), (".", "\n", false),
            (#"\x41\u0042"#, "AB", true),
            (#"a\/b"#, "a/b", true), ("(?<name>a)b", "ab", true), ("()", "", true), ("(a*)*b", "aaab", true),
            ("(|a)+$", "b", true), (".{3,}", "ab", false), (".{3,}", "abc", true),
        ])
    func matches(pattern: String, text: String, expected: Bool) throws {
        #expect(try RegularExpression(pattern).matches(text) == expected)
    }

    @Test(
        "what needs backtracking, and what is no expression, is refused",
        arguments: [
            "(?=a)", "(?!a)", "(?<=a)", "(?<!a)", "(?>a)", #"(a)\1"#, "a++", "(", ")", "[", "[z-a]", "*a", #"a\"#,
            "a{3,2}",
            "[[:alpha:]]", #"\pL"#, "(?x)a", "^*", "((a{100}){100}){100}",
        ])
    func refusals(pattern: String) {
        #expect(throws: RegularExpression.Problem.self) { try RegularExpression(pattern) }
    }

    @Test("patterns that make backtracking engines stand still are answered at once")
    func hostile() throws {
        let text = String(repeating: "a", count: 5_000) + "!"
        for pattern in ["^(a+)+$", "^(a|aa)+$", "^(a|a)*$", "^(.*)*x$", #"^([a-zA-Z]+)*\d$"#] {
            let expression = try RegularExpression(pattern)
            let clock = ContinuousClock()
            let taken = clock.measure { #expect(!expression.matches(text)) }
            #expect(taken < .seconds(5), "\(pattern)")
        }
    }

    @Test("nesting has an end")
    func nesting() {
        #expect(throws: RegularExpression.Problem.self) {
            try RegularExpression(String(repeating: "(", count: 10_000) + String(repeating: ")", count: 10_000))
        }
    }
}
