import ArgumentParser
import Foundation

/// Where the log lives.
struct StorageOptions: ParsableArguments {
    @Option(help: "PostgreSQL connection URL; also DOCKET_DATABASE_URL. Without it a private cluster is used.")
    var databaseURL: String?

    @Option(
        help: """
            Data directory: the private cluster, the tenants' keys, access.json. Default: $XDG_DATA_HOME/docket or \
            ~/.local/share/docket, as root /var/lib/docket; also DOCKET_DATA_DIR.
            """)
    var dataDir: String?

    var resolvedURL: String? {
        databaseURL ?? ProcessInfo.processInfo.environment["DOCKET_DATABASE_URL"].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// PostgreSQL refuses to run as root, and its user cannot enter root's home.
    var resolvedDataDirectory: String {
        let environment = ProcessInfo.processInfo.environment
        if let dataDir = dataDir ?? environment["DOCKET_DATA_DIR"], !dataDir.isEmpty {
            return URL(fileURLWithPath: dataDir).standardizedFileURL.path
        }
        if geteuid() == 0 { return "/var/lib/docket" }
        if let home = environment["XDG_DATA_HOME"], !home.isEmpty { return home + "/docket" }
        return NSHomeDirectory() + "/.local/share/docket"
    }
}

/// How results are written.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}
