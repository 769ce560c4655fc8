/// What an action does to the world, coarsely: the approval matrix speaks of these (contract §0).
package enum PlaybookActionClass: String, Sendable, Codable, CaseIterable {
    case enrich, summarize, notify
    case collectForensics = "collect_forensics"
    case closeCase = "close_case"
    case openTicket = "open_ticket"
    case revokeToken = "revoke_token"
    case disableUser = "disable_user"
    case rotateSecret = "rotate_secret"
    case isolateHost = "isolate_host"
    case isolateWorkload = "isolate_workload"
    case terminateProcess = "terminate_process"
    case blockTraffic = "block_traffic"
    case cloudContainment = "cloud_containment"
    case deleteResource = "delete_resource"

    /// Reads or adds records, and takes nothing from anyone: there is nothing to put back, so it may be published
    /// without a rollback, and a rollback passes over it.
    package var isSideEffectFree: Bool {
        switch self {
        case .enrich, .collectForensics, .summarize, .closeCase, .openTicket, .notify: true
        default: false
        }
    }
}
