import Foundation
import SeededChance

/// Input made by chance, for what reads input of strangers: `docket-fuzz [TARGET] [EXECUTIONS] [SEED]`.
///
/// A target holds two readings of the same input against each other, so wrong answers are found as well as crashes. A
/// failure names seed and number, by which it comes again; it belongs into a test then.
@main
struct Fuzz {
    /// What is tried, and the share of all executions that it gets.
    private static var targets: [(name: String, share: Int, target: any Target.Type)] {
        [
            ("json", 6, JSONTarget.self), ("matcher", 3, MatcherTarget.self), ("rules", 1, RulesTarget.self),
            ("expressions", 1, ExpressionsTarget.self),
        ]
    }

    static func main() {
        let arguments = Array(CommandLine.arguments.dropFirst())
        let chosen = targets.filter { $0.name == arguments.first }
        let numbers = arguments.compactMap { UInt64($0) }
        guard arguments.count == numbers.count + chosen.count, numbers.count <= 2 else {
            print("docket-fuzz [\(targets.map(\.name).joined(separator: "|"))] [EXECUTIONS] [SEED]")
            exit(64)
        }
        let executions = Int(numbers.first ?? 11_000_000)
        let seed = numbers.count > 1 ? numbers[1] : UInt64.random(in: 0...(.max))
        Crash.report()
        let run = chosen.isEmpty ? targets : chosen
        let shares = run.reduce(0) { $0 + $1.share }
        var failed = false
        for (name, share, target) in run {
            if !fuzz(name, target, executions * share / shares, seed) { failed = true }
        }
        exit(failed ? 1 : 0)
    }

    private static func fuzz(_ name: String, _ type: any Target.Type, _ executions: Int, _ seed: UInt64) -> Bool {
        let start = ContinuousClock.now
        var failures = 0
        var reached = 0
        // Input goes on from what came before, so each thousand begins anew, with a seed of its own.
        for block in 0..<((executions + 999) / 1_000) {
            let blockSeed = seed &+ UInt64(block)
            Crash.note("\(name) 1000 \(blockSeed)")
            var target = type.init(seed: blockSeed)
            for number in 0..<min(1_000, executions - block * 1_000) {
                switch target.execute() {
                case .passed(let isDeep): if isDeep { reached += 1 }
                case .failed(let reason):
                    failures += 1
                    if failures <= 10 { print("FAILED \(name) 1000 \(blockSeed), number \(number): \(reason)") }
                }
            }
        }
        let took = ContinuousClock.now - start
        let seconds = Double(took.components.seconds) + Double(took.components.attoseconds) / 1e18
        print(
            "\(name): \(executions) executions, \(reached) got beyond the reader, \(failures) failures, \(Int(seconds)) s, seed \(seed)"
        )
        return failures == 0
    }
}

/// Something that is tried with input made by chance.
protocol Target {
    init(seed: UInt64)
    /// Makes the next input and tries it.
    mutating func execute() -> Execution
}

enum Execution {
    /// - isDeep: whether the input was good enough to be more than refused.
    case passed(isDeep: Bool)
    case failed(String)
}

/// Says on standard error what was tried when the process ended.
enum Crash {
    private nonisolated(unsafe) static let text = UnsafeMutablePointer<CChar>.allocate(capacity: 256)

    static func note(_ what: String) {
        _ = what.withCString { strncpy(text, $0, 255) }
        text[255] = 0
    }

    static func report() {
        note("nothing yet")
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            signal(number) { number in
                let head = "CRASHED (signal), again by: docket-fuzz "
                _ = head.withCString { write(2, $0, strlen($0)) }
                _ = write(2, Crash.text, strlen(Crash.text))
                _ = write(2, "\n", 1)
                signal(number, SIG_DFL)
                raise(number)
            }
        }
    }
}
