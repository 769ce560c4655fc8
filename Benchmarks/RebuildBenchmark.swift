import Cases
import EventLog
import Events
import Foundation
import Postgres
import Projections

/// Rebuilds every projection of a tenant from its whole log; the limit is the same rows as PostgreSQL hands them out.
///
/// The rebuild runs in a process of its own, so that its peak memory is its own. Personal members are not sealed here:
/// filling a log by the million would take most of the time.
struct RebuildBenchmark {
    let place: BenchPlace
    let events: Int

    static let argument = "rebuild-process"
    /// Cases that are under way at the same time.
    private static let concurrency = 256

    func report() async throws -> Int {
        try await ProjectionCatalog().install(on: place.owner)
        let tenant = UUID.v7()
        try await place.log.createTenant(tenant)
        let filling = try await Bench.seconds { try await fill(tenant) }
        try await place.owner.execute("ANALYZE")
        let count = try await place.log.head(tenant: tenant)
        var limit: [Double] = []
        for _ in 0..<3 { limit.append(try await place.copyOut(tenant)) }
        let figures = try await rebuild(tenant)
        for _ in 0..<2 { limit.append(try await place.copyOut(tenant)) }
        var rows: Int64 = 0
        for projection in ProjectionCatalog.all {
            for table in projection.tables(in: TableSet(version: 2)) {
                rows += try await place.owner.value(
                    "SELECT count(*) FROM \(unescaped: table) WHERE tenant_id = \(tenant)", as: Int64.self)
            }
        }
        Bench.report(
            "rebuild, \(count) events", [Double(count) / figures.seconds], limit: limit,
            remark:
                "\(rows) rows written, \(Int(Double(rows) / figures.seconds)) rows/s, peak \(figures.peakKiB / 1_024) MiB, "
                + "\(Int(figures.cpu / Double(count) * 1e6)) µs of processor an event besides PostgreSQL's")
        let copying = try await copyRows(tenant)
        print(
            "\(Bench.column("  (its rows, table to table)")) \(Int(Double(count) / copying)) events/s   "
                + "\(Int(Double(rows) / copying)) rows/s")
        print("\(Bench.column("  (filling the log)")) \(Int(Double(count) / filling)) events/s")
        return figures.peakKiB
    }

    /// What the process does that is started for the measurement: rebuild, and print seconds and peak memory.
    static func process(connectionString: String, keysDirectory: String) async throws {
        var connection = ConnectionConfiguration(connectionString)
        connection.role = "docket_app"
        let database = Database(DatabaseConfiguration(connection))
        let log = EventLog(
            database: database, keys: try TenantKeys(directory: keysDirectory), catalogue: SealingCatalogue())
        let seconds = try await Bench.seconds {
            try await ProjectionRebuild(source: log, database: database).rebuild()
        }
        await database.close()
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        let cpu = [usage.ru_utime, usage.ru_stime].reduce(0.0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
        print("\(seconds) \(try peakKiB()) \(cpu)")
    }

    private static func peakKiB() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").compactMap { Int($0) }.first ?? 0
    }

    private func rebuild(_ tenant: UUID) async throws -> (seconds: Double, peakKiB: Int, cpu: Double) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = [Self.argument, place.connectionString, place.keysDirectory]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        let words = output.split(whereSeparator: \.isWhitespace)
        guard process.terminationStatus == 0, words.count == 3, let seconds = Double(words[0]),
            let peak = Int(words[1]),
            let cpu = Double(words[2])
        else { throw Failed(output: output) }
        return (seconds, peak, cpu)
    }

    struct Failed: Error { var output: String }

    private func fill(_ tenant: UUID) async throws {
        let log = place.log
        let lives = events * 3 / (2 * 24 + 10)
        let width = Self.concurrency
        try await withThrowingDiscardingTaskGroup { group in
            for task in 0..<width {
                group.addTask {
                    for number in stride(from: task, to: lives, by: width) {
                        for part in try CaseLife(number).parts() {
                            _ = try await log.append(
                                AppendRequest(
                                    tenant: tenant, streamKind: part.kind.rawValue, streamID: part.stream,
                                    caseID: part.caseID, expected: .any, events: part.events))
                        }
                    }
                }
            }
        }
    }

    /// What PostgreSQL needs to write the same rows with their indexes, without anybody folding or sending them.
    private func copyRows(_ tenant: UUID) async throws -> Double {
        try await Bench.seconds {
            try await place.owner.transaction { tx throws(PostgresError) in
                try tx.run(script: "SET LOCAL statement_timeout = 0")
                for table in ProjectionCatalog.all.flatMap({ $0.tables(in: TableSet(version: 2)) }) {
                    try tx.execute("CREATE TABLE \(unescaped: table)_copy (LIKE \(unescaped: table) INCLUDING ALL)")
                    try tx.execute(
                        """
                        INSERT INTO \(unescaped: table)_copy SELECT * FROM \(unescaped: table) WHERE tenant_id = \(tenant)
                        """)
                }
            }
        }
    }
}
