import Events
import Foundation
import JSON

/// What a backup holds, in `manifest.json` of its folder: written last, so that a folder without it is no backup.
struct BackupManifest: Codable, Sendable {
    struct File: Codable, Sendable, Hashable {
        var path: String
        var size: Int64
        /// `sha256:…`.
        var digest: String
    }

    struct Tenant: Codable, Sendable, Hashable {
        var tenantID: UUID
        /// Events in the backup.
        var events: Int64
        var writerEpoch: Int64
        /// Events that the newest signed checkpoint covers; `checkpoints/<tenant>.note` is that note.
        var checkpointSize: Int64?
    }

    static let formatName = "docket-backup/v1"
    static let file = "manifest.json"

    var format: String
    /// The same in both folders of a backup: the log's and that of the keys.
    var backupID: UUID
    var createdAt: String
    /// Of PostgreSQL.
    var majorVersion: Int
    /// The last migration of the schema.
    var migration: Int
    var tenants: [Tenant]
    var files: [File]

    /// Reads the manifest of a folder and holds every file against it.
    /// - Throws: `CommandFailure` that names what is missing or differs.
    static func read(_ folder: URL, isComplete: Bool = true) throws -> BackupManifest {
        let url = folder.appending(path: file)
        guard let data = FileManager.default.contents(atPath: url.path) else {
            throw CommandFailure("\(folder.path) holds no \(file): it is no backup, or one that was not finished")
        }
        let manifest: BackupManifest
        do {
            manifest = try JSONValue.parse(Array(data)).decode()
        } catch {
            throw CommandFailure("\(url.path) cannot be read: \(error)")
        }
        guard manifest.format == formatName else {
            throw CommandFailure("\(url.path): '\(manifest.format)' is not a format that this build reads")
        }
        for expected in manifest.files {
            // A path is what somebody wrote into a file: it stays in the folder.
            guard !expected.path.hasPrefix("/"), !expected.path.split(separator: "/").contains("..") else {
                throw CommandFailure("\(url.path) names \(expected.path), which lies elsewhere")
            }
            guard try FileDigest.of(folder.appending(path: expected.path), as: expected.path) == expected else {
                throw CommandFailure("\(folder.path)/\(expected.path) is not the file that was backed up")
            }
        }
        return manifest
    }

    /// Writes the manifest of a folder, with every file in it.
    func write(to folder: URL) throws {
        var manifest = self
        manifest.files = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted().compactMap { path in
            var isDirectory: ObjCBool = false
            let url = folder.appending(path: path)
            guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), !isDirectory.boolValue
            else { return nil }
            return try FileDigest.of(url, as: path)
        }
        try FileDigest.write(
            try JSONValue(encoding: manifest).canonicalBytes(), to: folder.appending(path: Self.file))
    }
}
