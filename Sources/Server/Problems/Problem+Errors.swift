import Cases
import EventLog
import Events
import HTTPTypes
import Hummingbird
import Intake
import JSON
import Postgres
import Projections
import Reactors

/// Whatever a handler throws, as the problem that the client is told. What is not listed is `internal`.
extension Problem {
    init(_ error: any Error) {
        switch error {
        case let problem as Problem: self = problem
        case let rejection as Rejection: self.init(rejection)
        case let stale as StaleVersion:
            self.init(
                .preconditionFailed, "The resource is at version \(stale.current) now: read it again, then repeat.",
                members: ["current_version": .integer(stale.current)],
                headers: [.eTag: EntityTag.strong(stale.current).text])
        case is Contention:
            self.init(.versionConflict, "Others were faster again and again: try it once more.")
        case let error as IntakeError: self.init(error)
        case let error as EventLogError: self.init(error)
        case let error as ProjectionError: self.init(error)
        case let error as PostgresError: self.init(error)
        case let error as HTTPError: self.init(error)
        case is CancellationError: self = Unavailability(.ended, isKnownUnrecorded: false).problem()
        default: self = .defect
        }
    }

    static let defect = Problem(.internal, "Something went wrong here; the trace id finds it in the log.")

    private init(_ rejection: Rejection) {
        switch rejection {
        case .notFound: self.init(.notFound, "There is no such thing here.")
        case .roleInsufficient(let needed):
            self.init(
                .roleInsufficient, "This takes one of these roles: \(needed.joined(separator: ", ")).",
                members: ["needed": .array(needed.map(JSONValue.string))])
        case .illegalTransition(let state, let command, let allowed):
            self.init(
                .illegalTransition,
                "'\(command)' is not possible in state \(state?.rawValue ?? "none"). Possible: \(allowed.joined(separator: ", ")).",
                members: [
                    "state": state.map { .string($0.rawValue) } ?? .null, "command": .string(command),
                    "allowed": .array(allowed.map(JSONValue.string)),
                ])
        case .selfApproval:
            self.init(.selfApproval, "You asked for this approval: somebody else must decide on it.")
        case .approverExcluded(let reason):
            self.init(
                .approverExcluded, "You are excluded from deciding on this plan: \(reason).",
                members: ["reason": .string(reason)])
        case .planDigestMismatch(let current):
            self.init(
                .planDigestMismatch, "You decided on another plan than the current one: read the approval again.",
                members: ["plan_digest": .string(current.text)])
        case .approvalNotPending(let state):
            self.init(
                .approvalNotPending, "The approval is \(state.rawValue): there is nothing to decide.",
                members: ["state": .string(state.rawValue)])
        case .alreadyDecided: self.init(.alreadyDecided, "One person decides once, whatever token they use.")
        case .evidenceMissing(let missing):
            let kinds = missing.map(\.kind.rawValue).joined(separator: ", ")
            self.init(
                .evidenceMissing,
                "The policy demands evidence that is missing or stale: \(kinds). Add it, then decide.",
                members: ["missing_evidence": .array(missing.map(\.json))])
        case .alreadyRolledBack: self.init(.alreadyRolledBack, "Every step is restored already.")
        case .legalHold: self.init(.legalHold, "This is under legal hold until a lead lifts it.")
        case .irreversibleAction(let errors):
            self.init(
                .irreversibleAction, "Every action must say how it is captured, verified and put back.", errors: errors)
        case .validation(let errors): self = .validation(errors)
        }
    }

    private init(_ error: IntakeError) {
        if error.code == .syntax {
            self.init(
                .malformedBody, "The array is broken, so no item of it can be trusted: \(error.message).",
                errors: [FieldError(error.item.map { "/\($0)" } ?? "", .syntax, error.message)])
        } else {
            self.init(.bodyTooLarge, "\(error.message). Send smaller batches.")
        }
    }

    private init(_ error: EventLogError) {
        switch error.code {
        case .queueFull, .unavailable, .outcomeUnknown, .fenced, .clockBehind, .cancelled:
            self = Unavailability(error).problem()
        case .unknownTenant: self.init(.notFound, "There is no such thing here.")
        case .malformed: self.init(.validationFailed, "The log does not take this input.")
        case .unreadable: self = .defect
        case .tooLarge:
            self.init(
                .bodyTooLarge, "One event would be larger than an event may be: \(error.message). Send less at once.")
        case .legalHold: self.init(Rejection.legalHold)
        case .tenantKey, .corrupt: self = .defect
        }
    }

    private init(_ error: ProjectionError) {
        switch error.code {
        case .behind:
            self.init(
                .projectionBehind, "The read model has not come that far yet. Wait a moment, then repeat.",
                headers: [.retryAfter: "1"])
        case .malformedCursor:
            self = .validation([FieldError("/cursor", .format, "is not one that this list gave out in this order")])
        case .cancelled: self = Unavailability(.ended).problem(.none)
        case .database, .log:
            let why =
                switch error.cause {
                case let cause as PostgresError: Unavailability(cause)
                case let cause as EventLogError: Unavailability(cause)
                default: Unavailability(.databaseAway)
                }
            self = why.problem(.none)
        case .unknownProjection, .gap, .blocked, .corrupt, .notReady, .superseded: self = .defect
        }
    }

    private init(_ error: PostgresError) {
        switch error.code {
        case .connectionFailed, .connectionLost, .commitUnknown, .timeout, .poolExhausted, .closed, .cancelled:
            self = Unavailability(error).problem()
        case .server where Unavailability.isPassing(error.sqlState ?? ""):
            self = Unavailability(error).problem()
        default: self = .defect
        }
    }

    private init(_ error: HTTPError) {
        switch error.status.code {
        case 404: self.init(.notFound, "There is no such thing here.")
        case 405: self.init(.methodNotAllowed, "This resource does not take that method.")
        case 413: self.init(.bodyTooLarge, "The body is larger than this route takes.")
        case 415: self.init(.unsupportedMediaType, "This route does not read that media type.")
        case 400..<500: self.init(.malformedBody, "The request cannot be read.")
        default: self = .defect
        }
    }
}

extension MissingEvidence {
    var json: JSONValue {
        [
            "kind": .string(kind.rawValue), "status": .string(status.rawValue),
            "required_by": .array(requiredBy.map { .string($0.rawValue) }),
        ]
    }
}
