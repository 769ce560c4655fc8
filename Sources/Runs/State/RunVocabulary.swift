package enum RunMode: String, Sendable, Hashable, Codable {
    case live
    /// Everything but the act.
    case shadow
    /// Against the lab.
    case simulated
}

package enum RunTrigger: String, Sendable, Hashable, Codable { case auto, approved }

package enum RunState: String, Sendable, Hashable, Codable, CaseIterable {
    case running, paused, completed, failed, cancelled
    case rollingBack = "rolling_back"
    case rolledBack = "rolled_back"
    case rollbackIncomplete = "rollback_incomplete"

    /// Something happens by itself, or will when somebody resumes the run.
    package var isActive: Bool { self == .running || self == .paused || self == .rollingBack }
}

package enum StepState: String, Sendable, Hashable, Codable, CaseIterable {
    case pending, prepared, executed, verified, failed, skipped
    case outcomeUnknown = "outcome_unknown"
    case rolledBack = "rolled_back"
    case rollbackRefused = "rollback_refused"
}

package enum RollbackReason: String, Sendable, Hashable, Codable, CaseIterable {
    case falseContainment = "false_containment"
    case analystOverride = "analyst_override"
    case customerRequest = "customer_request"
    case expired, drill
}
