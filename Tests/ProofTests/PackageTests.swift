import Events
import Foundation
import JSON
import Testing

@testable import Proof

@Suite struct PackageTests {
    @Test(
        "an untampered range gives no finding, wherever it begins and ends",
        arguments: [0..<40, 0..<1, 3..<17, 39..<40, 8..<16, 5..<5, 0..<0] as [Range<Int64>])
    func ranges(range: Range<Int64>) async throws {
        let log = SyntheticLog(count: 40)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(range), further: [0, 1, 7, 16, 39, 40])
        let report = try PackageVerifier.verify(at: url, key: log.key.verifierKey)
        #expect(report.findings == [])
        #expect(report.exitCode == 0 && report.isAsExported && report.keyWasGiven)
        #expect(report.events == Int64(range.count) && report.checkpoint?.size == 40)
    }

    @Test("an untampered case gives no finding, and is proven in the whole log's tree")
    func cases() async throws {
        let log = SyntheticLog(count: 50)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .stream(SyntheticLog.caseID(1)), further: [20])
        let report = try PackageVerifier.verify(at: url, key: log.key.verifierKey)
        #expect(report.findings == [])
        #expect(report.manifest?.runs.count == 17)
        let early = try log.checkpoint(20).signed(by: [log.key])
        #expect(try PackageVerifier.verify(at: url, checkpoint: early, key: log.key.verifierKey).findings == [])
    }

    @Test("the same input gives the same bytes")
    func deterministic() async throws {
        let log = SyntheticLog(count: 30)
        let folder = try TemporaryFolder()
        for name in ["a", "b"] {
            try await log.write(to: folder.url.appending(path: name), .range(0..<30), further: [9])
        }
        let paths = try PackageFolder(folder.url.appending(path: "a")).list().files
        #expect(paths.count >= 12)
        for path in paths {
            let bytes = try ["a", "b"].map { try Data(contentsOf: folder.url.appending(path: "\($0)/\(path)")) }
            #expect(bytes[0] == bytes[1], "\(path)")
        }
    }

    @Test("a body with a newline, another layout or escapes is exported exactly, and columns still compare")
    func strangeBodies() async throws {
        var log = SyntheticLog(count: 4)
        for (index, layout) in [":\n", ": ", ":\t"].enumerated() {
            let text = String(decoding: log.events[index].body, as: UTF8.self)
            log.events[index].body = Array(text.replacing("\"type\":", with: "\"type\"\(layout)").utf8)
            let event = log.events[index]
            log.leaves[index] = event.leaf(of: log.tenant).hash(body: event.body, sealedDigest: event.sealedDigest)
        }
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<4))
        #expect(try PackageVerifier.verify(at: url).findings == [])
    }

    @Test("trust follows signed handovers from an old key to the new one that signed")
    func rotation() async throws {
        let log = SyntheticLog(count: 10)
        let new = try SigningKey(name: "docket.example", seed: Array(repeating: 8, count: 32))
        let handover = try KeyHandover(origin: log.origin, successor: new.verifierKey).signed(by: [log.key, new])
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<10), handovers: [handover], signers: [new])
        let report = try PackageVerifier.verify(at: url, key: log.key.verifierKey)
        #expect(report.findings == [])
        #expect(report.keys == [log.key.verifierKey, new.verifierKey])

        let bare = folder.url.appending(path: "bare")
        try await log.write(to: bare, .range(0..<10), signers: [new])
        let classes = try PackageVerifier.verify(at: bare, key: log.key.verifierKey).findings.map(\.class)
        #expect(classes == [.wrongKey, .wrongKey])
    }

    @Test("the OCSF export is one attested event, its fingerprint over the canonical form without itself")
    func recordIntegrity() async throws {
        let log = SyntheticLog(count: 10)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(0..<10))
        var event = try JSONValue.parse(Array(try Data(contentsOf: url.appending(path: "record_integrity.json"))))
        #expect(event["class_uid"] == 1008 && event["type_uid"] == 100_803)
        var attestation = event["attestation_list"]?[0]?.objectValue ?? [:]
        let removed = attestation.removeValue(forKey: "fingerprint")
        let fingerprint = try #require(removed)
        event["attestation_list"] = [.object(attestation)]
        #expect(fingerprint["value"] == .string(TreeHash.sha256(event.canonicalBytes()).hexadecimal))
        #expect(event.at("/unmapped/root_hash") == .string(try log.checkpoint().root.base64))
    }

    @Test("the report says what it rests on, and each finding with class and place")
    func text() async throws {
        let log = SyntheticLog(count: 10)
        let folder = try TemporaryFolder()
        let url = folder.url.appending(path: "p")
        try await log.write(to: url, .range(2..<9))
        let clean = try PackageVerifier.verify(at: url).text
        #expect(clean.contains("Positions  2-8\n") && clean.contains(log.key.verifierKey.fingerprint.text))
        #expect(clean.contains("No key was given") && clean.contains("Nothing found. 7 events"))
        try EditablePackage(url: url).edit { $0.removeSubrange(3...4) }
        let broken = try PackageVerifier.verify(at: url, key: log.key.verifierKey).text
        #expect(broken.hasPrefix("event_missing 5-6: ") && broken.contains("not as it was exported"))
        #expect(!broken.contains("No key was given"))
    }

    @Test("no package is an error, not a finding; a manifest that cannot be read is a finding")
    func unreadable() async throws {
        let folder = try TemporaryFolder()
        #expect(throws: ProofError.self) { try PackageVerifier.verify(at: folder.url) }
        #expect(throws: ProofError.self) { try PackageVerifier.verify(at: folder.url.appending(path: "none")) }
        try Data("{}".utf8).write(to: folder.url.appending(path: "manifest.json"))
        #expect(try PackageVerifier.verify(at: folder.url).findings.map(\.class) == [.packageMalformed])
    }
}
