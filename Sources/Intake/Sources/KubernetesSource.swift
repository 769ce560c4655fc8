import Events
import JSON

/// Audit events of a Kubernetes API server (audit.k8s.io/v1) as API Activity.
enum KubernetesSource {
    /// By the version of the audit API; exporters that drop it leave an event with a verb and a user or a thing.
    static func isEvent(_ value: JSONValue) -> Bool {
        let isVersioned = value["apiVersion"]?.stringValue?.hasPrefix("audit.k8s.io/") ?? false
        let hasShape = value["kind"] == "Event" && value["verb"]?.stringValue != nil
        let isAbout = value["user"]?["username"]?.stringValue != nil || value["objectRef"]?["resource"] != nil
        return isVersioned || (hasShape && isAbout)
    }

    static func read(_ value: JSONValue, receivedAt: Instant) -> TelemetryDraft? {
        var record = TelemetryRecord(value)
        guard isEvent(value), value["verb"]?.stringValue != nil || value["requestURI"]?.stringValue != nil,
            let verb = record.text("verb") ?? record.text("requestURI")
        else { return nil }
        var draft = TelemetryDraft(.apiActivity, activity: activity(verb), record: record)
        draft.activityLabel = verb
        draft.profiles = ["cloud", "host"]
        status(value, &draft)
        caller(value, &draft)
        object(value, &draft)
        draft.members["api"] = api(verb, &draft.record)
        let agent = draft.record.text("userAgent")
        let path = draft.record.text("requestURI")
        draft.members["http_request"] = OCSFPart.object([
            "user_agent": OCSFPart.text(agent), "url": path.map { ["path": .string($0)] },
        ])
        let version = draft.record.text("apiVersion")
        draft.metadata["product"] = OCSFPart.object([
            "name": "Kubernetes", "vendor_name": "Kubernetes", "version": OCSFPart.text(version),
        ])
        draft.metadata["original_event_uid"] = OCSFPart.text(draft.record.text("auditID"))
        draft.metadata["log_name"] = "audit"
        draft.metadata["log_level"] = OCSFPart.text(draft.record.text("level"))
        for name in ["requestReceivedTimestamp", "stageTimestamp"] where draft.time == nil {
            guard let text = draft.record.text(name) else { continue }
            draft.originalTime = draft.originalTime ?? text
            draft.time = TelemetryTime.instant(draft.record.value(name))
        }
        return draft
    }

    private static func activity(_ verb: String) -> Int64 {
        switch verb {
        case "create": 1
        case "get", "list", "watch": 2
        case "update", "patch": 3
        case "delete", "deletecollection": 4
        default: OCSFEnumeration.other
        }
    }

    /// By the code of the answer; a stage before the answer has none, and a panic is a failure.
    private static func status(_ value: JSONValue, _ draft: inout TelemetryDraft) {
        let code = value["responseStatus"]?["code"]?.int64Value
        if let code {
            draft.status = code < 400 ? 1 : 2
        } else {
            draft.status = value["stage"] == "Panic" ? 2 : 0
        }
        if let code, (100...599).contains(code) {
            draft.members["http_response"] = ["code": .integer(code)]
            draft.members["status_code"] = .string(String(code))
            _ = draft.record.text("responseStatus", "code")
        }
        draft.members["status_detail"] = OCSFPart.text(draft.record.text("responseStatus", "message"))
    }

    private static func caller(_ value: JSONValue, _ draft: inout TelemetryDraft) {
        let name = draft.record.text("user", "username")
        let isService = name?.hasPrefix("system:serviceaccount:") ?? false
        let isSystem = name?.hasPrefix("system:") ?? false
        let groups = (value["user"]?["groups"]?.arrayValue ?? []).compactMap(\.stringValue).filter { !$0.isEmpty }
        var more: [String: JSONValue] = [:]
        more["type_id"] = isService ? 4 : isSystem ? 3 : 1
        more["type"] = isService ? "Service" : isSystem ? "System" : "User"
        more["groups"] = groups.isEmpty ? nil : .array(groups.map { ["name": .string($0)] })
        let user = OCSFPart.user(name, uid: draft.record.text("user", "uid"), more: more)
        draft.members["actor"] = user.map { ["user": $0] } ?? ["app_uid": "unknown"]
        if let other = value["impersonatedUser"]?["username"]?.stringValue {
            draft.moreEntities.append(Entity(type: .user, value: other, role: .related))
        }

        let addresses = (value["sourceIPs"]?.arrayValue ?? []).compactMap(\.stringValue)
        var endpoint = OCSFPart.endpoint(nil, address: addresses.first)
        let between = addresses.dropFirst().compactMap { IPAddress($0) }.map { JSONValue.string($0.text) }
        if !between.isEmpty { endpoint?["intermediate_ips"] = .array(between) }
        if endpoint == nil { draft.notDevices.insert("unknown") }
        draft.members["src_endpoint"] = endpoint ?? ["name": "unknown"]
        // The log does not tell whose cluster it is, except where AWS has authenticated the user.
        let isAWS = value["user"]?["extra"]?["arn"] != nil || name?.hasPrefix("arn:aws") ?? false
        draft.members["cloud"] = ["provider": isAWS ? "AWS" : "Unknown"]
    }

    private static func object(_ value: JSONValue, _ draft: inout TelemetryDraft) {
        guard let kind = draft.record.text("objectRef", "resource") else { return }
        let namespace = draft.record.text("objectRef", "namespace")
        let name = draft.record.text("objectRef", "name") ?? value["responseObject"]?["metadata"]?["name"]?.stringValue
        let uid = draft.record.text("objectRef", "uid")
        let part = draft.record.text("objectRef", "subresource")
        let type = entityType(kind)
        if let name {
            draft.moreEntities.append(Entity(type: type, value: name, role: .target))
        }
        if let namespace, !(type == .namespace && namespace == name) {
            draft.moreEntities.append(Entity(type: .namespace, value: namespace, role: .related))
        }
        // A whole collection is named by its kind.
        draft.resources = [
            OCSFPart.object([
                "name": .string(name ?? kind), "uid": OCSFPart.text(uid), "type": .string(kind),
                "namespace": OCSFPart.text(namespace), "labels": part.map { [.string($0)] },
            ]) ?? [:]
        ]
    }

    private static func entityType(_ kind: String) -> Entity.EntityType {
        switch kind {
        case "pods", "deployments", "daemonsets", "statefulsets", "replicasets", "jobs", "cronjobs",
            "replicationcontrollers":
            .workload
        case "secrets": .secret
        case "namespaces": .namespace
        case "nodes": .device
        case "serviceaccounts", "users": .user
        case "services": .service
        default: .other
        }
    }

    private static func api(_ verb: String, _ record: inout TelemetryRecord) -> JSONValue? {
        let group = record.text("objectRef", "apiGroup")
        let version = record.text("objectRef", "apiVersion")
        let request = record.text("auditID").map { uid in
            OCSFPart.object(["uid": .string(uid), "data": record.move("requestObject")])
        }
        return OCSFPart.object([
            "operation": .string(verb), "version": OCSFPart.text(version),
            "group": group.map { ["name": .string($0)] }, "service": ["name": "kube-apiserver"],
            "request": request ?? Optional.none,
            "response": OCSFPart.object([
                "error": OCSFPart.text(record.text("responseStatus", "reason")),
                "error_message": OCSFPart.text(record.text("responseStatus", "message")),
                "data": record.move("responseObject"),
            ]),
        ])
    }
}
