import EventLog
import Foundation
import Proof
import Sealing

/// Sealing what was appended, and verifying what was exported: one core each.
struct ProofBenchmark {
    let place: BenchPlace
    private static let events = 100_000

    func report() async throws {
        let keys = SigningKeys(directory: place.keysDirectory)
        var sealing: [Double] = []
        var verifying: [Double] = []
        for round in 0..<Bench.rounds {
            let tenant = try await AppendBenchmark.fill(place.log, Self.events)
            let count = Double(try await place.log.head(tenant: tenant))
            let seconds = try await Bench.seconds {
                _ = try await Sealer(log: place.log, database: place.database, keys: keys).seal(tenant)
            }
            sealing.append(count / seconds)
            let package = URL(fileURLWithPath: "\(place.folder)-package-\(round)")
            _ = try await Exporter(log: place.log, database: place.database, keys: keys)
                .export(.range(from: 0, to: nil), of: tenant, to: package)
            verifying.append(count / (try await Bench.seconds { _ = try PackageVerifier.verify(at: package) }))
            try FileManager.default.removeItem(at: package)
        }
        Bench.report("sealing", sealing)
        Bench.report("offline verification", verifying)
    }
}
