import JSON

/// The members of one Windows event as the content of an OCSF class.
struct WindowsEvent {
    struct Content {
        var eventClass: OCSFEventClass
        var activity: Int64
        var status: Int64?
        var members: [String: JSONValue]
    }

    enum Access { case open, inject }

    var windows: WindowsRecord
    let device: JSONValue
    let provider: String

    init(_ windows: WindowsRecord, device: JSONValue, provider: String) {
        self.windows = windows
        self.device = device
        self.provider = provider
    }

    mutating func launch() -> Content? {
        let user = account("User")
        let parent = process(
            image: "ParentImage", pid: "ParentProcessId", guid: "ParentProcessGuid", command: "ParentCommandLine")
        guard var process = process(hashes: hashes("Hashes"), command: "CommandLine") else { return nil }
        process["user"] = user
        process["working_directory"] = OCSFPart.text(windows.data("CurrentDirectory"))
        process["parent_process"] = parent
        return content(.processActivity, 1, ["process": process, "actor": actor(parent, user)])
    }

    mutating func termination() -> Content? {
        guard let process = process() else { return nil }
        return content(.processActivity, 2, ["process": process, "actor": actor(nil, account("User"))])
    }

    mutating func access(_ access: Access) -> Content? {
        let guid = access == .open ? "GUID" : "Guid"
        let source = process(image: "SourceImage", pid: "SourceProcessId", guid: "SourceProcess" + guid)
        let target = process(image: "TargetImage", pid: "TargetProcessId", guid: "TargetProcess" + guid)
        guard let source, let target else { return nil }
        let activity: Int64 = access == .open ? 3 : 4
        return content(.processActivity, activity, ["process": target, "actor": actor(source, account("SourceUser"))])
    }

    mutating func securityLaunch() -> Content? {
        let user = subject("Subject")
        guard var process = process(image: "NewProcessName", pid: "NewProcessId", command: "CommandLine") else {
            return nil
        }
        let parent = self.process(image: "ParentProcessName", pid: "ProcessId")
        process["parent_process"] = parent
        process["user"] = subject("Target") ?? user
        return content(.processActivity, 1, ["process": process, "actor": actor(parent, user)])
    }

    mutating func securityTermination() -> Content? {
        guard let process = process(image: "ProcessName") else { return nil }
        return content(.processActivity, 2, ["process": process, "actor": actor(nil, subject("Subject"))])
    }

    mutating func imageLoad() -> Content? {
        guard let file = OCSFPart.file(windows.data("ImageLoaded"), hashes: hashes("Hashes")) else { return nil }
        let module: JSONValue = ["file": file, "load_type_id": 0, "load_type": "Unknown"]
        return content(.moduleActivity, 1, ["module": module, "actor": actor(process(), account("User"))])
    }

    mutating func file(activity: Int64) -> Content? {
        guard let file = OCSFPart.file(windows.data("TargetFilename"), hashes: hashes("Hashes")) else { return nil }
        return content(.fileActivity, activity, ["file": file, "actor": actor(process(), account("User"))])
    }

    /// Sysmon 12 (key or value created or deleted), 13 (value set), 14 (renamed). Some collectors drop `EventType`:
    /// then the id or the first lines of the message tell.
    mutating func registry(id: Int64) -> Content? {
        guard let path = windows.data("TargetObject") else { return nil }
        let type = windows.data("EventType") ?? registryType(id: id)
        let actor = actor(process(), account("User"))
        switch type {
        case "SetValue", "DeleteValue":
            var value: JSONValue = ["name": .string(path.lastPathComponent), "path": .string(path)]
            value["data"] = OCSFPart.text(windows.data("Details"))
            return content(
                .registryValueActivity, type == "SetValue" ? 2 : 4, ["reg_value": value, "actor": actor])
        case "CreateKey", "DeleteKey", "RenameKey":
            let activity: Int64 = type == "CreateKey" ? 1 : type == "DeleteKey" ? 4 : 5
            return content(.registryKeyActivity, activity, ["reg_key": ["path": .string(path)], "actor": actor])
        default: return nil
        }
    }

    private func registryType(id: Int64) -> String? {
        if id != 12 { return id == 13 ? "SetValue" : "RenameKey" }
        let message = windows.record.value("Message")?.stringValue ?? ""
        let label = "EventType: "
        let lines = message.prefix(1_000).split { $0.isNewline }
        return lines.first { $0.hasPrefix(label) }.map { String($0.dropFirst(label.count)).trimmed }
    }

    mutating func connection() -> Content? {
        let source = OCSFPart.endpoint(
            windows.data("SourceHostname"), address: windows.data("SourceIp"), port: windows.data("SourcePort"))
        let target = OCSFPart.endpoint(
            windows.data("DestinationHostname"), address: windows.data("DestinationIp"),
            port: windows.data("DestinationPort"))
        guard source != nil || target != nil else { return nil }
        let isOutbound = windows.peek("Initiated").map { $0.lowercased() == "true" }
        let direction: Int64 = isOutbound.map { $0 ? 2 : 1 } ?? 0
        return content(
            .networkActivity, 1,
            [
                "src_endpoint": source, "dst_endpoint": target, "actor": actor(process(), account("User")),
                "connection_info": OCSFPart.object([
                    "direction_id": .integer(direction),
                    "direction": .string(["Unknown", "Inbound", "Outbound"][Int(direction)]),
                    "protocol_name": OCSFPart.text(windows.data("Protocol")),
                ]),
            ])
    }

    mutating func logon(activity: Int64 = 1, status: Int64) -> Content? {
        guard let user = subject("Target") else { return nil }
        let type = windows.data("LogonType").flatMap { Int64($0) }
        var members: [String: JSONValue?] = [
            "user": user, "dst_endpoint": ["name": device["name"] ?? "", "hostname": device["name"] ?? ""],
            "src_endpoint": OCSFPart.endpoint(
                windows.data("WorkstationName"), address: windows.data("IpAddress"), port: windows.data("IpPort")),
            "actor": actor(process(image: "ProcessName", command: nil), subject("Subject")),
            "status_code": OCSFPart.text(windows.data("SubStatus") ?? windows.data("Status")),
            "status_detail": OCSFPart.text(windows.data("FailureReason")),
        ]
        if let type, let caption = Self.logonTypes[type] {
            members["logon_type_id"] = .integer(type)
            members["logon_type"] = .string(caption)
        }
        switch windows.data("AuthenticationPackageName") {
        case "NTLM": (members["auth_protocol_id"], members["auth_protocol"]) = (1, "NTLM")
        case "Kerberos": (members["auth_protocol_id"], members["auth_protocol"]) = (2, "Kerberos")
        case let other?: (members["auth_protocol_id"], members["auth_protocol"]) = (99, .string(other))
        case nil: break
        }
        return content(.authentication, activity, members, status: status)
    }

    /// `LogonType` of Windows has the numbers of OCSF; 0 is the system's own.
    private static let logonTypes: [Int64: String] = [
        2: "Interactive", 3: "Network", 4: "Batch", 5: "OS Service", 7: "Unlock", 8: "Network Cleartext",
        9: "New Credentials", 10: "Remote Interactive", 11: "Cached Interactive", 12: "Cached Remote Interactive",
        13: "Cached Unlock",
    ]

    private func content(
        _ eventClass: OCSFEventClass, _ activity: Int64, _ members: [String: JSONValue?], status: Int64? = nil
    ) -> Content {
        Content(eventClass: eventClass, activity: activity, status: status, members: members.compactMapValues { $0 })
    }

    /// Without process and user, the event's provider is who tells of it.
    private func actor(_ process: JSONValue?, _ user: JSONValue?) -> JSONValue {
        OCSFPart.object(["process": process, "user": user]) ?? ["app_uid": .string(provider)]
    }

    /// A process has a number or a GUID, or it is none. Security writes numbers in hexadecimal digits.
    private mutating func process(
        image: String = "Image", pid: String = "ProcessId", guid: String = "ProcessGuid", hashes: [JSONValue] = [],
        command: String? = nil
    ) -> JSONValue? {
        let number = windows.data(pid).flatMap { text in
            text.lowercased().hasPrefix("0x") ? Int64(text.dropFirst(2), radix: 16) : Int64(text)
        }.flatMap { (0...Int64(UInt32.max)).contains($0) ? $0 : nil }
        let uid = windows.data(guid)
        guard number != nil || uid != nil else { return nil }
        let path = windows.data(image)
        return OCSFPart.object([
            "pid": number.map(JSONValue.integer), "uid": OCSFPart.text(uid), "path": OCSFPart.text(path),
            "name": OCSFPart.text(path?.lastPathComponent), "file": OCSFPart.file(path, hashes: hashes),
            "cmd_line": OCSFPart.text(command.flatMap { windows.data($0) }),
        ])
    }

    /// `DOMAIN\name`, as Sysmon writes an account.
    private mutating func account(_ name: String) -> JSONValue? {
        guard let text = windows.data(name) else { return nil }
        guard let slash = text.firstIndex(of: "\\"), text.index(after: slash) < text.endIndex else {
            return OCSFPart.user(text)
        }
        return OCSFPart.user(String(text[text.index(after: slash)...]), domain: String(text[..<slash]))
    }

    /// The account whose members begin with a word, as Security writes it. `S-1-0-0` is nobody.
    private mutating func subject(_ prefix: String) -> JSONValue? {
        guard let name = windows.data(prefix + "UserName") else { return nil }
        let sid = windows.peek(prefix + "UserSid").flatMap { $0 == "S-1-0-0" ? nil : $0 }
        if sid != nil { _ = windows.data(prefix + "UserSid") }
        return OCSFPart.user(name, uid: sid, domain: windows.data(prefix + "DomainName"))
    }

    /// `SHA1=…,MD5=…,SHA256=…,IMPHASH=…`; an algorithm that OCSF does not know keeps its name.
    private func hashes(_ name: String) -> [JSONValue] {
        (windows.peek(name) ?? "").split(separator: ",").compactMap { pair in
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, !parts[1].allSatisfy({ $0 == "0" }) else { return nil }
            let known: [String: (Int64, String)] = [
                "MD5": (1, "MD5"), "SHA1": (2, "SHA-1"), "SHA256": (3, "SHA-256"), "IMPHASH": (18, "Imphash"),
            ]
            let (id, caption) = known[parts[0].uppercased()] ?? (OCSFEnumeration.other, parts[0])
            return ["algorithm_id": .integer(id), "algorithm": .string(caption), "value": .string(parts[1])]
        }
    }
}
