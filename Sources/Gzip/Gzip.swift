import CZlib

/// gzip (RFC 1952) over zlib: the one file that calls it.
///
/// Input is hostile: what comes out is counted while it comes out, so a bomb costs no more than its limit.
package enum Gzip {
    package struct Limits: Sendable, Hashable {
        /// Bytes that may come out.
        package var bytesMaximum: Int
        /// Bytes out for each byte in; looked at only beyond 64 KiB, since small texts compress well by chance.
        package var ratioMaximum: Int

        package init(bytesMaximum: Int, ratioMaximum: Int = 100) {
            self.bytesMaximum = bytesMaximum
            self.ratioMaximum = ratioMaximum
        }
    }

    private static let chunk = 64 << 10

    /// Expands one or more gzip members (RFC 1952 §2.2).
    package static func inflate(_ bytes: [UInt8], limits: Limits) throws(GzipError) -> [UInt8] {
        guard !bytes.isEmpty else { throw GzipError(.truncated, "there are no bytes") }
        var stream = z_stream()
        guard docket_gzip_inflate_init(&stream) == Z_OK else { throw GzipError(.resources, "zlib cannot start") }
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        var consumed = 0
        var buffer = [UInt8](repeating: 0, count: chunk)
        while true {
            let step = advance(&stream, bytes, from: consumed, into: &buffer, using: { CZlib.inflate($0, Z_NO_FLUSH) })
            consumed += step.read
            output += buffer[0..<step.written]
            try check(output.count, from: consumed, limits)
            switch step.code {
            case Z_STREAM_END:
                guard consumed < bytes.count else { return output }
                guard inflateReset(&stream) == Z_OK else { throw GzipError(.resources, "zlib cannot go on") }
            case Z_OK: continue
            case Z_BUF_ERROR: throw GzipError(.truncated, "the compressed data ends too early")
            case Z_MEM_ERROR: throw GzipError(.resources, "zlib has no memory")
            default: throw GzipError(.malformed, "this is no gzip data")
            }
        }
    }

    package static func deflate(_ bytes: [UInt8]) throws(GzipError) -> [UInt8] {
        var stream = z_stream()
        guard docket_gzip_deflate_init(&stream) == Z_OK else { throw GzipError(.resources, "zlib cannot start") }
        defer { deflateEnd(&stream) }
        var output: [UInt8] = []
        var consumed = 0
        var buffer = [UInt8](repeating: 0, count: chunk)
        while true {
            let step = advance(&stream, bytes, from: consumed, into: &buffer) { CZlib.deflate($0, Z_FINISH) }
            consumed += step.read
            output += buffer[0..<step.written]
            switch step.code {
            case Z_STREAM_END: return output
            case Z_OK: continue
            default: throw GzipError(.resources, "zlib cannot compress")
            }
        }
    }

    private static func check(_ count: Int, from consumed: Int, _ limits: Limits) throws(GzipError) {
        guard count <= limits.bytesMaximum else {
            throw GzipError(.tooLarge, "more than \(limits.bytesMaximum) bytes come out")
        }
        guard count <= chunk || count / limits.ratioMaximum <= consumed else {
            throw GzipError(.ratio, "more than \(limits.ratioMaximum) bytes come out for each one")
        }
    }

    /// One call of zlib over what is left of the input. The pointers live for the call alone.
    private static func advance(
        _ stream: inout z_stream, _ input: [UInt8], from offset: Int, into buffer: inout [UInt8],
        using step: (UnsafeMutablePointer<z_stream>) -> Int32
    ) -> (code: Int32, read: Int, written: Int) {
        let available = min(input.count - offset, 1 << 30)
        let capacity = buffer.count
        let code = input.withUnsafeBufferPointer { source in
            buffer.withUnsafeMutableBufferPointer { target in
                stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress.map { $0 + offset })
                stream.avail_in = UInt32(available)
                stream.next_out = target.baseAddress
                stream.avail_out = UInt32(capacity)
                return step(&stream)
            }
        }
        return (code, available - Int(stream.avail_in), capacity - Int(stream.avail_out))
    }
}
