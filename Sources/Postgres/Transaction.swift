/// An open transaction, lent to a synchronous body on the connection's thread. It cannot be stored, copied or used after
/// the body, because it is not copyable and only borrowed.
///
/// After an error of a statement PostgreSQL refuses everything until ROLLBACK: let the error leave the body, or put the
/// statement under a `savepoint`.
package struct Transaction: ~Copyable {
    private let wire: Wire

    init(_ wire: Wire) { self.wire = wire }

    /// Runs a statement; gives the number of rows that it touched.
    @discardableResult
    package func execute(_ query: Query) throws(PostgresError) -> Int { try wire.execute(query).affectedRows }

    /// Runs a query; `map` is called once a row.
    package func query<T>(
        _ query: Query, _ map: (borrowing Row) throws(PostgresError) -> T
    ) throws(PostgresError) -> [T] {
        try wire.execute(query).map(map)
    }

    /// The first row, or nil when there is none.
    package func first<T>(
        _ query: Query, _ map: (borrowing Row) throws(PostgresError) -> T
    ) throws(PostgresError) -> T? {
        try wire.execute(query).first(map)
    }

    /// The first column of the first row; an error when there is no row.
    package func value<T: PostgresDecodable>(_ query: Query, as type: T.Type = T.self) throws(PostgresError) -> T {
        let value = try wire.execute(query).first { row throws(PostgresError) in try row[0] as T }
        guard let value else { throw PostgresError(.noRow, "the query gave no row") }
        return value
    }

    /// The whole result, for a caller that walks it itself.
    package func result(of query: Query) throws(PostgresError) -> ResultSet { try wire.execute(query) }

    /// Runs several statements that carry no values: a migration.
    package func run(script: String) throws(PostgresError) { _ = try wire.run(script) }

    /// Runs a part that may fail without the whole: an error rolls back to here and is thrown on.
    @discardableResult
    package func savepoint<T>(
        _ body: (borrowing Transaction) throws(PostgresError) -> T
    ) throws(PostgresError) -> T {
        _ = try wire.run("SAVEPOINT part")
        do {
            let value = try body(Transaction(wire))
            _ = try wire.run("RELEASE SAVEPOINT part")
            return value
        } catch {
            if wire.isOpen { _ = try wire.run("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part") }
            throw error
        }
    }

    /// Writes rows by `COPY … FROM STDIN (FORMAT binary)`, several times faster than INSERT.
    ///
    /// - Parameter target: a table and its columns, such as `board_v3.row (tenant_id, case_id)`. Put into the SQL as it
    ///   stands. Values must have exactly the columns' types: the server converts nothing here.
    /// - Returns: the number of rows.
    @discardableResult
    package func copy(
        into target: String, _ body: (inout CopyWriter) throws(PostgresError) -> Void
    ) throws(PostgresError) -> Int {
        _ = try wire.run("COPY \(target) FROM STDIN (FORMAT binary)")
        var writer = CopyWriter(wire)
        do throws(PostgresError) {
            try body(&writer)
            try writer.finish()
        } catch {
            // The server answers the abort with an error of its own (57014); the first one is the one to tell.
            if wire.isOpen { do { _ = try wire.endCopyIn(abortingBecause: "the writer failed") } catch {} }
            throw error
        }
        return try wire.endCopyIn()
    }

    /// Reads rows by `COPY (query) TO STDOUT (FORMAT binary)`, one at a time, without holding the result in memory.
    ///
    /// COPY takes no parameters: the query must be without binds. Leaving by an error reads what is left first.
    package func copy(
        from query: Query, _ body: (inout CopyRow) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        var failure: PostgresError?
        try copyPieces(of: query) { bytes, start in
            guard failure == nil else { return }
            do throws(PostgresError) {
                try CopyFormat.row(bytes, from: start, body)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Takes all rows of a `COPY (query) TO STDOUT (FORMAT binary)` off the connection, undecoded. Without binds, as above.
    package func copied(from query: Query) throws(PostgresError) -> CopiedRows {
        var rows = CopiedRows()
        var failure: PostgresError?
        try copyPieces(of: query) { bytes, start in
            guard failure == nil else { return }
            do throws(PostgresError) {
                try rows.append(bytes, from: start)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return rows
    }

    /// Lends each piece, and where in it the row begins.
    private func copyPieces(
        of query: Query, _ body: (UnsafeBufferPointer<UInt8>, Int) -> Void
    ) throws(PostgresError) {
        guard query.parameters.types.isEmpty else { throw PostgresError(.misuse, "COPY takes no parameters") }
        _ = try wire.run("COPY (\(query.sql)) TO STDOUT (FORMAT binary)")
        var isFirst = true
        var failure: PostgresError?
        while try wire.copyOutPiece({ bytes in
            guard failure == nil else { return }
            do throws(PostgresError) {
                let start = isFirst ? try CopyFormat.headerLength(bytes) : 0
                isFirst = false
                body(bytes, start)
            } catch {
                failure = error
            }
        }) {}
        if let failure { throw failure }
    }
}

extension Wire {
    /// BEGIN, body, COMMIT; ROLLBACK when the body throws or the task was cancelled meanwhile.
    func transaction<T>(
        begin: String, _ token: CancelToken, _ body: (borrowing Transaction) throws(PostgresError) -> T
    ) throws(PostgresError) -> T {
        _ = try run(begin)
        let value: T
        do throws(PostgresError) {
            value = try body(Transaction(self))
            // From here on a cancel could only make the outcome unclear.
            token.end()
            if token.isRequested { throw PostgresError(.cancelled, "the task was cancelled before COMMIT") }
        } catch {
            // A connection that cannot even roll back is not reusable, and closing it rolls back.
            if isOpen { do { _ = try run("ROLLBACK") } catch {} }
            throw error
        }
        let tag: String
        do {
            tag = try run("COMMIT").commandTag
        } catch {
            if isOpen { throw error }
            throw PostgresError(
                .commitUnknown, "the connection broke at COMMIT", sqlState: error.sqlState, cause: error)
        }
        guard tag == "COMMIT" else {
            throw PostgresError(
                .rolledBack, "the server answered COMMIT with \(tag): a statement's error was swallowed")
        }
        return value
    }
}
