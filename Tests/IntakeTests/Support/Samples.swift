import Events
import Foundation
import JSON
import Testing

@testable import Intake

/// Fixed surroundings, so that every outcome is a function of its bytes.
enum Samples {
    static let tenant = UUID(uuidString: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b")!
    static let receivedAt = Instant(rfc3339: "2026-11-21T02:38:00.123456Z")!

    /// The smallest native alert.
    static let minimal: JSONValue = [
        "source": "edr-prod", "title": "Port 22 open to the world", "occurred_at": "2026-11-21T02:30:00Z",
        "severity": "high",
    ]

    /// A native alert with every member.
    static let full: JSONValue = [
        "source": "edr-prod", "source_ref": "A-1042", "title": "Port 22 open to the world",
        "occurred_at": "2026-11-21T03:30:00.5+01:00", "severity": "high", "severity_id": 4, "confidence_score": 97,
        "pattern": "cloud.open_admin_port", "description": "A rule lets everybody in.",
        "source_url": "https://edr.example/alerts/1042", "rule": ["uid": "r-1", "name": "Open admin port"],
        "attack_techniques": ["T1190", "T1059.001"],
        "entities": [
            ["type": "cloud_resource", "value": "sg-0a1", "role": "target"],
            ["type": "user", "value": "jdoe", "role": "actor"],
            ["type": "ip", "value": "2001:DB8::1", "role": "related"],
            ["type": "device", "value": "Web-1.example"],
        ],
        "evidence": [
            [
                "kind": "raw_event", "observed_at": "2026-11-21T02:29:59Z",
                "data": ["eventName": "AuthorizeSecurityGroupIngress"],
            ]
        ],
        "environment": "production", "region": "eu-west-1", "unmapped": ["vendor": ["score": 12]],
    ]

    /// A Detection Finding as a 1.9 producer writes it.
    static let finding: JSONValue = [
        "activity_id": 1, "category_uid": 2, "class_uid": 2004, "type_uid": 200_401, "severity_id": 4,
        "severity": "High", "time": 1_763_692_200_123, "confidence_score": 88, "is_alert": true,
        "metadata": [
            "version": "1.9.0", "profiles": ["cloud", "host", "security_control"], "original_time": "Nov 21 02:30:00",
            "product": ["name": "Sentinel One", "vendor_name": "S1"],
        ],
        "finding_info": [
            "uid": "F-77", "title": "Credential dumping", "desc": "lsass was read.",
            "src_url": "https://console.example/F-77", "analytic": ["uid": "an-1", "name": "LSASS read", "type_id": 2],
            "attacks": [
                [
                    "technique": ["uid": "T1003", "name": "OS Credential Dumping"],
                    "sub_technique": ["uid": "T1003.001"], "version": "19.2",
                ]
            ],
            "tags": [
                ["name": "docket.pattern", "value": "endpoint.credential_dump"],
                ["name": "docket.environment", "value": "staging"],
            ],
        ],
        "cloud": ["provider": "AWS", "region": "eu-central-1", "account": ["uid": "123456789012", "type_id": 10]],
        "actor": [
            "user": ["name": "jdoe", "email_addr": "jdoe@example.org"],
            "process": ["pid": 4711, "name": "procdump.exe"],
        ],
        "device": ["hostname": "WS-4", "ip": "10.0.0.4", "type_id": 2],
        "observables": [["name": "device.ip", "type_id": 2, "value": "10.0.0.4"]],
        "evidences": [
            [
                "src_endpoint": ["ip": "203.0.113.7", "port": 51_000],
                "file": ["name": "out.dmp", "path": "/tmp/out.dmp", "type_id": 1],
            ]
        ],
        "resources": [["uid": "i-0abc", "type": "AwsEc2Instance", "role_id": 1, "owner": ["name": "team-net"]]],
    ]

    static func bytes(_ value: JSONValue) -> [UInt8] { value.canonicalBytes() }

    static func read(_ value: JSONValue, as format: IntakeFormat = .native) -> IntakeOutcome {
        read(bytes(value), as: format)
    }

    static func read(_ bytes: [UInt8], as format: IntakeFormat = .native) -> IntakeOutcome {
        AlertIntake.read(bytes, mediaType: format, tenant: tenant, receivedAt: receivedAt)
    }
}

extension IntakeOutcome {
    var accepted: AcceptedAlert? { if case .accepted(let alert) = self { alert } else { nil } }
    var rejected: RejectedAlert? { if case .rejected(let alert) = self { alert } else { nil } }
}

/// The alert of an outcome, whose OCSF form must be valid wherever the schema is at hand.
func expectAccepted(
    _ outcome: IntakeOutcome, sourceLocation: SourceLocation = #_sourceLocation
) throws -> AcceptedAlert {
    if let rejected = outcome.rejected { Issue.record("rejected: \(rejected.errors)", sourceLocation: sourceLocation) }
    let accepted = try #require(outcome.accepted, sourceLocation: sourceLocation)
    if OCSFSchema.isAvailable {
        let violations = try OCSFSchema.shared.get().violations(of: accepted.alert.ocsf)
        #expect(violations == [], sourceLocation: sourceLocation)
    }
    return accepted
}

extension JSONValue {
    /// Every text and number inside, as text.
    var leaves: Set<String> {
        switch self {
        case .string(let text): [text]
        case .integer(let number): [String(number)]
        case .array(let elements): elements.reduce(into: []) { $0.formUnion($1.leaves) }
        case .object(let members): members.values.reduce(into: []) { $0.formUnion($1.leaves) }
        default: []
        }
    }

    /// This object with some members changed; `nil` takes one away.
    func with(_ changes: [String: JSONValue?]) -> JSONValue {
        var members = objectValue ?? [:]
        for (name, value) in changes { members[name] = value }
        return .object(members)
    }
}
