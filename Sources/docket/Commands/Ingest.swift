import ArgumentParser
import Detection
import Events
import Foundation
import Intake
import JSON
import Reactors

struct Ingest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads alerts and raw telemetry from files, as the API would.",
        discussion: """
            Takes native alerts, OCSF findings and CloudEvents, and raw telemetry of known sources: JSON, NDJSON or JSON \
            arrays, also compressed (.gz). Telemetry is held against the tenant's rules, those that ship and those of \
            'serve --rules'; what matches becomes alerts. What cannot be read is kept as a dead letter with the reason. \
            Reading a file twice makes nothing twice.

            With --source auto each file is looked at, and what it is, and why, is said on standard error. A source \
            without a name here is named by --logsource.
            """)

    enum Source: String, ExpressibleByArgument, CaseIterable {
        case auto, native, ocsf, cloudevents, cloudtrail, windows, sshd, kubernetes
        // Without a reader of their own: rules are held against them, and matches become OCSF Base Events.
        case okta, zeek, suricata, azure, gcp, github

        /// Where such telemetry is from; `nil` for alerts and for `auto`.
        var origin: TelemetryOrigin? {
            switch self {
            case .auto, .native, .ocsf, .cloudevents: nil
            case .cloudtrail: TelemetryOrigin(source: .cloudtrail)
            case .windows: TelemetryOrigin(source: .windows)
            case .sshd: TelemetryOrigin(source: .sshd)
            case .kubernetes: TelemetryOrigin(source: .kubernetes)
            case .okta: TelemetryOrigin(logsource: Logsource(product: "okta", service: "okta"))
            case .github: TelemetryOrigin(logsource: Logsource(product: "github", service: "audit"))
            case .gcp: TelemetryOrigin(logsource: Logsource(product: "gcp", service: "gcp.audit"))
            case .zeek, .suricata, .azure: TelemetryOrigin(logsource: Logsource(product: rawValue))
            }
        }
    }

    @Argument(help: "Files to read.") var files: [String]
    @Option(help: "The tenant, by name or id.") var tenant: String
    @Option(help: "What the files hold.") var source = Source.auto
    @Option(help: "Telemetry of this log source, for example product=okta,service=okta.") var logsource: String?
    @Option(help: "text or json.") var format = OutputFormat.text
    @OptionGroup var storage: StorageOptions

    func validate() throws {
        if logsource != nil, source != .auto {
            throw ValidationError("--logsource names the source: leave --source out")
        }
    }

    func run() async throws {
        let named = try logsource.map { TelemetryOrigin(logsource: try Logsource(option: $0)) }
        var failed = false
        try await Storage.with(storage) { opened in
            let tenant = try await opened.tenant(tenant)
            let ingestion = try await Ingestion(opened, tenant: tenant.id, source: source, origin: named)
            var sum = IngestCounts()
            for file in files {
                do {
                    let counts = try await ingestion.read(file)
                    sum.add(counts)
                    try write(file, counts)
                } catch let error as IntakeError {
                    failed = true
                    Terminal.note("\(file): \(error)")
                } catch let error as CommandFailure {
                    failed = true
                    Terminal.note("\(error)")
                }
            }
            try write(nil, sum)
        }
        if failed { throw ExitCode.failure }
    }

    private func write(_ file: String?, _ counts: IngestCounts) throws {
        switch format {
        case .json:
            try Terminal.print(["file": file.map(JSONValue.string) ?? .null, "counts": try counts.json])
        case .text: try Terminal.print("\(file ?? "all files"): \(counts.text)")
        }
    }
}
