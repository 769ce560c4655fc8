import Detection
import SeededChance

/// Base rules of these names, whose ids are `id-` and the name, and the correlations of a YAML text.
func correlationSet(
    _ yaml: String, rules names: [String] = ["a", "b", "c"]
) throws -> CorrelationSet {
    let rules = try names.map { name in
        try SigmaRule(
            yaml: "title: \(name)\nid: ID-\(name)\nname: \(name)\nlogsource: {product: t}\n"
                + "detection: {s: {x: 1}, condition: s}\n", file: "rules.yml")
    }
    let file = SigmaFile(yaml: yaml, file: "c.yml")
    if let problem = file.refused.first { throw problem }
    return CorrelationSet(correlations: file.correlations, rules: rules)
}

/// One correlation named and identified by `id`, its members given in YAML's short form.
func correlation(_ id: String, _ body: String) -> String {
    "title: Title of \(id)\nid: \(id)\nlevel: high\ntags: [attack.t1110]\nauthor: Someone\ncorrelation: {\(body)}\n---\n"
}

let second: Int64 = 1_000_000
let minute: Int64 = 60 * second

/// A record of a rule, at a time in seconds; it arrives when it occurs unless told otherwise.
func record(
    _ rules: String..., at time: Int64, arrived: Int64? = nil, digest: String? = nil,
    fields: [String: [String]] = [:], count: Int = 1
) -> CorrelationInput {
    CorrelationInput(
        rules: rules.map { "id-\($0)" }, occurredAt: time * second, arrivedAt: (arrived ?? time) * second,
        digest: digest ?? "\(rules) \(time) \(fields.sorted { $0.key < $1.key })", fields: fields, count: count)
}

extension CorrelationEngine {
    /// All matches of a list of records.
    mutating func consume(all inputs: [CorrelationInput]) -> [CorrelationMatch] {
        inputs.flatMap { consume($0) }
    }
}

/// The matches of records held against correlations by an engine made for them.
func matches(
    _ yaml: String, _ inputs: [CorrelationInput], lateness: Int64 = 60 * minute
) throws -> [CorrelationMatch] {
    let set = try correlationSet(yaml)
    guard set.refused.isEmpty else { throw set.refused[0] }
    var engine = CorrelationEngine(set, lateness: lateness)
    return engine.consume(all: inputs)
}

extension SeededGenerator {
    mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
}
