package import Events

/// Why the domain says no: exhaustive, and part of the contract (each is a problem type).
package enum Rejection: Error, Sendable, Hashable {
    case notFound
    case roleInsufficient(needed: [String])
    case illegalTransition(state: CaseState?, command: String, allowed: [String])
    case selfApproval
    case approverExcluded(reason: String)
    case planDigestMismatch(current: Digest)
    case approvalNotPending(state: ApprovalState)
    case alreadyDecided
    case evidenceMissing([MissingEvidence])
    case alreadyRolledBack
    case legalHold
    case irreversibleAction([FieldError])
    case validation([FieldError])
}
