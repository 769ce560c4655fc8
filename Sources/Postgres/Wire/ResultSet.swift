import CPostgres

/// The answer to one statement: a count and, for queries, rows in binary format. Freed with its owner.
package struct ResultSet: ~Copyable {
    let pointer: OpaquePointer

    init(pointer: OpaquePointer) { self.pointer = pointer }

    deinit { PQclear(pointer) }

    package var count: Int { Int(PQntuples(pointer)) }

    /// Rows that an INSERT, UPDATE, DELETE or COPY touched, and that a SELECT gave.
    package var affectedRows: Int { Int(String(cString: PQcmdTuples(pointer))) ?? 0 }

    /// The command's name as the server did it: COMMIT in a failed transaction is answered by `ROLLBACK`.
    var commandTag: String { String(cString: PQcmdStatus(pointer)) }

    package func forEach(_ body: (borrowing Row) throws(PostgresError) -> Void) throws(PostgresError) {
        for index in 0..<PQntuples(pointer) { try body(Row(result: pointer, index: index)) }
    }

    package func map<T>(_ body: (borrowing Row) throws(PostgresError) -> T) throws(PostgresError) -> [T] {
        var values: [T] = []
        values.reserveCapacity(count)
        for index in 0..<PQntuples(pointer) { values.append(try body(Row(result: pointer, index: index))) }
        return values
    }

    package func first<T>(_ body: (borrowing Row) throws(PostgresError) -> T) throws(PostgresError) -> T? {
        count == 0 ? nil : try body(Row(result: pointer, index: 0))
    }
}

/// One row of a result; lives only within the closure that it is lent to.
package struct Row: ~Copyable {
    private let result: OpaquePointer
    private let index: Int32

    init(result: OpaquePointer, index: Int32) {
        self.result = result
        self.index = index
    }

    package var columnCount: Int { Int(PQnfields(result)) }

    /// The value of a column by position, the fast way.
    package subscript<Value: PostgresDecodable>(column: Int) -> Value {
        get throws(PostgresError) { try value(at: Int32(column)) }
    }

    /// The value of a column by name.
    package subscript<Value: PostgresDecodable>(name: String) -> Value {
        get throws(PostgresError) {
            let column = PQfnumber(result, name)
            guard column >= 0 else { throw PostgresError(.noSuchColumn, "the result has no column \(name)") }
            return try value(at: column)
        }
    }

    /// The first columns at once: `let (id, name): (UUID, String?) = try row.columns()`.
    package func columns<each Value: PostgresDecodable>() throws(PostgresError) -> (repeat each Value) {
        var column: Int32 = -1
        func next<T: PostgresDecodable>(_: T.Type) throws(PostgresError) -> T {
            column += 1
            return try value(at: column)
        }
        return (repeat try next((each Value).self))
    }

    private func value<Value: PostgresDecodable>(at column: Int32) throws(PostgresError) -> Value {
        guard column >= 0, column < PQnfields(result) else {
            throw PostgresError(.noSuchColumn, "the result has no column \(column)")
        }
        do throws(PostgresError) {
            if PQgetisnull(result, index, column) != 0 { return try Value.readNull() }
            let type = PostgresType(PQftype(result, column))
            guard Value.reads(type) else {
                let hint = type == .numeric ? " (cast numeric to text or float8 in the query)" : ""
                throw PostgresError(.typeMismatch, "type \(type.rawValue) is not read as \(Value.self)\(hint)")
            }
            let start = UnsafeRawPointer(PQgetvalue(result, index, column)!).assumingMemoryBound(to: UInt8.self)
            let length = Int(PQgetlength(result, index, column))
            return try Value(postgres: UnsafeBufferPointer(start: start, count: length).span, type: type)
        } catch {
            var error = error
            error.columnName = String(cString: PQfname(result, column))
            throw error
        }
    }
}
