import JSON

/// A Windows event in one of its JSON forms, with one way to its members.
struct WindowsRecord {
    /// How the members lie.
    enum Form: Hashable {
        /// All of them beside each other: NXLog, or flattened by a collector.
        case flat
        /// `System` and `EventData` as in the XML, under `Event` or at the top.
        case nested(root: [String])
        /// Winlogbeat: `winlog.event_data`.
        case winlogbeat

        /// - Returns: `nil` where an event id, or the channel or provider that gives it a meaning, is missing.
        init?(_ value: JSONValue) {
            if value["Event"]?["System"]?["EventID"] != nil {
                self = .nested(root: ["Event"])
            } else if value["System"]?["EventID"] != nil {
                self = .nested(root: [])
            } else if value["winlog"]?["event_id"] != nil {
                self = .winlogbeat
            } else if value["EventID"] != nil,
                ["Channel", "SourceName", "ProviderName"].contains(where: {
                    value[$0]?.stringValue?.isEmpty == false
                })
            {
                self = .flat
            } else {
                return nil
            }
        }

        /// The sign for `SourceDetection`.
        var sign: String {
            switch self {
            case .flat: "EventID and Channel (or its provider) stand beside each other"
            case .nested(let root): "EventID stands under \((root + ["System"]).joined(separator: "."))"
            case .winlogbeat: "event_id stands under winlog"
            }
        }
    }

    let form: Form
    var record: TelemetryRecord
    /// `EventData` as a list of named texts, which the XML's converters write: looked up, never taken out.
    private var named: [String: String] = [:]

    init?(_ value: JSONValue) {
        guard let form = Form(value) else { return nil }
        self.form = form
        record = TelemetryRecord(value)
        guard case .nested(let root) = form else { return }
        let list = record.value(at: root + ["EventData", "Data"])?.arrayValue ?? []
        for item in list {
            let name = item["@Name"] ?? item["Name"] ?? item["#attributes"]?["Name"]
            let text = item["#text"] ?? item["text"] ?? item["Value"] ?? item["content"]
            if let name = name?.stringValue { named[name] = text?.identifierText }
        }
    }

    /// A member of the event's own data; `-` is none.
    mutating func data(_ name: String) -> String? {
        switch form {
        case .flat: record.text(name)
        case .winlogbeat: record.text("winlog", "event_data", name)
        case .nested(let root):
            named[name].flatMap { $0 == "-" ? nil : $0 } ?? record.text(at: root + ["EventData", name])
                ?? record.text(at: root + ["UserData", name])
        }
    }

    /// A member that is written differently in the event: read, and kept among the rest as well.
    func peek(_ name: String) -> String? {
        var copy = self
        return copy.data(name)
    }

    /// The number, a digit text or an object of `#text`, as converters of XML write it.
    mutating func eventID() -> Int64? {
        let path: [String] =
            switch form {
            case .flat: ["EventID"]
            case .winlogbeat: ["winlog", "event_id"]
            case .nested(let root): root + ["System", "EventID"]
            }
        if let text = record.text(at: path) { return Int64(text) }
        return record.text(at: path + ["#text"]).flatMap { Int64($0) }
    }

    mutating func channel() -> String? { system("Channel", "channel") }
    mutating func recordNumber() -> String? {
        form == .flat ? record.text("RecordNumber") : system("EventRecordID", "record_id")
    }

    mutating func provider() -> String? {
        switch form {
        case .flat: record.text("SourceName") ?? record.text("ProviderName")
        case .winlogbeat: record.text("winlog", "provider_name")
        case .nested(let root):
            record.text(at: root + ["System", "Provider", "#attributes", "Name"])
                ?? record.text(at: root + ["System", "Provider", "@Name"])
                ?? record.text(at: root + ["System", "Provider", "Name"])
                ?? record.text(at: root + ["System", "Provider_Name"])
        }
    }

    /// The host whose event it is, never the one that has collected it.
    mutating func computer() -> String? {
        guard form == .flat else { return system("Computer", "computer_name") }
        return record.text("Hostname") ?? record.text("Computer") ?? record.text("ComputerName") ?? record.text("host")
    }

    /// The texts that may tell the time, the best first. `EventTime` of NXLog is local time without an offset, so it
    /// comes after what has one.
    mutating func times() -> [(text: String, value: JSONValue)] {
        let paths: [[String]] =
            switch form {
            case .flat: [["TimeCreated"], ["UtcTime"], ["@timestamp"], ["EventTime"]]
            case .winlogbeat: [["@timestamp"], ["winlog", "event_data", "UtcTime"]]
            case .nested(let root):
                [
                    root + ["System", "TimeCreated", "#attributes", "SystemTime"],
                    root + ["System", "TimeCreated", "@SystemTime"], root + ["System", "TimeCreated", "SystemTime"],
                    root + ["System", "TimeCreated_SystemTime"], root + ["EventData", "UtcTime"], ["@timestamp"],
                ]
            }
        var found: [(String, JSONValue)] = []
        for path in paths {
            guard let value = record.value(at: path), let text = record.text(at: path) else { continue }
            found.append((text, value))
        }
        return found
    }

    private mutating func system(_ name: String, _ beat: String) -> String? {
        switch form {
        case .flat: record.text(name)
        case .winlogbeat: record.text("winlog", beat)
        case .nested(let root): record.text(at: root + ["System", name])
        }
    }
}
