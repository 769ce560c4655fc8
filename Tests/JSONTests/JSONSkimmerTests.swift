import JSON
import SeededChance
import Testing

@Suite("JSON skimmer")
struct JSONSkimmerTests {
    private func end(_ bytes: [UInt8], at start: Int = 0, depth: Int = 1_000) -> Int? {
        JSONSkimmer.end(ofValueAt: start, in: bytes.span, depth: depth)
    }

    @Test(
        "a value ends where it ends, whatever follows",
        arguments: [
            (#"{"a":[1,2,{"b":"}]\""}]},x"#, 24), ("null,", 4), ("-0.5e+3]", 7), (#""ä\u00e9\\" "#, 12), ("[]{}", 2),
            ("  7 ", 3), ("01", 1),
        ])
    func ends(text: String, expected: Int) { #expect(end(Array(text.utf8)) == expected) }

    @Test("nesting beyond the limit is refused before it is gone into")
    func depth() {
        let nested = [UInt8](repeating: UInt8(ascii: "["), count: 64) + [UInt8](repeating: UInt8(ascii: "]"), count: 64)
        #expect(end(nested, depth: 64) == 128)
        #expect(end(nested, depth: 63) == nil)
        #expect(end([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000), depth: 264) == nil)
    }

    @Test("it accepts what the parser of evidence reads, and nothing else", arguments: 0..<20 as Range<UInt64>)
    func agreesWithParser(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let texts = [
            #"{"a":[1,-2.5e3,true,false,null],"b":{"c":"\u0041\n\\","d":""},"k":-9223372036854775808,"e":1e308}"#,
            #"[{"type":"user","value":"zoë 😀","n":0},[[[]]],"\ud83d\ude00\ud800",{"x":{},"x":1}]"#,
            String(repeating: "9", count: 320) + ".5", #""plain""#, "1e400", "-", "[1e-400]",
        ].map { Array($0.utf8) }
        for _ in 0..<3_000 {
            var bytes = texts.randomElement(using: &random) ?? []
            for _ in 0..<Int.random(in: 0...3, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(Array(#"{}[]",:\e0u "#.utf8).randomElement(using: &random) ?? 0, at: index)
                default: bytes.removeSubrange(index...)
                }
            }
            let reads = (try? JSONValue.parseEvidence(bytes, limits: JSONLimits(depth: .max, members: .max))) != nil
            let trailing =
                end(bytes).map { bytes[$0...].allSatisfy { [0x20, 0x09, 0x0A, 0x0D].contains($0) } } ?? false
            #expect(trailing == reads, "seed \(seed): \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}
