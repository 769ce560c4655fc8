import Events
import Foundation
import JSON
import Synchronization

/// Where log lines go: a line that cannot be written is dropped and counted, and the server goes on.
///
/// A full disk, a reader that left, and a reader that stands still all cost lines and nothing else. Once lines can be
/// written again, one line says how many were dropped. Lines of several threads do not mix.
package final class LogOutput: Sendable {
    private struct State {
        var dropped = 0
        /// Dropped since the last line that was written.
        var untold = 0
        /// Only a part of the last line was written: what comes next begins on a line of its own.
        var isInsideLine = false
    }

    package static let standardError = LogOutput(.standardError)

    /// How long a reader may let a pipe stand full before a line is dropped; the lines after that one do not wait at all.
    private static let patienceMs: Int32 = 1_000

    private let descriptor: OutputDescriptor
    private let closes: Bool
    private let state = Mutex(State())

    package init(_ descriptor: OutputDescriptor) {
        self.descriptor = descriptor
        closes = false
    }

    /// Appends to a file of mode 0600, made where there is none.
    package init(path: String) throws {
        let opened = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw OutputDescriptor.Failure(code: errno, written: 0) }
        descriptor = OutputDescriptor(opened)
        closes = true
    }

    deinit { if closes { close(descriptor.descriptor) } }

    /// Lines that were dropped since the process began.
    package var droppedLines: Int { state.withLock { $0.dropped } }

    /// - Parameter line: without its end.
    package func write(_ line: String) {
        state.withLock { state in
            var text = state.isInsideLine ? "\n" : ""
            if state.untold > 0 { text += Self.account(of: state.untold) + "\n" }
            text += line + "\n"
            do throws(OutputDescriptor.Failure) {
                try descriptor.write(Array(text.utf8), patienceMs: state.untold > 0 ? 0 : Self.patienceMs)
                state.untold = 0
                state.isInsideLine = false
            } catch {
                state.dropped += 1
                state.untold += 1
                state.isInsideLine = state.isInsideLine || error.written > 0
            }
        }
    }

    private static func account(of count: Int) -> String {
        JSONValue.object([
            "ts": .string(Instant.now().rfc3339), "level": "warning", "logger": "docket.log",
            "message": "log lines could not be written and were dropped", "dropped": .integer(Int64(count)),
        ]).canonicalString()
    }
}
