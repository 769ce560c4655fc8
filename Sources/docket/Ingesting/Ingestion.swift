import Events
import Foundation
import Intake
import JSON
import Reactors

/// Reads files into a tenant's log.
struct Ingestion: Sendable {
    private let storage: Storage
    private let tenant: UUID
    private let source: Ingest.Source
    private let origin: TelemetryOrigin?
    private let alerts: AlertReceiver
    private let telemetry: TelemetryReceiver
    private let actor = Actor(kind: .service, subject: "docket.ingest", lane: .siem)

    /// - Parameter origin: the log source that was named, if any.
    init(_ storage: Storage, tenant: UUID, source: Ingest.Source, origin: TelemetryOrigin?) async throws {
        self.storage = storage
        self.tenant = tenant
        self.source = source
        self.origin = origin ?? source.origin
        alerts = AlertReceiver(log: storage.log)
        let rules = RuleStore(log: storage.log)
        try await RulePacks(storage: storage, store: rules).publishShipped()
        telemetry = TelemetryReceiver(
            log: storage.log, rules: rules,
            registries: RegistryStore(log: storage.log, defaultPolicy: try Shipped.policy()),
            width: ProcessInfo.processInfo.activeProcessorCount)
    }

    func read(_ file: String) async throws -> IngestCounts {
        let bytes = try LineFile.read(file)
        let layout = BatchReader.detect(bytes).layout
        guard let origin = try telemetryOrigin(of: bytes, layout, file: file) else {
            return try await readAlerts(bytes, layout, file: file)
        }
        var counts = IngestCounts()
        let progress = Progress(file, total: bytes.count)
        defer { progress.finish() }
        var chunks = try ItemChunks(
            bytes, layout: layout, itemsMaximum: TelemetryReceiver.flushItems,
            bytesMaximum: TelemetryReceiver.flushBytes)
        while let chunk = chunks.next() {
            counts.add(
                try await telemetry.receive(
                    chunk, origin: origin, tenant: tenant, actor: actor, traceID: nil, at: storage.clock()))
            progress.update(done: chunks.progress, items: counts.received)
        }
        return counts
    }

    /// How a file of telemetry is read; `nil` for a file of alerts.
    private func telemetryOrigin(
        of bytes: [UInt8], _ layout: BatchReader.Layout, file: String
    ) throws -> TelemetryOrigin? {
        if let origin { return origin }
        guard source == .auto else { return nil }
        var chunks = try ItemChunks(bytes, layout: layout, itemsMaximum: 10, bytesMaximum: 1 << 20)
        for item in chunks.next()?.items ?? [] {
            guard let value = try? JSONValue.parseEvidence(item).value else { continue }
            guard let found = SourceDetection.detect(value) else { break }
            Terminal.note("\(file): \(found.source.rawValue), because \(found.why)")
            // Each record for itself, since a file may mix sources.
            return .unknown
        }
        return nil
    }

    private func readAlerts(
        _ bytes: [UInt8], _ layout: BatchReader.Layout, file: String
    ) async throws -> IngestCounts {
        var counts = IngestCounts()
        var refusals: [String] = []
        let progress = Progress(file, total: bytes.count)
        defer { progress.finish() }
        var chunks = try ItemChunks(bytes, layout: layout, itemsMaximum: 500, bytesMaximum: 4 << 20)
        while let chunk = chunks.next() {
            let items = chunk.items.map { AlertReceiver.Item(bytes: $0, format: format(of: $0)) }
            let results = try await alerts.receive(
                items, tenant: tenant, actor: actor, traceID: nil, at: storage.clock())
            refusals += results.filter { $0.status == .deadLettered }.prefix(Self.refusalsShown - refusals.count).map {
                "item \(counts.received + $0.index + 1): \($0.errors.map(\.text).joined(separator: "; "))"
            }
            counts.add(results)
            progress.update(done: chunks.progress, items: counts.received)
        }
        progress.finish()
        tell(refusals, of: counts.alerts?.deadLettered ?? 0, file)
        return counts
    }

    private static let refusalsShown = 5

    /// Why items were not taken: the first of them, and where to read about the others.
    private func tell(_ refusals: [String], of count: Int, _ file: String) {
        guard count > 0 else { return }
        for refusal in refusals { Terminal.note("\(file): \(refusal)") }
        let letters = count == 1 ? "1 item is kept as a dead letter" : "\(count) items are kept as dead letters"
        Terminal.note("\(file): \(letters); bytes and reasons: GET /v1/ingest/dead_letters")
    }

    /// Each item for itself: a file may mix formats. What is telemetry without a known source is refused as an alert,
    /// with the reason kept.
    private func format(of bytes: [UInt8]) -> IntakeFormat {
        switch source {
        case .native: return .native
        case .ocsf: return .ocsf
        case .cloudevents: return .cloudEvents
        default: break
        }
        if case .alerts(let format) = BatchReader.detect(bytes).content { return format }
        let isOCSF = (try? JSONValue.parseEvidence(bytes).value["class_uid"]) != nil
        return isOCSF ? .ocsf : .native
    }
}
