import Events
import JSON

/// Windows event logs and Sysmon. What an event id means is a row of `reader(_:_:)`; an event without a row, or whose
/// members do not make a valid event of its class, is a Base Event: nothing is lost, everything is under `unmapped`.
enum WindowsSource {
    static func read(_ value: JSONValue, receivedAt: Instant) -> TelemetryDraft? {
        guard var windows = WindowsRecord(value), let id = windows.eventID() else { return nil }
        let channel = windows.channel()
        let provider = windows.provider()
        let computer = windows.computer()
        let device = OCSFPart.device(computer)
        var draft = TelemetryDraft(.baseEvent, activity: 0, record: windows.record)
        if let device, let read = reader(id, channel: channel, provider: provider) {
            var event = WindowsEvent(windows, device: device, provider: provider ?? channel ?? "Windows")
            if let content = read(&event) {
                draft.eventClass = content.eventClass
                draft.activity = content.activity
                draft.status = content.status
                draft.members = content.members
            }
            windows = event.windows
        }
        if let device {
            draft.members["device"] = device
            draft.profiles = ["host"]
        }
        let number = windows.recordNumber()
        let times = windows.times()
        let known = times.first { TelemetryTime.instant($0.value) != nil }
        draft.time = TelemetryTime.instant(known?.value)
        draft.originalTime = (known ?? times.first)?.text
        let isSysmon = provider?.hasSuffix("Sysmon") ?? false
        draft.metadata["product"] = [
            "name": isSysmon ? "Sysmon" : "Windows", "vendor_name": "Microsoft",
        ]
        draft.metadata["event_code"] = .string(String(id))
        draft.metadata["log_name"] = OCSFPart.text(channel)
        draft.metadata["log_provider"] = OCSFPart.text(provider)
        draft.metadata["original_event_uid"] = OCSFPart.text(number)
        if let message = windows.record.text("Message") ?? windows.record.text("message") {
            draft.members["message"] = .string(message)
        }
        draft.record = windows.record
        return draft
    }

    private typealias Reader = (inout WindowsEvent) -> WindowsEvent.Content?

    private static func reader(_ id: Int64, channel: String?, provider: String?) -> Reader? {
        let log = (channel ?? "").lowercased()
        if log == "microsoft-windows-sysmon/operational" || provider == "Microsoft-Windows-Sysmon" {
            switch id {
            case 1: return { $0.launch() }
            case 3: return { $0.connection() }
            case 5: return { $0.termination() }
            case 7: return { $0.imageLoad() }
            case 8: return { $0.access(.inject) }
            case 10: return { $0.access(.open) }
            case 11: return { $0.file(activity: 1) }
            case 12, 13, 14: return { $0.registry(id: id) }
            case 23, 26: return { $0.file(activity: 4) }
            default: return nil
            }
        }
        guard log == "security" || provider == "Microsoft-Windows-Security-Auditing" else { return nil }
        switch id {
        case 4624, 4648: return { $0.logon(status: 1) }
        case 4625: return { $0.logon(status: 2) }
        case 4634, 4647: return { $0.logon(activity: 2, status: 1) }
        case 4688: return { $0.securityLaunch() }
        case 4689: return { $0.securityTermination() }
        default: return nil
        }
    }
}
