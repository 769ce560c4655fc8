/// What and who a finding is about.
extension OCSFObject {
    static let resourceDetails = OCSFObject(
        [
            "cloud_partition": .text, "criticality": .text, "data": .json, "group": .object("group"),
            "hostname": .text, "ip": .ip, "labels": .list(.text), "name": .text, "namespace": .text,
            "owner": .object("user"), "region": .text, "role_id": .identifier(.resourceDetailsRole),
            "tags": .list(.object("key_value_object")), "type": .text, "uid": .text, "uid_alt": .text,
            "version": .text, "zone": .text,
        ],
        atLeastOne: ["name", "uid"],
        profiles: ["cloud_partition": "cloud", "region": "cloud", "zone": "cloud"],
        derived: ["name": ["hostname", "ip"]])

    static let cloud = OCSFObject(
        [
            "account": .object("account"), "cloud_partition": .text, "org": .object("organization"),
            "provider": .text, "region": .text, "zone": .text,
        ],
        required: ["provider"],
        fallbacks: ["provider": "Unknown"])

    static let account = OCSFObject(
        [
            "labels": .list(.text), "name": .text, "type_id": .identifier(.accountType), "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let organization = OCSFObject(
        [
            "name": .text, "ou_name": .text, "ou_uid": .text, "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let actor = OCSFObject(
        [
            "app_name": .text, "app_uid": .text, "process": .object("process"), "session": .object("session"),
            "user": .object("user"),
        ],
        atLeastOne: ["process", "user", "session", "app_name", "app_uid"])

    static let user = OCSFObject(
        [
            "account": .object("account"), "display_name": .text, "domain": .text, "email_addr": .email,
            "full_name": .text, "groups": .list(.object("group")), "has_mfa": .boolean, "name": .text,
            "org": .object("organization"), "phone_number": .text,
            "risk_level_id": .identifier(.detectionFindingRiskLevel), "risk_score": .integer,
            "type_id": .identifier(.userType), "uid": .text, "uid_alt": .text,
        ],
        atLeastOne: ["name", "uid"],
        derived: ["name": ["email_addr", "full_name", "display_name"]])

    static let group = OCSFObject(
        [
            "desc": .text, "domain": .text, "name": .text, "privileges": .list(.text), "type": .text, "uid": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let device = OCSFObject(
        [
            "desc": .text, "domain": .text, "groups": .list(.object("group")), "hostname": .text,
            "hypervisor": .text, "instance_uid": .text, "interface_name": .text, "interface_uid": .text, "ip": .ip,
            "is_managed": .boolean, "is_trusted": .boolean, "mac": .mac, "model": .text, "name": .text,
            "org": .object("organization"), "os": .object("os"), "owner": .object("user"), "region": .text,
            "risk_level_id": .identifier(.detectionFindingRiskLevel), "risk_score": .integer, "subnet_uid": .text,
            "type_id": .identifier(.deviceType), "uid": .text, "uid_alt": .text, "vendor_name": .text,
            "vlan_uid": .text, "vpc_uid": .text, "zone": .text,
        ],
        required: ["type_id"],
        atLeastOne: ["name", "uid"],
        derived: ["name": ["hostname", "ip", "instance_uid"]])

    static let networkEndpoint = OCSFObject(
        [
            "domain": .text, "hostname": .text, "instance_uid": .text, "interface_name": .text,
            "interface_uid": .text, "ip": .ip, "isp": .text, "mac": .mac, "name": .text, "owner": .object("user"),
            "port": .port, "subnet_uid": .text, "svc_name": .text, "type_id": .identifier(.deviceType), "uid": .text,
            "vlan_uid": .text, "vpc_uid": .text, "zone": .text,
        ],
        atLeastOne: ["name", "uid"],
        derived: ["name": ["hostname", "ip", "instance_uid"]])

    static let os = OCSFObject(
        [
            "build": .text, "edition": .text, "name": .text, "type_id": .identifier(.osType), "version": .text,
        ],
        required: ["name", "type_id"])

    static let container = OCSFObject(
        [
            "image": .object("image"), "name": .text, "orchestrator": .text, "runtime": .text, "uid": .text,
        ],
        atLeastOne: ["uid", "name"])

    static let image = OCSFObject(
        [
            "labels": .list(.text), "name": .text, "path": .text, "uid": .text,
        ],
        required: ["uid"],
        atLeastOne: ["name", "uid"])

    static let service = OCSFObject(
        [
            "labels": .list(.text), "name": .text, "uid": .text, "version": .text,
        ],
        atLeastOne: ["name", "uid"])

    static let session = OCSFObject(
        [
            "created_time": .timestamp, "expiration_time": .timestamp, "is_mfa": .boolean, "is_remote": .boolean,
            "issuer": .text, "terminal": .text, "uid": .text,
        ])

    static let database = OCSFObject(
        [
            "desc": .text, "name": .text, "type_id": .identifier(.databaseType), "uid": .text,
        ],
        required: ["type_id"],
        atLeastOne: ["name", "uid"])

    static let databucket = OCSFObject(
        [
            "desc": .text, "name": .text, "type_id": .identifier(.databucketType), "uid": .text,
        ],
        required: ["type_id"],
        atLeastOne: ["name", "uid"])
}
