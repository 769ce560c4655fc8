import Events
import Foundation
import JSON
import Testing

@testable import Proof

/// What only somebody with a key or a checkpoint of their own can see, and what was altered before the export.
@Suite struct ViewTests {
    private let log = SyntheticLog(count: 40)

    private func package(
        _ scope: PackageContents.Scope = .range(0..<40), further: [Int] = [], _ body: (URL) throws -> Void
    ) async throws {
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, scope, further: further)
        try body(url)
    }

    private func expect(
        _ expected: [(Finding.Class, ClosedRange<Int64>?)], _ report: Report,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(
            report.findings.map { "\($0.class.rawValue) \($0.positions.map { "\($0)" } ?? "-")" }
                == expected.map { "\($0.0.rawValue) \($0.1.map { "\($0)" } ?? "-")" }, sourceLocation: sourceLocation)
    }

    @Test("a log signed with another key of the same name is refused by whoever knows the key")
    func wrongKey() async throws {
        let impostor = try SigningKey(name: log.key.name, seed: Array(repeating: 99, count: 32))
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<40), further: [16], signers: [impostor])
        #expect(try BothVerifiers.verify(url, key: nil).findings == [])
        expect(
            [(.wrongKey, nil), (.wrongKey, nil), (.wrongKey, nil)],
            try BothVerifiers.verify(url, key: log.key.verifierKey))
    }

    @Test("two signed checkpoints of one size and of different roots are a split view")
    func splitViewOfOneSize() async throws {
        let other = try Checkpoint(origin: log.origin, size: 40, root: .empty).signed(by: [log.key])
        try await package(further: [16]) {
            expect([(.splitView, 16...39)], try BothVerifiers.verify($0, checkpoint: other, key: log.key.verifierKey))
        }
    }

    @Test(
        "an earlier checkpoint of another history is a split view, wherever its size lies",
        arguments: [
            (PackageContents.Scope.range(0..<40), [] as [Int], 23), (.range(20..<30), [], 23),
            (.range(20..<30), [], 30),
            (.range(30..<40), [23], 23), (.stream(SyntheticLog.caseID(0)), [23], 23),
        ])
    func splitViewOfAnEarlierSize(scope: PackageContents.Scope, further: [Int], size: Int) async throws {
        let honest = try log.checkpoint(size).signed(by: [log.key])
        let other = try Checkpoint(origin: log.origin, size: Int64(size), root: .empty).signed(by: [log.key])
        try await package(scope, further: further) { url in
            #expect(try BothVerifiers.verify(url, checkpoint: honest, key: log.key.verifierKey).findings == [])
            let report = try BothVerifiers.verify(url, checkpoint: other, key: log.key.verifierKey)
            #expect(report.findings.map(\.class) == [.splitView])
            #expect(report.findings.first?.positions?.upperBound == Int64(size) - 1)
        }
    }

    @Test("a checkpoint of a larger tree shows that the end is withheld")
    func truncated() async throws {
        let later = try Checkpoint(origin: log.origin, size: 50, root: .empty).signed(by: [log.key])
        try await package {
            expect([(.truncated, 40...49)], try BothVerifiers.verify($0, checkpoint: later, key: log.key.verifierKey))
        }
    }

    @Test("a checkpoint that the package has no hashes for is not passed over in silence")
    func unproven() async throws {
        let earlier = try log.checkpoint(5).signed(by: [log.key])
        try await package(.range(20..<40)) {
            expect(
                [(.consistencyUnproven, nil)],
                try BothVerifiers.verify($0, checkpoint: earlier, key: log.key.verifierKey))
        }
    }

    @Test("a given checkpoint that is falsely signed, of another key or of another log proves nothing")
    func strangeCheckpoints() async throws {
        let other = try SigningKey(name: "other", seed: Array(repeating: 3, count: 32))
        let honest = try log.checkpoint(20)
        let text = String(decoding: try honest.signed(by: [log.key]).bytes, as: UTF8.self)
        let forged = try SignedNote(Array(text.replacing("\n20\n", with: "\n21\n").utf8))
        let foreign = try Checkpoint(origin: "elsewhere", size: 20, root: honest.root).signed(by: [log.key])
        try await package { url in
            let key = log.key.verifierKey
            expect(
                [(.wrongKey, nil)],
                try BothVerifiers.verify(url, checkpoint: try honest.signed(by: [other]), key: key))
            expect([(.checkpointForged, nil)], try BothVerifiers.verify(url, checkpoint: forged, key: key))
            expect([(.checkpointForged, nil)], try BothVerifiers.verify(url, checkpoint: foreign, key: key))
        }
    }

    @Test("an altered hash between the exported events is found, though it belongs to no event")
    func alteredGap() async throws {
        try await package(.stream(SyntheticLog.caseID(1)), further: [8, 24]) { url in
            let package = EditablePackage(url: url)
            var gaps = try package.bytes("gaps.bin")
            gaps[gaps.count - 1] ^= 4
            try package.write(gaps, to: "gaps.bin")
            expect(
                [(.fileAltered, nil), (.rootMismatch, 24...39)],
                try BothVerifiers.verify(url, key: log.key.verifierKey))
        }
    }

    // MARK: Altered in the database, then honestly exported

    private func exported(
        _ scope: PackageContents.Scope = .range(0..<40), _ change: (inout [ExportedEvent]) throws -> Void
    ) async throws -> Report {
        var events = log.events
        try change(&events)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, scope, events: events)
        let report = try BothVerifiers.verify(url, key: log.key.verifierKey)
        #expect(report.isAsExported)
        return report
    }

    @Test("a row altered in the database is told at its position, and that the package is as exported")
    func alteredRows() async throws {
        expect(
            [(.eventChanged, 7...7)],
            try await exported { events in
                let text = String(decoding: events[7].body, as: UTF8.self)
                events[7].body = Array(text.replacing("Zoë", with: "Zoe").utf8)
            })
        expect(
            [(.eventChanged, 9...9)],
            try await exported { $0[9].recordedAt = $0[9].recordedAt.adding(milliseconds: 3_600_000) })
        expect(
            [(.columnMismatch, 8...8)],
            try await exported {
                $0[8].columns.actor = $0[8].columns.actor.replacing("p-0", with: "p-1")
            })
        expect([(.columnMismatch, 8...8)], try await exported { $0[8].columns.traceID = "x" })
        expect([(.eventMissing, 8...8)], try await exported { $0.remove(at: 8) })
        expect([(.truncated, 38...39)], try await exported { $0.removeLast(2) })
        expect(
            [(.eventChanged, 11...11)],
            try await exported {
                $0[11].sealed[0].digest = .empty
                $0[11].sealedDigest = Leaf.sealedDigest($0[11].sealed.map(\.digest))
            })
        expect(
            [(.orderChanged, 3...3), (.orderChanged, 6...6)],
            try await exported {
                $0.swapAt(3, 6)
                $0[3].position = 3
                $0[6].position = 6
            })
    }

    @Test("a row with another sealed value is told by its salt's digest")
    func alteredSealedValue() async throws {
        let report = try await exported {
            guard case .open(let salt, _) = $0[16].sealed[0].state else { return }
            $0[16].sealed[0].state = .open(salt: salt, value: Array("\"somebody else\"".utf8))
        }
        expect([(.sealedValueMismatch, 16...16)], report)
    }

    @Test("a case that leaves out one of its events is told by the version that is not there")
    func incompleteCase() async throws {
        let report = try await exported(.stream(SyntheticLog.caseID(1))) { $0.remove(at: 13) }
        expect([(.eventMissing, 11...15)], report)
        #expect(report.findings.first?.detail.contains("version 4 to 6") == true)
        let first = try await exported(.stream(SyntheticLog.caseID(1))) { $0.remove(at: 1) }
        expect([(.eventMissing, 0...3)], first)
    }

    @Test("a log that recorded backwards in time is told, though it signed that itself")
    func timeReversed() async throws {
        var log = SyntheticLog(count: 12)
        log.events[5].recordedAt = log.events[4].recordedAt
        let event = log.events[5]
        log.leaves[5] = event.leaf(of: log.tenant).hash(body: event.body, sealedDigest: event.sealedDigest)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<12))
        expect([(.timeReversed, 5...5)], try BothVerifiers.verify(url, key: log.key.verifierKey))
    }
}
