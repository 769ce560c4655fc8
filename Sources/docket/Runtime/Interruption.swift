import Foundation
import Synchronization
import UnixSignals

/// Ends a command that works on the log when it is told to (SIGTERM, SIGINT): its work is cancelled, and what it holds
/// open is closed. A second signal, or work that does not end in time, ends the process at once; nothing that was
/// acknowledged is lost by that.
final class Interruption: Sendable {
    /// That of the command that runs; set by the program's entry.
    @TaskLocal static var current: Interruption?

    /// How long cancelled work may take to end.
    private static let grace: Duration = .seconds(8)

    private let work = Mutex<(@Sendable () -> Void)?>(nil)
    private let received = Mutex<UnixSignal?>(nil)

    /// The exit status as a shell knows it, when a signal has ended the command.
    var status: Int32? { received.withLock { $0 }.map { 128 + $0.rawValue } }

    func onSignal(_ cancel: @escaping @Sendable () -> Void) { work.withLock { $0 = cancel } }

    /// Runs a body during which signals end the command gracefully.
    static func whileOpen<Result>(_ body: () async throws -> Result) async throws -> Result {
        guard let interruption = current else { return try await body() }
        let watch = Task { await interruption.watch() }
        do {
            let result = try await body()
            watch.cancel()
            await watch.value
            return result
        } catch {
            watch.cancel()
            await watch.value
            throw error
        }
    }

    private func watch() async {
        for await signal in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
            received.withLock { $0 = signal }
            // A second one ends the process as it always did.
            for number in [SIGTERM, SIGINT] { _ = Foundation.signal(number, SIG_DFL) }
            work.withLock { $0 }?()
            break
        }
        do {
            // Ends with the body, which ends this task.
            try await Task.sleep(for: Self.grace)
        } catch {
            return
        }
        if let status { _exit(status) }
    }
}
