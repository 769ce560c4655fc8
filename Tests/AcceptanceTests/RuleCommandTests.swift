import Foundation
import JSON
import Testing

@Suite("Commands for rules", .timeLimit(.minutes(5)))
struct RuleCommandTests {
    private static let rule = """
        title: Backup Done
        id: 9a0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        name: backup_done
        logsource: {product: backup}
        detection: {selection: {action: done, host|expand: '%Servers%'}, condition: selection}
        level: informational

        """
    private static let values =
        "title: Servers\nid: 9d0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11\nplaceholders: {Servers: 'n*'}\n"
    private static let filter = """
        title: Decommissioned
        id: 9e0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        logsource: {product: backup}
        filter: {rules: [backup_done], selection: {host: n9}, condition: selection}

        """
    private static let silence = """
        title: Backups Have Stopped
        id: 9b0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        level: high
        correlation:
            type: event_count
            rules: [backup_done]
            group-by: [host]
            timespan: 10m
            condition: {lt: 1}
        ---
        title: Much Was Written
        id: 9c0f5a3e-0d3a-4d53-8c5e-9b9b1f0d7c11
        level: medium
        correlation:
            type: value_sum
            rules: [backup_done]
            group-by: [host]
            timespan: 10m
            condition: {field: bytes, gt: 10.5}

        """

    /// A folder with files, gone afterwards.
    private static func withFolder(
        _ files: [String: String], _ body: (String) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "docket-rules-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try text.write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
        }
        try await body(folder.path)
    }

    @Test("validating says what is refused with status 2, what is doubtful with 0, or with 2 when it is strict")
    func validate() async throws {
        let whole = ["a.yml": Self.rule, "b.yml": Self.values, "c.yml": Self.filter, "d.yml": Self.silence]
        try await Self.withFolder(whole) { folder in
            let clean = try await Program.run(["rules", "validate", "--strict", folder, "--format", "json"])
            #expect(clean.status == 0, "\(clean.output)")
            let summary = try #require(try clean.lines.last)
            #expect(summary["rules"] == 1 && summary["correlations"] == 2 && summary["filters"] == 1)
        }
        let doubtful = whole.merging([
            "c.yml": Self.filter.replacing("condition: selection", with: "condition: not selection")
        ]) {
            $1
        }
        try await Self.withFolder(doubtful) { folder in
            let told = try await Program.run(["rules", "validate", folder])
            #expect(
                told.status == 0 && told.output.contains("c.yml:4: warning: the filter looks inverted"),
                "\(told.output)")
            #expect(try await Program.run(["rules", "validate", "--strict", folder]).status == 2)
        }
        try await Self.withFolder(["a.yml": Self.rule, "d.yml": Self.silence]) { folder in
            let refused = try await Program.run(["rules", "validate", folder, "--format", "json"])
            #expect(refused.status == 2)
            let lines = try refused.lines.filter { $0["kind"] == "refused" }
            // The rule for its placeholder, and the correlations that need it.
            #expect(lines.count == 3 && lines.first?["line"] == 5, "\(refused.output)")
        }
    }

    @Test("recorded silence and recorded numbers are told, within the recording and not beyond it")
    func correlate() async throws {
        func line(_ time: String, _ host: String, _ bytes: Int, action: String = "done") -> String {
            #"{"action":"\#(action)","host":"\#(host)","bytes":\#(bytes),"time":"2026-11-21T\#(time)Z"}"#
        }
        let records = [
            line("00:17:00", "n1", 6), line("00:00:00", "n1", 5), line("00:05:00", "n2", 9), line("00:08:00", "n1", 6),
            line("00:05:00", "n9", 99), line("00:05:00", "other", 99), line("00:26:30", "n1", 0, action: "list"),
        ]
        let files = [
            "a.yml": Self.rule, "b.yml": Self.values, "c.yml": Self.filter, "d.yml": Self.silence,
            "records": records.joined(separator: "\n"),
        ]
        try await Self.withFolder(files) { folder in
            let found = try await Program.run([
                "correlate", "--rules", folder, "--logsource", "product=backup", folder + "/records",
            ])
            #expect(found.status == 0, "\(found.errors)")
            let told = try found.lines.map { line in
                "\(line["title"]?.stringValue ?? "") \(line.at("/group/host")?.stringValue ?? "") "
                    + "\(line["last_occurred_at"]?.stringValue?.prefix(16).suffix(5) ?? "") "
                    + "\(line["measured"]?.stringValue ?? "-")"
            }
            #expect(
                told.sorted() == ["Backups Have Stopped n2 00:15 -", "Much Was Written n1 00:08 11"], "\(found.output)")
        }
    }
}
