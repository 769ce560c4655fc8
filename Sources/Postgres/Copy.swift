/// Writes rows in COPY's binary format, a megabyte at a time.
package struct CopyWriter: ~Copyable {
    private let wire: Wire
    private var buffer: [UInt8] = CopyFormat.signature + [0, 0, 0, 0, 0, 0, 0, 0]
    private static let flushSize = 1 << 20

    init(_ wire: Wire) { self.wire = wire }

    /// Writes one row; the values' types must be those of the columns.
    package mutating func row<each Value: PostgresEncodable>(_ value: repeat each Value) throws(PostgresError) {
        CopyFormat.appendRow(repeat each value, to: &buffer)
        if buffer.count >= Self.flushSize { try flush() }
    }

    /// Writes rows that were made elsewhere.
    package mutating func rows(_ rows: CopyRows) throws(PostgresError) {
        try flush()
        if rows.count > 0 { try wire.copyIn(rows.bytes) }
    }

    mutating func finish() throws(PostgresError) {
        buffer.appendBigEndian(Int16(-1))
        try flush()
    }

    private mutating func flush() throws(PostgresError) {
        try wire.copyIn(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}

/// Rows in COPY's binary format, made away from the connection that will write them: on another core, or before the
/// transaction begins.
package struct CopyRows: Sendable {
    fileprivate var bytes: [UInt8] = []
    package private(set) var count = 0

    package init() {}

    /// Adds one row; the values' types must be those of the columns.
    package mutating func append<each Value: PostgresEncodable>(_ value: repeat each Value) {
        CopyFormat.appendRow(repeat each value, to: &bytes)
        count += 1
    }

    package mutating func append(_ rows: CopyRows) {
        bytes += rows.bytes
        count += rows.count
    }

    package var byteCount: Int { bytes.count }
}

/// One row of a COPY OUT, read column by column in order; lives only within the closure that it is lent to. The format
/// carries no types: ask for the columns' own (`PostgresJSONB`, not `String`, for `jsonb`).
package struct CopyRow: ~Copyable {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset: Int
    private var columnsLeft: Int

    init(_ bytes: UnsafeBufferPointer<UInt8>, from offset: Int, columns: Int) {
        self.bytes = bytes
        self.offset = offset
        columnsLeft = columns
    }

    /// The next column.
    package mutating func next<Value: PostgresDecodable & PostgresEncodable>(
        _ type: Value.Type = Value.self
    ) throws(PostgresError) -> Value {
        let bytes = bytes.span
        guard columnsLeft > 0 else { throw PostgresError(.noSuchColumn, "the row has no more columns") }
        guard offset + 4 <= bytes.count else { throw CopyFormat.malformed }
        columnsLeft -= 1
        let length = Int(bytes.bigEndian(at: offset, as: Int32.self))
        offset += 4
        if length < 0 { return try Value.readNull() }
        guard offset + length <= bytes.count else { throw CopyFormat.malformed }
        let value = try Value(postgres: bytes.extracting(offset..<(offset + length)), type: Value.postgresType)
        offset += length
        return value
    }
}

/// Rows of a COPY OUT as they came, in one buffer: taken off the connection first and decoded later, on another thread.
package struct CopiedRows: Sendable {
    private var bytes: [UInt8] = []
    /// Where each row's first column begins.
    private var starts: [Int] = []

    init() {}

    package var count: Int { starts.count }

    /// Lends the columns of a row: each an `Int32` length in network order (-1 is NULL), then so many bytes.
    package func withColumns<T, Failure: Error>(
        of row: Int, _ body: (Span<UInt8>) throws(Failure) -> T
    ) throws(Failure) -> T {
        let end = row + 1 < starts.count ? starts[row + 1] - 2 : bytes.count
        return try body(bytes.span.extracting(starts[row]..<end))
    }

    mutating func append(_ piece: UnsafeBufferPointer<UInt8>, from start: Int) throws(PostgresError) {
        guard start < piece.count else { return }
        guard start + 2 <= piece.count else { throw CopyFormat.malformed }
        guard piece.span.bigEndian(at: start, as: Int16.self) >= 0 else { return }
        starts.append(bytes.count + 2)
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: piece[start...]))
    }
}

/// COPY's binary format (PostgreSQL manual, COPY, "Binary Format").
enum CopyFormat {
    static let signature: [UInt8] = [0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00]

    static func appendRow<each Value: PostgresEncodable>(_ value: repeat each Value, to buffer: inout [UInt8]) {
        let start = buffer.count
        buffer.appendBigEndian(Int16(0))
        var columns: Int16 = 0
        for value in repeat each value {
            columns += 1
            append(value, to: &buffer)
        }
        buffer[start] = UInt8(truncatingIfNeeded: columns >> 8)
        buffer[start + 1] = UInt8(truncatingIfNeeded: columns)
    }

    static func append<Value: PostgresEncodable>(_ value: Value, to buffer: inout [UInt8]) {
        let start = buffer.count
        buffer.appendBigEndian(Int32(-1))
        guard value.encode(into: &buffer) else { return }
        let length = UInt32(buffer.count - start - 4)
        for index in 0..<4 { buffer[start + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index))) }
    }

    /// Signature, flags and the extension, which is skipped.
    static func headerLength(_ bytes: UnsafeBufferPointer<UInt8>) throws(PostgresError) -> Int {
        guard bytes.count >= 19 else { throw malformed }
        return 19 + Int(bytes.span.bigEndian(at: 15, as: Int32.self))
    }

    /// Lends one row; the trailer, whose count is -1, is none.
    static func row(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int,
        _ body: (inout CopyRow) throws(PostgresError) -> Void
    ) throws(PostgresError) {
        // The header may come alone.
        guard start < bytes.count else { return }
        guard start + 2 <= bytes.count else { throw malformed }
        let columns = bytes.span.bigEndian(at: start, as: Int16.self)
        guard columns >= 0 else { return }
        var row = CopyRow(bytes, from: start + 2, columns: Int(columns))
        try body(&row)
    }

    static var malformed: PostgresError { PostgresError(.malformedValue, "a COPY row cut short") }
}
