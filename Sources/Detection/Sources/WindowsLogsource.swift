/// Which Windows events belong to which Sigma log source: channel, and for a category the event ids.
///
/// Data, taken from SigmaHQ's mapping for THOR. Categories are the Sysmon view: process_creation is Sysmon's event 1,
/// not Security 4688. Log sources that are not in this table are matched only where the sender names them.
struct WindowsLogsource: Sendable {
    let channels: [String]
    var eventIDs: [String] = []

    private static let sysmonChannel = "Microsoft-Windows-Sysmon/Operational"
    private static let powershell = ["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"]
    private static let classic = ["Windows PowerShell"]

    static let categories: [String: WindowsLogsource] = [
        "process_creation": sysmon(1), "file_change": sysmon(2), "network_connection": sysmon(3),
        "sysmon_status": sysmon(4, 16), "process_termination": sysmon(5), "driver_load": sysmon(6),
        "image_load": sysmon(7), "create_remote_thread": sysmon(8), "raw_access_thread": sysmon(9),
        "process_access": sysmon(10), "file_event": sysmon(11), "registry_event": sysmon(12, 13, 14),
        "registry_add": sysmon(12), "registry_delete": sysmon(12), "registry_set": sysmon(13),
        "registry_rename": sysmon(14), "create_stream_hash": sysmon(15), "pipe_created": sysmon(17, 18),
        "wmi_event": sysmon(19, 20, 21), "dns_query": sysmon(22), "file_delete": sysmon(23, 26),
        "clipboard_change": sysmon(24), "process_tampering": sysmon(25), "file_delete_detected": sysmon(26),
        "file_block_executable": sysmon(27), "file_block_shredding": sysmon(28),
        "file_executable_detected": sysmon(29), "sysmon_error": sysmon(255),
        "ps_module": WindowsLogsource(channels: powershell, eventIDs: ["4103"]),
        "ps_script": WindowsLogsource(channels: powershell, eventIDs: ["4104"]),
        "ps_classic_start": WindowsLogsource(channels: classic, eventIDs: ["400"]),
        "ps_classic_provider_start": WindowsLogsource(channels: classic, eventIDs: ["600"]),
        "ps_classic_script": WindowsLogsource(channels: classic, eventIDs: ["800"]),
    ]

    static let services: [String: [String]] = [
        "application": ["Application"],
        "application-experience": [
            "Microsoft-Windows-Application-Experience/Program-Telemetry",
            "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant",
        ],
        "applocker": [
            "Microsoft-Windows-AppLocker/MSI and Script", "Microsoft-Windows-AppLocker/EXE and DLL",
            "Microsoft-Windows-AppLocker/Packaged app-Deployment", "Microsoft-Windows-AppLocker/Packaged app-Execution",
        ],
        "appmodel-runtime": ["Microsoft-Windows-AppModel-Runtime/Admin"],
        "appxdeployment-server": ["Microsoft-Windows-AppXDeploymentServer/Operational"],
        "appxpackaging-om": ["Microsoft-Windows-AppxPackaging/Operational"],
        "bitlocker": ["Microsoft-Windows-BitLocker/BitLocker Management"],
        "bits-client": ["Microsoft-Windows-Bits-Client/Operational"],
        "capi2": ["Microsoft-Windows-CAPI2/Operational"],
        "certificateservicesclient-lifecycle-system": [
            "Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"
        ],
        "codeintegrity-operational": ["Microsoft-Windows-CodeIntegrity/Operational"],
        "dhcp": ["Microsoft-Windows-DHCP-Server/Operational"],
        "diagnosis-scripted": ["Microsoft-Windows-Diagnosis-Scripted/Operational"],
        "dns-client": ["Microsoft-Windows-DNS Client Events/Operational"],
        "dns-server": ["DNS Server"],
        "dns-server-analytic": ["Microsoft-Windows-DNS-Server/Analytical"],
        "dns-server-audit": ["Microsoft-Windows-DNS-Server/Audit"],
        "driver-framework": ["Microsoft-Windows-DriverFrameworks-UserMode/Operational"],
        "firewall-as": ["Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"],
        "hyper-v-worker": ["Microsoft-Windows-Hyper-V-Worker"],
        "kernel-event-tracing": ["Microsoft-Windows-Kernel-EventTracing"],
        "kernel-shimengine": [
            "Microsoft-Windows-Kernel-ShimEngine/Operational", "Microsoft-Windows-Kernel-ShimEngine/Diagnostic",
        ],
        "lsa-server": ["Microsoft-Windows-LSA/Operational"],
        "microsoft-servicebus-client": [
            "Microsoft-ServiceBus-Client/Admin", "Microsoft-ServiceBus-Client/Operational",
        ],
        "msexchange-management": ["MSExchange Management"],
        "ntfs": ["Microsoft-Windows-Ntfs/Operational"],
        "ntlm": ["Microsoft-Windows-NTLM/Operational"],
        "openssh": ["OpenSSH/Operational"],
        "powershell": ["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"],
        "powershell-classic": ["Windows PowerShell"],
        "printservice-admin": ["Microsoft-Windows-PrintService/Admin"],
        "printservice-operational": ["Microsoft-Windows-PrintService/Operational"],
        "security": ["Security"],
        "security-mitigations": [
            "Microsoft-Windows-Security-Mitigations/Kernel Mode", "Microsoft-Windows-Security-Mitigations/User Mode",
        ],
        "sense": ["Microsoft-Windows-SENSE/Operational"],
        "shell-core": ["Microsoft-Windows-Shell-Core/Operational"],
        "smbclient-security": ["Microsoft-Windows-SmbClient/Security"],
        "sysmon": ["Microsoft-Windows-Sysmon/Operational"],
        "system": ["System"],
        "taskscheduler": ["Microsoft-Windows-TaskScheduler/Operational"],
        "terminalservices-localsessionmanager": ["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"],
        "vhdmp": ["Microsoft-Windows-VHDMP/Operational"],
        "windefend": ["Microsoft-Windows-Windows Defender/Operational"],
        "wmi": ["Microsoft-Windows-WMI-Activity/Operational"],
    ]

    private static func sysmon(_ eventIDs: Int...) -> WindowsLogsource {
        WindowsLogsource(channels: [sysmonChannel], eventIDs: eventIDs.map(String.init))
    }

    /// The log source to which a Windows event belongs, the category before the service; `nil` where the table has none.
    /// Of several, such as `registry_add` and `registry_event`, it is the one that takes the fewest event ids.
    static func logsource(channel: String, eventID: String) -> Logsource? {
        let channel = channel.lowercased()
        func has(_ channels: [String]) -> Bool { channels.contains { $0.lowercased() == channel } }
        let category = categories.filter { $0.value.eventIDs.contains(eventID) && has($0.value.channels) }
            .min { ($0.value.eventIDs.count, $0.key) < ($1.value.eventIDs.count, $1.key) }
        if let category { return Logsource(product: "windows", category: category.key) }
        return services.filter { has($0.value) }.keys.min().map { Logsource(product: "windows", service: $0) }
    }

    /// The conditions of a rule's log source; `nil` where the table has none.
    static func conditions(for logsource: Logsource) -> WindowsLogsource? {
        if let category = logsource.category { return categories[category] }
        if let service = logsource.service { return services[service].map { WindowsLogsource(channels: $0) } }
        return WindowsLogsource(channels: [])
    }
}
