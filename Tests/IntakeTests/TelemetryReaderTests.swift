import Events
import Foundation
import JSON
import SeededChance
import Testing

@testable import Intake

@Suite("Records are read with their exact bytes")
struct TelemetryReaderTests {
    private func records(_ text: String, _ source: TelemetrySource? = nil) -> [Result<RawRecord, BrokenRecord>] {
        TelemetryReader.records(in: Array(text.utf8), source: source)
    }

    private func one(_ text: String) throws -> RawRecord {
        let first = try #require(records(text).first)
        return try first.get()
    }

    private func text(_ result: Result<RawRecord, BrokenRecord>) -> String? {
        switch result {
        case .success(let record): String(decoding: record.bytes, as: UTF8.self)
        case .failure: nil
        }
    }

    @Test("each of many CloudTrail records keeps the bytes that it had, blanks and number forms included")
    func cloudTrail() throws {
        let first = #"{"eventSource" : "iam.amazonaws.com","eventName":"CreateUser","userIdentity":{},"n":1.50}"#
        let second = #"{"eventName":"GetUser","eventSource":"iam.amazonaws.com","userIdentity":{"Records":[1]}}"#
        let found = records("{\"other\": [1, 2], \"Records\" : [ \(first) ,\n \(second)]}")
        #expect(found.map(text) == [first, second])
        #expect(try found[0].get().source == .cloudtrail)
    }

    @Test("a single record is the item itself")
    func single() throws {
        let line = #" {"program":"sshd","message":"Failed password for root from 203.0.113.9 port 1 ssh2"} "#
        let found = try one(line)
        #expect(String(decoding: found.bytes, as: UTF8.self) == line)
        #expect(found.source == .sshd)
        #expect(
            TelemetrySource.sshd.extractedFields(of: found.value)
                == ["src_ip": "203.0.113.9", "src_port": "1", "user": "root", "auth_method": "password"])
    }

    @Test("what no source claims has none, and is no error", arguments: ["{}", #"{"a":1}"#])
    func unknown(text: String) throws {
        #expect(try one(text).source == nil)
    }

    @Test(
        "what is no object is broken, with its bytes and a reason",
        arguments: ["5", "[1]", "null", "{", "{\"a\":}", "\u{0}", String(repeating: "[", count: 100_000), ""])
    func broken(text: String) {
        let found = records(text)
        #expect(found.count == 1)
        guard case .failure(let record)? = found.first else {
            Issue.record("it was read")
            return
        }
        #expect(record.bytes == Array(text.utf8) && !record.error.detail.isEmpty)
    }

    @Test("invalid UTF-8 and depth beyond 64 are broken, integers beyond 2^53 are not")
    func hostile() throws {
        guard
            case .failure? = TelemetryReader.records(in: [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], source: nil).first
        else {
            Issue.record("invalid UTF-8 was read")
            return
        }
        let deep = String(repeating: "{\"a\":", count: 65) + "1" + String(repeating: "}", count: 65)
        guard case .failure? = records(deep).first else {
            Issue.record("depth 65 was read")
            return
        }
        _ = try one(#"{"Keywords":-9223372036854775808,"x":9223372036854775807}"#)
    }

    @Test("a record without a reader of its own becomes a Base Event that names whom and where it can")
    func generic() throws {
        let line = """
            {"published":"2026-11-20T10:00:00Z","actor":{"alternateId":"eve@example.org"},\
            "client":{"ipAddress":"203.0.113.7"},"eventType":"user.session.start"}
            """
        let record = try one(line)
        let now = Instant(rfc3339: "2026-11-21T00:00:00Z")!
        let event = TelemetryNormalizer.normalizeAny(record, rawDigest: Digest.sha256(record.bytes), receivedAt: now)
        #expect(event.ocsf["class_uid"] == 0)
        #expect(event.occurredAt == Instant(rfc3339: "2026-11-20T10:00:00Z"))
        #expect(!event.clockSuspect)
        #expect(
            event.entities == [
                Entity(type: .user, value: "eve@example.org", role: .actor),
                Entity(type: .ip, value: "203.0.113.7", role: .actor),
            ])
        #expect(event.ocsf.at("/unmapped/eventType") == "user.session.start")
    }
}

@Suite("A body in portions")
struct ItemChunksTests {
    private func chunks(
        _ text: String, _ layout: BatchReader.Layout, items: Int = 3, bytes: Int = 1 << 20
    ) throws -> [[String]] {
        try ItemChunks(Array(text.utf8), layout: layout, itemsMaximum: items, bytesMaximum: bytes)
            .map { $0.items.map { String(decoding: $0, as: UTF8.self) } }
    }

    @Test("lines: LF or CRLF, a last one without end, blank ones left out")
    func lines() throws {
        #expect(try chunks("\u{FEFF}a\r\n\n b\n \nc\nd", .lines) == [["a", " b", "c"], ["d"]])
        #expect(try chunks("", .lines) == [])
        #expect(try chunks("\n\n", .lines) == [])
    }

    @Test("an array: its elements; a broken one is refused before anything is read")
    func array() throws {
        #expect(try chunks(" [1, {\"a\":[2]} ,3,4 ]", .array) == [["1", "{\"a\":[2]}", "3"], ["4"]])
        #expect(try chunks("[]", .array) == [])
        #expect(throws: IntakeError.self) { try chunks("[1,2", .array) }
        #expect(throws: IntakeError.self) { try chunks("[1] x", .array) }
    }

    @Test("a portion ends after its bytes; a larger item is one of its own")
    func bytes() throws {
        #expect(try chunks("aaaa\nbb\ncc\ndd", .lines, bytes: 4) == [["aaaa"], ["bb", "cc"], ["dd"]])
    }

    @Test("no line is lost or doubled, however portions are cut")
    func complete() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<200 {
            let lines = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                String(repeating: "x", count: Int.random(in: 0...9, using: &generator))
            }
            let found = try chunks(
                lines.joined(separator: "\n"), .lines, items: Int.random(in: 1...5, using: &generator),
                bytes: Int.random(in: 1...20, using: &generator))
            #expect(found.flatMap(\.self) == lines.filter { !$0.isEmpty })
            #expect(!found.contains([]))
        }
    }
}

@Suite("Alerts that detection makes")
struct DetectionAlertTests {
    static let finding = RuleFinding(
        ruleID: "r-1", title: "Bad Thing", severity: .high, description: "It is bad.",
        tags: ["attack.t1110.001", "attack.t1059", "attack.execution", "attack.t99", "cve.2021.44228"],
        pattern: "p.x", confidenceScore: 90, reference: "r-1:sha256:00",
        occurredAt: Instant(rfc3339: "2026-11-20T10:00:00Z")!, clockSuspect: false,
        entities: [Entity(type: .user, value: "eve", role: .actor)],
        evidence: [.init(kind: .rawEvent, observedAt: nil, data: ["a": 1])], region: "eu-west-1", isCorrelation: false,
        rawDigest: Digest.sha256([1]), rawSize: 1)

    @Test("has the rule as evidence, techniques from its tags, and the same id whenever it is made")
    func alert() throws {
        let id = UUID()
        let later = Instant(rfc3339: "2026-11-21T10:00:00Z")!
        let made = AlertIntake.alert(of: Self.finding, tenant: id, receivedAt: later)
        #expect(made.source == "sigma" && made.alert.attackTechniques == ["T1110.001", "T1059"])
        #expect(made.alert.evidence.map(\.kind) == [.rawEvent, .ruleID])
        #expect(made.alert.rule?.uid == "r-1" && made.alert.region == "eu-west-1" && !made.alert.isCorrelation)
        let again = AlertIntake.alert(of: Self.finding, tenant: id, receivedAt: later.adding(milliseconds: 5_000))
        #expect(again.alertID == made.alertID)
        var other = Self.finding
        other.reference = "r-1:sha256:01"
        #expect(AlertIntake.alert(of: other, tenant: id, receivedAt: later).alertID != made.alertID)
    }

    @Test(
        "is a valid OCSF Detection Finding",
        .enabled(if: OCSFSchema.isAvailable, "the compiled OCSF schema is not there"))
    func ocsf() throws {
        let made = AlertIntake.alert(of: Self.finding, tenant: UUID(), receivedAt: Self.finding.occurredAt)
        #expect(try OCSFSchema.shared.get().violations(of: made.alert.ocsf) == [])
    }
}
