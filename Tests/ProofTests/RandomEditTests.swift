import Events
import Foundation
import SeededChance
import Testing

@testable import Proof

@Suite struct RandomEditTests {
    private static let settings = ProcessInfo.processInfo.environment

    /// A package with a file of every kind.
    private func package(_ folder: TemporaryFolder) async throws -> (URL, SyntheticLog) {
        let log = SyntheticLog(count: 24)
        let url = folder.url.appending(path: "p")
        let new = try SigningKey(name: "docket.example", seed: Array(repeating: 8, count: 32))
        let handover = try KeyHandover(origin: log.origin, successor: new.verifierKey).signed(by: [log.key])
        try await log.write(
            to: url, .range(3..<21), further: [1, 9, 22], handovers: [handover], signers: [log.key, new])
        #expect(try BothVerifiers.verify(url, key: log.key.verifierKey).findings.map(\.class) == [])
        return (url, log)
    }

    @Test("every edit of a single byte is found, wherever in the package it is")
    func everyEditIsFound() async throws {
        let count = Self.settings["DOCKET_TAMPER_EDITS"].flatMap { Int($0) } ?? 1_000
        // A process each, so only some are shown to Python as well.
        let countForBoth = Self.settings["DOCKET_TAMPER_EDITS_PYTHON"].flatMap { Int($0) } ?? 24
        let folder = try TemporaryFolder()
        let (url, log) = try await package(folder)
        let files = try PackageFolder(url).list().files.map {
            ($0, Array(try Data(contentsOf: url.appending(path: $0))))
        }
        .filter { !$0.1.isEmpty }
        let total = files.reduce(0) { $0 + $1.1.count }
        let seed = UInt64.random(in: 0...UInt64.max)
        var chance = SeededGenerator(seed: seed)
        for edit in 0..<count {
            // The first edits go through the files, so that small ones have theirs; the others fall anywhere.
            var (path, bytes) = files[edit % files.count]
            var index = Int.random(in: 0..<bytes.count, using: &chance)
            if edit >= files.count * 8 {
                var place = Int.random(in: 0..<total, using: &chance)
                for file in files {
                    (path, bytes) = file
                    index = place
                    if place < bytes.count { break }
                    place -= bytes.count
                }
            }
            let old = bytes[index]
            bytes[index] = old ^ UInt8.random(in: 1...255, using: &chance)
            try Data(bytes).write(to: url.appending(path: path))
            let says = "seed \(seed), edit \(edit): byte \(index) of \(path) from \(old) to \(bytes[index])"
            if edit < countForBoth {
                let report = try BothVerifiers.verify(url, key: log.key.verifierKey)
                #expect(report.exitCode == 2, "\(says)")
            } else {
                #expect(try PackageVerifier.verify(at: url, key: log.key.verifierKey).exitCode == 2, "\(says)")
            }
            bytes[index] = old
            try Data(bytes).write(to: url.appending(path: path))
        }
        #expect(try PackageVerifier.verify(at: url, key: log.key.verifierKey).findings == [])
    }

    @Test("a larger untampered package gives no finding from either verifier")
    func untampered() async throws {
        let count = Self.settings["DOCKET_TAMPER_EVENTS"].flatMap { Int($0) } ?? 2_000
        let folder = try TemporaryFolder()
        let log = SyntheticLog(count: count, cases: 50)
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<Int64(count)), further: Array(stride(from: 256, to: count, by: 256)))
        let report = try BothVerifiers.verify(url, key: log.key.verifierKey)
        #expect(report.findings == [] && report.events == Int64(count))
    }
}
