import JSON
import SeededChance
import Testing

@testable import Detection

@Suite("Event scanner")
struct EventScannerTests {
    /// What a table or an event has under a name.
    private struct Seen: Hashable {
        var texts: [[UInt8]] = []
        var folded: [[UInt8]] = []
        var objects: [[UInt8]] = []
        var isThere = false
        var isNull = true
    }

    private static func sorted(_ texts: [[UInt8]]) -> [[UInt8]] { texts.sorted { $0.lexicographicallyPrecedes($1) } }

    private static func seen(_ event: DetectionEvent, _ name: String) -> Seen {
        guard let field = event.fields[name] else { return Seen() }
        return Seen(
            texts: sorted(field.texts.map(\.raw)), folded: sorted(field.texts.map(\.folded)),
            objects: sorted(field.objectTexts.map(\.raw)), isThere: true, isNull: field.isNull)
    }

    private static func seen(_ table: inout EventTable, _ field: Int32, _ record: [UInt8]) -> Seen {
        var result = Seen()
        var place = table.first[Int(field)]
        while place >= 0 {
            let entry = table.entries[Int(place)]
            result.isThere = true
            if entry.kind != .present { result.isNull = false }
            // Folding first and folding after the text was made as it came are two ways.
            if entry.kind == .text {
                let foldsFirst = place % 2 == 0
                if foldsFirst { _ = table.folded(Int(place), in: record.span) }
                let raw = table.raw(Int(place), in: record.span)
                let folded = table.folded(Int(place), in: record.span)
                result.texts.append(Array(table.text[raw]))
                result.folded.append(Array(table.text[folded]))
            } else if entry.kind == .objectText {
                let raw = table.raw(Int(place), in: record.span)
                result.objects.append(Array(table.text[raw]))
            }
            place = entry.next
        }
        result.texts = sorted(result.texts)
        result.folded = sorted(result.folded)
        result.objects = sorted(result.objects)
        return result
    }

    @Test("what it accepts, it reads as the slow reader does", arguments: ["windows", "EVTX", "other"], [false, true])
    func equivalence(kind: String, isBroken: Bool) throws {
        let product = kind == "EVTX" ? "windows" : kind
        var names = FieldNames()
        for name in RandomRecord.names { _ = names.insert(name) }
        for name in FieldMappings.allNames { _ = names.insert(name) }
        for name in ["Provider_Name", "Execution_a", "Data", "ProcessName", "xy", "Keywords", "Name"] {
            _ = names.insert(name)
        }
        let set = RuleSet(rules: [])
        let source = set.source(Logsource(product: product))
        var table = EventTable(names)
        var records = RandomRecord(seed: isBroken ? 7 : 11)
        var accepted = 0
        let rounds = 6_000
        for _ in 0..<rounds {
            let record = kind == "EVTX" ? records.nextEVTX(isBroken: isBroken) : records.next(isBroken: isBroken)
            table.clear()
            let isRead = EventScanner.read(
                record.span, into: &table, names: names, naming: source.naming, limits: .standard)
            guard isRead else { continue }
            accepted += 1
            for alias in FieldMappings.aliases(for: Logsource(product: product)) {
                for other in alias.sources {
                    table.alias(names.number(of: alias.field) ?? 0, to: names.number(of: other) ?? 0)
                }
            }
            let value = try JSONValue.parseEvidence(record).value
            let event = DetectionEvent(value, logsource: Logsource(product: product))
            for (field, name) in names.names.enumerated() {
                let expected = Self.seen(event, name)
                let found = Self.seen(&table, Int32(field), record)
                try #require(
                    found == expected, "\(name) in \(String(decoding: record, as: UTF8.self)): \(found) \(expected)")
            }
        }
        #expect(accepted > rounds / (isBroken ? 80 : 12), "\(accepted) of \(rounds)")
    }

    @Test(
        "what is reached in two ways and may stand twice is left to the parser",
        arguments: [
            (#"{"a.b":1,"a":{"b":2},"a.b":3}"#, false), (#"{"a":{"b.c":1,"b":{"c":2},"b.c":3}}"#, false),
            (#"{"a.b":1,"a":{"c":2}}"#, true), (#"{"x":[{"a.b":1},{"a.b":2}]}"#, true),
            (#"{"a.b":1,"a.b":2}"#, false),
        ])
    func twoWays(text: String, isRead: Bool) {
        var names = FieldNames()
        for name in RandomRecord.names + ["x.a.b"] { _ = names.insert(name) }
        var table = EventTable(names)
        let bytes = Array(text.utf8)
        for _ in 0..<2 {
            table.clear()
            let found = EventScanner.read(bytes.span, into: &table, names: names, naming: .paths, limits: .standard)
            #expect(found == isRead)
        }
    }

    @Test("lower case is that of the standard library, for every character")
    func lowerCase() {
        for value in UInt32(0)..<0x11_0000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            var bytes = [UInt8](repeating: 0, count: 16)
            var span = bytes.mutableSpan
            let end = LowerCase.write(value, into: &span, at: 0)
            let expected = Array(String(Character(scalar)).lowercased().utf8)
            if Array(bytes[..<end]) != expected { Issue.record("U+\(String(value, radix: 16))") }
        }
    }

    @Test(
        "what is no JSON object is left to the parser, which says why",
        arguments: [
            "", "[]", "1", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":+1}",
            "{\"a\":tru}",
            "{\"a\":\"\u{1}\"}", "{\"a\":\"\\x\"}", "{\"a\":\"\\u12g4\"}", "{\"a\":\"", "{\"a\":1} x", "{a:1}",
            "{'a':1}", "{\"a\":1}}",
        ])
    func broken(text: String) {
        let names = FieldNames()
        var table = EventTable(names)
        let bytes = Array(text.utf8)
        let isRead = EventScanner.read(bytes.span, into: &table, names: names, naming: .paths, limits: .standard)
        #expect(!isRead)
    }

    @Test(
        "bytes that are not UTF-8 are no text, in names and in values", arguments: [0xC0, 0xFF, 0x80, 0xED] as [UInt8])
    func encoding(byte: UInt8) {
        let names = FieldNames()
        var table = EventTable(names)
        for template in ["{\"a\":\"x\"}", "{\"x\":1}"] {
            var bytes = Array(template.utf8)
            bytes[bytes.firstIndex(of: UInt8(ascii: "x")) ?? 0] = byte
            let isRead = EventScanner.read(bytes.span, into: &table, names: names, naming: .paths, limits: .standard)
            #expect(!isRead)
        }
    }

    @Test("depth and members have the limits of the parser")
    func limits() {
        let names = FieldNames()
        var table = EventTable(names)
        let limits = JSONLimits(depth: 4, members: 3)
        func isRead(_ text: String) -> Bool {
            let bytes = Array(text.utf8)
            return EventScanner.read(bytes.span, into: &table, names: names, naming: .paths, limits: limits)
        }
        for (text, expected) in [
            ("{\"a\":[[[1]]]}", true), ("{\"a\":[[[[1]]]]}", false), ("{\"a\":{\"a\":{\"a\":{}}}}", true),
            ("{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}", false), ("{\"a\":1,\"b\":1,\"c\":1}", true),
            ("{\"a\":1,\"b\":1,\"c\":1,\"d\":1}", false),
        ] {
            let found = isRead(text)
            let parsed = (try? JSONValue.parseEvidence(Array(text.utf8), limits: limits)) != nil
            #expect(found == expected && parsed == expected, "\(text)")
        }
    }

    private static let evtx = ##"""
        {"Event":{"#attributes":@0,
        "System":{"a":@1,"b":{"#attributes":{"c":@2},"#text":@3}},
        "EventData":{"x":{"y":@4},"Data":{"#attributes":{"Name":"d"},"#text":@5}}}}
        """##

    @Test("a Windows event of EVTX has the limits of the parser, wherever it is deep")
    func limitsOfEVTX() {
        let names = FieldNames()
        var table = EventTable(names)
        var accepted = 0
        for place in 0..<6 {
            for depth in 0..<12 {
                let deep = String(repeating: "[", count: depth) + "1" + String(repeating: "]", count: depth)
                let text = (0..<6).reduce(Self.evtx) { text, number in
                    text.replacing("@\(number)", with: number == place ? deep : "1")
                }
                let bytes = Array(text.utf8)
                let limits = JSONLimits(depth: 9, members: 100)
                table.clear()
                let isRead = EventScanner.read(bytes.span, into: &table, names: names, naming: .leaves, limits: limits)
                let isParsed = (try? JSONValue.parseEvidence(bytes, limits: limits)) != nil
                #expect(isRead == isParsed, "\(text)")
                if isRead { accepted += 1 }
            }
        }
        #expect(accepted > 20 && accepted < 60, "\(accepted)")
    }
}
