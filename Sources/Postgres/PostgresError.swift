/// What went wrong in this module.
///
/// `description` is safe to log: it names the code, the SQLSTATE and the objects of the schema, and leaves out the
/// server's text wherever that text can quote a bound value (SQLSTATE classes 21, 22, 23 and others). The full text is in
/// `serverMessage` and `serverDetail`, for a debugger and for tests.
package struct PostgresError: Error, Sendable {
    package struct Code: Sendable, Hashable {
        enum Name: String {
            case connectionFailed, connectionLost, commitUnknown, server, rolledBack, cancelled, timeout, poolExhausted
            case closed, unexpectedNull, typeMismatch, malformedValue, noSuchColumn, noRow, wrongEncoding, misuse
            case embeddedCluster, abandoned, staleConnection
        }
        let name: Name

        /// No connection could be made.
        package static let connectionFailed = Code(name: .connectionFailed)
        /// The connection broke before COMMIT was sent: nothing of the transaction is in the database.
        package static let connectionLost = Code(name: .connectionLost)
        /// The connection broke after COMMIT (or a statement outside a transaction) was sent: it may or may not have
        /// taken effect. Ask the database before doing it again.
        package static let commitUnknown = Code(name: .commitUnknown)
        /// The server refused; see `sqlState`.
        package static let server = Code(name: .server)
        /// COMMIT was answered by ROLLBACK: the body swallowed an error of one of its statements.
        package static let rolledBack = Code(name: .rolledBack)
        /// The Swift task was cancelled; the statement was cancelled on the server too.
        package static let cancelled = Code(name: .cancelled)
        /// No connection became free before the deadline.
        package static let timeout = Code(name: .timeout)
        /// As many callers wait for a connection as the pool allows.
        package static let poolExhausted = Code(name: .poolExhausted)
        /// The database client was closed.
        package static let closed = Code(name: .closed)
        /// NULL where the caller asked for a type that is not optional.
        package static let unexpectedNull = Code(name: .unexpectedNull)
        /// The column's or element's type is not one that the Swift type reads.
        package static let typeMismatch = Code(name: .typeMismatch)
        /// The bytes are not a value of the type that they claim to be, or a value cannot be represented.
        package static let malformedValue = Code(name: .malformedValue)
        package static let noSuchColumn = Code(name: .noSuchColumn)
        /// A query that must give one row gave none.
        package static let noRow = Code(name: .noRow)
        /// The database is not UTF8.
        package static let wrongEncoding = Code(name: .wrongEncoding)
        /// A call that this connection's state does not allow.
        package static let misuse = Code(name: .misuse)
        /// The embedded cluster could not be made, started or stopped.
        package static let embeddedCluster = Code(name: .embeddedCluster)
        /// The body of a transaction gave up for a reason of its own; see `cause`.
        package static let abandoned = Code(name: .abandoned)
        /// An idle connection turned out to be closed by the server; the pool takes another one.
        static let staleConnection = Code(name: .staleConnection)
    }

    package var code: Code
    package var message: String
    /// Five characters, such as `40001`; nil when the error did not come from the server.
    package var sqlState: String?
    package var schemaName: String?
    package var tableName: String?
    package var columnName: String?
    package var constraintName: String?
    /// The server's own words. Can quote values: never log it.
    package var serverMessage: String?
    /// The server's DETAIL. Can quote values: never log it.
    package var serverDetail: String?
    package var cause: (any Error)?
    package var file: String
    package var line: Int

    package init(
        _ code: Code, _ message: String, sqlState: String? = nil, cause: (any Error)? = nil,
        file: String = #fileID, line: Int = #line
    ) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.cause = cause
        self.file = file
        self.line = line
    }

    /// Leaves a transaction's body with an error of the caller's own; the transaction rolls back and is not retried.
    package static func abandon(_ cause: any Error, file: String = #fileID, line: Int = #line) -> PostgresError {
        PostgresError(.abandoned, "the transaction's body gave up", cause: cause, file: file, line: line)
    }

    /// Whether the same transaction, run again from its start, may well succeed: a serialization failure (40001), a
    /// deadlock (40P01), a connection lost before COMMIT, or a prepared statement that the server no longer knows.
    package var isRetryable: Bool {
        switch code {
        case .connectionLost: true
        case .server: sqlState == "40001" || sqlState == "40P01" || isStaleStatement
        default: false
        }
    }

    /// Whether an error comes from a database that went away or is not there yet, so that the same work may well succeed
    /// once it is back. Work that a lost COMMIT may have done must be safe to repeat.
    package static func isConnectionGone(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return false }
        switch error.code {
        case .connectionFailed, .connectionLost, .commitUnknown: return true
        // 57P01 to 57P03: the server ends, crashed, or starts.
        case .server: return error.sqlState?.hasPrefix("57P") == true
        default: return (error.cause).map(isConnectionGone) ?? false
        }
    }

    /// 26000: the statement's name is unknown (another pooler connection); 0A000: its result's columns have changed.
    var isStaleStatement: Bool {
        sqlState == "26000" || (sqlState == "0A000" && serverMessage?.hasPrefix("cached plan must not change") == true)
    }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String {
        var parts = ["\(code.name.rawValue): \(message)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState)") }
        if let constraintName { parts.append("constraint \(constraintName)") }
        if let tableName { parts.append("table \(schemaName.map { $0 + "." } ?? "")\(tableName)") }
        if let columnName { parts.append("column \(columnName)") }
        if let cause { parts.append("because: \(cause)") }
        return parts.joined(separator: ", ") + " (\(file):\(line))"
    }

    package var debugDescription: String { description }

    /// Reflection (`dump`, a logger that mirrors) must not find what `description` leaves out.
    package var customMirror: Mirror { Mirror(self, children: ["description": description]) }

    /// Whether the server's text for this SQLSTATE names only things of the schema and of the server, never data.
    ///
    /// Classes of PostgreSQL's appendix A: 08 connection, 0A unsupported, 25/40 transaction, 26 statement name, 28
    /// authorization, 3D/3F catalog, 42 names and syntax, 53 resources, 54 limits, 55 state, 57 operator, 58 system, P0
    /// raised by our own functions, whose texts carry no personal data; XX internal.
    static func isTextSafe(sqlState: String) -> Bool {
        let safe: Set<String> = [
            "08", "0A", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58", "P0", "XX",
        ]
        return safe.contains(String(sqlState.prefix(2)))
    }
}
