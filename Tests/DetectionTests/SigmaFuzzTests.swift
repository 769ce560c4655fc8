import Detection
import JSON
import SeededChance
import Testing

@Suite("Sigma files of any kind")
struct SigmaFuzzTests {
    /// Documents with everything that can stand in one.
    private static let seeds = [
        """
        title: Suspicious Thing
        id: 11111111-1111-4111-8111-111111111111
        name: thing
        related: [{id: 22222222-2222-4222-8222-222222222222, type: derived}]
        status: test
        tags: [attack.t1059.001]
        logsource: {product: windows, category: process_creation}
        detection:
            selection:
                Image|endswith: ['\\cmd.exe', '\\powershell.exe']
                CommandLine|contains|all: [' -enc', 'a*b?c']
                CommandLine|windash|contains: '-e'
                ParentImage|re|i: '^C:\\\\[a-z]+\\.exe$'
                ProcessId|gte: 4
                UtcTime|hour|lt: 6
                User|expand: '%admins%'
            keywords: ['one', 'two three']
            '|all': [x, y]
            filter_null: {User: null}
            filter_net: {DestinationIp|cidr: ['10.0.0.0/8', 'fe80::/10']}
            filter_code: {CommandLine|wide|base64offset|contains: http}
            condition: (selection and 1 of keywords*) and not 1 of filter_*
        level: high
        ---
        title: Values
        placeholders: {admins: [root, 'adm_*']}
        """,
        """
        title: Many
        id: m
        level: high
        correlation:
            type: value_percentile
            rules: [thing, 'other']
            group-by: [User, host]
            timespan: 15m
            aliases: {host: {thing: Computer, other: Hostname}}
            generate: true
            condition: {field: bytes, percentile: 95, gt: 10.5, lte: 1e6}
        docket: {pattern: Guessing, confidence_score: 80}
        ---
        title: Without
        logsource: {product: windows}
        filter:
            rules: [thing]
            selection: [{User|startswith: adm_}, {User: x}]
            condition: selection
        """,
    ]

    private static let pieces = [
        "|", "|all", "|re", "|expand", "|contains", "|fieldref", "|hour", "%", "'", "\"", "[", "]", "{", "}", ": ",
        "- ",
        "&a ", "*a", "!!int ", "null", "~", "---\n", "...\n", "\n", "\t", "  ", "#", "\0", "\u{FEFF}", "é", "not ",
        "1 of ",
        "all of them", "(", ")", "-1", "1e999", "99999999999999999999", "0x10", "\\", "*", "?", "<<: *a", "? ", ">\n",
        "|\n",
    ]

    private static func mutated(_ text: String, _ choice: inout SeededGenerator) -> String {
        var bytes = Array(text.utf8)
        for _ in 0..<choice.number(1...6) {
            let place = choice.number(0...bytes.count)
            switch choice.number(0...5) {
            case 0: bytes.insert(contentsOf: Array(pieces[choice.number(0...pieces.count - 1)].utf8), at: place)
            case 1 where place < bytes.count: bytes.remove(at: place)
            case 2 where place < bytes.count: bytes[place] = UInt8(choice.number(0...255))
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + choice.number(0...40)))
            case 4:
                let end = min(bytes.count, place + choice.number(0...60))
                bytes.insert(contentsOf: bytes[place..<end], at: choice.number(0...bytes.count))
            default:
                var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
                lines.swapAt(choice.number(0...lines.count - 1), choice.number(0...lines.count - 1))
                bytes = Array(lines.joined(separator: [0x0A]))
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(
        "whatever a file holds, it is read or refused with a reason, and never both lost",
        arguments: 0..<8 as Range<UInt64>)
    func anything(seed: UInt64) {
        var choice = SeededGenerator(seed: seed)
        var read = 0
        for round in 0..<150 {
            let yaml = Self.mutated(Self.seeds[round % 2], &choice)
            let file = SigmaFile(yaml: yaml, file: "f.yml", linting: true)
            let found = file.rules.count + file.correlations.count + file.filters.count + file.placeholders.count
            #expect(found + file.refused.count > 0, "seed \(seed), round \(round): \(yaml)")
            #expect(
                file.refused.allSatisfy { !$0.reason.isEmpty && ($0.line ?? 1) > 0 }, "seed \(seed), round \(round)")
            read += found
            // What was read can be used, whatever it is.
            let filtered = FilteredRules(file.rules, filters: file.filters)
            let rules = RuleSet(rules: filtered.rules)
            for logsource in filtered.rules.map(\.logsource) {
                _ = rules.matches(["User": ["root", nil], "ProcessId": 5, "one": "two three"], logsource: logsource)
            }
            let set = CorrelationSet(correlations: file.correlations, rules: filtered.rules)
            var engine = CorrelationEngine(set)
            _ = engine.consume(
                CorrelationInput(
                    rules: filtered.rules.map(\.id), occurredAt: 1, arrivedAt: 1, digest: "d",
                    fields: ["bytes": ["7"], "User": ["u"], "Computer": ["h"]]))
            _ = engine.advance(to: .max)
            // What can be read whole can be cut into documents without loss.
            guard file.refused.isEmpty else { continue }
            let parts = SigmaDocument.documents(in: yaml, file: "f.yml").map { $0.contents() }
            let count = parts.reduce(0) { sum, part in
                sum + part.rules.count + part.correlations.count + part.filters.count + part.placeholders.count
                    + part.refused.count
            }
            #expect(count == found, "seed \(seed), round \(round): \(yaml)")
        }
        #expect(read > 5, "seed \(seed): \(read)")
    }
}
