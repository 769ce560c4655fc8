import ArgumentParser
import Events
import Foundation
import Intake
import JSON
import Reactors

struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads alerts from files, as the API would.",
        discussion: """
            Takes native alerts, OCSF findings and CloudEvents as JSON, NDJSON or JSON arrays, also compressed (.gz). \
            What cannot be read is kept as a dead letter with the reason. Reading a file twice makes nothing twice.
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable { case auto, native, ocsf, cloudevents }

    @Argument(help: "Files to read.") var files: [String]
    @Option(help: "The tenant, by name or id.") var tenant: String
    @Option(help: "What the files hold.") var source = Source.auto
    @Option(help: "text or json.") var format = OutputFormat.text
    @OptionGroup var storage: StorageOptions

    private struct Counts: Codable {
        var received = 0
        var created = 0
        var duplicate = 0
        var updated = 0
        var deadLettered = 0

        mutating func add(_ other: Counts) {
            received += other.received
            created += other.created
            duplicate += other.duplicate
            updated += other.updated
            deadLettered += other.deadLettered
        }
    }

    private struct Line: Codable {
        var file: String?
        var counts: Counts
    }

    func run() async throws {
        var failed = false
        try await Storage.with(storage) { opened in
            let tenant = try await opened.tenant(tenant)
            var sum = Counts()
            for file in files {
                do {
                    let counts = try await ingest(file, into: tenant.id, opened)
                    sum.add(counts)
                    try write(Line(file: file, counts: counts))
                } catch let error as IntakeError {
                    failed = true
                    Terminal.note("\(file): \(error)")
                }
            }
            try write(Line(file: nil, counts: sum))
        }
        if failed { throw ExitCode.failure }
    }

    private func ingest(_ file: String, into tenant: UUID, _ opened: Storage) async throws -> Counts {
        let bytes = try LineFile.read(file)
        let detected = BatchReader.detect(bytes)
        // A file may be of any size; only its single items are limited.
        let limits = BatchReader.Limits(bodyBytes: .max, items: .max)
        let items = try BatchReader.items(of: bytes, layout: detected.layout, limits: limits)
        let actor = Actor(kind: .service, subject: "docket.ingest", lane: .siem)
        let receiver = AlertReceiver(log: opened.log)
        var counts = Counts()
        for start in stride(from: 0, to: items.count, by: 500) {
            let chunk = items[start..<min(start + 500, items.count)].map { item in
                AlertReceiver.Item(bytes: item.bytes, format: intakeFormat(of: item.bytes))
            }
            let results = try await receiver.receive(
                chunk, tenant: tenant, actor: actor, traceID: nil, at: opened.clock())
            for result in results {
                counts.received += 1
                switch result.status {
                case .created: counts.created += 1
                case .duplicate: counts.duplicate += 1
                case .updated: counts.updated += 1
                case .deadLettered: counts.deadLettered += 1
                }
            }
            if Terminal.isInteractive, items.count > 500 {
                Terminal.note("\(file): \(min(start + 500, items.count)) of \(items.count)")
            }
        }
        return counts
    }

    /// Each item for itself: a file may mix formats. What is telemetry is refused as an alert, with the reason kept.
    private func intakeFormat(of bytes: [UInt8]) -> IntakeFormat {
        switch source {
        case .native: return .native
        case .ocsf: return .ocsf
        case .cloudevents: return .cloudEvents
        case .auto: break
        }
        if case .alerts(let format) = BatchReader.detect(bytes).content { return format }
        // Telemetry is no alert yet; read as a finding, its refusal names the class.
        let isOCSF = (try? JSONValue.parseEvidence(bytes).value["class_uid"]) != nil
        return isOCSF ? .ocsf : .native
    }

    private func write(_ line: Line) throws {
        switch format {
        case .json: Terminal.print(try JSONValue(encoding: line))
        case .text:
            let counts = line.counts
            Terminal.print(
                "\(line.file ?? "all files"): \(counts.received) received, \(counts.created) created, "
                    + "\(counts.duplicate) duplicate, \(counts.updated) updated, \(counts.deadLettered) dead letters")
        }
    }
}
