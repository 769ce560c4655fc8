import Foundation

/// A file descriptor that is written to without ever trapping: `FileHandle.write(_:)` ends the process where a disk is
/// full or a reader is gone.
///
/// The process must ignore SIGPIPE (`ignoreBrokenPipes()`), so that a reader that left is an error like any other.
package struct OutputDescriptor: Sendable {
    /// Why not all bytes were written.
    package struct Failure: Error, Sendable, CustomStringConvertible {
        /// `ENOSPC`, `EPIPE`, …; `EAGAIN` where the reader did not read within the patience.
        package var code: Int32
        /// Bytes that were written nevertheless.
        package var written: Int

        package var isClosedByReader: Bool { code == EPIPE }
        package var description: String { unsafe String(cString: strerror(code)) }
    }

    package static let standardOutput = OutputDescriptor(STDOUT_FILENO)
    package static let standardError = OutputDescriptor(STDERR_FILENO)

    /// What a pipe takes without blocking when it is writable at all (POSIX `PIPE_BUF` on Linux).
    private static let atomicBytes = 4_096

    package let descriptor: Int32

    package init(_ descriptor: Int32) { self.descriptor = descriptor }

    /// Makes a write to a closed pipe an error instead of the end of the process. Call it once, first thing.
    package static func ignoreBrokenPipes() { _ = unsafe signal(SIGPIPE, SIG_IGN) }

    /// Writes all bytes.
    /// - Parameter patienceMs: how long a reader may let the pipe stand full before the rest is given up; `nil` waits for
    ///   ever.
    package func write(_ bytes: [UInt8], patienceMs: Int32? = nil) throws(Failure) {
        var written = 0
        while written < bytes.count {
            var entry = unsafe pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            let ready = unsafe poll(&entry, 1, patienceMs ?? -1)
            if ready < 0, errno == EINTR { continue }
            guard ready > 0 else { throw Failure(code: ready == 0 ? EAGAIN : errno, written: written) }
            let portion = patienceMs == nil ? bytes.count - written : min(Self.atomicBytes, bytes.count - written)
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Foundation.write(descriptor, buffer.baseAddress?.advanced(by: written), portion)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR, errno != EAGAIN {
                throw Failure(code: errno, written: written)
            }
        }
    }
}
