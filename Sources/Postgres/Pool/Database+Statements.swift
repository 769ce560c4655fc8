extension Database {
    /// Runs `body` in a transaction on one connection's thread; commits when it returns, rolls back when it throws.
    ///
    /// Run again, from its start, after a serialization failure, a deadlock, or a connection lost before COMMIT. Throws
    /// `commitUnknown` when the connection breaks at COMMIT. Cancelling the task cancels the running statement.
    @discardableResult
    package func transaction<T: Sendable>(
        isolation: IsolationLevel = .readCommitted, isReadOnly: Bool = false, retry: RetryPolicy = .standard,
        _ body: @Sendable (borrowing Transaction) throws(PostgresError) -> T
    ) async throws(PostgresError) -> T {
        let begin =
            "BEGIN ISOLATION LEVEL \(isolation.rawValue)\(isReadOnly ? " READ ONLY" : "")"
            + configuration.connection.transactionPrefix
        var attempt = 1
        while true {
            do {
                return try await lend { wire, token throws(PostgresError) in
                    try wire.transaction(begin: begin, token, body)
                }
            } catch  where error.isRetryable && attempt < retry.attemptsMaximum {
                do {
                    try await Task.sleep(for: retry.delay(after: attempt))
                } catch {
                    throw PostgresError(.cancelled, "the task was cancelled between two attempts")
                }
                attempt += 1
            }
        }
    }

    /// Runs one reading statement, outside a transaction: one round trip. Run again once when the connection is lost, so
    /// it must not write.
    package func query<T: Sendable>(
        _ query: Query, _ map: @Sendable (borrowing Row) throws(PostgresError) -> T
    ) async throws(PostgresError) -> [T] {
        do {
            return try await lend { wire, _ throws(PostgresError) in try wire.execute(query).map(map) }
        } catch  where error.code == .connectionLost {
            return try await lend { wire, _ throws(PostgresError) in try wire.execute(query).map(map) }
        }
    }

    /// The first row of a reading statement, or nil.
    package func first<T: Sendable>(
        _ query: Query, _ map: @Sendable (borrowing Row) throws(PostgresError) -> T
    ) async throws(PostgresError) -> T? {
        try await self.query(query, map).first
    }

    /// The first column of the first row of a reading statement; an error when there is no row.
    package func value<T: PostgresDecodable>(
        _ query: Query, as type: T.Type = T.self
    ) async throws(PostgresError) -> T {
        let values = try await self.query(query) { row throws(PostgresError) in try row[0] as T }
        guard let value = values.first else { throw PostgresError(.noRow, "the query gave no row") }
        return value
    }

    /// Runs one writing statement that is its own transaction: one round trip and one commit.
    ///
    /// Throws `commitUnknown` when the connection breaks meanwhile: the statement may have taken effect.
    @discardableResult
    package func write<T: Sendable>(
        _ query: Query, _ map: @Sendable (borrowing Row) throws(PostgresError) -> T
    ) async throws(PostgresError) -> [T] {
        try await writing { wire throws(PostgresError) in try wire.execute(query).map(map) }
    }

    /// Runs one writing statement; gives the number of rows that it touched. See `write`.
    @discardableResult
    package func execute(_ query: Query) async throws(PostgresError) -> Int {
        try await writing { wire throws(PostgresError) in try wire.execute(query).affectedRows }
    }

    private func writing<T: Sendable>(
        _ body: @Sendable (Wire) throws(PostgresError) -> T
    ) async throws(PostgresError) -> T {
        do {
            return try await lend { wire, _ throws(PostgresError) in try body(wire) }
        } catch  where error.code == .connectionLost {
            throw PostgresError(
                .commitUnknown, "the connection broke during a writing statement", sqlState: error.sqlState,
                cause: error)
        }
    }
}
