/// A pool's limits, and how its connections are made.
package struct DatabaseConfiguration: Sendable {
    package var connection: ConnectionConfiguration
    /// Each is a thread here and a process of the server.
    package var connectionsMaximum = 8
    /// Callers that may wait for a connection; more are refused at once.
    package var waitersMaximum = 1024
    package var acquireTimeout: Duration = .seconds(10)
    /// How long a call may last before the server is asked for a sign of life; without one the call is broken off.
    package var answerTimeout: Duration = .seconds(5)

    /// How long a call may last while the server answers others; `nil` where statements have no limit of their own.
    var callMaximum: Duration? {
        let limit = connection.statementTimeoutMilliseconds
        return limit > 0 ? .milliseconds(limit + 5_000) : nil
    }

    package init(_ connection: ConnectionConfiguration) { self.connection = connection }
}

/// How often a transaction is run again after an error that calls for it (`PostgresError.isRetryable`).
package struct RetryPolicy: Sendable {
    /// Runs in all, the first one included.
    package var attemptsMaximum: Int
    package var firstDelay: Duration
    package var delayMaximum: Duration

    package init(
        attemptsMaximum: Int, firstDelay: Duration = .milliseconds(5), delayMaximum: Duration = .milliseconds(500)
    ) {
        self.attemptsMaximum = attemptsMaximum
        self.firstDelay = firstDelay
        self.delayMaximum = delayMaximum
    }

    package static let standard = RetryPolicy(attemptsMaximum: 8)
    package static let none = RetryPolicy(attemptsMaximum: 1)

    /// Before the run after attempt `attempt` (from 1): doubling, with full jitter, so that two transactions that met
    /// once do not meet again.
    func delay(after attempt: Int, random: Double = .random(in: 0..<1)) -> Duration {
        min(delayMaximum, firstDelay * (1 << min(attempt - 1, 20))) * random
    }
}

package enum IsolationLevel: String, Sendable {
    case readCommitted = "READ COMMITTED"
    case repeatableRead = "REPEATABLE READ"
    case serializable = "SERIALIZABLE"
}
