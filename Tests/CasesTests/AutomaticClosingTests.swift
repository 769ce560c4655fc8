import Events
import Foundation
import JSON
import Testing

@testable import Cases

@Suite("Closing without a person")
struct AutomaticClosingTests {
    private func escalated(
        _ environment: DeploymentEnvironment = .development, criticality: AssetContext.Criticality = .low
    ) throws -> (CaseRecord, Registry) {
        var registry = try OpenAdminPort.registry()
        registry.policy.closing = .init(threshold: 0.95, sampleRate: 0, verdicts: [.falsePositive, .benign])
        var asset = OpenAdminPort.asset(environment: environment)
        asset.criticality = criticality
        let recorder = try CaseRecorder.recommended(registry: registry, asset: asset)
        var record = recorder.record
        record.state = .escalated
        record.environment = environment
        return (record, registry)
    }

    private func verdicts(_ counts: [(Verdict, Int)]) -> Verdicts {
        var verdicts = Verdicts()
        for (verdict, count) in counts { for _ in 0..<count { verdicts.add(verdict, of: UUID()) } }
        return verdicts
    }

    @Test(
        "needs as many equal verdicts as the interval asks for",
        arguments: [(73, 0, true), (72, 0, false), (0, 0, false), (300, 5, true), (300, 12, false)])
    func enough(same: Int, other: Int, closes: Bool) throws {
        let (record, registry) = try escalated()
        let decisions = AutomaticClosing.decide(
            record, verdicts: verdicts([(.falsePositive, same), (.truePositive, other)]), registry: registry)
        #expect(decisions.contains { $0.type == .caseClosed } == closes)
        guard closes else { return }
        #expect(decisions.last?.data["verdict"] == "false_positive")
        #expect(decisions.last?.data["reason"]?.stringValue?.contains("\(same) of \(same + other)") == true)
    }

    @Test("never where production, something unknown or something critical is touched, or a person has begun")
    func never() throws {
        let history = verdicts([(.falsePositive, 200)])
        for (environment, criticality, closes) in [
            (DeploymentEnvironment.development, AssetContext.Criticality.low, true), (.staging, .low, true),
            (.production, .low, false), (.unknown, .low, false), (.development, .critical, false),
        ] {
            let (record, registry) = try escalated(environment, criticality: criticality)
            let decisions = AutomaticClosing.decide(record, verdicts: history, registry: registry)
            #expect(decisions.isEmpty == !closes, "\(environment) \(criticality)")
        }
        let (record, registry) = try escalated()
        func closes(_ change: (inout CaseRecord) -> Void) -> Bool {
            var changed = record
            change(&changed)
            return !AutomaticClosing.decide(changed, verdicts: history, registry: registry).isEmpty
        }
        #expect(closes { _ in })
        #expect(!closes { $0.anchors.acknowledgedAt = Fixture.start })
        #expect(!closes { $0.onHold = true })
        #expect(!closes { $0.legalHold = true })
        #expect(!closes { $0.state = .recommended })
        #expect(!closes { $0.evidence.removeAll { $0.kind == .ruleID } })
        var halted = registry
        try halted.apply(Fixture.governance(.automationHalted, [:], position: 9))
        #expect(AutomaticClosing.decide(record, verdicts: history, registry: halted).isEmpty)
        var silent = registry
        silent.policy.closing = nil
        #expect(AutomaticClosing.decide(record, verdicts: history, registry: silent).isEmpty)
    }

    @Test("a share goes to an analyst, about as many as the rate says, always the same ones")
    func sample() throws {
        let ids = (0..<20_000).map { Fixture.id("case \($0)") }
        let chosen = ids.filter { AutomaticClosing.isSample($0, rate: 0.05) }
        #expect((800...1_200).contains(chosen.count))
        #expect(chosen == ids.filter { AutomaticClosing.isSample($0, rate: 0.05) })
        #expect(ids.allSatisfy { !AutomaticClosing.isSample($0, rate: 0) && AutomaticClosing.isSample($0, rate: 1) })
        var (record, registry) = try escalated()
        registry.policy.closing?.sampleRate = 1
        let decisions = AutomaticClosing.decide(
            record, verdicts: verdicts([(.benign, 100)]), registry: registry)
        #expect(decisions.map(\.type) == [.reviewRequested])
        record.verdict = .truePositive
        let completed = AutomaticClosing.complete(record, suggested: .benign)
        #expect(completed.first?.data["agrees"] == false)
    }

    @Test("a verdict that is given anew counts once, and one that was taken back not at all")
    func counting() {
        var verdicts = Verdicts()
        let id = UUID()
        verdicts.add(.falsePositive, of: id)
        verdicts.add(.truePositive, of: id)
        #expect(verdicts.count == 1 && verdicts.count(of: .truePositive) == 1)
        verdicts.remove(id)
        #expect(verdicts.count == 0)
        for _ in 0..<(Verdicts.kept + 10) { verdicts.add(.benign, of: UUID()) }
        #expect(verdicts.count == Verdicts.kept)
    }
}
