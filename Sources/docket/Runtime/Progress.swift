import Foundation

/// How far long work is: one line on a terminal, written over and over; nothing where standard error is a file.
final class Progress {
    private let name: String
    private let total: Int
    private let start = ContinuousClock.now
    private var last: ContinuousClock.Instant?
    private let isShown = isatty(STDERR_FILENO) == 1

    /// - Parameter total: of whatever `update` counts, such as bytes.
    init(_ name: String, total: Int) {
        self.name = name
        self.total = max(1, total)
    }

    /// - Parameters:
    ///   - done: of the total.
    ///   - items: what a person counts, such as records.
    func update(done: Int, items: Int) {
        let now = ContinuousClock.now
        guard isShown, last.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
        last = now
        let elapsed = (now - start).components
        let seconds = max(0.001, Double(elapsed.seconds) + Double(elapsed.attoseconds) / 1e18)
        let share = min(1, Double(done) / Double(total))
        let bar = String(repeating: "█", count: Int(share * 20)).padding(toLength: 20, withPad: "░", startingAt: 0)
        let rest = share > 0.01 ? Int(seconds / share - seconds) : nil
        write(
            "\r\u{1B}[K\(name) \(bar) \(Int(share * 100)) %  \(items) records, \(Int(Double(items) / seconds))/s"
                + (rest.map { ", \($0) s to go" } ?? ""))
    }

    /// Takes the line away.
    func finish() {
        if isShown, last != nil { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        Terminal.write(toStandardError: text)
    }
}
