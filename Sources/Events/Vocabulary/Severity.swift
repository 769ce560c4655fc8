/// OCSF `severity_id`. Sort by `rank`, never by the number: 6 (fatal) is above 5, and 99 (other) is not the top.
package enum Severity: String, Sendable, Hashable, Codable, CaseIterable {
    case unknown, informational, low, medium, high, critical, fatal, other

    /// OCSF `severity_id`.
    package var id: Int {
        switch self {
        case .unknown: 0
        case .informational: 1
        case .low: 2
        case .medium: 3
        case .high: 4
        case .critical: 5
        case .fatal: 6
        case .other: 99
        }
    }

    package init?(id: Int) {
        guard let severity = Self.allCases.first(where: { $0.id == id }) else { return nil }
        self = severity
    }

    /// other = unknown < informational < low < … < fatal.
    package var rank: Int { self == .other ? 0 : id }
}

/// OCSF `verdict_id`: how a case ends.
package enum Verdict: String, Sendable, Hashable, Codable, CaseIterable {
    case unknown
    case falsePositive = "false_positive"
    case truePositive = "true_positive"
    case disregard, suspicious, benign, test
    case insufficientData = "insufficient_data"
    case securityRisk = "security_risk"
    case managedExternally = "managed_externally"
    case duplicate, other

    /// OCSF `verdict_id`.
    package var id: Int {
        switch self {
        case .unknown: 0
        case .falsePositive: 1
        case .truePositive: 2
        case .disregard: 3
        case .suspicious: 4
        case .benign: 5
        case .test: 6
        case .insufficientData: 7
        case .securityRisk: 8
        case .managedExternally: 9
        case .duplicate: 10
        case .other: 99
        }
    }
}
