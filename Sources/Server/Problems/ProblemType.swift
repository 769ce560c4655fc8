/// The problems of the contract (§9): what a client may rely on.
enum ProblemType: String, Sendable, CaseIterable {
    case malformedBody = "malformed-body"
    case unknownParameter = "unknown-parameter"
    case tokenInURL = "token-in-url"
    case unauthenticated
    case stepUpRequired = "step-up-required"
    case roleInsufficient = "role-insufficient"
    case selfApproval = "self-approval"
    case foreignOrigin = "foreign-origin"
    case approverExcluded = "approver-excluded"
    case notFound = "not-found"
    case methodNotAllowed = "method-not-allowed"
    case notAcceptable = "not-acceptable"
    case illegalTransition = "illegal-transition"
    case versionConflict = "version-conflict"
    case idempotencyInProgress = "idempotency-in-progress"
    case planDigestMismatch = "plan-digest-mismatch"
    case approvalNotPending = "approval-not-pending"
    case alreadyDecided = "already-decided"
    case alreadyRolledBack = "already-rolled-back"
    case legalHold = "legal-hold"
    case preconditionFailed = "precondition-failed"
    case bodyTooLarge = "body-too-large"
    case unsupportedMediaType = "unsupported-media-type"
    case validationFailed = "validation-failed"
    case deadLettered = "dead-lettered"
    case evidenceMissing = "evidence-missing"
    case idempotencyKeyReused = "idempotency-key-reused"
    case irreversibleAction = "irreversible-action"
    case preconditionRequired = "precondition-required"
    case rateLimited = "rate-limited"
    case `internal`
    case queueFull = "queue-full"
    case databaseUnavailable = "database-unavailable"
    case projectionBehind = "projection-behind"

    var urn: String { "urn:docket:problem:" + rawValue }

    var status: Int {
        switch self {
        case .malformedBody, .unknownParameter, .tokenInURL: 400
        case .unauthenticated, .stepUpRequired: 401
        case .roleInsufficient, .selfApproval, .approverExcluded, .foreignOrigin: 403
        case .notFound: 404
        case .methodNotAllowed: 405
        case .notAcceptable: 406
        case .illegalTransition, .versionConflict, .idempotencyInProgress, .planDigestMismatch, .approvalNotPending,
            .alreadyDecided, .alreadyRolledBack, .legalHold:
            409
        case .preconditionFailed: 412
        case .bodyTooLarge: 413
        case .unsupportedMediaType: 415
        case .validationFailed, .deadLettered, .evidenceMissing, .idempotencyKeyReused, .irreversibleAction: 422
        case .preconditionRequired: 428
        case .rateLimited: 429
        case .internal: 500
        case .queueFull, .databaseUnavailable, .projectionBehind: 503
        }
    }

    var title: String {
        switch self {
        case .malformedBody: "The body is not JSON"
        case .unknownParameter: "Unknown query parameter"
        case .tokenInURL: "A token must not stand in a URL"
        case .unauthenticated: "Not authenticated"
        case .stepUpRequired: "A fresh sign-in is required"
        case .roleInsufficient: "Your roles do not allow this"
        case .selfApproval: "Nobody approves their own request"
        case .approverExcluded: "You are excluded from this approval"
        case .foreignOrigin: "Not from a page of this server"
        case .notFound: "Not found"
        case .methodNotAllowed: "Method not allowed"
        case .notAcceptable: "Not acceptable"
        case .illegalTransition: "Not possible in this state"
        case .versionConflict: "Changed meanwhile"
        case .idempotencyInProgress: "The first request still runs"
        case .planDigestMismatch: "The plan is another one"
        case .approvalNotPending: "The approval is not pending"
        case .alreadyDecided: "You have decided already"
        case .alreadyRolledBack: "Everything is rolled back already"
        case .legalHold: "Under legal hold"
        case .preconditionFailed: "Changed since you looked"
        case .bodyTooLarge: "The body is too large"
        case .unsupportedMediaType: "Unsupported media type"
        case .validationFailed: "The request is not valid"
        case .deadLettered: "Kept as a dead letter"
        case .evidenceMissing: "Evidence is missing"
        case .idempotencyKeyReused: "The idempotency key was used for another request"
        case .irreversibleAction: "The action could not be undone"
        case .preconditionRequired: "If-Match is required"
        case .rateLimited: "Too many requests"
        case .internal: "Internal error"
        case .queueFull: "Too much is waiting to be written"
        case .databaseUnavailable: "The database is away"
        case .projectionBehind: "The read model is behind"
        }
    }
}
