import Events
import JSON
import Testing

@testable import Intake

@Suite("sshd lines")
struct SSHDSourceTests {
    struct Row: Sendable {
        var message: String
        var outcome: SSHDMessage.Outcome?
        var user: String?
        var address: String?
        var port: String?
        var method: String?
        var invalid = false
    }

    static let rows = [
        Row(
            message: "Failed password for root from 203.0.113.9 port 51122 ssh2", outcome: .failed, user: "root",
            address: "203.0.113.9", port: "51122", method: "password"),
        Row(
            message: "Failed password for invalid user admin from 2001:db8::9 port 4022 ssh2", outcome: .failed,
            user: "admin", address: "2001:db8::9", port: "4022", method: "password", invalid: true),
        Row(
            message: "Failed keyboard-interactive/pam for deploy from 203.0.113.9 port 1 ssh2", outcome: .failed,
            user: "deploy", address: "203.0.113.9", port: "1", method: "keyboard-interactive/pam"),
        Row(
            message: "Failed password for root from 198.51.100.1 port 2 ssh2 from 203.0.113.9 port 3 ssh2",
            outcome: .failed, user: "root from 198.51.100.1 port 2 ssh2", address: "203.0.113.9", port: "3",
            method: "password"),
        Row(
            message: "Accepted password for root from 203.0.113.9 port 51200 ssh2", outcome: .opened, user: "root",
            address: "203.0.113.9", port: "51200", method: "password"),
        Row(
            message: "Accepted publickey for deploy from 10.0.0.4 port 51200 ssh2: RSA SHA256:abc/+", outcome: .opened,
            user: "deploy", address: "10.0.0.4", port: "51200", method: "publickey"),
        Row(
            message: "Invalid user oracle from 203.0.113.9 port 4711", outcome: .failed, user: "oracle",
            address: "203.0.113.9", port: "4711", invalid: true),
        Row(
            message: "Invalid user  from 203.0.113.9 port 4711", outcome: .failed, user: "", address: "203.0.113.9",
            port: "4711", invalid: true),
        Row(
            message: "Disconnected from user deploy 203.0.113.9 port 51122", outcome: .ended, user: "deploy",
            address: "203.0.113.9", port: "51122"),
        Row(
            message: "Disconnected from invalid user x y 203.0.113.9 port 51122 [preauth]", outcome: .ended,
            user: "x y", address: "203.0.113.9", port: "51122", invalid: true),
        Row(
            message: "Connection closed by authenticating user root 203.0.113.9 port 51122 [preauth]",
            outcome: .ended, user: "root", address: "203.0.113.9", port: "51122"),
        Row(
            message: "Connection closed by 203.0.113.9 port 51122 [preauth]", outcome: .ended,
            address: "203.0.113.9", port: "51122"),
        Row(
            message: "Received disconnect from 203.0.113.9 port 51122:11: disconnected by user", outcome: .ended,
            address: "203.0.113.9", port: "51122"),
        Row(
            message: "pam_unix(sshd:session): session opened for user root(uid=0) by (uid=0)", outcome: .opened,
            user: "root"),
        Row(message: "pam_unix(sshd:session): session closed for user root", outcome: .ended, user: "root"),
        Row(message: "Server listening on 0.0.0.0 port 22."),
        Row(message: "Failed password for root from nowhere port 22 ssh2"),
        Row(message: ""),
    ]

    @Test("a message says who, from where and how", arguments: rows)
    func messages(row: Row) {
        let message = SSHDMessage(row.message)
        #expect(message.outcome == row.outcome)
        #expect(message.user == row.user)
        #expect(message.address == row.address)
        #expect(message.port == row.port)
        #expect(message.method == row.method)
        #expect(message.isInvalidUser == row.invalid)
    }

    @Test(
        "every line is a valid event that keeps everything", .enabled(if: OCSFSchema.isAvailable, "no OCSF schema"),
        arguments: rows)
    func events(row: Row) throws {
        let record = Self.line(row.message)
        #expect(SourceDetection.detect(record)?.source == .sshd)
        let event = try Telemetry.normalize(record, as: .sshd)
        #expect(try Telemetry.problems(event, of: record) == [])
    }

    @Test("a failed password is a failed logon of the user, by the address, at the host")
    func failedPassword() throws {
        let event = try Telemetry.normalize(Self.line(Self.rows[0].message), as: .sshd)
        #expect(event.ocsf["type_uid"] == 300_201)
        #expect(event.ocsf["status"] == "Failure")
        #expect(event.ocsf["metadata"]?["original_time"] == "2026-11-21T02:30:00Z")
        #expect(event.occurredAt == Instant(rfc3339: "2026-11-21T02:30:00Z"))
        #expect(!event.clockSuspect)
        #expect(
            Set(event.entities) == [
                Entity(type: .user, value: "root", role: .target),
                Entity(type: .ip, value: "203.0.113.9", role: .actor),
                Entity(type: .device, value: "bastion-1", role: .target),
            ])
        #expect(event.ocsf["unmapped"] == ["program": "sshd"])
    }

    @Test("whoever never logged on does not log off: the connection ends")
    func endBeforeLogon() throws {
        let before = "Disconnected from authenticating user root 203.0.113.9 port 51122 [preauth]"
        let event = try Telemetry.normalize(Self.line(before), as: .sshd)
        #expect(event.ocsf["type_uid"] == 400_102)
        #expect(event.entities.contains(Entity(type: .user, value: "root", role: .related)))
        let after = "Disconnected from user root 203.0.113.9 port 51122"
        #expect(try Telemetry.normalize(Self.line(after), as: .sshd).ocsf["type_uid"] == 300_202)
    }

    @Test(
        "a time is read in the spellings of syslog, or the clock is suspect",
        arguments: [
            ("2026-11-21T03:30:00+01:00", "2026-11-21T02:30:00Z", false),
            ("Nov 20 23:59:59", "2026-11-20T23:59:59Z", false),
            ("Dec  1 00:00:00", "2025-12-01T00:00:00Z", false), ("yesterday", "2026-11-21T02:38:00Z", true),
            ("1980-01-01T00:00:00Z", "1980-01-01T00:00:00Z", true),
            ("2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", true),
        ])
    func times(text: String, expected: String, suspect: Bool) throws {
        var line = Self.line("Server listening")
        line["timestamp"] = .string(text)
        let event = try Telemetry.normalize(line, as: .sshd)
        #expect(event.occurredAt == Instant(rfc3339: expected))
        #expect(event.clockSuspect == suspect)
        #expect(event.ocsf["metadata"]?["original_time"] == .string(text))
    }

    static func line(_ message: String) -> JSONValue {
        [
            "timestamp": "2026-11-21T02:30:00Z", "host": "bastion-1", "program": "sshd", "message": .string(message),
        ]
    }
}
