import Yams

extension DocumentLint {
    mutating func lookAtCorrelation(_ document: Node) {
        // What could not be read was refused before it came here.
        guard let correlation = try? SigmaCorrelation(document: document, file: file), !correlation.canHold else {
            return
        }
        let condition = document.mapping?["correlation"]?.mapping?["condition"]
        warn(.neverMatches, "no number is as the condition wants it", at: condition?.line ?? document.line)
    }
}

extension SigmaCorrelation {
    /// Whether any number satisfies the condition. Between two limits nothing changes, so it is enough to try these and
    /// what lies beside them.
    fileprivate var canHold: Bool {
        let step: Int128 = isMeasured ? 1 : Quantity(1).millionths
        let least = isMeasured ? Int128.min : 0
        var most = Int128.max
        if case .temporal = kind { most = Quantity(rules.count).millionths }
        let limits = bounds.map(\.limit.millionths)
        let tried = limits.flatMap { [$0 - step, $0, $0 + step] }.filter { (least...most).contains($0) }
        return bounds.isEmpty || tried.contains { one in bounds.allSatisfy { $0.holds(one, among: 1) } }
    }
}
