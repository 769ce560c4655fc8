import Events
import Foundation
import JSON

/// Under which epoch this place writes for its tenants: `placement.json` in the data directory.
///
/// A tenant that never moved is not in it and has epoch 0. The epoch comes from here and never from the database: a place
/// that a tenant has left must not learn the new one by asking.
struct Placement: Sendable {
    private let path: String
    private var epochs: [UUID: Int64] = [:]

    init(directory: String) throws {
        path = directory + "/placement.json"
        guard let data = FileManager.default.contents(atPath: path) else { return }
        for (id, entry) in try JSONValue.parse(Array(data)).objectValue ?? [:] {
            guard let tenant = UUID(uuidString: id), let epoch = entry["writer_epoch"]?.int64Value, epoch >= 0 else {
                throw CommandFailure("\(path): {\"<tenant id>\": {\"writer_epoch\": <number>}} is expected")
            }
            epochs[tenant] = epoch
        }
    }

    func writerEpoch(of tenant: UUID) -> Int64 { epochs[tenant] ?? 0 }

    func settingWriterEpoch(_ epoch: Int64, of tenant: UUID) -> Placement {
        var copy = self
        copy.epochs[tenant] = epoch
        return copy
    }

    func save() throws {
        let json = JSONValue.object(
            Dictionary(
                uniqueKeysWithValues: epochs.map { ($0.key.lowercased, ["writer_epoch": .integer($0.value)]) }))
        try Data(json.canonicalBytes()).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
