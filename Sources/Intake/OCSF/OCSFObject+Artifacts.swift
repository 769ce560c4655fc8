/// What was seen: processes, files, addresses, messages.
extension OCSFObject {
    static let process = OCSFObject(
        [
            "cmd_line": .text, "created_time": .timestamp, "file": .object("file"),
            "integrity_id": .identifier(.processIntegrity), "name": .text, "parent_process": .object("process"),
            "path": .text, "pid": .integer, "session": .object("session"), "terminated_time": .timestamp,
            "uid": .text, "user": .object("user"), "working_directory": .text,
        ],
        atLeastOne: ["pid", "uid"])

    static let file = OCSFObject(
        [
            "created_time": .timestamp, "desc": .text, "ext": .text, "hashes": .list(.object("fingerprint")),
            "is_deleted": .boolean, "mime_type": .text, "modified_time": .timestamp, "name": .text,
            "owner": .object("user"), "parent_folder": .text, "path": .text, "size": .integer,
            "type_id": .identifier(.fileType), "uid": .text, "version": .text,
        ],
        required: ["name", "type_id"],
        atLeastOne: ["name", "uid"],
        derived: ["name": ["path"]])

    static let fingerprint = OCSFObject(
        [
            "algorithm_id": .identifier(.fingerprintAlgorithm), "value": .text,
        ],
        required: ["algorithm_id", "value"])

    static let url = OCSFObject(
        [
            "domain": .text, "hostname": .text, "path": .text, "port": .port, "query_string": .text,
            "resource_type": .text, "scheme": .text, "subdomain": .text, "url_string": .text,
        ],
        atLeastOne: ["url_string", "path"])

    static let email = OCSFObject(
        [
            "cc": .list(.email), "from": .email, "message_uid": .text, "subject": .text, "to": .list(.email),
            "uid": .text,
        ],
        atLeastOne: ["from", "to"])

    static let dnsQuery = OCSFObject(
        [
            "class": .text, "hostname": .text, "type": .text,
        ],
        required: ["hostname"])

    static let api = OCSFObject(
        [
            "operation": .text, "service": .object("service"), "version": .text,
        ],
        required: ["operation"])

    static let networkConnectionInfo = OCSFObject(
        [
            "community_uid": .text, "direction_id": .identifier(.networkConnectionInfoDirection),
            "protocol_name": .text, "protocol_num": .integer,
            "protocol_ver_id": .identifier(.networkConnectionInfoProtocolVer), "tcp_flags": .integer, "uid": .text,
        ],
        required: ["direction_id"])
}
