extension [UInt8] {
    /// Appends an integer in network order, as PostgreSQL's binary formats want it.
    mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
        var shift = Value.bitWidth - 8
        while shift >= 0 {
            append(UInt8(truncatingIfNeeded: value >> Value(shift)))
            shift -= 8
        }
    }
}

extension Span<UInt8> {
    /// Reads an integer in network order; the caller has checked that it lies within the span.
    func bigEndian<Value: FixedWidthInteger>(at offset: Int, as type: Value.Type = Value.self) -> Value {
        var value: Value = 0
        for index in offset..<(offset + Value.bitWidth / 8) {
            value = value << 8 | Value(truncatingIfNeeded: self[index])
        }
        return value
    }

    /// The bytes as an owned array.
    func copied() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            withUnsafeBufferPointer { initialized = buffer.update(fromContentsOf: $0) }
        }
    }

    /// The integer that the whole span holds.
    func wholeBigEndian<Value: FixedWidthInteger>(as type: Value.Type = Value.self) throws(PostgresError) -> Value {
        guard count == Value.bitWidth / 8 else {
            throw PostgresError(.malformedValue, "\(count) bytes where a \(Value.self) has \(Value.bitWidth / 8)")
        }
        return bigEndian(at: 0)
    }
}
