import Foundation
import JSON

/// `access.json`: where the demo runs and with which tokens, one subject each. Readable by its owner alone.
struct Access: Sendable {
    static let roles: [(name: String, subject: String, role: String)] = [
        ("admin", "ada", "admin"), ("ingest", "siem", "ingest"), ("analyst", "alice", "analyst"),
        ("responder", "rita", "responder"), ("responder2", "raj", "responder"), ("lead", "lee", "lead"),
        ("auditor", "aude", "auditor"), ("reporter", "remy", "reporter"),
    ]

    var path: String
    var baseURL: String
    var labURL: String
    var databaseURL: String
    var tenantID: UUID
    var tokens: [String: String]

    var json: JSONValue {
        [
            "base_url": .string(baseURL), "lab_url": .string(labURL), "database_url": .string(databaseURL),
            "tenant_id": .string(tenantID.uuidString.lowercased()), "tokens": .object(tokens.mapValues { .string($0) }),
        ]
    }

    /// Written aside and renamed, so that no reader sees half a file, and nobody but the owner ever sees it.
    func write() throws {
        let temporary = path + ".new"
        guard
            FileManager.default.createFile(
                atPath: temporary, contents: Data(json.canonicalBytes()), attributes: [.posixPermissions: 0o600])
        else { throw CommandFailure("cannot write \(temporary)") }
        guard rename(temporary, path) == 0 else { throw CommandFailure("cannot write \(path)") }
    }

    static func read(_ path: String) throws -> Access? {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        let value = try JSONValue.parse(Array(data))
        guard let tenant = value["tenant_id"]?.stringValue.flatMap(UUID.init(uuidString:)) else { return nil }
        return Access(
            path: path, baseURL: value["base_url"]?.stringValue ?? "", labURL: value["lab_url"]?.stringValue ?? "",
            databaseURL: value["database_url"]?.stringValue ?? "", tenantID: tenant,
            tokens: (value["tokens"]?.objectValue ?? [:]).compactMapValues(\.stringValue))
    }
}
