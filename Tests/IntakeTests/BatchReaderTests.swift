import Events
import JSON
import SeededChance
import Testing

@testable import Intake

@Suite("The batch reader")
struct BatchReaderTests {
    private func items(
        _ text: String, _ layout: BatchReader.Layout, limits: BatchReader.Limits = .standard
    ) throws -> [String] {
        try BatchReader.items(of: Array(text.utf8), layout: layout, limits: limits)
            .map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    @Test("takes lines with LF or CRLF, and skips blank ones")
    func lines() throws {
        let text = "\u{FEFF}{\"a\":1}\r\n\n  \t\r\n {\"b\" : 2} \n{broken\n{\"c\":3}"
        #expect(try items(text, .lines) == ["{\"a\":1}", " {\"b\" : 2} ", "{broken", "{\"c\":3}"])
        #expect(try items("", .lines) == [])
        #expect(try items("\n\n", .lines) == [])
    }

    @Test("keeps each element of an array byte by byte")
    func array() throws {
        let text = " [ {\"a\" : [1, {\"]\":\"}\\\"\"}]} ,\n3.0e+5,\"x,\\u00e9]\" , null,[ ],{ } ] \n"
        #expect(
            try items(text, .array) == [
                "{\"a\" : [1, {\"]\":\"}\\\"\"}]}", "3.0e+5", "\"x,\\u00e9]\"", "null", "[ ]", "{ }",
            ])
        #expect(try items("[]", .array) == [])
        #expect(try items("[ ]", .array) == [])
    }

    @Test(
        "refuses a broken array as a whole",
        arguments: [
            "", "{}", "[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", "[{\"a\":1},{\"a\":}]", "[{a:1}]",
            "[{\"a\"}]",
            "[{\"a\":1,}]", "[\"x]", "[\"\\x\"]", "[\"\\u12g4\"]", "[tru]", "[01]", "[1.]", "[.5]", "[-]", "[1e]",
            "[{\"a\":1]]",
            "[\"\n\"]", "[+1]",
        ])
    func brokenArray(text: String) {
        #expect { try items(text, .array) } throws: { ($0 as? IntakeError)?.code == .syntax }
    }

    @Test("does not mind depth, which is for each item to be refused")
    func depth() throws {
        let deep = String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000)
        #expect(try items("[1,\(deep)]", .array) == ["1", deep])
    }

    @Test("refuses more or larger items, or a larger body, than allowed", arguments: BatchReader.Layout.allCases)
    func limits(layout: BatchReader.Layout) throws {
        let text = layout == .array ? "[\"12345\",6]" : layout == .lines ? "\"12345\"\n6" : "\"12345\""
        func code(_ limits: BatchReader.Limits) -> IntakeError.Code? {
            do {
                _ = try BatchReader.items(of: Array(text.utf8), layout: layout, limits: limits)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code(.standard) == nil)
        #expect(code(.init(itemBytes: 7)) == nil)
        #expect(code(.init(itemBytes: 6)) == .itemTooLarge)
        #expect(code(.init(bodyBytes: 6)) == .bodyTooLarge)
        #expect(code(.init(items: 0)) == .tooManyItems)
        if layout != .single { #expect(code(.init(items: 1)) == .tooManyItems) }
    }

    @Test("refuses the 10,001st item and no earlier one")
    func itemCount() throws {
        let line = "{}\n"
        #expect(try items(String(repeating: line, count: 10_000), .lines).count == 10_000)
        #expect { try items(String(repeating: line, count: 10_001), .lines) } throws: {
            ($0 as? IntakeError)?.code == .tooManyItems
        }
    }

    @Test("finds layout and content of a file")
    func detection() {
        let native = Samples.minimal.canonicalString()
        let finding = Samples.finding.canonicalString()
        let event = CloudEventTests.native.canonicalString()
        let cases: [(String, BatchReader.Layout, BatchReader.Content)] = [
            (native, .single, .alerts(.native)), ("\n " + native + "\n", .single, .alerts(.native)),
            (native + "\n" + native, .lines, .alerts(.native)), ("[\(native)]", .array, .alerts(.native)),
            (finding, .single, .alerts(.ocsf)), ("\u{FEFF}" + finding + "\n" + finding + "\n", .lines, .alerts(.ocsf)),
            (event, .single, .alerts(.cloudEvents)), ("{broken\n" + finding + "\n", .lines, .alerts(.ocsf)),
            (Samples.minimal.with(["severity": nil]).canonicalString(), .single, .alerts(.native)),
            ("{broken", .single, .alerts(.native)), ("{\"EventID\":4624}\n{\"EventID\":4625}", .lines, .telemetry),
            ("[{\"EventID\":4624}]", .array, .telemetry), ("{\"EventID\":4624}", .single, .telemetry),
            (Samples.finding.with(["class_uid": 3002]).canonicalString(), .single, .telemetry),
            ("#fields\tts\tuid\n1\t2\t3", .lines, .telemetry), ("", .lines, .telemetry),
        ]
        for (text, layout, content) in cases {
            let detected = BatchReader.detect(Array(text.utf8))
            #expect(detected == .init(layout: layout, content: content), "\(text.prefix(60))")
        }
    }

    @Test("lets a mixed batch through item by item")
    func mixedBatch() throws {
        let good = Samples.full.canonicalString()
        let bad = Samples.full.with(["severity": "urgent"]).canonicalString()
        let text = "\(good)\n{broken\n\n\(bad)\r\n\(good)\n"
        let read = try BatchReader.items(of: Array(text.utf8), layout: .lines)
        #expect(read.map(\.index) == [0, 1, 2, 3])
        let outcomes = read.map { Samples.read($0.bytes) }
        #expect(outcomes.map { $0.accepted != nil } == [true, false, false, true])
        #expect(outcomes[0].accepted?.rawDigest == Digest.sha256(Array(good.utf8)))
        #expect(outcomes[0].accepted == outcomes[3].accepted)
        #expect(outcomes[1].rejected?.errors.map(\.code) == [.syntax])
        #expect(outcomes[2].rejected?.sourceRef == "A-1042")
    }

    @Test("agrees with the parser on what is JSON")
    func agreement() {
        var random = SeededGenerator(seed: 20_261_121)
        let pieces = [
            "{", "}", "[", "]", "\"a\"", ":", ",", "1", "-0.5e3", "true", "null", " ", "\"\\n\"", "\"\\uD83D\"", "x",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 1...9, using: &random)).map { _ in pieces.randomElement(using: &random)! }
                .joined()
            let bytes = Array(text.utf8)
            var isJSON = true
            do { _ = try JSONValue.parseEvidence(bytes) } catch { isJSON = false }
            var scanner = JSONBoundaryScanner(bytes)
            var isScanned = true
            do {
                _ = try scanner.skipValue()
                scanner.skipWhitespace()
                isScanned = scanner.isAtEnd
            } catch {
                isScanned = false
            }
            #expect(isJSON == isScanned, "\(text)")
        }
    }
}
