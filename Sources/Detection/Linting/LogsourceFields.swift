/// The fields that events of a log source have, as far as they can be listed.
///
/// Data. Names are those of the Sigma taxonomy appendix 2.1.0, of Sysmon's event schema and of Windows' event header, of
/// the W3C log format, of AWS' record contents and of the Kubernetes audit API; beside them what several agents add to
/// Sysmon's events. A log source that is not here has too many kinds of events to list (Windows' security log, for
/// example), so nothing is said about its fields.
struct LogsourceFields: Sendable {
    /// Names, or in front of a `.*` the beginnings of names.
    private let names: Set<String>
    private let beginnings: [String]
    /// Fields that may have several values in one event.
    private let multiple: Set<String>
    private let isComplete: Bool

    private init(_ names: String, multiple: String = "", isComplete: Bool = true) {
        let words = names.split(separator: " ").map(String.init)
        self.names = Set(words.filter { !$0.hasSuffix(".*") })
        beginnings = words.filter { $0.hasSuffix(".*") }.map { String($0.dropLast()) }
        self.multiple = Set(multiple.split(separator: " ").map(String.init))
        self.isComplete = isComplete
    }

    /// Whether an event of the source may have the field.
    func knows(_ field: String) -> Bool {
        !isComplete || names.contains(field) || beginnings.contains { field.hasPrefix($0) || field + "." == $0 }
    }

    /// Whether an event of the source has at most one value for the field.
    func isSingle(_ field: String) -> Bool { names.contains(field) && !multiple.contains(field) }

    /// What is known of the events that a rule of this log source is about.
    static func of(_ logsource: Logsource) -> LogsourceFields? {
        switch (logsource.product, logsource.category, logsource.service) {
        case ("windows"?, let category?, nil): windows[category] ?? windowsHeader
        case ("windows"?, nil, _): windowsHeader
        case ("linux"?, let category?, nil), ("macos"?, let category?, nil): unix[category]
        case (nil, let category?, nil): generic[category]
        case (nil, "network"?, let service?): network[service]
        case ("aws"?, nil, "cloudtrail"?): cloudTrail
        case ("kubernetes"?, _, "audit"?): kubernetes
        default: nil
        }
    }

    private static let header =
        "EventID Channel Provider_Name Provider_Guid Provider_EventSourceName Computer Security_UserID Level Task Opcode"
        + " Keywords Version EventRecordID TimeCreated_SystemTime Execution_ProcessID Execution_ThreadID"
        + " Correlation_ActivityID RuleName UtcTime "
    private static let windowsHeader = LogsourceFields(header, isComplete: false)

    /// The process that acts in an event; its command line and parent are what agents add.
    private static let actor = "ProcessGuid ProcessId Image User "
    private static let added = "CommandLine ParentImage ParentCommandLine IntegrityLevel "
    private static let process =
        actor + added + "FileVersion Description Product Company OriginalFileName CurrentDirectory LogonGuid LogonId"
        + " TerminalSessionId Hashes imphash md5 sha1 sha256 ParentProcessGuid ParentProcessId ParentUser"
        + " GrandParentImage GrandparentCommandLine "
    private static let connection =
        actor + added + "Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort SourcePortName"
        + " DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName "
    private static let file = actor + added + "TargetFilename CreationUtcTime "
    private static let deleted = actor + added + "TargetFilename Hashes IsExecutable Archived "
    private static let registry = actor + added + "EventType TargetObject Details NewName "
    private static let signed = "Hashes Signed Signature SignatureStatus "

    private static let windows: [String: LogsourceFields] = [
        "process_creation": process, "process_termination": actor, "file_change": file + "PreviousCreationUtcTime",
        "network_connection": connection,
        "sysmon_status": "State Version SchemaVersion Configuration ConfigurationFileHash",
        "driver_load": "ImageLoaded " + signed,
        "image_load": actor + added + signed
            + "ImageLoaded FileVersion Description Product Company OriginalFileName",
        "create_remote_thread":
            "SourceProcessGuid SourceProcessId SourceImage SourceUser TargetProcessGuid TargetProcessId TargetImage"
            + " TargetUser NewThreadId StartAddress StartModule StartFunction SourceCommandLine SourceParentImage"
            + " SourceParentCommandLine SourceParentProcessId TargetCommandLine TargetParentImage"
            + " TargetParentCommandLine TargetParentProcessId User",
        "raw_access_thread": actor + "Device",
        "process_access":
            "SourceProcessGUID SourceProcessId SourceThreadId SourceImage SourceUser TargetProcessGUID TargetProcessId"
            + " TargetImage TargetUser GrantedAccess CallTrace SourceCommandLine",
        "file_event": file, "registry_event": registry, "registry_add": registry, "registry_delete": registry,
        "registry_set": registry, "registry_rename": registry,
        "create_stream_hash": file + "Hash Contents", "pipe_created": actor + added + "EventType PipeName",
        "wmi_event":
            "EventType Operation User EventNamespace Name Query Type Destination Consumer Filter",
        "dns_query": actor + added + "QueryName QueryStatus QueryResults", "file_delete": deleted,
        "file_delete_detected": deleted, "clipboard_change": actor + "Session ClientInfo Hashes Archived",
        "clipboard_capture": actor + "Session ClientInfo Hashes Archived", "process_tampering": actor + "Type",
        "file_block_executable": deleted, "file_block_shredding": deleted, "file_executable_detected": deleted,
        "sysmon_error": "ID Description",
        "ps_module": "ContextInfo UserData Payload",
        "ps_script": "MessageNumber MessageTotal ScriptBlockText ScriptBlockId Path",
    ].mapValues { LogsourceFields(header + $0) }

    private static let unix: [String: LogsourceFields] = [
        "process_creation": process, "process_termination": actor, "network_connection": connection,
        "raw_access_read": actor + "Device", "file_event": file, "file_delete": deleted,
        "sysmon_status": "State Version SchemaVersion Configuration ConfigurationFileHash",
    ].mapValues { LogsourceFields(header + $0) }

    private static let web =
        "date time c-ip cs-username s-sitename s-computername s-ip s-port cs-method cs-uri cs-uri-stem cs-uri-query"
        + " sc-status sc-substatus sc-win32-status c-win32-status sc-bytes cs-bytes time-taken cs-version cs-host"
        + " cs-user-agent cs-cookie cs-referer cs-referrer cs-content-type "

    private static let generic: [String: LogsourceFields] = [
        "process_creation": LogsourceFields(header + process),
        "webserver": LogsourceFields(web),
        "proxy": LogsourceFields(
            web + "c-uri c-uri-extension c-uri-query c-uri-stem c-useragent r-dns src_ip dst_ip src_port dst_port"),
        "firewall": LogsourceFields("src_ip src_port dst_ip dst_port username action blocked protocol"),
        "antivirus": LogsourceFields("Filename Signature Action User ComputerName Computer Hashes"),
    ]

    private static let network: [String: LogsourceFields] = [
        "connection":
            "event.duration network.type network.transport network.protocol source.ip source.port destination.ip"
            + " destination.port source.packets destination.packets source.bytes destination.bytes"
            + " network.community_id network.state network.history",
        "dns":
            "source.ip source.port destination.ip destination.port network.community_id dns.id dns.question.name"
            + " dns.question.type dns.question.class dns.answers.* dns.header.* dns.response.code",
    ].mapValues { LogsourceFields($0) }

    private static let cloudTrail = LogsourceFields(
        "eventVersion eventTime eventSource eventName eventType eventCategory eventID awsRegion sourceIPAddress userAgent"
            + " errorCode errorMessage requestID readOnly managementEvent apiVersion recipientAccountId sharedEventID"
            + " vpcEndpointId vpcEndpointAccountId sessionCredentialFromConsole userIdentity.type userIdentity.arn"
            + " userIdentity.userName userIdentity.principalId userIdentity.accountId userIdentity.accessKeyId"
            + " userIdentity.* requestParameters.* responseElements.* additionalEventData.* serviceEventDetails.*"
            + " resources.* tlsDetails.* addendum.* edgeDeviceDetails.* eventContext.* insightDetails.*")

    private static let kubernetes = LogsourceFields(
        "kind apiVersion level auditID stage requestURI verb userAgent requestReceivedTimestamp stageTimestamp username"
            + " resource subresource namespace apiGroup sourceIP hostPath capabilities objectRef.resource"
            + " objectRef.subresource objectRef.namespace objectRef.name objectRef.apiGroup objectRef.apiVersion"
            + " responseStatus.code user.username objectRef.* responseStatus.* user.* impersonatedUser.* sourceIPs"
            + " requestObject.* responseObject.* annotations.*",
        multiple: "sourceIP sourceIPs hostPath capabilities")
}
