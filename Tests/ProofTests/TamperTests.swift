import Events
import Foundation
import JSON
import Testing

@testable import Proof

/// Named attacks on a package, each with the class and the positions that both verifiers must tell.
@Suite struct TamperTests {
    struct Attack: Sendable, CustomTestStringConvertible {
        let name: String
        let expected: [(Finding.Class, ClosedRange<Int64>?)]
        let apply: @Sendable (EditablePackage) throws -> Void
        var testDescription: String { name }

        init(
            _ name: String, _ expected: [(Finding.Class, ClosedRange<Int64>?)],
            _ apply: @escaping @Sendable (EditablePackage) throws -> Void
        ) {
            self.name = name
            self.expected = expected
            self.apply = apply
        }
    }

    static let log = SyntheticLog(count: 40)

    static func line(_ event: ExportedEvent) throws -> String {
        String(decoding: try EventLine.text(of: event, tenant: log.tenant).dropLast(), as: UTF8.self)
    }

    static func forged(position: Int64) throws -> String {
        var event = log.events[Int(position)]
        event.eventID = .v5(namespace: event.streamID, name: "forged")
        event.sealed = []
        event.sealedDigest = .zero
        return try line(event)
    }

    static let attacks: [Attack] = [
        Attack("a changed body", [(.bodyChanged, 12...12)]) {
            try $0.replace("\"severity_id\":0", with: "\"severity_id\":5", line: 12)
        },
        Attack("two changed bodies", [(.bodyChanged, 12...12), (.bodyChanged, 30...30)]) {
            try $0.replace("\"severity_id\":0", with: "\"severity_id\":5", line: 12)
            try $0.replace("\"severity_id\":0", with: "\"severity_id\":5", line: 30)
        },
        Attack("a changed body with its digest and its leaf", [(.eventChanged, 12...12)]) {
            var event = log.events[12]
            event.body = Array(String(decoding: event.body, as: UTF8.self).replacing("Zoë", with: "Zoe").utf8)
            let changed = try line(event)
            try $0.edit { $0[12] = changed }
        },
        Attack("a changed actor column", [(.columnMismatch, 9...9)]) {
            try $0.replace("p-1", with: "p-3", line: 9)
        },
        Attack("a changed case column", [(.columnMismatch, 9...9)]) {
            let other = SyntheticLog.caseID(2).lowercased
            try $0.replace(
                "\"case_id\":\"\(SyntheticLog.caseID(0).lowercased)\"", with: "\"case_id\":\"\(other)\"", line: 9)
        },
        Attack("a changed time", [(.headerChanged, 20...20)]) {
            let time = log.events[20].recordedAt
            try $0.replace(
                "\"recorded_at\":\"\(time.rfc3339)\"",
                with: "\"recorded_at\":\"\(time.adding(milliseconds: -1).rfc3339)\"", line: 20)
        },
        Attack("a changed type", [(.headerChanged, 20...20)]) {
            try $0.replace("\"type\":\"case.noted\"", with: "\"type\":\"case.closed\"", line: 20)
        },
        Attack("a changed event id", [(.headerChanged, 20...20)]) {
            try $0.replace(
                log.events[20].eventID.lowercased, with: UUID.v5(namespace: log.tenant, name: "x").lowercased, line: 20)
        },
        Attack("two swapped lines", [(.orderChanged, 5...5), (.orderChanged, 8...8)]) {
            try $0.edit { $0.swapAt(5, 8) }
        },
        Attack("two events with exchanged positions", [(.orderChanged, 5...5), (.orderChanged, 8...8)]) {
            try $0.edit {
                let five = EditablePackage.renumber($0[5], from: 5, to: 8)
                $0[5] = EditablePackage.renumber($0[8], from: 8, to: 5)
                $0[8] = five
            }
        },
        Attack("a removed event", [(.eventMissing, 17...17)]) { try $0.edit { $0.remove(at: 17) } },
        Attack("the first event removed", [(.eventMissing, 0...0)]) { try $0.edit { $0.remove(at: 0) } },
        Attack("a removed event, the rest renumbered", [(.eventMissing, 17...17), (.positionsRenumbered, 18...39)]) {
            try $0.edit { lines in
                lines.remove(at: 17)
                for index in 17..<39 {
                    lines[index] = EditablePackage.renumber(lines[index], from: index + 1, to: index)
                }
            }
        },
        Attack("an inserted event", [(.eventInserted, 25...25)]) {
            let forged = try forged(position: 25)
            try $0.edit { $0.insert(forged, at: 26) }
        },
        Attack("an inserted event, the rest renumbered", [(.eventInserted, 25...25), (.positionsRenumbered, 25...39)]) {
            let forged = try forged(position: 25)
            try $0.edit { lines in
                for index in 25..<40 {
                    lines[index] = EditablePackage.renumber(lines[index], from: index, to: index + 1)
                }
                lines.insert(forged, at: 25)
            }
        },
        Attack("an appended event", [(.eventInserted, 40...40)]) {
            let forged = EditablePackage.renumber(try forged(position: 39), from: 39, to: 40)
            try $0.edit { $0.append(forged) }
        },
        Attack("a replayed event", [(.eventReplayed, 11...11)]) { try $0.edit { $0.insert($0[11], at: 30) } },
        Attack("an event replayed in place of another", [(.eventReplayed, 30...30)]) {
            try $0.edit { $0[30] = EditablePackage.renumber($0[10], from: 10, to: 30) }
        },
        Attack("an event replayed at the end", [(.eventReplayed, 40...40)]) {
            try $0.edit { $0.append(EditablePackage.renumber($0[10], from: 10, to: 40)) }
        },
        Attack("a truncated tail", [(.truncated, 36...39)]) { try $0.edit { $0.removeLast(4) } },
        Attack("no events at all", [(.truncated, 0...39)]) { try $0.edit { $0.removeAll() } },
        Attack("positions moved by a thousand", [(.positionsRenumbered, 0...39)]) {
            try $0.edit { lines in
                for index in 0..<40 {
                    lines[index] = EditablePackage.renumber(lines[index], from: index, to: index + 1_000)
                }
            }
        },
        Attack("a torn line", [(.packageMalformed, 14...14)]) { try $0.edit { $0[14].removeLast(10) } },
        Attack("an altered leaf", [(.tileAltered, 13...13)]) {
            var leaves = try $0.bytes("leaves.bin")
            leaves[13 * 32 + 5] ^= 1
            try $0.write(leaves, to: "leaves.bin")
        },
        Attack("three altered leaves", [(.tileAltered, 13...14), (.tileAltered, 39...39)]) {
            var leaves = try $0.bytes("leaves.bin")
            for index in [13, 14, 39] { leaves[index * 32] ^= 0x80 }
            try $0.write(leaves, to: "leaves.bin")
        },
        Attack("a stated leaf hash altered", [(.tileAltered, 13...13)]) {
            try $0.replace("\"leaf_hash\":\"", with: "\"leaf_hash\":\"" + String(repeating: "0", count: 64), line: 13)
            try $0.edit { lines in
                let start = try #require(lines[13].range(of: String(repeating: "0", count: 64))).upperBound
                lines[13].removeSubrange(start..<lines[13].index(start, offsetBy: 64))
            }
        },
        Attack("a changed body carried through to the leaf", [(.rootMismatch, 0...15)]) {
            var event = log.events[12]
            event.body = Array(String(decoding: event.body, as: UTF8.self).replacing("Zoë", with: "Zoe").utf8)
            let changed = try line(event)
            try $0.edit { $0[12] = changed }
            var leaves = try $0.bytes("leaves.bin")
            let leaf = event.leaf(of: log.tenant).hash(body: event.body, sealedDigest: event.sealedDigest)
            leaves.replaceSubrange(12 * 32..<13 * 32, with: leaf.bytes)
            try $0.write(leaves, to: "leaves.bin")
        },
        Attack("a body carried through to the leaf, after the first checkpoints", [(.rootMismatch, 32...39)]) {
            var event = log.events[35]
            event.body = Array(String(decoding: event.body, as: UTF8.self).replacing("Zoë", with: "Zoe").utf8)
            let changed = try line(event)
            try $0.edit { $0[35] = changed }
            var leaves = try $0.bytes("leaves.bin")
            let leaf = event.leaf(of: log.tenant).hash(body: event.body, sealedDigest: event.sealedDigest)
            leaves.replaceSubrange(35 * 32..<36 * 32, with: leaf.bytes)
            try $0.write(leaves, to: "leaves.bin")
        },
        Attack("an altered sealed value", [(.sealedValueMismatch, 6...6)]) {
            try $0.replace("name 6 0", with: "name 6 9", line: 2, in: "sealed.ndjson")
        },
        Attack("an altered salt", [(.sealedValueMismatch, 6...6)]) {
            let salt = TreeHash.sha256(Array("salt 6 0".utf8)).hexadecimal
            try $0.replace(salt, with: TreeHash.empty.hexadecimal, line: 2, in: "sealed.ndjson")
        },
        Attack("a sealed value removed", [(.sealedValueMismatch, 6...6)]) {
            try $0.edit("sealed.ndjson") { $0.remove(at: 2) }
        },
        Attack("sealed values of two events exchanged", [(.sealedValueMismatch, 1...1), (.sealedValueMismatch, 6...6)])
        {
            try $0.edit("sealed.ndjson") { lines in
                let one = lines[0].replacing("\"position\":1,", with: "\"position\":6,")
                lines[0] = lines[2].replacing("\"position\":6,", with: "\"position\":1,")
                lines[2] = one
            }
        },
        Attack("the digest of a sealed member altered", [(.sealedValueMismatch, 6...6)]) {
            let digest = try #require(log.events[6].sealed.first?.digest.hexadecimal)
            try $0.replace(digest, with: TreeHash.empty.hexadecimal, line: 6)
        },
        Attack("altered evidence bytes", [(.evidenceMismatch, 3...3)]) {
            let path = "evidence/" + log.evidence[0].digest.bytes.hexadecimal
            var bytes = try $0.bytes(path)
            bytes[0] ^= 1
            try $0.write(bytes, to: path)
        },
        Attack("evidence removed", [(.evidenceMismatch, 17...17)]) {
            let path = "evidence/" + log.evidence[2].digest.bytes.hexadecimal
            try FileManager.default.removeItem(at: $0.url.appending(path: path))
        },
        Attack("evidence told of another event", [(.evidenceMismatch, 4...4)]) {
            try $0.replace("\"position\":3,", with: "\"position\":4,", line: 0, in: "evidence.ndjson")
        },
        Attack("evidence added", [(.packageMalformed, nil)]) {
            try $0.write([1, 2, 3], to: "evidence/" + TreeHash.sha256([1, 2, 3]).hexadecimal)
        },
        Attack("a forged checkpoint", [(.checkpointForged, nil)]) {
            let note = String(decoding: try $0.bytes("checkpoint"), as: UTF8.self)
            let root = try log.checkpoint().root.base64
            try $0.write(Array(note.replacing(root, with: TreeHash.empty.base64).utf8), to: "checkpoint")
        },
        Attack("a checkpoint without its last event", [(.checkpointForged, nil)]) {
            let note = String(decoding: try $0.bytes("checkpoint"), as: UTF8.self)
            try $0.write(Array(note.replacing("\n40\n", with: "\n39\n").utf8), to: "checkpoint")
        },
        Attack("an earlier checkpoint of another history, signed", [(.splitView, 0...15)]) {
            let other = Checkpoint(origin: log.origin, size: 16, root: .empty)
            try $0.write(try other.signed(by: [log.key]).bytes, to: "checkpoints/16")
        },
        Attack("an altered manifest", [(.manifestForged, nil)]) {
            var manifest = try PackageManifest(try $0.bytes("manifest.json"))
            manifest.sealed.erased += 1
            try $0.write(manifest.bytes, to: "manifest.json")
        },
        Attack("an altered README", [(.fileAltered, nil)]) {
            try $0.write(Array("all is well\n".utf8), to: "README.txt")
        },
        Attack("a link in place of a file", [(.packageMalformed, nil)]) {
            let file = $0.url.appending(path: "README.txt")
            try FileManager.default.removeItem(at: file)
            try FileManager.default.createSymbolicLink(
                at: file, withDestinationURL: $0.url.appending(path: "checkpoint"))
        },
        Attack("hashes cut short", [(.packageMalformed, nil)]) {
            try $0.write(try $0.bytes("leaves.bin").dropLast(32), to: "leaves.bin")
        },
    ]

    @Test("both verifiers tell class and position", arguments: attacks)
    func attack(_ attack: Attack) async throws {
        let folder = try TemporaryFolder()
        let package = EditablePackage(url: folder.url.appending(path: "p"))
        try await Self.log.write(to: package.url, .range(0..<40), further: [16, 32])
        try attack.apply(package)
        let plain = try BothVerifiers.verify(package.url, key: Self.log.key.verifierKey)
        expect(attack, in: plain)
        #expect(!plain.isAsExported)

        guard attack.expected.contains(where: { $0.1 != nil }) else { return }
        // The same by somebody who makes all digests right that are not signed: what is wrong is told all the same.
        let missing = try PackageFolder(package.url).list().files
        guard try PackageManifest(package.bytes("manifest.json")).files.allSatisfy({ missing.contains($0.path) }) else {
            return
        }
        try package.makeDigestsRight()
        let careful = try BothVerifiers.verify(package.url, key: Self.log.key.verifierKey)
        expect(attack, in: careful)
        #expect(careful.findings.contains { $0.class == .manifestForged })
        // And by somebody who has the key for the manifest, too, but not the log's past.
        try package.makeDigestsRight(signedBy: Self.log.key)
        let insider = try PackageVerifier.verify(at: package.url, key: Self.log.key.verifierKey)
        expect(attack, in: insider)
        #expect(insider.isAsExported)
    }

    @Test("somebody with the key can neither miscount what was erased nor slip a file in")
    func insider() async throws {
        let folder = try TemporaryFolder()
        let package = EditablePackage(url: folder.url.appending(path: "p"))
        try await Self.log.write(to: package.url, .range(0..<40))
        let honest = try PackageManifest(package.bytes("manifest.json"))

        func told(_ change: (inout PackageManifest) -> Void) throws -> [String] {
            var manifest = honest
            change(&manifest)
            try package.write(manifest.bytes, to: "manifest.json")
            try package.makeDigestsRight(signedBy: Self.log.key)
            return try BothVerifiers.verify(package.url, key: Self.log.key.verifierKey).findings
                .map { "\($0.class.rawValue) \($0.file ?? "-")" }
        }
        #expect(try told { _ in } == [])
        #expect(try told { $0.sealed.erased -= 1 } == ["package_malformed manifest.json"])
        #expect(try told { $0.evidence.open += 1 } == ["package_malformed manifest.json"])
        #expect(try told { $0.events = 39 } == ["package_malformed manifest.json"])
        let extra = "evidence/" + TreeHash.empty.hexadecimal
        for path in ["zzz.txt", "handovers/x", "checkpoints/5", extra] {
            try package.write([1], to: path)
            let told = try told {
                $0.files.append(PackageManifest.File(path: path, size: 1, digest: .zero))
                $0.files.sort { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
            }
            #expect(told.contains("package_malformed \(path)"), "\(told)")
            try FileManager.default.removeItem(at: package.url.appending(path: path))
        }
    }

    private func expect(_ attack: Attack, in report: Report) {
        #expect(report.exitCode == 2)
        for (expected, positions) in attack.expected {
            #expect(
                report.findings.contains { $0.class == expected && $0.positions == positions },
                "\(expected.rawValue) at \(positions.map { "\($0)" } ?? "-"), but \(report.findings)")
        }
        // Nothing else is accused: what is told beside concerns the files as such.
        let positions = Set(report.findings.filter { $0.positions != nil }.map { "\($0.class) \($0.positions!)" })
        #expect(positions.count == attack.expected.filter { $0.1 != nil }.count, "\(report.findings)")
    }
}
