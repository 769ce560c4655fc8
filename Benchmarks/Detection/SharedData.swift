import Detection
import Foundation
import Gzip
import JSON

/// Published rules and recordings that lie beside the repository.
struct SharedData {
    let root: URL

    /// The folder that is named, that of the environment, or the one beside the working directory.
    static func folder(_ named: String?) -> SharedData? {
        let path = named ?? ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"] ?? "../shared/data"
        let root = URL(fileURLWithPath: path)
        guard FileManager.default.fileExists(atPath: root.appendingPathComponent("sigma").path) else { return nil }
        return SharedData(root: root)
    }

    func rules() throws -> [SigmaRule] {
        try files(under: "sigma", suffix: ".yml").filter {
            $0.lastPathComponent != "upstream_thor_logsource_mapping.yml"
        }
        .flatMap { SigmaFile(yaml: try String(contentsOf: $0, encoding: .utf8), file: $0.lastPathComponent).rules }
    }

    /// The recordings of a product, by log source.
    func streams(_ product: String) throws -> [Stream] {
        var streams: [String: Stream] = [:]
        for file in try files(under: "telemetry/\(product)", suffix: ".ndjson.gz") {
            let bytes = try Gzip.inflate(
                [UInt8](Data(contentsOf: file)), limits: Gzip.Limits(bytesMaximum: 1 << 30, ratioMaximum: 1_000))
            for line in bytes.split(separator: 0x0A) {
                guard let value = try? JSONValue.parseEvidence(Array(line)).value else { continue }
                let name = Self.logsource(of: value, product)
                streams[name, default: Stream(name: name)].append(line)
            }
        }
        return Array(streams.values)
    }

    private static func logsource(of record: JSONValue, _ product: String) -> String {
        guard product == "windows" else { return "product=\(product)" }
        let eventID = record["EventID"]?.stringValue ?? record["EventID"]?.int64Value.map(String.init) ?? ""
        let known = Logsource.windows(channel: record["Channel"]?.stringValue ?? "", eventID: eventID)
        return known?.description ?? "product=windows, of no known source"
    }

    private func files(under path: String, suffix: String) throws -> [URL] {
        let folder = root.appendingPathComponent(path)
        let names = FileManager.default.enumerator(atPath: folder.path)?.compactMap { $0 as? String } ?? []
        return names.filter { $0.hasSuffix(suffix) }.sorted().map { folder.appendingPathComponent($0) }
    }
}
