import JSON
import SeededChance
import Testing

@Suite("JSON parser")
struct JSONParserTests {
    @Test(
        "what is not JSON is refused with a code and a place",
        arguments: [
            ("", "syntax"), ("{", "syntax"), ("[1,]", "syntax"), ("{\"a\":1,}", "syntax"), ("01", "syntax"),
            ("1.", "syntax"), (".5", "syntax"), ("+1", "syntax"), ("1e", "syntax"), ("nul", "syntax"),
            ("'a'", "syntax"),
            ("\"\u{1}\"", "syntax"), ("\"\\x\"", "syntax"), ("\"\\u12\"", "syntax"), ("\"abc", "syntax"),
            ("1 2", "syntax"), ("{\"a\":1 \"b\":2}", "syntax"), ("{a:1}", "syntax"), ("NaN", "syntax"),
            ("{\"a\":1,\"a\":2}", "duplicate"), ("\"\\u0000\"", "encoding"), ("\"\\ud800\"", "encoding"),
            ("\"\\ude00\\ud800\"", "encoding"), ("9007199254740993", "range"), ("1e400", "range"),
            ("9e16", "range"), ("-12345678901234567.90", "range"), ("999999999999999900000.0", "range"),
            ("\u{FEFF}1", "syntax"),
        ])
    func refused(text: String, code: String) {
        let error = #expect(throws: JSONError.self) { try JSONValue.parse(text) }
        #expect(error?.code.description == code)
    }

    @Test(
        "bytes that are not UTF-8 are refused, as evidence too",
        arguments: [[0x22, 0xff, 0x22], [0x22, 0xc0, 0xaf, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22]] as [[UInt8]])
    func invalidUTF8(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSONValue.parse(bytes) }
        #expect(throws: JSONError.self) { try JSONValue.parseEvidence(bytes) }
    }

    @Test("depth is counted to the limit and refused beyond")
    func depth() throws {
        let atLimit = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        _ = try JSONValue.parse(atLimit)
        let error = #expect(throws: JSONError.self) { try JSONValue.parse("[" + atLimit + "]") }
        #expect(error?.code == .depth)
        let hostile = [UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)
        #expect(throws: JSONError.self) { try JSONValue.parse(hostile) }
    }

    @Test("an object holds as many members as the limit says")
    func members() throws {
        func object(_ count: Int) -> String {
            "{" + (0..<count).map { "\"m\($0)\":0" }.joined(separator: ",") + "}"
        }
        _ = try JSONValue.parse(object(10_000))
        let error = #expect(throws: JSONError.self) { try JSONValue.parse(object(10_001)) }
        #expect(error?.code == .members)
    }

    @Test("evidence is repaired and the repairs are told")
    func evidence() throws {
        let (value, warnings) = try JSONValue.parseEvidence(
            Array(
                #"{"a":"x\u0000y","b":"\ud800","k":-9223372036854775808,"a2":{"z":1,"z":2},"ok":"\ud83d\ude00"}"#.utf8))
        #expect(value["a"] == "x\u{FFFD}y")
        #expect(value["b"] == "\u{FFFD}")
        #expect(value["k"] == "-9223372036854775808")
        #expect(value["a2"] == ["z": 2])
        #expect(value["ok"] == "😀")
        #expect(warnings.count == 3)
        #expect(warnings.contains { $0.hasPrefix("/a2/z:") })
    }

    @Test(
        "what evidence holds is written so that strict reading takes it, whatever its numbers",
        arguments: [
            ("9e16", "9e16"), ("-12345678901234567.90", "-12345678901234567.90"), ("9007199254740993.0", nil),
            ("9007199254740994.0", "9007199254740994.0"), ("999999999999999900000.0", "999999999999999900000.0"),
            ("1e21", nil), ("1.7976931348623157e308", nil), ("5e-324", nil),
        ] as [(String, String?)])
    func numbers(text: String, kept: String?) throws {
        let value = try JSONValue.parseEvidence(Array("[\(text)]".utf8)).value
        #expect(value[0]?.stringValue == kept)
        #expect(try JSONValue.parse(value.canonicalBytes()) == value)
    }

    @Test("integral numbers have one form however they are written", arguments: ["100", "1e2", "100.0", "10.0e1"])
    func normalForm(text: String) throws {
        #expect(try JSONValue.parse(text) == .integer(100))
    }

    @Test("random bytes never crash the parser and accepted ones round-trip", arguments: 0..<200)
    func fuzz(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bytes = JSONValue.random(depth: 5, using: &random).canonicalBytes()
        for _ in 0..<50 {
            guard !bytes.isEmpty else { break }
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            if let value = try? JSONValue.parse(bytes) {
                #expect(try JSONValue.parse(value.canonicalBytes()) == value)
            }
        }
    }
}
