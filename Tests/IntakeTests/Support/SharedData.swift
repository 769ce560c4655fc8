import Foundation
import JSON

/// Reference data that lies beside the repository; tests that need it are skipped where it is missing.
enum SharedData {
    static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["DOCKET_SHARED_DATA"] { return URL(fileURLWithPath: path) }
        let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        return package.deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    static let ocsf = root.appendingPathComponent("ocsf")

    static var hasExamples: Bool {
        FileManager.default.fileExists(atPath: ocsf.appendingPathComponent("examples").path)
    }

    static func bytes(_ path: String) throws -> [UInt8] {
        Array(try Data(contentsOf: ocsf.appendingPathComponent(path)))
    }
}
