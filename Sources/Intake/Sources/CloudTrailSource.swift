import Events
import JSON

/// AWS CloudTrail records as API Activity, and console sign-ins as Authentication.
///
/// Only `ConsoleLogin` becomes Authentication: it is a person proving who they are. `AssumeRole` and its kin are calls
/// of an API by an identity that is proven already, made mostly by services; as API Activity they stay beside what the
/// same identity does next, and rules find them by operation.
enum CloudTrailSource {
    static func isRecord(_ value: JSONValue) -> Bool {
        value["eventSource"]?.stringValue != nil && value["eventName"]?.stringValue != nil
            && (value["userIdentity"] != nil || value["eventVersion"] != nil)
    }

    static func read(_ value: JSONValue, receivedAt: Instant) -> TelemetryDraft? {
        var envelope: [String: JSONValue] = [:]
        var inner = value
        for name in ["event", "detail"] where value["eventName"] == nil {
            guard let found = value[name], found["eventName"] != nil, var outer = value.objectValue else { continue }
            outer[name] = nil
            (envelope, inner) = (outer, found)
            break
        }
        var record = TelemetryRecord(inner)
        guard inner["eventSource"]?.stringValue != nil, inner["eventName"]?.stringValue != nil,
            let operation = record.text("eventName"), let service = record.text("eventSource")
        else { return nil }

        let identity = Identity(&record)
        let failure = record.text("errorCode")
        let detail = record.text("errorMessage")
        var draft = TelemetryDraft(.apiActivity, activity: activity(operation, record), record: record)
        draft.activityLabel = operation
        draft.envelope = envelope
        draft.profiles = ["cloud", "host"]
        draft.status = failure == nil && detail == nil ? 1 : 2
        draft.members["status_code"] = OCSFPart.text(failure)
        draft.members["status_detail"] = OCSFPart.text(detail)
        place(identity, in: &draft)
        draft.members["api"] = api(operation, service, &draft.record)
        draft.members["resources"] = CloudTrailResources.list(in: inner)
        metadata(operation, &draft)
        if operation == "ConsoleLogin" { signIn(service, identity, inner, &draft) }
        return draft
    }

    /// By the verb with which AWS names its operations; `readOnly` where no verb tells.
    private static func activity(_ operation: String, _ record: TelemetryRecord) -> Int64 {
        let verbs: [(Int64, [String])] = [
            (
                2,
                ["Get", "List", "Describe", "Head", "Lookup", "Search", "Query", "Scan", "BatchGet", "Select", "View"]
            ),
            (4, ["Delete", "Remove", "Terminate", "Deregister", "Destroy", "Purge"]),
            (1, ["Create", "Run", "Allocate", "Import", "Register", "Generate", "Issue", "Request"]),
            (
                3,
                [
                    "Put", "Update", "Modify", "Attach", "Detach", "Set", "Add", "Authorize", "Revoke", "Enable",
                    "Disable",
                    "Change", "Replace", "Associate", "Disassociate", "Tag", "Untag", "Stop", "Start", "Reset",
                    "Restore",
                ]
            ),
        ]
        if let verb = verbs.first(where: { $0.1.contains { operation.hasPrefix($0) } }) { return verb.0 }
        return record.value("readOnly") == .bool(true) ? 2 : OCSFEnumeration.other
    }

    private static func place(_ identity: Identity, in draft: inout TelemetryDraft) {
        let address = draft.record.text("sourceIPAddress")
        let isAddress = address.flatMap { IPAddress($0) } != nil
        draft.members["src_endpoint"] =
            isAddress
            ? OCSFPart.endpoint(nil, address: address)
            : ["name": .string(address ?? "unknown"), "svc_name": .string(address ?? "unknown")]
        if !isAddress {
            draft.notDevices.insert(address ?? "unknown")
            if let address { draft.moreEntities.append(Entity(type: .service, value: address, role: .actor)) }
        }
        draft.members["actor"] = identity.actor
        let account = draft.record.text("recipientAccountId") ?? identity.account
        let region = draft.record.text("awsRegion")
        draft.members["cloud"] = OCSFPart.object([
            "provider": "AWS", "region": OCSFPart.text(region),
            "account": account.map { ["uid": .string($0), "type_id": 10, "type": "AWS Account"] },
        ])
        draft.members["http_request"] = draft.record.text("userAgent").map { ["user_agent": .string($0)] }
    }

    private static func api(_ operation: String, _ service: String, _ record: inout TelemetryRecord) -> JSONValue? {
        let version = record.text("apiVersion")
        let request = record.text("requestID").map { uid in
            OCSFPart.object(["uid": .string(uid), "data": record.move("requestParameters")])
        }
        return OCSFPart.object([
            "operation": .string(operation), "service": ["name": .string(service)], "version": OCSFPart.text(version),
            "request": request ?? Optional.none,
            "response": OCSFPart.object([
                "error": OCSFPart.text(record.text("errorCode")),
                "error_message": OCSFPart.text(record.text("errorMessage")),
                "data": record.move("responseElements"),
            ]),
        ])
    }

    private static func metadata(_ operation: String, _ draft: inout TelemetryDraft) {
        let version = draft.record.text("eventVersion")
        draft.metadata["product"] = OCSFPart.object([
            "name": "CloudTrail", "vendor_name": "AWS", "version": OCSFPart.text(version),
        ])
        draft.metadata["event_code"] = .string(operation)
        draft.metadata["original_event_uid"] = OCSFPart.text(draft.record.text("eventID"))
        for name in ["eventTime", "@timestamp"] {
            guard let text = draft.record.text(name) else { continue }
            draft.originalTime = draft.originalTime ?? text
            draft.time = TelemetryTime.instant(draft.record.value(name))
            if draft.time != nil { break }
        }
    }

    private static func signIn(
        _ service: String, _ identity: Identity, _ record: JSONValue, _ draft: inout TelemetryDraft
    ) {
        guard let user = identity.user else { return }
        draft.eventClass = .authentication
        draft.activity = 1
        draft.members["resources"] = nil
        draft.members["user"] = user
        draft.members["service"] = ["name": .string(service)]
        if record["responseElements"]?["ConsoleLogin"]?.stringValue == "Failure" { draft.status = 2 }
        if let used = record["additionalEventData"]?["MFAUsed"]?.stringValue {
            draft.members["is_mfa"] = .bool(used == "Yes")
        }
    }

    /// Who made the call (`userIdentity`).
    private struct Identity {
        var user: JSONValue?
        var actor: JSONValue?
        var account: String?

        init(_ record: inout TelemetryRecord) {
            let issuer = ["userIdentity", "sessionContext", "sessionIssuer"]
            account = record.text("userIdentity", "accountId")
            let name =
                record.text("userIdentity", "userName") ?? record.text(at: issuer + ["userName"])
                ?? record.text("userIdentity", "arn")?.lastPathComponent
            let key = record.text("userIdentity", "accessKeyId")
            var more: [String: JSONValue] = [:]
            more["uid_alt"] = OCSFPart.text(record.text("userIdentity", "arn"))
            more["account"] = account.map { ["uid": .string($0), "type_id": 10, "type": "AWS Account"] }
            more["programmatic_credentials"] = key.map { [["uid": .string($0)]] }
            switch record.text("userIdentity", "type") {
            case "IAMUser": (more["type_id"], more["type"]) = (1, "User")
            case "Root": (more["type_id"], more["type"]) = (2, "Admin")
            case "AWSService": (more["type_id"], more["type"]) = (4, "Service")
            case let type?: (more["type_id"], more["type"]) = (99, .string(type))
            case nil: break
            }
            let caller = record.text("userIdentity", "invokedBy")
            user = OCSFPart.user(name, uid: record.text("userIdentity", "principalId"), more: more)
            let began = record.value("userIdentity", "sessionContext", "attributes", "creationDate")
            let mfa = record.value("userIdentity", "sessionContext", "attributes", "mfaAuthenticated")?.stringValue
            let session = OCSFPart.object([
                "issuer": OCSFPart.text(record.text(at: issuer + ["arn"])),
                "created_time": TelemetryTime.instant(began).map { .integer($0.microseconds.floorMilliseconds) },
                "is_mfa": mfa.map { .bool($0 == "true") },
            ])
            let application = caller ?? (user == nil ? "unknown" : nil)
            actor = OCSFPart.object(["user": user, "session": session, "app_uid": OCSFPart.text(application)])
        }
    }
}

/// What a CloudTrail call was about: `resources`, and the parameters that name one.
enum CloudTrailResources {
    /// Names of parameters, and the type in the spelling of AWS Security Hub.
    private static let parameters: [(name: String, type: String)] = [
        ("bucketName", "AwsS3Bucket"), ("instanceId", "AwsEc2Instance"), ("roleName", "AwsIamRole"),
        ("roleArn", "AwsIamRole"), ("userName", "AwsIamUser"), ("groupId", "AwsEc2SecurityGroup"),
        ("functionName", "AwsLambdaFunction"), ("secretId", "AwsSecretsManagerSecret"), ("keyId", "AwsKmsKey"),
        ("snapshotId", "AwsEc2Snapshot"), ("volumeId", "AwsEc2Volume"), ("policyArn", "AwsIamPolicy"),
        ("accessKeyId", "AwsIamAccessKey"), ("dBInstanceIdentifier", "AwsRdsDbInstance"),
        ("dBSnapshotIdentifier", "AwsRdsDbSnapshot"), ("trailName", "AwsCloudTrailTrail"),
        ("imageId", "AwsEc2Image"), ("instanceProfileName", "AwsIamInstanceProfile"),
    ]
    private static let limit = 200

    static func list(in record: JSONValue) -> JSONValue? {
        var found: [JSONValue] = []
        func add(_ uid: String?, _ type: String?) {
            guard let uid, found.count < limit, !found.contains(where: { $0["uid"] == .string(uid) }) else { return }
            found.append(OCSFPart.object(["uid": .string(uid), "type": OCSFPart.text(type)]) ?? [:])
        }
        for resource in record["resources"]?.arrayValue ?? [] {
            add((resource["ARN"] ?? resource["arn"])?.identifierText, resource["type"]?.stringValue)
        }
        let request = record["requestParameters"]
        for (name, type) in parameters { add(request?[name]?.identifierText, type) }
        for element in request?["instancesSet"]?["items"]?.arrayValue ?? [] {
            add(element["instanceId"]?.identifierText, "AwsEc2Instance")
        }
        for element in request?["instanceIds"]?.arrayValue ?? [] { add(element.identifierText, "AwsEc2Instance") }
        return found.isEmpty ? Optional.none : .array(found)
    }
}
