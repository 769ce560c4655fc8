#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where lines end.
package enum LineFeed {
    /// The place of the next line feed, or the end of the text.
    package static func next(in text: Span<UInt8>, from start: Int) -> Int {
        guard start < text.count else { return text.count }
        return unsafe text.extracting(start..<text.count).withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, let found = unsafe memchr(base, 0x0A, buffer.count) else {
                return text.count
            }
            return unsafe start + UnsafeRawPointer(base).distance(to: found)
        }
    }
}
