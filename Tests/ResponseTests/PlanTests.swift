import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Response

@Suite("Plan")
struct PlanTests {
    @Test("a plan shows the very rule that the audit record names")
    func closePort() throws {
        let plan = try Samples.closePort()
        let json = plan.json
        #expect(json["case_id"]?.stringValue == UUID.testCase.lowercased)
        #expect(json["playbook"]?["version"] == 3)
        #expect(json.at("/steps/0/parameters") == ["rule": Samples.adminPort])
        #expect(json.at("/steps/0/action_class") == "cloud_containment")
        #expect(json.at("/steps/0/connector") == "lab")
        #expect(json.at("/steps/0/operation") == "revoke_ingress")
        #expect(json.at("/steps/0/targets") == [["type": "cloud_resource", "value": "sg-0a1", "role": "target"]])
        #expect(json.at("/steps/0/inputs") == .object([:]))
        #expect(json.at("/steps/0/rollback/operation") == "authorize_ingress")
        #expect(json.at("/steps/0/rollback/max_ms") == 60000)
        #expect(json["targets"] == json.at("/steps/0/targets"))
        #expect(json["max_targets"] == 1)
        #expect(json.at("/evidence/0/kind") == "cloud_audit")
        #expect(plan.digest == .ofCanonical(json))
    }

    @Test("a plan reads back from its JSON with the same digest", arguments: [0, 1])
    func roundTrip(which: Int) throws {
        let plan = try which == 0 ? Samples.closePort() : Samples.containWorkload()
        let again = try Plan(json: JSONValue.parse(plan.json.canonicalBytes()))
        #expect(again == plan)
        #expect(again.digest == plan.digest)
    }

    @Test("values of earlier steps are bound as expressions")
    func inputs() throws {
        let plan = try Samples.containWorkload()
        #expect(
            plan.steps.last?.inputs
                == ["snapshot_id": "step:action--27d9b5f3-0a8e-4c61-9f47-e5b3c1d8a620:output.id"])
        #expect(plan.steps.map(\.operation) == ["snapshot", "isolate", "terminate_process"])
        #expect(plan.steps[2].dependsOn == [plan.steps[1].stepID])
        #expect(plan.steps[2].parameters == ["name": ["$from": "pre_state:/processes/0"]])
    }

    @Test("another target, policy or evidence is another plan; the same is the same")
    func digest() throws {
        let entity = Entity(type: .device, value: "web-1", role: .target)
        let playbook = try Playbook(document: Samples.document(extension: Samples.isolate))
        func digest(_ context: PlanContext, version: Int = 1) throws -> String {
            try Plan(binding: playbook, version: version, to: context).digest.text
        }
        let base = Samples.context([entity], evidence: [.edrEvidence: ["a": 1]])
        var policy = base
        policy.policyVersion = 5
        let digests = try [
            digest(base), digest(policy), digest(base, version: 2),
            digest(
                Samples.context(
                    [Entity(type: .device, value: "web-2", role: .target)], evidence: [.edrEvidence: ["a": 1]])),
            digest(Samples.context([entity], evidence: [.edrEvidence: ["a": 2]])),
        ]
        #expect(Set(digests).count == digests.count)
        #expect(try digest(base) == digests[0])
    }

    @Test("an action with several targets becomes a step for each, up to its limit")
    func severalTargets() throws {
        let playbook = try Playbook(document: Samples.document(extension: Samples.isolate))
        func entities(_ count: Int) -> [Entity] {
            (0..<count).map { Entity(type: .device, value: "web-\($0)", role: .target) }
        }
        let plan = try Plan(binding: playbook, version: 1, to: Samples.context(entities(3)))
        #expect(plan.steps.map { $0.targets.map(\.value) } == [["web-0"], ["web-1"], ["web-2"]])
        #expect(Set(plan.steps.map(\.stepID)).count == 3)
        #expect(plan.steps.allSatisfy { $0.playbookStepID == Samples.action(0) })
        let reversed = try Plan(binding: playbook, version: 1, to: Samples.context(entities(3).reversed()))
        #expect(plan == reversed)
        #expect(
            refusal { try Plan(binding: playbook, version: 1, to: Samples.context(entities(4))) }?.codes
                == ["too-many-targets"])
        #expect(refusal { try Plan(binding: playbook, version: 1, to: Samples.context([])) }?.codes == ["no-target"])
    }

    @Test("evidence cannot smuggle a template into a plan")
    func smuggling() throws {
        for hostile in [["$from": "pre_state:"], ["x": [["$find": "pre_state:"]]]] as [JSONValue] {
            let context = Samples.context(
                [Entity(type: .cloudResource, value: "sg-0a1", role: .target)],
                evidence: [.cloudAudit: ["requestParameters": ["rule": hostile]]])
            #expect(refusal { try Samples.plan("close-admin-port", context) }?.codes == ["unresolved"])
        }
    }

    @Test(
        "templates take values from where they say, or from the alternative",
        arguments: [
            (["$from": "pre_state:/a/0"], 1), (["$from": "pre_state:/none", "$else": 7], 7),
            (["x": [["$from": "pre_state:/a/1"], 5]], ["x": [2, 5]]),
            (["$find": "pre_state:/rules", "$where": ["port": [22, 23]]], ["port": 22, "id": "r"]),
            (["$find": "pre_state:/rules", "$where": ["port": 99], "$else": "none"], "none"),
            (["$find": "pre_state:/rules", "$where": .object([:]), "$else": "two fit"], "two fit"),
            (["$from": "given:/x"], ["$from": "given:/x"]), ("$from", "$from"),
        ] as [(JSONValue, JSONValue)])
    func templates(template: JSONValue, expected: JSONValue) throws {
        let preState: JSONValue = ["a": [1, 2], "rules": [["port": 22, "id": "r"], ["port": 80, "id": "s"]]]
        let filled = try Template.fill(template) { reference in
            guard case .preState(let pointer) = reference else { return .later }
            return preState.at(pointer).map { .value($0) } ?? .missing
        }
        #expect(filled == expected)
    }

    @Test(
        "templates that mean nothing are refused when the playbook is read",
        arguments: [
            ["$from": "nowhere:/x"], ["$from": "pre_state:x"], ["$from": "pre_state:/x", "more": 1],
            ["$find": "pre_state:/x"],
            ["$with": 1], ["$from": 5], ["deep": [["$from": ""]]],
        ] as [JSONValue])
    func badTemplates(template: JSONValue) {
        #expect(Template.problems(of: template, at: JSONPointer(tokens: [])).contains { $0.code == "template" })
    }

    @Test(
        "conditions are decided from observed values, or not at all",
        arguments: [
            ("step:s:observed:/n = 3", true), ("step:s:observed:/n != 3", false), ("step:s:observed:/n >= 3", true),
            ("step:s:observed:/n < 3", false), ("step:s:observed:/t = 'a b'", true),
            ("step:s:observed:/t = \"a b\"", true),
            ("step:s:observed:/t > 1", nil), ("step:s:observed:/none = 1", nil),
            ("step:s:observed:/none = 1 OR step:s:observed:/n = 3", true),
            ("step:s:observed:/none = 1 AND step:s:observed:/n = 4", false),
            ("step:s:observed:/none = 1 AND step:s:observed:/n = 3", nil),
            ("step:s:observed:/n = 1 OR step:s:observed:/n = 3 AND step:s:output.ok = true", true),
        ] as [(String, Bool?)])
    func conditions(text: String, expected: Bool?) throws {
        let observed: JSONValue = ["n": 3, "t": "a b"]
        let condition = try #require(Condition(text))
        let result = condition.evaluate { reference in
            switch reference {
            case .step("s", .observed, let pointer): observed.at(pointer)
            case .step("s", .output, let pointer): JSONValue.object(["ok": true]).at(pointer)
            default: nil
            }
        }
        #expect(result == expected)
    }

    @Test(
        "what is no condition is none",
        arguments: ["", "x", "step:s:observed:/n", "step:s:observed:/n = ", "a = 1 AND"])
    func noConditions(text: String) {
        #expect(Condition(text) == nil)
    }
}
