import Events
import Foundation
import JSON
import Runs
import Testing

@testable import Response

@Suite("Playbook")
struct PlaybookTests {
    @Test("shipped playbooks may be published, and are not assisted", arguments: Files.shipped)
    func shipped(name: String) throws {
        let playbook = try Playbook(document: Files.playbook(name))
        #expect(playbook.publishProblems() == [])
        #expect(!playbook.isAssisted)
        #expect(playbook.digest == .ofCanonical(playbook.document))
    }

    @Test(
        "shipped playbooks are valid by CACAO's own JSON schema",
        .enabled(if: Files.cacao != nil, "the CACAO schemas are not here"), arguments: Files.shipped)
    func schema(name: String) throws {
        let folder = try #require(Files.cacao).appendingPathComponent("json-schema-v2")
        let schema = JSONSchema(folder: folder)
        #expect(try schema.problems(Files.playbook(name), file: "playbook.json") == [])
        var broken = try Files.playbook(name)
        broken["workflow_start"] = "nowhere"
        broken["name"] = nil
        #expect(try schema.problems(broken, file: "playbook.json").count == 2)
    }

    /// What becomes of each real playbook, and why the refused ones are no valid CACAO.
    static let real: [(file: String, codes: [String])] = [
        ("oasis/Examples/CACAO-2.0/basic-example-1.json", []),
        // One action targets security-category--acc1cff5…, which is nowhere defined.
        ("oasis/Examples/CACAO-2.0/locky-bart-mbc-examples.json", ["reference"]),
        ("oasis/Examples/CACAO-2.0/spec-3.1-example.json", []),
        // Four actions without commands and agent, a switch without its value.
        (
            "oasis/Extensions/layout/examples/playbook--aa1898b6-5251-49b4-aeb7-fd5e912583ff.json",
            [String](repeating: "required", count: 9)
        ),
        // Modified before it was created, and the agent's id has one hyphen before its UUID.
        ("soarca/examples/fin-playbook.json", ["range", "format"]),
        ("soarca/examples/http-playbook.json", []), ("soarca/examples/manual-playbook.json", []),
        ("soarca/examples/openc2-playbook.json", []), ("soarca/examples/powershell-playbook.json", []),
        ("soarca/examples/ssh-playbook.json", []),
    ]

    @Test(
        "real CACAO playbooks load as assisted, or are refused for what is wrong with them",
        .enabled(if: Files.cacao != nil, "the CACAO playbooks are not here"), arguments: real)
    func realPlaybooks(file: String, codes: [String]) throws {
        let document = try Files.json(try #require(Files.cacao).appendingPathComponent(file))
        let refused = refusal { try Playbook(document: document) }
        #expect(refused?.codes ?? [] == codes)
        guard codes.isEmpty else { return }
        let playbook = try Playbook(document: document)
        #expect(playbook.isAssisted)
        #expect(playbook.publishProblems() == [])
        let plan = try Plan(binding: playbook, version: 1, to: Samples.context([]))
        #expect(plan.steps.allSatisfy { $0.isManual })
        #expect(plan.steps.map(\.stepID) == playbook.actionOrder)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var pointer: String
        var code: String
        var edit: @Sendable (inout JSONValue) -> Void
    }

    static let first = Samples.action(0)
    static let second = Samples.action(1)
    static let end = "end--\(Samples.uuids[1])"
    static let start = "start--\(Samples.uuids[0])"

    static let broken: [Broken] = [
        Broken(testDescription: "another type", pointer: "/type", code: "enum") { $0["type"] = "report" },
        Broken(testDescription: "CACAO 1.1", pointer: "/spec_version", code: "enum") { $0["spec_version"] = "1.1" },
        Broken(testDescription: "no name", pointer: "/name", code: "required") { $0["name"] = nil },
        Broken(testDescription: "an id that is none", pointer: "/id", code: "format") { $0["id"] = "playbook--1" },
        Broken(testDescription: "a time without zone", pointer: "/created", code: "format") {
            $0["created"] = "2026-01-01T00:00:00"
        },
        Broken(testDescription: "modified before created", pointer: "/modified", code: "range") {
            $0["modified"] = "2025-01-01T00:00:00Z"
        },
        Broken(testDescription: "a start that is not there", pointer: "/workflow_start", code: "reference") {
            $0["workflow_start"] = .string("start--\(Samples.uuids[9])")
        },
        Broken(testDescription: "no workflow", pointer: "/workflow", code: "required") { $0["workflow"] = nil },
        Broken(
            testDescription: "a step that leads nowhere", pointer: "/workflow/\(second)/on_completion",
            code: "reference"
        ) { $0["workflow"]![second]!["on_completion"] = .string("end--\(Samples.uuids[8])") },
        Broken(testDescription: "a cycle", pointer: "/workflow/\(second)/on_completion", code: "cycle") {
            $0["workflow"]![second]!["on_completion"] = .string(first)
        },
        Broken(testDescription: "an unreachable step", pointer: "/workflow/\(second)", code: "unreachable") {
            $0["workflow"]![first]!["on_completion"] = .string(end)
        },
        Broken(testDescription: "a while loop", pointer: "/workflow/\(first)/type", code: "while-condition") {
            $0["workflow"]![first]!["type"] = "while-condition"
        },
        Broken(testDescription: "an unknown step", pointer: "/workflow/\(first)/type", code: "enum") {
            $0["workflow"]![first]!["type"] = "robot"
        },
        Broken(
            testDescription: "on_completion beside on_failure", pointer: "/workflow/\(first)/on_completion",
            code: "not-allowed"
        ) { $0["workflow"]![first]!["on_failure"] = .string(end) },
        Broken(testDescription: "an end that goes on", pointer: "/workflow/\(end)/on_completion", code: "not-allowed") {
            $0["workflow"]![end]!["on_completion"] = .string(end)
        },
        Broken(testDescription: "an action without commands", pointer: "/workflow/\(first)/commands", code: "required")
        {
            $0["workflow"]![first]!["commands"] = []
        },
        Broken(testDescription: "an agent that is not defined", pointer: "/workflow/\(first)/agent", code: "reference")
        {
            $0["agent_definitions"] = .object([:])
            $0["workflow"]![second]!["type"] = "playbook-action"
        },
        Broken(testDescription: "an extension that is not defined", pointer: "/extension_definitions", code: "required")
        {
            $0["extension_definitions"] = nil
        },
    ]

    @Test("every fault is refused with its place", arguments: broken)
    func refused(broken: Broken) throws {
        #expect(refusal { try Playbook(document: Samples.document(actions: 2, extension: Samples.isolate)) } == nil)
        let document = Samples.document(actions: 2, extension: Samples.isolate, edit: broken.edit)
        let problems = try #require(refusal { try Playbook(document: document) }).problems
        #expect(problems.contains { $0.pointer == broken.pointer && $0.code == broken.code }, "\(problems)")
    }

    @Test("all faults are listed, not the first alone")
    func allFaults() throws {
        let document = Samples.document { document in
            document["name"] = nil
            document["id"] = 5
            document["workflow"]![Self.first]!["commands"] = nil
        }
        #expect(try #require(refusal { try Playbook(document: document) }).problems.count == 3)
    }

    @Test(
        "an action that cannot say how it is undone in five minutes is refused as irreversible",
        arguments: [
            ("rollback", nil), ("capture", nil), ("reversible", false),
            ("rollback", ["operation": "release", "max_ms": 300_001]),
        ] as [(String, JSONValue?)])
    func irreversible(member: String, value: JSONValue?) throws {
        var action = Samples.isolate
        action[member] = value
        let playbook = try Playbook(document: Samples.document(extension: action))
        #expect(playbook.publishProblems().map(\.code) == ["irreversible-action"])
        #expect(
            refusal {
                try Plan(
                    binding: playbook, version: 1,
                    to: Samples.context([Entity(type: .device, value: "web-1", role: .target)]))
            }?.codes == ["irreversible-action"])
    }

    @Test("five minutes exactly are allowed; without verification nothing is")
    func limits() throws {
        var action = Samples.isolate
        action["rollback"]!["max_ms"] = 300_000
        #expect(try Playbook(document: Samples.document(extension: action)).publishProblems() == [])
        action["verify"] = []
        #expect(
            try Playbook(document: Samples.document(extension: action)).publishProblems().map(\.code)
                == ["verification-required"])
    }

    @Test("what only adds records needs no undo")
    func sideEffectFree() throws {
        var action = Samples.isolate
        action["action_class"] = "open_ticket"
        action["reversible"] = false
        action["rollback"] = nil
        #expect(try Playbook(document: Samples.document(extension: action)).publishProblems() == [])
    }

    @Test("the order is topological, with ties by id, and a branch comes before what follows it")
    func order() throws {
        let parallel = "parallel--\(Samples.uuids[20])"
        let ends = ["end--\(Samples.uuids[21])", "end--\(Samples.uuids[22])"]
        let document = Samples.document(actions: 3) { document in
            document["workflow"]![Self.start]!["on_completion"] = .string(parallel)
            document["workflow"]![parallel] = [
                "type": "parallel", "next_steps": [.string(Samples.action(2)), .string(Samples.action(1))],
                "on_completion": .string(Samples.action(0)),
            ]
            document["workflow"]![Samples.action(0)]!["on_completion"] = .string(Self.end)
            document["workflow"]![Samples.action(1)]!["on_completion"] = .string(ends[0])
            document["workflow"]![Samples.action(2)]!["on_completion"] = .string(ends[1])
            for end in ends { document["workflow"]![end] = ["type": "end"] }
        }
        let playbook = try Playbook(document: document)
        let branches = [Samples.action(1), Samples.action(2)].sorted()
        #expect(playbook.actionOrder == branches + [Samples.action(0)])
        #expect(playbook.dependencies[Samples.action(0)] == branches)
        #expect(playbook.dependencies[Samples.action(1)] == [])
        var shared = document
        shared["workflow"]![Samples.action(2)]!["on_completion"] = .string(ends[0])
        shared["workflow"]![ends[1]] = nil
        #expect(refusal { try Playbook(document: shared) }?.codes == ["shared-branch"])
    }
}

/// The part of JSON Schema draft 7 that CACAO's schemas use.
struct JSONSchema {
    var folder: URL

    func problems(_ value: JSONValue, file: String) throws -> [String] {
        let url = folder.appendingPathComponent(file).standardizedFileURL
        return try check(value, try Files.json(url), url, "")
    }

    private func check(_ value: JSONValue, _ schema: JSONValue, _ file: URL, _ at: String) throws -> [String] {
        var found: [String] = []
        func fits(_ other: JSONValue?) throws -> Bool {
            guard let other else { return true }
            return try check(value, other, file, at).isEmpty
        }
        if let reference = schema["$ref"]?.stringValue {
            let parts = reference.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let target =
                parts[0].isEmpty
                ? file : file.deletingLastPathComponent().appendingPathComponent(String(parts[0])).standardizedFileURL
            let document = try Files.json(target)
            let part = parts.count == 2 ? document.at(String(parts[1])) : document
            guard let part else { return ["\(at): \(reference) leads nowhere"] }
            found += try check(value, part, target, at)
        }
        let types = schema["type"]?.arrayValue ?? schema["type"].map { [$0] } ?? []
        if !types.isEmpty, !types.contains(.string(value.typeName)),
            !(types.contains("number") && value.doubleValue != nil)
        {
            return found + ["\(at): \(value.typeName)"]
        }
        if let values = schema["enum"]?.arrayValue, !values.contains(value) {
            found.append("\(at): not in the enumeration")
        }
        if let constant = schema["const"], constant != value { found.append("\(at): not the constant") }
        if let pattern = schema["pattern"]?.stringValue, let text = value.stringValue,
            try text.firstMatch(of: Regex(pattern)) == nil
        {
            found.append("\(at): does not match \(pattern)")
        }
        if let minimum = schema["minimum"]?.doubleValue, let number = value.doubleValue, number < minimum {
            found.append("\(at): too small")
        }
        if let maximum = schema["maximum"]?.doubleValue, let number = value.doubleValue, number > maximum {
            found.append("\(at): too large")
        }
        if let elements = value.arrayValue {
            if let count = schema["minItems"]?.int64Value, elements.count < count { found.append("\(at): too few") }
            if let items = schema["items"] {
                for (index, element) in elements.enumerated() {
                    found += try check(element, items, file, "\(at)/\(index)")
                }
            }
        }
        if let members = value.objectValue {
            if let count = schema["minProperties"]?.int64Value, members.count < count {
                found.append("\(at): too few members")
            }
            for name in schema["required"]?.arrayValue ?? [] where members[name.stringValue ?? ""] == nil {
                found.append("\(at): \(name.stringValue ?? "") is required")
            }
            for (name, member) in members {
                if let property = schema["properties"]?[name] {
                    found += try check(member, property, file, "\(at)/\(name)")
                }
                for (pattern, property) in schema["patternProperties"]?.objectValue ?? [:]
                where try name.firstMatch(of: Regex(pattern)) != nil {
                    found += try check(member, property, file, "\(at)/\(name)")
                }
            }
        }
        for part in schema["allOf"]?.arrayValue ?? [] { found += try check(value, part, file, at) }
        if let parts = schema["anyOf"]?.arrayValue, try !parts.contains(where: { try fits($0) }) {
            found.append("\(at): anyOf")
        }
        if let parts = schema["oneOf"]?.arrayValue, try parts.filter({ try fits($0) }).count != 1 {
            found.append("\(at): oneOf")
        }
        if let part = schema["not"], try fits(part) { found.append("\(at): not") }
        if let condition = schema["if"], try fits(condition), try !fits(schema["then"]) { found.append("\(at): then") }
        return found
    }
}
