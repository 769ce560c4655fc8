import Events
import Foundation
import JSON
import Response
import Runs

/// The files that ship, and the data that may be there to check them against.
enum Files {
    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func playbook(_ name: String) throws -> JSONValue {
        try JSONValue.parse([UInt8](Data(contentsOf: root.appendingPathComponent("Content/Playbooks/\(name).json"))))
    }

    static let shipped = ["close-admin-port", "block-address", "revoke-token", "contain-workload"]

    /// Reference data outside the repository: `DOCKET_SHARED_DATA`, else `../shared/data`.
    static let cacao: URL? = {
        let base =
            ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"].map { URL(fileURLWithPath: $0) }
            ?? root.deletingLastPathComponent().appendingPathComponent("shared/data")
        let folder = base.appendingPathComponent("cacao")
        return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
    }()

    static func json(_ url: URL) throws -> JSONValue {
        try JSONValue.parseEvidence([UInt8](Data(contentsOf: url)), limits: JSONLimits(depth: 80, members: 100_000))
            .value
    }
}

extension UUID {
    static let testRun = UUID(uuidString: "11111111-2222-4333-8444-555555555555")!
    static let testCase = UUID(uuidString: "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee")!
}

enum Samples {
    static let adminPort: JSONValue = [
        "direction": "ingress", "protocol": "tcp", "from_port": 22, "to_port": 22, "cidr": "0.0.0.0/0",
    ]

    static func context(_ entities: [Entity], evidence: [EvidenceKind: JSONValue] = [:]) -> PlanContext {
        PlanContext(
            caseID: .testCase, policyVersion: 4, entities: entities,
            evidence: evidence.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, data in
                PlanContext.Evidence(
                    item: Plan.BoundEvidence(kind: kind, eventID: .testCase, digest: .ofCanonical(data)), data: data)
            })
    }

    static func plan(_ name: String, _ context: PlanContext) throws -> Plan {
        try Plan(binding: Playbook(document: Files.playbook(name)), version: 3, to: context)
    }

    static func closePort() throws -> Plan {
        try plan(
            "close-admin-port",
            context(
                [Entity(type: .cloudResource, value: "sg-0a1", role: .target)],
                evidence: [.cloudAudit: ["requestParameters": ["rule": adminPort]]]))
    }

    static func containWorkload() throws -> Plan {
        try plan("contain-workload", context([Entity(type: .workload, value: "shop/miner-7", role: .target)]))
    }

    static let uuids = (0..<40).map { UUID.v5(namespace: .testCase, name: "step \($0)").lowercased }

    /// A small playbook: `edit` may spoil it.
    static func document(
        actions: Int = 1, extension: JSONValue? = nil, edit: (inout JSONValue) -> Void = { _ in }
    ) -> JSONValue {
        var workflow: [String: JSONValue] = [
            "start--\(uuids[0])": ["type": "start", "on_completion": .string("action--\(uuids[10])")],
            "end--\(uuids[1])": ["type": "end"],
        ]
        for index in 0..<actions {
            let next = index + 1 < actions ? "action--\(uuids[11 + index])" : "end--\(uuids[1])"
            var step: JSONValue = [
                "type": "action", "name": .string("Action \(index)"), "on_completion": .string(next),
                "agent": .string("group--\(uuids[2])"), "commands": [["type": "manual", "command": "do"]],
            ]
            if let value = `extension` { step["step_extensions"] = [DocketAction.extensionID: value] }
            workflow["action--\(uuids[10 + index])"] = step
        }
        var document: JSONValue = [
            "type": "playbook", "spec_version": "cacao-2.0", "id": .string("playbook--\(uuids[3])"), "name": "Sample",
            "created_by": .string("identity--\(uuids[4])"), "created": "2026-01-01T00:00:00.000Z",
            "modified": "2026-01-01T00:00:00.000Z", "workflow_start": .string("start--\(uuids[0])"),
            "workflow": .object(workflow),
            "agent_definitions": [("group--\(uuids[2])"): ["type": "group", "name": "SOC"]],
            "extension_definitions": [DocketAction.extensionID: ["type": "extension-definition"]],
        ]
        edit(&document)
        return document
    }

    static func action(_ index: Int) -> String { "action--\(uuids[10 + index])" }

    static let isolate: JSONValue = [
        "action_class": "isolate_host", "reversible": true, "connector": "lab", "operation": "isolate",
        "target": ["entity_types": ["device"]], "parameters": .object([:]), "capture": ["required": ["/isolated"]],
        "verify": [["pointer": "/isolated", "operator": "equals", "value": true]],
        "rollback": ["operation": "release", "parameters": ["state": ["$from": "pre_state:"]], "max_ms": 60000],
        "scope": ["max_targets": 3], "timeout_ms": 5000,
    ]
}

extension PlaybookRefusal {
    var codes: [String] { problems.map(\.code) }
}

func refusal<R>(_ body: () throws -> R) -> PlaybookRefusal? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? PlaybookRefusal
    }
}
