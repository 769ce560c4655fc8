import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Cases

@Suite("Metrics")
struct MetricTests {
    private static let day = Fixture.instant("2026-11-21T00:00:00Z")
    private static let span = (from: day, to: day.adding(milliseconds: 86_400_000))

    private static func at(_ seconds: Int64) -> Instant { day.adding(milliseconds: 3_600_000 + seconds * 1_000) }

    /// A case whose moments are known: opened 2 s after its alert happened, acknowledged after 10 s, contained after
    /// 60 s, recovered after 90 s, all counted from the opening.
    private static func facts(_ name: String = "a", _ change: (inout CaseFacts) -> Void = { _ in }) -> CaseFacts {
        var facts = CaseFacts(CaseRecord(id: Fixture.id("case \(name)"), tenant: Fixture.tenant))
        facts.severity = .high
        facts.anchors.firstOccurredAt = at(-2)
        facts.anchors.openedAt = at(0)
        facts.anchors.acknowledgedAt = at(10)
        facts.anchors.escalatedAt = at(5)
        facts.anchors.decidedAt = at(20)
        facts.anchors.containedAt = at(60)
        facts.anchors.lastVerifiedAt = at(70)
        facts.anchors.recoveredAt = at(90)
        facts.anchors.lastRecoveredAt = at(900)
        for anchor in ["opened", "acknowledged", "escalated", "decided", "contained", "last_verified", "recovered"] {
            facts.anchors.eventIDs[anchor] = Fixture.id("\(name) \(anchor)")
        }
        facts.firstAlertAt = at(0)
        facts.alertCount = 3
        facts.manualActions = 4
        facts.isEnded = true
        change(&facts)
        return facts
    }

    private static func query(
        _ metric: MetricName, bucket: MetricQuery.Bucket? = nil, by groups: [String] = [], zone: String = "UTC",
        from: Instant = span.from, to: Instant = span.to
    ) -> MetricQuery {
        MetricQuery(metric: metric, from: from, to: to, bucket: bucket, groupBy: groups, timeZone: zone)
    }

    private static func total(_ metric: MetricName, _ facts: [CaseFacts]) -> MetricReport.Item {
        MetricReport(query(metric), facts: facts, asOf: 7).total
    }

    @Test(
        "durations are between the moments of their definitions",
        arguments: [
            (MetricName.mttd, 2_000.0), (.mtta, 10_000), (.mttc, 60_000), (.mttr, 90_000),
            (.alertToRemediation, 70_000),
            (.analystResponseTime, 15_000),
        ])
    func durations(metric: MetricName, value: Double) {
        let item = Self.total(metric, [Self.facts()])
        #expect(item.n == 1 && item.value == value && item.mean == value && item.p50 == value && item.max == value)
        #expect(item.excluded.isEmpty)
        #expect(metric.unit == .ms)
    }

    @Test(
        "what is not there yet is excluded with the figure's own reason and counted, never zero",
        arguments: [
            (MetricName.mttd, MetricExclusion.noOccurrenceTime), (.mtta, .notAcknowledged), (.mttc, .notContained),
            (.mttr, .notRecovered), (.alertToRemediation, .notRemediated), (.analystResponseTime, .notDecided),
        ])
    func notThereYet(metric: MetricName, reason: MetricExclusion) {
        let open = Self.facts("open") { facts in
            facts.anchors.acknowledgedAt = nil
            facts.anchors.decidedAt = nil
            facts.anchors.containedAt = nil
            facts.anchors.lastVerifiedAt = nil
            facts.anchors.recoveredAt = nil
            facts.anchors.firstOccurredAt = nil
        }
        let alone = Self.total(metric, [open])
        #expect(alone.n == 0 && alone.value == nil && alone.mean == nil && alone.p99 == nil)
        #expect(alone.excluded == [.init(reason: reason.rawValue, n: 1)])
        #expect(Self.total(metric, [open, Self.facts()]).n == 1)
    }

    @Test("a test, and for detection a suspect clock, is excluded with its reason")
    func excluded() {
        let test = Self.facts("test") { $0.verdict = .test }
        let suspect = Self.facts("suspect") { $0.clockSuspect = true }
        let item = Self.total(.mttd, [test, suspect, Self.facts()])
        #expect(item.n == 1)
        #expect(item.excluded == [.init(reason: "clock_suspect", n: 1), .init(reason: "test", n: 1)])
        #expect(Self.total(.mttr, [suspect]).n == 1, "the opening is on Docket's own clock")
    }

    @Test("a case that was never escalated has no analyst response time, nor one decided before it was asked")
    func responseTime() {
        let never = Self.facts("never") { $0.anchors.escalatedAt = nil }
        let earlier = Self.facts("earlier") { $0.anchors.decidedAt = Self.at(1) }
        let item = Self.total(.analystResponseTime, [never, earlier])
        #expect(item.n == 0 && item.value == nil && item.excluded.isEmpty)
    }

    @Test("counts are counts")
    func counts() {
        let facts = [Self.facts("a"), Self.facts("b") { $0.alertCount = 5 }]
        #expect(Self.total(.caseVolume, facts).value == 2)
        let alerts = Self.total(.alertsPerCase, facts)
        #expect(alerts.value == 4 && alerts.min == 3 && alerts.max == 5 && alerts.n == 2)
        #expect(Self.total(.manualActions, facts).value == 4)
    }

    private static func ratio(_ metric: MetricName, _ facts: [CaseFacts]) -> [Int?] {
        let item = total(metric, facts)
        return [item.numerator, item.denominator]
    }

    @Test("the false positive rate is of the cases with a verdict")
    func falsePositives() throws {
        func closed(_ verdict: Verdict?) -> CaseFacts {
            Self.facts("\(String(describing: verdict))") { facts in
                facts.verdict = verdict
                facts.anchors.closedAt = Self.at(100)
            }
        }
        let facts = [closed(.falsePositive), closed(.truePositive), closed(.benign), closed(.test), closed(nil)]
        #expect(Self.ratio(.falsePositiveRate, facts) == [1, 4])
        let item = Self.total(.falsePositiveRate, facts)
        #expect(item.value == 0.25 && item.mean == nil && item.p50 == nil)
        #expect(item.interval == WilsonInterval(successes: 1, of: 4, level: 0.95))
    }

    @Test("automation covers what ended without a human hand")
    func coverage() {
        let facts = [
            Self.facts("by itself") { $0.humanTouches = 0 }, Self.facts("touched") { $0.humanTouches = 1 },
            Self.facts("closed") { facts in
                facts.anchors.recoveredAt = nil
                facts.anchors.closedAt = Self.at(50)
            },
            Self.facts("open") { $0.isEnded = false },
        ]
        #expect(Self.ratio(.automationCoverage, facts) == [2, 3])
    }

    private static func run(
        _ trigger: RunTrigger = .auto, live: Bool = true, completed: Bool = true, contains: Bool = true,
        rollback: RollbackReason? = nil, ended: Bool = true
    ) -> CaseFacts.RunFacts {
        .init(
            id: Fixture.id("run"), trigger: trigger, isLive: live, startedAt: at(30),
            startedEventID: Fixture.id("started"), endedAt: ended ? at(42) : nil,
            endedEventID: ended ? Fixture.id("ended") : nil, isCompleted: completed, hasVerifiedContainment: contains,
            rollbackReason: rollback)
    }

    private static func withRun(_ name: String, _ run: CaseFacts.RunFacts, _ verdict: Verdict? = nil) -> CaseFacts {
        facts(name) { facts in
            facts.runs = [run]
            facts.verdict = verdict
        }
    }

    @Test("containment was precise when nobody said otherwise, of those that were judged")
    func precision() {
        let facts = [
            Self.withRun("right", Self.run(), .truePositive), Self.withRun("wrong", Self.run(), .falsePositive),
            Self.withRun("benign", Self.run(), .benign), Self.withRun("test", Self.run(), .test),
            Self.withRun("undone", Self.run(rollback: .falseContainment)),
            Self.withRun("undone by choice", Self.run(rollback: .analystOverride), .truePositive),
            Self.withRun("unjudged", Self.run()), Self.withRun("by people", Self.run(.approved), .truePositive),
            Self.withRun("ticket only", Self.run(contains: false), .truePositive),
            Self.withRun("shadow", Self.run(live: false), .truePositive),
        ]
        #expect(Self.ratio(.containmentPrecision, facts) == [2, 6])
        #expect(Self.total(.containmentPrecision, facts).excluded == [.init(reason: "unjudged", n: 1)])
    }

    @Test(
        "only an analyst's or the customer's undoing counts as a rollback of automation",
        arguments: [
            (RollbackReason.falseContainment, 1), (.analystOverride, 1), (.customerRequest, 1), (.expired, 0),
            (.drill, 0),
        ])
    func rollbackRate(reason: RollbackReason, reversed: Int) {
        let facts = [
            Self.withRun("undone", Self.run(rollback: reason)), Self.withRun("stands", Self.run()),
            Self.withRun("by people", Self.run(.approved, rollback: reason)),
            Self.withRun("still running", Self.run(ended: false)),
        ]
        #expect(Self.ratio(.rollbackRate, facts) == [reversed, 2])
    }

    @Test("a run's duration is of runs that completed")
    func runDuration() {
        let item = Self.total(
            .runDuration,
            [
                Self.withRun("done", Self.run()), Self.withRun("failed", Self.run(completed: false)),
                Self.withRun("shadow", Self.run(live: false)),
            ])
        #expect(item.n == 1 && item.value == 12_000)
    }

    @Test("escalations are good when the analyst agreed")
    func escalationQuality() {
        let facts = [
            Self.facts("yes") { $0.escalationAgreed = true }, Self.facts("no") { $0.escalationAgreed = false },
            Self.facts("undecided") { $0.escalationAgreed = nil },
        ]
        #expect(Self.ratio(.escalationQuality, facts) == [1, 2])
    }

    @Test("clocks met of clocks ended, each clock for itself")
    func slaAdherence() {
        func clock(_ name: String, _ status: SLAClock.Status, _ outcome: SLAClock.Outcome?) -> SLAClock {
            SLAClock(
                clock: name, status: status, outcome: outcome, startedAt: Self.at(0), targetMs: 1, atRiskAt: Self.at(0),
                dueAt: Self.at(0), pausedMs: 0, pauseReason: nil, breachedAt: nil,
                endedAt: status == .ended ? Self.at(9) : nil, pausedSince: nil, atRisk: false)
        }
        let facts = Self.facts { facts in
            facts.clocks = [
                clock("acknowledge", .ended, .met), clock("contain", .ended, .breached),
                clock("resolve", .running, nil), clock("contain", .ended, .cancelled),
                clock("acknowledge", .ended, .met),
            ]
        }
        #expect(Self.ratio(.slaAdherence, [facts]) == [2, 3])
        let report = MetricReport(Self.query(.slaAdherence, by: ["clock"]), facts: [facts], asOf: 1)
        #expect(report.items.map(\.group) == [["clock": "acknowledge"], ["clock": "contain"]])
        #expect(report.items.map(\.value) == [1, 0])
    }

    private static func volume(_ n: Int) -> [CaseFacts] {
        (1...n).reversed().map { index in
            facts("\(index)") { $0.anchors.recoveredAt = at(0).adding(milliseconds: Int64(index)) }
        }
    }

    @Test(
        "percentiles are nearest-rank",
        arguments: [
            (1, [1, 1, 1, 1]), (2, [1, 2, 2, 2]), (100, [50, 90, 95, 99]), (10, [5, 9, 10, 10]), (3, [2, 3, 3, 3]),
            (201, [101, 181, 191, 199]),
        ] as [(Int, [Double])])
    func percentiles(n: Int, expected: [Double]) {
        let item = Self.total(.mttr, Self.volume(n))
        #expect([item.p50, item.p90, item.p95, item.p99] == expected)
        #expect(item.min == 1 && item.max == Double(n) && item.n == n)
    }

    @Test("a mean has three decimals")
    func mean() {
        let facts = [1, 1, 2].enumerated().map { index, ms in
            Self.facts("\(index)") { $0.anchors.recoveredAt = Self.at(0).adding(milliseconds: Int64(ms)) }
        }
        #expect(Self.total(.mttr, facts).mean == 1.333)
    }

    @Test("a span holds its first moment and not its last")
    func halfOpen() {
        func volume(_ opened: Instant) -> Int {
            Self.total(.caseVolume, [Self.facts { $0.anchors.openedAt = opened }]).n
        }
        #expect(volume(Self.span.from) == 1)
        #expect(volume(Instant(microseconds: Self.span.from.microseconds - 1)) == 0)
        #expect(volume(Instant(microseconds: Self.span.to.microseconds - 1)) == 1)
        #expect(volume(Self.span.to) == 0)
    }

    @Test("an item belongs to the bucket of its end")
    func endBucket() throws {
        let late = Self.facts { $0.anchors.recoveredAt = Fixture.instant("2026-11-22T01:00:00Z") }
        let to = Self.span.to.adding(milliseconds: 86_400_000)
        let report = MetricReport(Self.query(.mttr, bucket: .day, to: to), facts: [late], asOf: 1)
        #expect(report.items.map { $0.bucketStart?.rfc3339 } == ["2026-11-22T00:00:00.000000Z"])
        #expect(Self.total(.mttr, [late]).n == 0)
    }

    @Test(
        "days in Berlin have 25 hours in October and 23 in March",
        arguments: [
            ("2026-10-24T21:59:59.999999Z", "2026-10-23T22:00:00.000000Z"),
            ("2026-10-24T22:00:00Z", "2026-10-24T22:00:00.000000Z"),
            ("2026-10-25T22:59:59.999999Z", "2026-10-24T22:00:00.000000Z"),
            ("2026-10-25T23:00:00Z", "2026-10-25T23:00:00.000000Z"),
            ("2026-03-28T23:00:00Z", "2026-03-28T23:00:00.000000Z"),
            ("2026-03-29T21:59:59Z", "2026-03-28T23:00:00.000000Z"),
            ("2026-03-29T22:00:00Z", "2026-03-29T22:00:00.000000Z"),
        ])
    func berlin(opened: String, start: String) {
        #expect(bucket(.day, opened, "Europe/Berlin") == start)
    }

    @Test(
        "weeks begin on Monday, months on the first",
        arguments: [
            (MetricQuery.Bucket.week, "2026-10-25T12:00:00Z", "2026-10-18T22:00:00.000000Z"),
            (.week, "2026-10-26T12:00:00Z", "2026-10-25T23:00:00.000000Z"),
            (.month, "2026-10-31T22:59:59Z", "2026-09-30T22:00:00.000000Z"),
            (.month, "2026-10-31T23:00:00Z", "2026-10-31T23:00:00.000000Z"),
        ])
    func weeksAndMonths(size: MetricQuery.Bucket, opened: String, start: String) {
        #expect(bucket(size, opened, "Europe/Berlin") == start)
    }

    private func bucket(_ size: MetricQuery.Bucket, _ opened: String, _ zone: String) -> String? {
        let facts = Self.facts { $0.anchors.openedAt = Fixture.instant(opened) }
        let query = Self.query(
            .caseVolume, bucket: size, zone: zone, from: Fixture.instant("2026-01-01T00:00:00Z"),
            to: Fixture.instant("2027-01-01T00:00:00Z"))
        return MetricReport(query, facts: [facts], asOf: 1).items.first?.bucketStart?.rfc3339
    }

    @Test("groups split the figure, the total holds all of it")
    func groups() {
        let facts = [
            Self.facts("a"),
            Self.facts("b") { facts in
                facts.severity = .low
                facts.playbookID = OpenAdminPort.playbook
                facts.playbookVersion = 3
            }, Self.facts("c"),
        ]
        let report = MetricReport(Self.query(.caseVolume, by: ["severity"]), facts: facts, asOf: 1)
        #expect(report.items.map(\.group) == [["severity": "high"], ["severity": "low"]])
        #expect(report.items.map(\.value) == [2, 1] && report.total.value == 3 && report.total.group == [:])
        for group in MetricQuery.groups {
            let report = MetricReport(Self.query(.caseVolume, by: [group]), facts: facts, asOf: 1)
            #expect(report.items.allSatisfy { $0.group.keys.elementsEqual([group]) })
            #expect(report.items.map(\.n).reduce(0, +) == 3)
        }
        let byVersion = MetricReport(
            Self.query(.caseVolume, by: ["playbook", "playbook_version"]), facts: facts, asOf: 1)
        #expect(byVersion.items.contains { $0.group == ["playbook": OpenAdminPort.playbook, "playbook_version": "3"] })
    }

    @Test("of nothing, every figure is null with n 0", arguments: MetricName.allCases)
    func empty(metric: MetricName) throws {
        let report = MetricReport(Self.query(metric), facts: [], asOf: -1)
        #expect(report.items.isEmpty && report.total.n == 0 && report.total.value == nil)
        let json = try JSONValue(encoding: report)
        expect(json, has: ContractShape.report, "report")
        expect(json["total"], has: metric.unit == .ratio ? ContractShape.ratioFigure : ContractShape.figure, "total")
        #expect(json["total"]?["value"] == .null && json["as_of_position"] == -1)
        #expect(json["definition"]?.stringValue?.isEmpty == false && json["time_zone"] == "UTC")
    }

    @Test("a drill-down cites the events between which a value lies")
    func drillDown() throws {
        let samples = MetricReport.samples(Self.query(.mttr), facts: [Self.facts("a"), Self.facts("b")])
        #expect(samples.count == 2)
        let first = try #require(samples.first { $0.caseID == Fixture.id("case a") })
        #expect(first.startEventID == Fixture.id("a opened") && first.endEventID == Fixture.id("a recovered"))
        #expect(first.value == 90_000 && first.excludedReason == nil)
    }
}
