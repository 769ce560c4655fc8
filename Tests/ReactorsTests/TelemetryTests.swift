import Cases
import Content
import Detection
import EventLog
import Events
import Foundation
import JSON
import Reactors
import TestSupport
import Testing

@Suite("Telemetry becomes cases", .migrated, .timeLimit(.minutes(25)))
struct TelemetryTests {
    /// A change of story (a), and how many cases it opens.
    struct Variant: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var cases: Int
        var order: Order = .asWritten
        var change: @Sendable (inout SSHTakeover) -> Void = { _ in }

        enum Order: Sendable { case asWritten, reversed, execFirst }
    }

    static let variants: [Variant] = [
        Variant(testDescription: "twelve failures, a logon and a command", cases: 1),
        Variant(testDescription: "forty failures", cases: 1) {
            $0.failures = 40
            $0.secondsBetweenFailures = 5
        },
        Variant(testDescription: "eleven failures", cases: 0) { $0.failures = 11 },
        Variant(testDescription: "twelve failures that take longer than ten minutes", cases: 0) {
            $0.secondsBetweenFailures = 56
        },
        Variant(testDescription: "a logon after more than five minutes", cases: 0) { $0.secondsToLogon = 301 },
        Variant(testDescription: "a command after more than five minutes", cases: 0) { $0.secondsToExec = 301 },
        Variant(testDescription: "a command from another address", cases: 0) { $0.execAddress = "203.0.113.10" },
        Variant(testDescription: "a logon at another host", cases: 0) { $0.logonHost = "bastion-2" },
        Variant(testDescription: "a logon of another user", cases: 0) { $0.logonUser = "deploy" },
        Variant(testDescription: "in reverse order of arrival", cases: 1, order: .reversed),
        Variant(testDescription: "the command arrives first", cases: 1, order: .execFirst),
    ]

    @Test("story (a) opens a case when all of it is there, and only then", arguments: variants)
    func takeover(_ variant: Variant) async throws {
        try await World.run { world in
            var story = SSHTakeover(start: Date().addingTimeInterval(-1_800))
            variant.change(&story)
            switch variant.order {
            case .asWritten:
                try await world.sendTelemetry(story.sshLines, product: "linux", service: "sshd")
                try await world.sendTelemetry(story.auditLines, product: "kubernetes", service: "audit")
            case .reversed:
                try await world.sendTelemetry(story.auditLines, product: "kubernetes", service: "audit")
                for line in story.sshLines.reversed() {
                    try await world.sendTelemetry([line], product: "linux", service: "sshd")
                }
            case .execFirst:
                try await world.sendTelemetry(story.auditLines, product: "kubernetes", service: "audit")
                try await world.sendTelemetry(story.sshLines, product: "linux", service: "sshd")
            }
            try await world.settle()
            #expect(try await world.count("case.opened") == variant.cases)
            #expect(try await world.count("correlation.matched") == variant.cases)
        }
    }

    @Test("over midnight, and sent twice, it is one case with one alert")
    func midnightAndTwice() async throws {
        try await World.run { world in
            let midnight = Calendar(identifier: .gregorian).startOfDay(for: Date().addingTimeInterval(-86_400))
            let story = SSHTakeover(start: midnight.addingTimeInterval(-200))
            for _ in 0..<2 {
                let counts = try await world.sendTelemetry(story.sshLines, product: "linux", service: "sshd")
                #expect(counts.received == 13 && counts.matched == 13 && counts.alertsCreated == 0)
                try await world.sendTelemetry(story.auditLines, product: "kubernetes", service: "audit")
                try await world.settle()
            }
            #expect(try await world.count("case.opened") == 1)
            #expect(try await world.count("alert.ingested") == 1)
        }
    }

    @Test("the case leads back to every raw line, names who and where, and knows its playbook")
    func evidence() async throws {
        try await World.run { world in
            let story = SSHTakeover(start: Date().addingTimeInterval(-1_800))
            try await world.sendTelemetry(story.sshLines, product: "linux", service: "sshd")
            try await world.sendTelemetry(story.auditLines, product: "kubernetes", service: "audit")
            let record = try await world.caseRecord { $0.state == .escalated }
            let alertID = try #require(record.alerts.first?.alertID)
            let alert = try #require(
                try await world.pipeline.alerts.load([alertID], tenant: world.tenant)[alertID]?.alert)
            #expect(alert.isCorrelation && alert.source == "sigma" && alert.pattern == "network.ssh_takeover")
            #expect(alert.sourceRef.hasPrefix("0a7f3e92-d45b-4c18-9e6d-b1c8f5a2e703:{\"address\":\"203.0.113.9\"}:"))
            let names = Set(alert.entities.map { "\($0.type.rawValue) \($0.value)" })
            #expect(names.isSuperset(of: ["ip 203.0.113.9", "device bastion-1", "user root"]), "\(names)")
            #expect(alert.attackTechniques.contains("T1110.001") && alert.attackTechniques.contains("T1609"))
            let own = try #require(try await world.log.evidence(tenant: world.tenant, digest: alert.rawDigest))
            let records = try #require(try JSONValue.parse(own.bytes)["records"]?.arrayValue)
            #expect(records.count == 14)
            let lines = Set(story.sshLines + story.auditLines)
            var found: Set<String> = []
            for record in records {
                let digest = try #require(record["raw_digest"]?.stringValue.flatMap { Digest(text: $0) })
                let raw = try #require(try await world.log.evidence(tenant: world.tenant, digest: digest))
                found.insert(String(decoding: raw.bytes, as: UTF8.self))
            }
            #expect(found.isSuperset(of: lines))
            let matched = try await world.log.feed(
                tenant: world.tenant, from: 0, limit: 10, types: ["detection.matched"])
            #expect(matched.flatMap { $0.data["raw_digests"]?.arrayValue ?? [] }.count == 14)
        }
    }

    @Test("a rule of the tenant's own alerts at once; retired, it is silent")
    func ownRule() async throws {
        try await World.run { world in
            let yaml = """
                title: Backup Deleted
                id: 5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
                logsource: {product: backup}
                detection: {selection: {action: delete}, condition: selection}
                level: high
                """
            let publisher = RulePublisher(
                store: world.pipeline.rules, tenant: world.tenant,
                actor: Actor(kind: .person, subject: "ada", lane: .analyst), clock: world.clock)
            let outcome = try await publisher.publish(
                SigmaDocument.documents(in: yaml, file: "own.yml"), pack: "import")
            #expect(outcome.published.count == 1 && outcome.refused.isEmpty)
            let again = try await publisher.publish(
                SigmaDocument.documents(in: yaml, file: "own.yml"), pack: "import")
            #expect(again.published.isEmpty && again.unchanged.count == 1)
            let line = #"{"action":"delete","user":"eve","host":"nas-1","time":"2026-11-21T02:00:00Z"}"#
            let counts = try await world.sendTelemetry([line, #"{"action":"list"}"#], product: "backup")
            #expect(counts.received == 2 && counts.matched == 1 && counts.unmatched == 1 && counts.alertsCreated == 1)
            let second = try await world.sendTelemetry([line], product: "backup")
            #expect(second.alertsCreated == 0 && second.alertsDuplicate == 1)
            let record = try await world.caseRecord { $0.state == .escalated }
            #expect(record.title == "Backup Deleted")
            _ = try await publisher.retire("5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11", reason: "It was a test.")
            let silent = try await world.sendTelemetry(
                [line.replacing("eve", with: "eva")], product: "backup")
            #expect(silent.matched == 0)
        }
    }

    @Test("filters and the values of placeholders are published, versioned and retired as rules are")
    func filtersAndPlaceholders() async throws {
        try await World.run { world in
            let rule = """
                title: Backup Deleted
                id: 5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
                name: backup_deleted
                logsource: {product: backup}
                detection: {selection: {host|expand: '%Servers%', action: delete}, condition: selection}
                level: high
                """
            let servers = "title: Servers\nid: servers\nplaceholders: {Servers: ['nas-*']}\n"
            let filter = """
                title: Nightly Rotation
                id: rotation
                logsource: {product: backup}
                filter: {rules: [backup_deleted], selection: {user: rotate}, condition: selection}
                """
            let publisher = RulePublisher(
                store: world.pipeline.rules, tenant: world.tenant,
                actor: Actor(kind: .person, subject: "ada", lane: .analyst), clock: world.clock)
            func publish(_ yaml: String) async throws -> RulePublisher.Outcome {
                try await publisher.publish(SigmaDocument.documents(in: yaml, file: "own.yml"), pack: "import")
            }
            func matched(_ user: String, on host: String) async throws -> Int {
                let line = #"{"action":"delete","user":"\#(user)","host":"\#(host)"}"#
                return try await world.sendTelemetry([line], product: "backup").matched
            }
            #expect(try await publish(rule).refused.first?.reason.contains("%Servers%") == true)
            #expect(try await publish("\(rule)\n---\n\(servers)").published.count == 2)
            #expect(try await matched("eve", on: "nas-1") == 1)
            #expect(try await matched("eve", on: "web-1") == 0)
            #expect(try await publish(servers.replacing("'nas-*'", with: "'nas-*', web-1")).published == ["servers"])
            #expect(try await matched("eve", on: "web-1") == 1)

            #expect(try await matched("rotate", on: "nas-1") == 1)
            #expect(try await publish(filter).published == ["rotation"])
            #expect(try await matched("rotate", on: "nas-2") == 0)
            #expect(try await matched("eve", on: "nas-2") == 1)
            _ = try await publisher.retire("rotation", reason: "The rotation has moved.")
            #expect(try await matched("rotate", on: "nas-3") == 1)

            _ = try await publisher.retire("servers", reason: "It was a test.")
            #expect(try await matched("eve", on: "nas-4") == 0)
            let problems = try await world.pipeline.rules.rules(of: world.tenant).refused
            #expect(problems.map(\.ruleID) == ["5d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11"])
            let kinds = try await world.pipeline.rules.book(of: world.tenant).entries.mapValues(\.rule.kind)
            #expect(kinds["rotation"] == .filter && kinds["servers"] == .placeholders)
        }
    }

    @Test("what cannot be read is kept: the first one by one, the rest in one piece; nothing is lost from the count")
    func deadLetters() async throws {
        try await World.run { world in
            let lines = (0..<100).map { "broken \($0)" } + ["{}", #"{"program":"sshd","message":"Failed x from y"}"#]
            let counts = try await world.sendTelemetry(lines)
            #expect(counts.received == 102 && counts.deadLettered == 101 && counts.matched == 1)
            let letters = try await world.log.feed(
                tenant: world.tenant, from: 0, limit: 500, types: ["alert.rejected"])
            #expect(letters.count == 21)
            #expect(letters.reduce(0) { $0 + ($1.data["items"]?.int64Value ?? 0) } == 101)
            let rest = try #require(letters.last?.data["raw_digest"]?.stringValue.flatMap { Digest(text: $0) })
            let kept = try #require(try await world.log.evidence(tenant: world.tenant, digest: rest))
            #expect(String(decoding: kept.bytes, as: UTF8.self).hasPrefix("broken 20\nbroken 21\n"))
        }
    }
}
