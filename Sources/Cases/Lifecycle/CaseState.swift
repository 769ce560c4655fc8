/// Where a case stands. Orthogonal to it: on hold, legal hold, shadow.
package enum CaseState: String, Sendable, Hashable, Codable, CaseIterable {
    case normalized, enriched, correlated, recommended, escalated, approved, executing, executed
    case rollingBack = "rolling_back"
    case rolledBack = "rolled_back"
    case recovered, closed, learned

    package var isClosed: Bool { self == .closed || self == .learned }
    /// Nothing was done to the outside world yet, or all of it is behind a new decision.
    package var isBeforeExecuting: Bool {
        switch self {
        case .normalized, .enriched, .correlated, .recommended, .escalated, .approved: true
        default: false
        }
    }
}
