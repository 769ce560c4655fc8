import CPostgres
import Glibc

/// One libpq connection: the calls, their errors, the prepared statements. Every call blocks; only the actor
/// `Connection` and what it lends to transactions touch it, on the connection's own thread.
final class Wire {
    let pointer: OpaquePointer
    private let configuration: ConnectionConfiguration
    private let watch: CallWatch
    private var statements = StatementCache()

    init(_ configuration: ConnectionConfiguration, _ watch: CallWatch) throws(PostgresError) {
        self.configuration = configuration
        self.watch = watch
        let parameters = try configuration.libpqParameters()
        let opened = Self.withCStrings(parameters.map(\.0)) { keywords in
            Self.withCStrings(parameters.map(\.1)) { values in PQconnectdbParams(keywords, values, 1) }
        }
        guard let opened else { throw PostgresError(.connectionFailed, "libpq is out of memory") }
        pointer = opened
        watch.attach(PQsocket(pointer))

        // The default receiver prints to stderr.
        PQsetNoticeReceiver(pointer, { _, _ in }, nil)
        guard PQstatus(pointer) == CONNECTION_OK else {
            throw PostgresError(.connectionFailed, "cannot connect: \(Self.oneLine(PQerrorMessage(pointer)))")
        }
        let encoding = PQparameterStatus(pointer, "server_encoding").map { String(cString: $0) }
        guard encoding == "UTF8" else {
            throw PostgresError(
                .wrongEncoding,
                "the database's encoding is \(encoding ?? "unknown"); UTF8 is needed: "
                    + "CREATE DATABASE … ENCODING 'UTF8' LOCALE 'C.UTF-8' TEMPLATE template0")
        }
    }

    deinit {
        watch.close()
        PQfinish(pointer)
    }

    /// Whether the server has closed (or is closing) an idle connection: nothing else makes it readable here.
    var isStale: Bool {
        var descriptor = pollfd(fd: PQsocket(pointer), events: Int16(POLLIN), revents: 0)
        return PQstatus(pointer) != CONNECTION_OK || Glibc.poll(&descriptor, 1, 0) != 0
    }

    /// Whether the connection can be lent again.
    var isReusable: Bool { isOpen && !isInTransaction }

    var isOpen: Bool { PQstatus(pointer) == CONNECTION_OK }
    var isInTransaction: Bool { PQtransactionStatus(pointer) != PQTRANS_IDLE }

    // MARK: Statements

    /// Runs SQL without values, maybe several statements; results come as text.
    func run(_ sql: String) throws(PostgresError) -> ResultSet { try check(watch.during { PQexec(pointer, sql) }) }

    /// Runs one statement with its binds. The second time a connection meets a text, it prepares it.
    func execute(_ query: Query) throws(PostgresError) -> ResultSet {
        guard configuration.preparesStatements else { return try executeOnce(query) }
        if statements.isOverfull && !isInTransaction { try forgetStatements() }
        switch statements.meet(query) {
        case .direct:
            return try executeOnce(query)
        case .prepare(let name):
            let types = query.parameters.types
            _ = try check(watch.during { PQprepare(pointer, name, query.sql, Int32(types.count), types) })
            statements.keep(query, as: name)
            return try executePrepared(name, query)
        case .prepared(let name):
            return try executePrepared(name, query)
        }
    }

    private func executePrepared(_ name: String, _ query: Query) throws(PostgresError) -> ResultSet {
        let result = withParameters(query.parameters) { values, lengths, formats, count in
            watch.during { PQexecPrepared(pointer, name, count, values, lengths, formats, 1) }
        }
        do {
            return try check(result)
        } catch  where error.isStaleStatement {
            statements.invalidate()
            // Within a transaction the error has already aborted it; its owner runs it again.
            guard !isInTransaction else { throw error }
            return try executeOnce(query)
        }
    }

    private func executeOnce(_ query: Query) throws(PostgresError) -> ResultSet {
        let types = query.parameters.types
        return try check(
            withParameters(query.parameters) { values, lengths, formats, count in
                watch.during { PQexecParams(pointer, query.sql, count, types, values, lengths, formats, 1) }
            })
    }

    private func forgetStatements() throws(PostgresError) {
        _ = try run("DEALLOCATE ALL")
        statements = StatementCache()
    }

    // MARK: COPY

    /// The next piece of a COPY OUT, lent to `body`; false at the end. In binary format a piece is a row.
    func copyOutPiece(
        _ body: (UnsafeBufferPointer<UInt8>) throws(PostgresError) -> Void
    ) throws(PostgresError) -> Bool {
        var buffer: UnsafeMutablePointer<CChar>?
        let length = watch.during { PQgetCopyData(pointer, &buffer, 0) }
        if length > 0, let buffer {
            defer { PQfreemem(buffer) }
            try body(UnsafeRawBufferPointer(start: buffer, count: Int(length)).bindMemory(to: UInt8.self))
            return true
        }
        _ = try check(nextResult())
        try drain()
        return false
    }

    func copyIn(_ bytes: [UInt8]) throws(PostgresError) {
        let sent = bytes.withUnsafeBytes { raw in
            watch.during {
                PQputCopyData(pointer, raw.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(raw.count))
            }
        }
        guard sent == 1 else { throw brokenCopy }
    }

    /// Ends a COPY IN; a reason makes the server refuse it.
    func endCopyIn(abortingBecause reason: String? = nil) throws(PostgresError) -> Int {
        guard watch.during({ PQputCopyEnd(pointer, reason) }) == 1 else { throw brokenCopy }
        let result = try check(nextResult())
        try drain()
        return result.affectedRows
    }

    private func drain() throws(PostgresError) {
        while let extra = nextResult() { _ = try check(extra) }
    }

    private func nextResult() -> OpaquePointer? { watch.during { PQgetResult(pointer) } }

    private var brokenCopy: PostgresError {
        PostgresError(isOpen ? .misuse : .connectionLost, "COPY: \(Self.oneLine(PQerrorMessage(pointer)))")
    }

    // MARK: Results and errors

    private func check(_ result: OpaquePointer?) throws(PostgresError) -> ResultSet {
        guard let result else {
            throw PostgresError(isOpen ? .misuse : .connectionLost, Self.oneLine(PQerrorMessage(pointer)))
        }
        let set = ResultSet(pointer: result)
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY, PGRES_COPY_IN, PGRES_COPY_OUT: return set
        default: throw error(of: result)
        }
    }

    private func error(of result: OpaquePointer) -> PostgresError {
        func field(_ code: Int) -> String? {
            PQresultErrorField(result, Int32(code)).map { String(cString: $0) }
        }
        let sqlState = field(DOCKET_DIAG_SQLSTATE)
        let text = field(DOCKET_DIAG_MESSAGE_PRIMARY)
        let isSafe = sqlState.map(PostgresError.isTextSafe) ?? false
        var error = PostgresError(
            isOpen ? .server : .connectionLost,
            isSafe ? text ?? "" : isOpen ? "the server refused the statement" : "the connection broke",
            sqlState: sqlState)
        error.schemaName = field(DOCKET_DIAG_SCHEMA_NAME)
        error.tableName = field(DOCKET_DIAG_TABLE_NAME)
        error.columnName = field(DOCKET_DIAG_COLUMN_NAME)
        error.constraintName = field(DOCKET_DIAG_CONSTRAINT_NAME)
        error.serverMessage = text
        error.serverDetail = field(DOCKET_DIAG_MESSAGE_DETAIL)
        return error
    }

    static func oneLine(_ text: UnsafePointer<CChar>?) -> String {
        let text = text.map { String(cString: $0) } ?? ""
        return text.split(whereSeparator: \.isNewline).joined(separator: "; ")
    }

    // MARK: C arrays

    /// Lends pointers into the one buffer of values; libpq copies them during the call.
    private func withParameters<T>(
        _ parameters: Parameters,
        _ body: (UnsafePointer<UnsafePointer<CChar>?>, UnsafePointer<Int32>, UnsafePointer<Int32>, Int32) -> T
    ) -> T {
        // An empty value still needs an address: a null pointer would be NULL.
        (parameters.bytes + [0]).withUnsafeBytes { raw in
            let base = raw.baseAddress!.assumingMemoryBound(to: CChar.self)
            let values = parameters.slots.map { $0.length < 0 ? nil : UnsafePointer(base + $0.offset) }
            let lengths = parameters.slots.map { Int32(max(0, $0.length)) }
            let formats = [Int32](repeating: 1, count: lengths.count)
            return body(values, lengths, formats, Int32(lengths.count))
        }
    }

    static func withCStrings<T>(_ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> T) -> T {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies.map { UnsafePointer($0) } + [nil])
    }
}
