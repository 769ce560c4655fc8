/// What an action does to the world, coarsely: the approval matrix speaks of these.
package enum ActionClass: String, Sendable, Hashable, Codable, CaseIterable {
    case enrich
    case collectForensics = "collect_forensics"
    case summarize
    case closeCase = "close_case"
    case openTicket = "open_ticket"
    case notify
    case revokeToken = "revoke_token"
    case disableUser = "disable_user"
    case rotateSecret = "rotate_secret"
    case isolateHost = "isolate_host"
    case isolateWorkload = "isolate_workload"
    case terminateProcess = "terminate_process"
    case blockTraffic = "block_traffic"
    case cloudContainment = "cloud_containment"
    case deleteResource = "delete_resource"

    /// Limits what an attacker can still do: what MTTC and containment precision count.
    package var isContainment: Bool {
        switch self {
        case .revokeToken, .disableUser, .rotateSecret, .isolateHost, .isolateWorkload, .terminateProcess,
            .blockTraffic, .cloudContainment, .deleteResource:
            true
        default: false
        }
    }

    /// Reads or adds records, and takes nothing from anyone: there is nothing to put back, so it may be published
    /// without a rollback, and a rollback passes over it.
    package var isSideEffectFree: Bool {
        switch self {
        case .enrich, .collectForensics, .summarize, .closeCase, .openTicket, .notify: true
        default: false
        }
    }
}
