import Cases
import Events
import Foundation
import Postgres
import Projections
import SOCDay

/// A day of a large SOC through intake, every stage and the projections: how many alerts a case, whether they belong
/// together, how long it takes, and how memory goes.
struct DayBenchmark {
    /// What follows `day` on the command line.
    struct Arguments {
        var alerts = 3_200
        var seed: UInt64 = 1
        var listsCommon = false

        init?(_ given: [String]) {
            let words = given.filter { $0 != "--common" }
            listsCommon = words.count < given.count
            guard words.count.isMultiple(of: 2) else { return nil }
            for index in stride(from: 0, to: words.count, by: 2) {
                switch (words[index], Int(words[index + 1])) {
                case ("--alerts", let count?) where count >= 100: alerts = count
                case ("--seed", let number?) where number >= 0: seed = UInt64(number)
                default: return nil
                }
            }
        }
    }

    let place: BenchPlace
    let arguments: Arguments

    func report() async throws {
        let day = SOCDay(alerts: arguments.alerts, seed: arguments.seed)
        print("a day of \(arguments.alerts) alerts, seed \(arguments.seed): \(day.incidentCount) things happen")
        try await ProjectionCatalog().install(on: place.owner)
        let replay = try DayReplay(day, database: place.database, keysDirectory: place.keysDirectory) { policy in
            guard arguments.listsCommon else { return }
            policy.correlation.commonEntities = day.controllers.map {
                .init(type: .device, value: $0, reason: "domain controller")
            }
        }
        let start = ContinuousClock.now
        try ResidentMemory.resetPeak()
        var outcome: DayOutcome?
        let seconds = try await Bench.seconds {
            outcome = try await replay.run { quarter in
                let seconds = Bench.hundredths(Bench.seconds(ContinuousClock.now - start))
                print(
                    "\(Bench.column("  peak memory, quarter \(quarter)")) \(try ResidentMemory.peakKiB() / 1_024) MiB   after "
                        + "\(seconds) s")
                try ResidentMemory.resetPeak()
            }
        }
        guard let outcome else { return }
        tell(outcome, seconds)
    }

    private func tell(_ outcome: DayOutcome, _ seconds: Double) {
        func line(_ name: String, _ text: String) { print("\(Bench.column("  " + name)) \(text)") }
        func part(_ value: Double) -> String { "\((value * 1_000).rounded() / 1_000)" }
        func told(_ counts: [String: Int]) -> String {
            counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        }
        line("intake", told(outcome.intake))
        line("alerts", "\(outcome.alertsRecorded)   in two cases \(outcome.doubled)   undecided \(outcome.undecided)")
        line("cases", "\(outcome.sizes.count)   going on from a full or old one \(outcome.continuations)")
        line(
            "alerts a case",
            "mean \(Bench.hundredths(outcome.mean))   p50 \(outcome.size(percentile: 50))   p90 "
                + "\(outcome.size(percentile: 90))   max \(outcome.sizes.last ?? 0)   of one alert "
                + "\(outcome.sizes.count { $0 == 1 })")
        line("joined", "\(told(outcome.joined))   fitting others too \(outcome.fittingOthers)")
        line("without a case", "\(outcome.tagged)")
        func told(_ agreement: Agreement) -> String {
            "precision \(part(agreement.precision))   recall \(part(agreement.recall))   groups of one thing only "
                + "\(agreement.pureGroups)/\(agreement.groups)   things in one group \(agreement.wholeTruths)/\(agreement.truths)"
        }
        line("pairs, all", told(outcome.agreement))
        for kind in SOCDay.Kind.allCases {
            if let agreement = outcome.agreementByKind[kind] { line("pairs, \(kind.rawValue)", told(agreement)) }
        }
        line("wall time", "\(Bench.hundredths(seconds)) s   \(Int(Double(outcome.alertsRecorded) / seconds)) alerts/s")
        line("events", "\(outcome.events)   \(Int(Double(outcome.events) / seconds)) events/s")
    }
}

/// What Linux says of this process.
enum ResidentMemory {
    static func peakKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
    }

    /// From now on the peak is of what comes (proc(5), `clear_refs`).
    static func resetPeak() throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: "/proc/self/clear_refs"))
        try file.write(contentsOf: Data("5".utf8))
        try file.close()
    }
}
