import EventLog
import Foundation
import Postgres
import Schema
import Sealing

/// Side-by-side measurements of the log against what PostgreSQL itself can do.
///
/// `docket-bench [append|feed|proof|rebuild …]`: all of them without an argument. `rebuild=N` is a rebuild of N events.
/// `docket-bench day [--alerts N] [--seed S] [--common]` replays a day, and is run only when it is asked for; `--common` under
/// a policy that lists the domain controllers as common. `docket-bench volume [alerts|forms|assets|start …]` is what must
/// not grow with what is there already.
@main
struct Bench {
    static let rounds = 5

    static func main() async throws {
        let arguments = CommandLine.arguments.dropFirst()
        if arguments.count == 3, arguments.first == RebuildBenchmark.argument {
            let last = Array(arguments.suffix(2))
            return try await RebuildBenchmark.process(connectionString: last[0], keysDirectory: last[1])
        }
        if arguments.count == 4, arguments.first == VolumeBenchmark.startArgument,
            let tenant = UUID(uuidString: Array(arguments)[3])
        {
            let words = Array(arguments)
            return try await VolumeBenchmark.startProcess(
                connectionString: words[1], keysDirectory: words[2], tenant: tenant)
        }
        if arguments.first == "volume" {
            let names = Array(arguments.dropFirst())
            guard names.allSatisfy(VolumeBenchmark.names.contains) else {
                print("docket-bench volume [\(VolumeBenchmark.names.joined(separator: "|")) …]")
                exit(64)
            }
            return try await VolumeBenchmark.run(names.isEmpty ? VolumeBenchmark.names : names)
        }
        if arguments.first == "day" {
            guard let day = DayBenchmark.Arguments(Array(arguments.dropFirst())) else {
                print("docket-bench day [--alerts N] [--seed S] [--common], at least 100 alerts")
                exit(64)
            }
            return try await BenchPlace.with { try await DayBenchmark(place: $0, arguments: day).report() }
        }
        let sizes = arguments.filter { $0.hasPrefix("rebuild=") }.compactMap { Int($0.dropFirst(8)) }
        let wanted = Set(arguments.map { $0.hasPrefix("rebuild=") ? "rebuild" : $0 })
        let known = ["append", "feed", "proof", "rebuild"]
        if let unknown = wanted.first(where: { !known.contains($0) }) {
            print("unknown benchmark \(unknown); there are \(known.joined(separator: ", "))")
            exit(64)
        }
        func isWanted(_ name: String) -> Bool { wanted.isEmpty || wanted.contains(name) }

        print("medians of \(rounds) interleaved rounds")
        if isWanted("append") {
            for (tasks, tenants) in [(64, 1), (512, 1), (64, 100), (512, 100)] {
                try await BenchPlace.with { place in
                    try await AppendBenchmark(place: place, tasks: tasks, tenants: tenants).report()
                }
            }
        }
        if isWanted("feed") { try await BenchPlace.with { try await FeedBenchmark(place: $0).report() } }
        if isWanted("proof") { try await BenchPlace.with { try await ProofBenchmark(place: $0).report() } }
        if isWanted("rebuild") {
            var peaks: [Double] = []
            for events in sizes.isEmpty ? [100_000, 1_000_000] : sizes {
                try await BenchPlace.with { place in
                    peaks.append(Double(try await RebuildBenchmark(place: place, events: events).report()))
                }
            }
            if let first = peaks.first, let last = peaks.last, peaks.count > 1 {
                print("\(column("  peak memory, last to first")) \(hundredths(last / first))")
            }
        }
    }

    static func seconds(_ body: () async throws -> Void) async rethrows -> Double {
        let start = ContinuousClock.now
        try await body()
        return seconds(ContinuousClock.now - start)
    }

    static func secondsNow(_ body: () -> Void) -> Double {
        let start = ContinuousClock.now
        body()
        return seconds(ContinuousClock.now - start)
    }

    static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    /// One line: the median rate, the median of the limit measured beside it, and the ratio.
    static func report(_ name: String, _ measured: [Double], limit: [Double], remark: String = "") {
        let (value, bound) = (median(measured), median(limit))
        print(
            "\(column(name)) \(Int(value)) events/s   limit \(Int(bound))   ratio \(hundredths(value / bound))   \(remark)"
        )
    }

    static func report(_ name: String, _ measured: [Double], remark: String = "") {
        print("\(column(name)) \(Int(median(measured))) events/s   \(remark)")
    }

    static func column(_ name: String) -> String { name.padding(toLength: 32, withPad: " ", startingAt: 0) }

    static func hundredths(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}

/// A private cluster with PostgreSQL's default durability and an empty log, for one benchmark: what the one before left
/// behind does not weigh on it.
struct BenchPlace: Sendable {
    /// With the rights of a superuser.
    let owner: Database
    /// As the server connects.
    let database: Database
    let log: EventLog
    let keysDirectory: String
    let folder: String
    let connectionString: String

    static func with(_ body: (BenchPlace) async throws -> Void) async throws {
        let folder = "/tmp/docket-bench-\(UUID().uuidString.prefix(8).lowercased())"
        let cluster = try await EmbeddedCluster.start(.init(dataDirectory: folder))
        let owner = Database(DatabaseConfiguration(ConnectionConfiguration(cluster.connectionString)))
        try await Migrator(owner).migrate()
        var connection = ConnectionConfiguration(cluster.connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let keys = folder + "-keys"
        let place = BenchPlace(
            owner: owner, database: database,
            log: EventLog(database: database, keys: try TenantKeys(directory: keys), catalogue: SealingCatalogue()),
            keysDirectory: keys, folder: folder, connectionString: cluster.connectionString)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await body(place))
        } catch {
            outcome = .failure(error)
        }
        await database.close()
        await owner.close()
        try await cluster.stop()
        try FileManager.default.removeItem(atPath: folder)
        try FileManager.default.removeItem(atPath: keys)
        try outcome.get()
    }
}
