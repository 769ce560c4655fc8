import CPostgres

/// How one connection is made.
package struct ConnectionConfiguration: Sendable {
    /// A libpq connection string or URI; TLS, hosts and passwords are said here (`sslmode=verify-full …`).
    package var connectionString: String
    package var applicationName = "docket"
    /// Seconds, for each host; libpq knows no less than 2. A `connect_timeout` in the connection string wins.
    package var connectTimeoutSeconds = 5
    /// Milliseconds after which the server cancels a statement; 0 is never.
    package var statementTimeoutMilliseconds = 30_000
    /// Milliseconds to wait for a lock; 0 is for ever.
    package var lockTimeoutMilliseconds = 10_000
    /// Milliseconds that a transaction may sit idle, for a client that stopped without closing its socket.
    package var idleInTransactionTimeoutMilliseconds = 60_000
    /// A role that each connection takes on (`SET ROLE`), so that a login with more rights does not use them.
    package var role: String?
    /// On for a pooler that hands a server connection to somebody else after each transaction (PgBouncer): statements
    /// are not prepared, and role and timeouts are set in each transaction instead of at the start of the connection;
    /// statements outside a transaction go without them.
    package var isBehindTransactionPooler = false

    package init(_ connectionString: String) { self.connectionString = connectionString }

    var preparesStatements: Bool { !isBehindTransactionPooler }

    private var timeouts: [(name: String, milliseconds: Int)] {
        [
            ("statement_timeout", statementTimeoutMilliseconds), ("lock_timeout", lockTimeoutMilliseconds),
            ("idle_in_transaction_session_timeout", idleInTransactionTimeoutMilliseconds),
        ]
    }

    /// What follows BEGIN behind a pooler.
    var transactionPrefix: String {
        guard isBehindTransactionPooler else { return "" }
        let role = role.map { "; SET LOCAL ROLE \"\($0.replacing("\"", with: "\"\""))\"" } ?? ""
        return timeouts.map { "; SET LOCAL \($0.name) = \($0.milliseconds)" }.joined() + role
    }

    /// Keywords and values in libpq's order: what stands later wins, and `dbname` is expanded first.
    func libpqParameters() throws(PostgresError) -> [(String, String)] {
        let given = try parsed()
        var parameters = [("dbname", connectionString), ("client_encoding", "UTF8")]
        if given["application_name"] == nil { parameters.append(("application_name", applicationName)) }
        if given["connect_timeout"] == nil { parameters.append(("connect_timeout", String(connectTimeoutSeconds))) }
        if !isBehindTransactionPooler {
            // The caller's own options come last, so that they win.
            // A plan that was made once for all values, on a table that was still empty, may take any index that
            // begins like the right one; planning anew costs a fraction of a millisecond.
            var options = timeouts.map { "-c \($0.name)=\($0.milliseconds)" }
            options += ["-c TimeZone=UTC", "-c plan_cache_mode=force_custom_plan"]
            if let role { options.append("-c role=\(role)") }
            parameters.append(("options", (options + [given["options"] ?? ""]).joined(separator: " ")))
        }
        return parameters
    }

    /// The connection string as libpq reads it.
    private func parsed() throws(PostgresError) -> [String: String] {
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(connectionString, &message) else {
            // libpq's message can quote the string, and the string can hold a password.
            PQfreemem(message)
            throw PostgresError(.connectionFailed, "the connection string cannot be read")
        }
        defer { PQconninfoFree(options) }
        var values: [String: String] = [:]
        var option = options
        while let keyword = option.pointee.keyword {
            if let value = option.pointee.val { values[String(cString: keyword)] = String(cString: value) }
            option += 1
        }
        return values
    }
}
