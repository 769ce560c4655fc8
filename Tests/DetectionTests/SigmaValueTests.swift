import Detection
import JSON
import Testing

@Suite("Sigma values")
struct SigmaValueTests {
    @Test(
        "backslashes escape wildcards and themselves, and nothing else",
        arguments: [
            (#"C:\Windows\a.exe"#, #"c:\windows\A.EXE"#, true),
            (#"\\server"#, #"\server"#, true),
            (#"\\server"#, #"\\server"#, false),
            (#"\\\\server"#, #"\\server"#, true),
            (#"\\\server"#, #"\\server"#, true),
            (#"a\*b"#, "a*b", true),
            (#"a\*b"#, "axb", false),
            (#"a\?b"#, "a?b", true),
            (#"a\?b"#, "axb", false),
            (#"a\\*b"#, #"a\xyzb"#, true),
            (#"a\\*b"#, "a*b", false),
            (#"a\\\*b"#, #"a\*b"#, true),
            (#"a\\\*b"#, #"a\xb"#, false),
            (#"trailing\"#, #"trailing\"#, true),
            ("a*", "abc", true),
            ("a*", "bca", false),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "aéc", true),
            ("a?c", "ac", false),
            ("a?c", "abbc", false),
            ("?", "", false),
            ("a*b*c", "a1b2b3c", true),
            ("a*b*c", "a1c2b", false),
            ("[a]{b}", "[A]{B}", true),
            ("[a]", "a", false),
            ("Straße ÄÖ", "straße äö", true),
            ("", "", true),
            ("", "x", false),
        ])
    func escapes(value: String, text: String, expected: Bool) throws {
        #expect(try selects("f: '\(value)'", ["f": .string(text)]) == expected)
    }

    @Test(
        "modifiers say where and how a value is looked for",
        arguments: [
            ("f|contains: 'b'", "abc", true), ("f|contains: 'b'", "ac", false),
            ("f|contains: 'a*c'", "xxabcxx", true), ("f|contains: 'a?c'", "xxacxx", false),
            (#"f|contains: '\x\'"#, #"a\x\b"#, true), (#"f|contains: '\x\'"#, #"a\xb"#, false),
            (#"f|startswith: 'c:\'"#, #"C:\Windows"#, true), ("f|startswith: 'b'", "abc", false),
            (#"f|endswith: '\cmd.exe'"#, #"C:\CMD.EXE"#, true), ("f|endswith: 'b'", "abc", false),
            ("f|endswith: 'ab'", "aab", true),
            ("f|contains|all: ['a', 'b']", "b a", true), ("f|contains|all: ['a', 'b']", "a", false),
            ("f|cased: 'Ab'", "Ab", true), ("f|cased: 'Ab'", "ab", false),
            ("f|contains|cased: 'B'", "abc", false),
            ("f|neq: 'a'", "b", true), ("f|neq: 'a'", "A", false), ("f|neq: ['a', 'b']", "b", false),
            ("f|windash|contains: ' -enc'", "x /enc y", true), ("f|windash|contains: ' -enc'", "x –enc y", true),
            ("f|windash|contains: ' /enc'", "x ―enc y", true), ("f|contains|windash: ' -enc'", "x —enc y", true),
            ("f|contains: ' -enc'", "x /enc y", false), ("f|contains|windash: 'a-b'", "a/b", false),
            ("f|re: 'a.c$'", "xxabc", true), ("f|re: 'A'", "a", false), ("f|re|i: 'A'", "a", true),
            ("f|re|s: 'a.b'", "a\nb", true), ("f|re: 'a.b'", "a\nb", false), ("f|re|m: '^b$'", "a\nb\nc", true),
            ("f|base64: 'cmd.exe'", "Y21kLmV4ZQ==", true), ("f|base64|contains: 'foo'", "xxZm9vyy", true),
            ("f|base64offset|contains: 'http://'", "aHR0cDovLw", true),
            ("f|base64offset|contains: 'http://'", "xxodHRwOi8vyy", true),
            ("f|base64offset|contains: 'http://'", "xxxodHRwOi8yy", false),
            ("f|wide|base64offset|contains: 'cmd'", "YwBtAGQA", true),
            ("f|utf16le|base64: 'cmd'", "YwBtAGQA", true), ("f|utf16be|base64: 'cmd'", "AGMAbQBk", true),
            ("f|utf16|base64: 'cmd'", "//5jAG0AZAA=", true),
            ("f|lt: 5", "4", true), ("f|lt: 5", "5", false), ("f|lte: 5", "5", true), ("f|gt: 5", "10", true),
            ("f|gte: 5", "4.5", false), ("f|gt: 5", "many", false),
            ("f|cidr: 10.0.0.0/8", "10.200.1.1", true), ("f|cidr: 10.0.0.0/8", "11.0.0.1", false),
            ("f|cidr: 10.0.0.0/8", "10.0.0", false), ("f|cidr: 192.168.4.0/22", "192.168.7.255", true),
            ("f|cidr: 192.168.4.0/22", "192.168.8.0", false), ("f|cidr: 'fe80::/10'", "FEBF::1", true),
            ("f|cidr: 'fe80::/10'", "fec0::1", false), ("f|cidr: 10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("f|cidr: '::/0'", "10.0.0.1", false), ("f|exists: true", "", true), ("f|exists: false", "", false),
        ])
    func modifiers(selection: String, text: String, expected: Bool) throws {
        #expect(try selects(selection, ["f": .string(text)]) == expected)
    }

    @Test(
        "a time modifier takes a number out of a date, as it is written",
        arguments: [
            ("t|hour: 3", "2026-11-21T03:04:05Z", true), ("t|hour: 3", "2026-11-21 13:04:05.123", false),
            ("t|hour: 3", "2026-11-21T03:04:05+09:00", true), ("t|minute: 4", "2026-11-21T03:04", true),
            ("t|minute: 4", "03:04:05", true), ("t|hour: 3", "2026-11-21", false), ("t|day: 21", "2026-11-21", true),
            ("t|day: 21", "03:04:05", false), ("t|month: 11", "2026-11-21T03:04:05Z", true),
            ("t|month: [10, 11]", "2026-11-21", true), ("t|year: 2026", "2026-11-21", true),
            ("t|year|neq: 2026", "2026-11-21", false), ("t|hour|gte: 22", "2026-11-21T23:00:00Z", true),
            ("t|hour|gte: 22", "2026-11-21T21:59:00Z", false), ("t|hour|lt: 6", "2026-11-21T05:59:00Z", true),
            ("t|hour|gt: 5", "2026-11-21T05:59:00Z", false), ("t|hour|lte: 5", "2026-11-21T05:59:00Z", true),
            ("t|week: 47", "2026-11-21", true), ("t|week: 1", "2024-12-30", true), ("t|week: 53", "2021-01-03", true),
            ("t|week: 1", "2021-01-04", true), ("t|week: 52", "2022-01-02", true), ("t|week: 53", "2026-12-31", true),
            ("t|week: 1", "2019-12-30", true), ("t|week: 9", "2024-02-29", true), ("t|day: 29", "2023-02-29", false),
            ("t|day: 29", "1900-02-29", false), ("t|day: 29", "2000-02-29", true), ("t|hour: 3", "3", false),
            ("t|hour: 24", "2026-11-21T24:00", false), ("t|year: 2026", "20261121", false),
            ("t|year: 2026", "12026-11-21", false), ("t|day: 2", "2026-11-211", false),
            ("t|hour: 3", "2026-11-21_03:04", false), ("t|hour: 3", "", false), ("t|hour: 3", "yesterday", false),
        ])
    func times(selection: String, text: String, expected: Bool) throws {
        #expect(try selects(selection, ["t": .string(text)]) == expected)
    }

    @Test(
        "an encoding without base64 asks for its bytes, each the character with its number",
        arguments: [
            ("f|wide|contains: cmd", "xxc\0m\0d\0yy", true), ("f|wide|contains: cmd", "cmd", false),
            ("f|contains|wide: cmd", "xxC\0M\0D\0", true), ("f|utf16le: cmd", "c\0m\0d\0", true),
            ("f|utf16be: cmd", "\0c\0m\0d", true), ("f|utf16be: cmd", "c\0m\0d\0", false),
            ("f|utf16: cmd", "\u{FF}\u{FE}c\0m\0d\0", true), ("f|utf16: cmd", "c\0m\0d\0", false),
            ("f|utf16|startswith: cmd", "\u{FF}\u{FE}c\0m\0d\0x", true),
            ("f|contains|utf16: cmd", "x\u{FF}\u{FE}c\0m\0d\0x", true),
            ("f|wide: 'c*d'", "c\0anything d\0", true), ("f|wide: 'c?d'", "c\0m\0d\0", true),
            ("f|wide: 'c?d'", "c\0md\0", false), ("f|wide|cased: Cmd", "c\0m\0d\0", false),
            ("f|wide: €", "\u{AC}\u{20}", true), ("f|utf16be: €", "\u{20}\u{AC}", true),
            ("f|wide: '\u{1F600}'", "\u{3D}\u{D8}\u{00}\u{DE}", true),
        ])
    func encodings(selection: String, text: String, expected: Bool) throws {
        #expect(try selects(selection, ["f": .string(text)]) == expected)
    }

    @Test(
        "modifiers that do not go together are refused, not guessed at",
        arguments: [
            "f|hour: three", "f|hour: 3.5", "f|hour|contains: 3", "f|gte|hour: 3", "f|hour|gte|minute: 3",
            "f|cased|re: x", "f|re|cased: x", "f|cidr|cased: 10.0.0.0/8", "f|wide|windash: -x", "f|windash|wide: -x",
            "f|wide|utf16: x", "f|base64offset|wide: x", "f|base64|wide|base64: 'a*'", "'|exists': true",
            "'|fieldref': x", "f|exists: maybe", "f|i: x", "f|cidr|gte: 10.0.0.0/8", "f|lt: many", "f|gt|gte: 3",
            "f|contains|contains: x", "f|maximum: 3", "f|all: []", "f: {g: 1}", "f|re: '('", "f|contains: null",
        ])
    func nonsense(selection: String) {
        let problem = refusal("selection:\n    \(selection)\ncondition: selection")
        #expect(problem != nil)
        #expect(problem?.line == 7, "\(problem?.description ?? "")")
    }

    @Test("null is what is missing or null, the empty text is neither")
    func nullAndEmpty() throws {
        #expect(try selects("f: null", ["f": nil]))
        #expect(try selects("f: null", ["g": 1]))
        #expect(try selects("f:", ["g": 1]))
        #expect(try !selects("f: null", ["f": ""]))
        #expect(try !selects("f: null", ["f": ["g": 1]]))
        #expect(try !selects("f: 'null'", ["f": nil]))
        #expect(try selects("f: 'null'", ["f": "null"]))
        #expect(try !selects("f: ''", ["f": nil]))
        #expect(try !selects("f: ''", ["g": 1]))
        #expect(try selects("f|exists: true", ["f": nil]))
        #expect(try selects("f|exists: false", ["g": nil]))
        #expect(try !selects("f: '*'", ["g": 1]))
    }

    @Test("numbers and booleans are matched as the text they have in JSON")
    func numbers() throws {
        #expect(try selects("EventID: 4625", ["EventID": 4625]))
        #expect(try selects("EventID: 4625", ["EventID": "4625"]))
        #expect(try selects("EventID: '4625'", ["EventID": 4625]))
        #expect(try selects("EventID: [1, 4625]", ["EventID": 4625]))
        #expect(try !selects("EventID: 462", ["EventID": 4625]))
        #expect(try selects("Initiated: true", ["Initiated": "True"]))
        #expect(try selects("Initiated: 'true'", ["Initiated": true]))
        #expect(try selects("Code: 007", ["Code": "007"]))
        #expect(try !selects("Code: 007", ["Code": "7"]))
        #expect(try selects("Answer: no", ["Answer": "no"]))
    }

    @Test("a field reaches into objects and arrays, and another field can be its value")
    func fields() throws {
        let record: JSONValue = [
            "a": ["b": "x", "list": ["u", "v"], "of": [["n": 1], ["n": 2]]], "c.d": "y", "e": "X",
        ]
        #expect(try selects("a.b: x", record))
        #expect(try selects("a.list: v", record))
        #expect(try selects("a.of.n: 2", record))
        #expect(try selects("c.d: y", record))
        #expect(try selects("a.b|fieldref: e", record))
        #expect(try !selects("a.b|fieldref|cased: e", record))
        #expect(try selects("a.b|fieldref|neq: c.d", record))
        #expect(try !selects("a.b|fieldref: missing", record))
        #expect(try !selects("A.B: x", record))
        #expect(try selects("a|contains: '\"list\":[\"u\"'", record))
        #expect(try !holds("k: [list]\ncondition: k", record))
    }
}
