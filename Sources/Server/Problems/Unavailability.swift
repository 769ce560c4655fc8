import EventLog
import Events
import HTTPTypes
import JSON
import Postgres

/// Why a server does not record at the moment, and what is known of the request: the members `reason` and `recorded` of a
/// 503.
struct Unavailability: Sendable, Hashable {
    enum Reason: String, Sendable, CaseIterable {
        case clockOff = "clock_off"
        case diskFull = "disk_full"
        case fenced
        case queueFull = "queue_full"
        /// It answers, and somebody else holds what the request needs: a lock, or all connections.
        case databaseBusy = "database_busy"
        case databaseAway = "database_away"
        case outcomeUnknown = "outcome_unknown"
        /// The server is told to end, or the client has left.
        case ended

        var text: String {
            switch self {
            case .clockOff:
                "This server's clock and the database's differ by more than is allowed; /readyz says by how much."
            case .diskFull: "The database's disk is full."
            case .fenced: "This tenant was moved: another place writes for it."
            case .queueFull: "Too much is waiting to be written."
            case .databaseBusy: "The database is busy: what the request needs is held by other work."
            case .databaseAway: "The database does not answer at the moment."
            case .outcomeUnknown: "The connection to the database broke while the events were being recorded."
            case .ended: "The request was given up, because the server ends or the client has left."
            }
        }

        /// Seconds after which asking again may help; `nil` where time alone does not.
        var retryAfter: Int? {
            switch self {
            case .queueFull: 1
            case .databaseBusy, .databaseAway, .outcomeUnknown, .ended: 2
            case .clockOff, .diskFull: 10
            case .fenced: nil
            }
        }
    }

    /// What a request may have left behind.
    enum Extent: Sendable, Hashable {
        /// It reads.
        case none
        /// All or nothing.
        case whole
        /// Several parts, of which some may have been recorded before.
        case parts
    }

    var reason: Reason
    /// Whether the database can tell that what failed was not recorded.
    var isKnownUnrecorded: Bool

    init(_ reason: Reason, isKnownUnrecorded: Bool = true) {
        self.reason = reason
        self.isKnownUnrecorded = isKnownUnrecorded
    }

    init(_ error: EventLogError) {
        let database = error.cause.flatMap { $0 as? PostgresError }
        self =
            switch error.code {
            case .clockBehind: Unavailability(.clockOff)
            case .fenced: Unavailability(.fenced)
            case .queueFull: Unavailability(.queueFull)
            case .outcomeUnknown: Unavailability(.outcomeUnknown, isKnownUnrecorded: false)
            case .cancelled: Unavailability(.ended)
            default: database.map { Unavailability($0) } ?? Unavailability(.databaseAway)
            }
    }

    init(_ error: PostgresError) {
        self =
            switch error.code {
            case .commitUnknown: Unavailability(.outcomeUnknown, isKnownUnrecorded: false)
            case .cancelled: Unavailability(.ended, isKnownUnrecorded: false)
            case .server where error.sqlState == Self.diskFullState: Unavailability(.diskFull)
            case .server where Self.busyStates.contains(error.sqlState ?? ""): Unavailability(.databaseBusy)
            case .timeout, .poolExhausted: Unavailability(.databaseBusy)
            case .abandoned:
                (error.cause as? EventLogError).map { Unavailability($0) } ?? Unavailability(.databaseAway)
            default: Unavailability(.databaseAway)
            }
    }

    /// `lock_not_available`, `query_canceled` (a statement's timeout) and `too_many_connections`.
    static let busyStates: Set<String> = ["55P03", "57014", "53300"]

    /// Whether what the database refused may be taken a moment later.
    static func isPassing(_ state: String) -> Bool {
        state == diskFullState || busyStates.contains(state) || state.hasPrefix("57P")
    }

    /// `disk_full` (PostgreSQL manual, appendix A).
    static let diskFullState = "53100"

    func problem(_ extent: Extent = .whole) -> Problem {
        let rest: String
        let recorded: JSONValue
        switch extent {
        case .none:
            (rest, recorded) = ("Repeat the request when that has passed.", false)
        case .whole where isKnownUnrecorded:
            (rest, recorded) = ("Nothing was recorded: repeat the request when that has passed.", false)
        case .whole:
            (rest, recorded) = (
                "It is not known whether anything was recorded: repeat the request with the same Idempotency-Key, which "
                    + "records nothing twice.", .null
            )
        case .parts:
            (rest, recorded) = (
                "A part of the request may have been recorded: repeat all of it, which records nothing twice.", .null
            )
        }
        var problem = Problem(
            reason == .queueFull ? .queueFull : .databaseUnavailable, "\(reason.text) \(rest)",
            members: ["reason": .string(reason.rawValue), "recorded": recorded],
            headers: reason.retryAfter.map { [.retryAfter: String($0)] } ?? [:])
        problem.unavailability = self
        return problem
    }
}
