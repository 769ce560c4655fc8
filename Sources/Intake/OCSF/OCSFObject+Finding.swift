/// The finding itself: what was found, by which analytic, with which evidence.
extension OCSFObject {
    static let detectionFinding = OCSFObject(
        [
            "action_id": .identifier(.detectionFindingAction), "activity_id": .identifier(.detectionFindingActivity),
            "actor": .object("actor"), "api": .object("api"), "cloud": .object("cloud"),
            "confidence_id": .identifier(.detectionFindingConfidence), "confidence_score": .integer,
            "count": .integer, "device": .object("device"),
            "disposition_id": .identifier(.detectionFindingDisposition), "duration": .integer,
            "end_time": .timestamp, "evidences": .list(.object("evidences")),
            "finding_info": .object("finding_info"), "is_alert": .boolean, "message": .text,
            "metadata": .object("metadata"), "observables": .list(.object("observable")),
            "remediation": .object("remediation"), "resources": .list(.object("resource_details")),
            "risk_details": .text, "risk_level_id": .identifier(.detectionFindingRiskLevel), "risk_score": .integer,
            "start_time": .timestamp, "status_code": .text, "status_detail": .text,
            "status_id": .identifier(.detectionFindingStatus), "time": .timestamp, "timezone_offset": .integer,
            "vulnerabilities": .list(.object("vulnerability")),
        ],
        profiles: ["actor": "host", "device": "host", "api": "cloud", "cloud": "cloud"])

    static let metadata = OCSFObject(
        [
            "correlation_uid": .text, "event_code": .text, "labels": .list(.text), "log_name": .text,
            "log_provider": .text, "log_version": .text, "processed_time": .timestamp, "product": .object("product"),
            "sequence": .integer,
        ])

    static let product = OCSFObject(
        [
            "cpe_name": .text, "feature": .object("feature"), "lang": .text, "name": .text, "path": .text,
            "uid": .text, "url_string": .text, "vendor_name": .text, "version": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let feature = OCSFObject(
        [
            "name": .text, "uid": .text, "version": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let findingInfo = OCSFObject(
        [
            "analytic": .object("analytic"), "attacks": .list(.object("attack")), "created_time": .timestamp,
            "data_sources": .list(.text), "desc": .text, "first_seen_time": .timestamp, "last_seen_time": .timestamp,
            "modified_time": .timestamp, "product": .object("product"),
            "related_analytics": .list(.object("analytic")), "src_url": .text,
            "tags": .list(.object("key_value_object")), "title": .text, "types": .list(.text), "uid": .text,
            "uid_alt": .text,
        ],
        fallbacks: ["uid": "unknown"])

    static let analytic = OCSFObject(
        [
            "category": .text, "desc": .text, "name": .text, "state_id": .identifier(.analyticState),
            "type_id": .identifier(.analyticType), "uid": .text, "version": .text,
        ],
        required: ["type_id"],
        atLeastOne: ["name", "uid"])

    static let attack = OCSFObject(
        [
            "sub_technique": .object("sub_technique"), "tactic": .object("tactic"),
            "technique": .object("technique"), "version": .text,
        ],
        atLeastOne: ["tactic", "technique", "sub_technique"])

    static let tactic = OCSFObject(
        [
            "name": .text, "src_url": .text, "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let technique = OCSFObject(
        [
            "name": .text, "src_url": .text, "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let subTechnique = OCSFObject(
        [
            "name": .text, "src_url": .text, "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let keyValueObject = OCSFObject(
        [
            "name": .text, "value": .text, "values": .list(.text),
        ],
        required: ["name"],
        atLeastOne: ["value", "values"])

    static let observable = OCSFObject(
        [
            "event_uid": .text, "name": .text, "type_id": .identifier(.observableType), "value": .text,
        ],
        required: ["type_id"])

    static let evidences = OCSFObject(
        [
            "actor": .object("actor"), "api": .object("api"), "connection_info": .object("network_connection_info"),
            "container": .object("container"), "data": .json, "database": .object("database"),
            "databucket": .object("databucket"), "device": .object("device"),
            "dst_endpoint": .object("network_endpoint"), "email": .object("email"), "file": .object("file"),
            "name": .text, "process": .object("process"), "query": .object("dns_query"),
            "resources": .list(.object("resource_details")), "src_endpoint": .object("network_endpoint"),
            "uid": .text, "url": .object("url"), "user": .object("user"),
            "verdict_id": .identifier(.evidencesVerdict),
        ],
        atLeastOne: [
            "actor", "api", "connection_info", "data", "database", "databucket", "device", "dst_endpoint", "email",
            "file", "process", "query", "src_endpoint", "url", "user",
        ],
        wrappedIn: "data")

    static let vulnerability = OCSFObject(
        [
            "cve": .object("cve"), "desc": .text, "first_seen_time": .timestamp, "is_exploit_available": .boolean,
            "is_fix_available": .boolean, "last_seen_time": .timestamp, "references": .list(.text),
            "severity": .text, "title": .text, "vendor_name": .text,
        ],
        required: ["cve"])

    static let cve = OCSFObject(
        [
            "created_time": .timestamp, "desc": .text, "modified_time": .timestamp, "references": .list(.text),
            "title": .text, "type": .text, "uid": .text,
        ],
        required: ["uid"])

    static let remediation = OCSFObject(
        [
            "desc": .text, "references": .list(.text),
        ],
        required: ["desc"])
}
