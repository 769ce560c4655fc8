import Events
import JSON

/// Lines of the OpenSSH server, as JSON with a program and a message.
///
/// What a line says about a user is Authentication; a connection without a user is Network Activity; a line that is
/// not understood is a Base Event with its message, because nothing may be lost for being new.
enum SSHDSource {
    static let programNames = ["program", "ident", "appname", "syslog_identifier", "SYSLOG_IDENTIFIER"]

    /// `sshd`, `sshd[812]`, and `sshd-session` of OpenSSH 9.8.
    static func isServer(_ value: JSONValue?) -> Bool {
        guard let text = value?.stringValue else { return false }
        let name = text.prefix { $0 != "[" }
        return name == "sshd" || name == "sshd-session" || name == "sshd-auth"
    }

    static func read(_ value: JSONValue, receivedAt: Instant) -> TelemetryDraft? {
        var record = TelemetryRecord(value)
        guard programNames.contains(where: { isServer(value[$0]) }), let message = value["message"]?.stringValue else {
            return nil
        }
        let host = ["host", "hostname", "HOSTNAME"].lazy.compactMap { name in
            value[name]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }.map { (name, $0) }
        }.first
        if let host { _ = record.text(host.0) }
        let line = SSHDMessage(message)
        var draft = draft(of: line, host: host?.1, record)
        draft.members["message"] = .string(message)
        _ = draft.record.text("message")
        if let device = OCSFPart.device(host?.1) {
            draft.profiles = ["host"]
            draft.members["device"] = device
        }
        draft.metadata["product"] = ["name": "sshd", "vendor_name": "OpenSSH"]
        for name in ["timestamp", "@timestamp", "time"] {
            guard let text = draft.record.text(name) else { continue }
            draft.originalTime = text
            draft.time =
                TelemetryTime.instant(draft.record.value(name)) ?? TelemetryTime.syslog(text, receivedAt: receivedAt)
            break
        }
        return draft
    }

    private static func draft(of line: SSHDMessage, host: String?, _ record: TelemetryRecord) -> TelemetryDraft {
        let source = OCSFPart.endpoint(nil, address: line.address, port: line.port)
        if let user = line.user, let outcome = line.outcome, !line.isBeforeLogon {
            var draft = TelemetryDraft(.authentication, activity: outcome == .ended ? 2 : 1, record: record)
            draft.status = outcome == .failed ? 2 : 1
            draft.members["user"] = ["name": .string(user)]
            draft.members["service"] = ["name": "sshd"]
            draft.members["src_endpoint"] = source
            draft.members["dst_endpoint"] = OCSFPart.endpoint(host)
            draft.members["is_remote"] = true
            if let method = line.method {
                draft.members["auth_protocol_id"] = 99
                draft.members["auth_protocol"] = .string(method)
            }
            if line.isInvalidUser { draft.members["status_detail"] = "invalid user" }
            return draft
        }
        if let source, let outcome = line.outcome {
            var draft = TelemetryDraft(.networkActivity, activity: outcome == .opened ? 1 : 2, record: record)
            draft.members["src_endpoint"] = source
            draft.members["dst_endpoint"] = OCSFPart.endpoint(host)
            // Who never logged on cannot log off: the name is what the client claimed.
            if let user = line.user { draft.moreEntities.append(Entity(type: .user, value: user, role: .related)) }
            return draft
        }
        return TelemetryDraft(.baseEvent, activity: 0, record: record)
    }
}

/// What one message of sshd says.
///
/// A user name is whatever the client sent, blanks and ` from ` included: so an address is looked for from the end of
/// the line, never from its beginning.
struct SSHDMessage: Hashable {
    enum Outcome: Hashable { case failed, opened, ended }

    private(set) var outcome: Outcome?
    private(set) var user: String?
    private(set) var address: String?
    private(set) var port: String?
    /// `password`, `publickey`, `keyboard-interactive/pam`, …
    private(set) var method: String?
    private(set) var isInvalidUser = false
    /// The connection ended before its user had logged on.
    private(set) var isBeforeLogon = false

    init(_ message: String) {
        let text = message.hasSuffix(" [preauth]") ? String(message.dropLast(10)) : message
        if let rest = text.after("Failed ") {
            attempt(rest, .failed)
        } else if let rest = text.after("Accepted ") {
            attempt(rest, .opened)
        } else if let rest = text.after("Invalid user ") ?? text.after("Illegal user ") {
            named(rest, .failed)
            isInvalidUser = outcome != nil
        } else if let rest = text.after("Disconnected from ") ?? text.after("Connection closed by ")
            ?? text.after("Connection reset by ")
        {
            parting(rest)
        } else if let rest = text.after("Received disconnect from ") ?? text.after("Connection from ") {
            let words = rest.split(separator: " ")
            guard let first = words.first, IPAddress(String(first)) != nil else { return }
            address = String(first)
            if words.count >= 3, words[1] == "port" { port = String(words[2].prefix { $0 != ":" }) }
            outcome = text.hasPrefix("Connection from ") ? .opened : .ended
        } else if let at = text.range(ofText: "session opened for user ") {
            session(text[at.upperBound...], .opened)
        } else if let at = text.range(ofText: "session closed for user ") {
            session(text[at.upperBound...], .ended)
        }
    }

    /// `password for [invalid user ]NAME from ADDRESS port N ssh2[: KEY]`.
    private mutating func attempt(_ text: Substring, _ outcome: Outcome) {
        guard let at = text.range(ofText: " for ") else { return }
        let method = String(text[..<at.lowerBound])
        var rest = text[at.upperBound...]
        if let name = rest.after("invalid user ") ?? rest.after("illegal user ") {
            isInvalidUser = true
            rest = name
        }
        named(rest, outcome)
        if self.outcome != nil { self.method = method } else { isInvalidUser = false }
    }

    /// `NAME from ADDRESS[ port N …]`.
    private mutating func named(_ text: Substring, _ outcome: Outcome) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        for place in words.indices.reversed() where words[place] == "from" && place + 1 < words.count {
            guard IPAddress(String(words[place + 1])) != nil else { continue }
            (self.outcome, address) = (outcome, String(words[place + 1]))
            user = words[..<place].joined(separator: " ")
            if place + 3 < words.count, words[place + 2] == "port" { port = String(words[place + 3]) }
            return
        }
    }

    /// `[authenticating |invalid ][user NAME ]ADDRESS port N`.
    private mutating func parting(_ text: Substring) {
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        guard let place = words.lastIndex(of: "port"), place > 0, place + 1 < words.count,
            IPAddress(String(words[place - 1])) != nil
        else { return }
        (outcome, address, port) = (.ended, String(words[place - 1]), String(words[place + 1]))
        guard let begin = words.firstIndex(of: "user"), begin <= 1, begin + 1 < place else { return }
        isInvalidUser = begin == 1 && words[0] == "invalid"
        isBeforeLogon = begin == 1
        user = words[(begin + 1)..<(place - 1)].joined(separator: " ")
    }

    /// `NAME[(uid=0)][ by …]`: of PAM, where a name has no blanks.
    private mutating func session(_ text: Substring, _ outcome: Outcome) {
        let name = text.prefix { $0 != " " && $0 != "(" }
        guard !name.isEmpty else { return }
        (self.outcome, user) = (outcome, String(name))
    }
}

extension StringProtocol where SubSequence == Substring {
    fileprivate func after(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }

    /// The first place of a text, by bytes.
    fileprivate func range(ofText text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
